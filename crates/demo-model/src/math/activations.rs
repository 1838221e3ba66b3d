//! Columns for a product: the numbers between two layers, in 8 bits with a scale for each block.

use super::{BLOCK, LANES};

/// Quantised rows, one for each token that goes through the model.
#[derive(Default)]
pub(crate) struct Activations {
    rows: usize,
    /// Blocks of a row.
    blocks: usize,
    quants: Vec<[i8; BLOCK]>,
    scales: Vec<f32>,
    /// The sum of each block, for weights whose least value is not zero.
    sums: Vec<f32>,
}

/// One of the rows.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) quants: &'a [[i8; BLOCK]],
    pub(super) scales: &'a [f32],
    pub(super) sums: &'a [f32],
}

impl Activations {
    /// Takes rows of `width` elements, a multiple of the block.
    pub(crate) fn quantise(&mut self, values: &[f32], width: usize) {
        self.blocks = width / BLOCK;
        self.rows = values.len() / width;
        self.quants.clear();
        self.scales.clear();
        self.sums.clear();
        for block in values.as_chunks::<BLOCK>().0 {
            let scale = largest(block) / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let quants = block.map(|value| round(value * inverse));
            let sum: i32 = quants.iter().map(|quant| i32::from(*quant)).sum();
            self.quants.push(quants);
            self.scales.push(scale);
            self.sums.push(scale * sum as f32);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn column(&self, row: usize) -> Column<'_> {
        let range = row * self.blocks..(row + 1) * self.blocks;
        Column {
            quants: &self.quants[range.clone()],
            scales: &self.scales[range.clone()],
            sums: &self.sums[range],
        }
    }
}

/// The largest size of an element. Eight at once, which the compiler would not do by itself: it does not know that the order
/// makes no difference.
fn largest(block: &[f32; BLOCK]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut most = [0f32; LANES];
    for eight in block.as_chunks::<LANES>().0 {
        for (most, value) in most.iter_mut().zip(eight) {
            *most = larger(value.abs(), *most);
        }
    }
    most.into_iter().fold(0.0, larger)
}

/// The nearest integer of a number from -127 to 127. Adding 1.5 · 2²³ leaves no bits for a fraction, and the integer in the
/// lowest bits: a cast, which has to look at numbers that are too large, takes several times as long.
fn round(value: f32) -> i8 {
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT).to_bits() as i8
}
