//! Attention: what a token takes from those before it.

use super::{exp::exp, fold};

/// One head of one token.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) query: &'a [f32],
    /// The keys of all tokens so far, this one with them; a token has `stride` elements, of which the head's begin at `offset`.
    pub(crate) keys: &'a [f32],
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) offset: usize,
}

/// Writes what the head takes to `out`; `scores` is room to work in.
#[inline(always)]
pub(super) fn attend(head: Head<'_>, scores: &mut Vec<f32>, out: &mut [f32]) {
    let width = head.query.len();
    let own = head.offset..head.offset + width;
    let scale = 1.0 / (width as f32).sqrt();
    scores.clear();
    let keys = head.keys.chunks_exact(head.stride);
    scores.extend(keys.map(|key| dot(head.query, &key[own.clone()]) * scale));

    let most = scores
        .iter()
        .fold(f32::NEG_INFINITY, |most, score| most.max(*score));
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - most);
        total += *score;
    }
    out.fill(0.0);
    let values = head.values.chunks_exact(head.stride);
    for (score, value) in scores.iter().zip(values) {
        let weight = score / total;
        for (out, value) in out.iter_mut().zip(&value[own.clone()]) {
            *out += weight * value;
        }
    }
}

/// A product of two vectors whose length is a multiple of eight.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (a, _) = a.as_chunks::<8>();
    let (b, _) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    fold(lanes)
}
