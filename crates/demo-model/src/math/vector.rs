//! What happens to a row between two products.

use super::exp::exp;

/// Appends the row, scaled to a mean square of one, times the weights of the layer.
pub(crate) fn normalise(row: &[f32], weights: &[f32], epsilon: f32, out: &mut Vec<f32>) {
    let mut lanes = [0f32; 8];
    for eight in row.as_chunks::<8>().0 {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane += value * value;
        }
    }
    let mean = super::fold(lanes) / row.len() as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    out.extend(
        row.iter()
            .zip(weights)
            .map(|(value, weight)| value * scale * weight),
    );
}

/// Turns each pair of a head by the angle of its place: `turns` has the cosine and sine of each.
pub(crate) fn rotate(head: &mut [f32], turns: &[(f32, f32)]) {
    for (pair, (cosine, sine)) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
        let [a, b] = *pair;
        *pair = [a * cosine - b * sine, a * sine + b * cosine];
    }
}

/// The gate of a layer: `silu(gate) * up`, appended.
pub(crate) fn silu_times(gate: &[f32], up: &[f32], out: &mut Vec<f32>) {
    out.extend(
        gate.iter()
            .zip(up)
            .map(|(gate, up)| gate / (1.0 + exp(-gate)) * up),
    );
}
