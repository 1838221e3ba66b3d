//! Products and attention with AVX2: integers of 8 bits, 32 at once.

#![allow(unsafe_code, reason = "vectors are loaded by pointer")]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_srli_epi16,
    _mm256_abs_epi8, _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set_m128i, _mm256_set1_epi16, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_sign_epi8, _mm256_storeu_ps,
};

use super::{
    Activations, BLOCK, Matrix,
    activations::Column,
    attention::{self, Head},
    fold,
    matrix::Row,
    portable::rows_by,
};

/// As [`super::portable::rows`].
#[target_feature(enable = "avx2")]
pub(super) fn rows(matrix: &Matrix, x: &Activations, first: usize, out: &mut [f32]) {
    rows_by(
        matrix,
        x,
        first,
        out,
        |row, columns| products(row, columns),
        |row, columns| products(row, columns),
    );
}

/// As [`attention::attend`], compiled for these instructions.
#[target_feature(enable = "avx2")]
pub(super) fn attend(head: Head<'_>, scores: &mut Vec<f32>, out: &mut [f32]) {
    attention::attend(head, scores, out);
}

#[target_feature(enable = "avx2")]
#[inline]
fn products<const C: usize>(row: &Row<'_>, columns: [Column<'_>; C]) -> [f32; C] {
    match *row {
        Row::Four {
            quants,
            scales,
            least,
        } => four(quants, scales, least, columns),
        Row::Eight { quants, scales } => eight(quants, scales, columns),
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn four<const C: usize>(
    quants: &[[u8; BLOCK / 2]],
    scales: &[f32],
    least: &[f32],
    columns: [Column<'_>; C],
) -> [f32; C] {
    let count = quants.len();
    let (scales, least) = (&scales[..count], &least[..count]);
    let columns = columns.map(|column| column.first(count));
    let mut sums = [_mm256_setzero_ps(); C];
    let mut rests = [0f32; C];
    for block in 0..count {
        let packed = load_half(&quants[block]);
        let low_bits = _mm_set1_epi8(0x0f);
        let low = _mm_and_si128(packed, low_bits);
        let high = _mm_and_si128(_mm_srli_epi16::<4>(packed), low_bits);
        let weights = _mm256_set_m128i(high, low);
        for at in 0..C {
            let column = &columns[at];
            let pairs = _mm256_maddubs_epi16(weights, load(&column.quants[block]));
            let scale = scales[block] * column.scales[block];
            sums[at] = add(sums[at], pairs, scale);
            rests[at] += least[block] * column.sums[block];
        }
    }
    std::array::from_fn(|at| fold(lanes(sums[at])) + rests[at])
}

#[target_feature(enable = "avx2")]
#[inline]
fn eight<const C: usize>(
    quants: &[[i8; BLOCK]],
    scales: &[f32],
    columns: [Column<'_>; C],
) -> [f32; C] {
    let count = quants.len();
    let scales = &scales[..count];
    let columns = columns.map(|column| column.first(count));
    let mut sums = [_mm256_setzero_ps(); C];
    for block in 0..count {
        let weights = load(&quants[block]);
        // The instruction multiplies unsigned with signed numbers: the sign moves to the other side.
        let sizes = _mm256_abs_epi8(weights);
        for at in 0..C {
            let column = &columns[at];
            let signed = _mm256_sign_epi8(load(&column.quants[block]), weights);
            let pairs = _mm256_maddubs_epi16(sizes, signed);
            sums[at] = add(sums[at], pairs, scales[block] * column.scales[block]);
        }
    }
    std::array::from_fn(|at| fold(lanes(sums[at])))
}

/// Adds products, scaled, to their sums. Two of them in 16 bits cannot overflow: 2 · 127 · 127.
#[target_feature(enable = "avx2")]
#[inline]
fn add(sum: __m256, pairs: __m256i, scale: f32) -> __m256 {
    let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    _mm256_add_ps(
        sum,
        _mm256_mul_ps(_mm256_cvtepi32_ps(fours), _mm256_set1_ps(scale)),
    )
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(block: &[i8; BLOCK]) -> __m256i {
    // SAFETY: 32 bytes are there, and this load needs no alignment.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_half(block: &[u8; BLOCK / 2]) -> __m128i {
    // SAFETY: 16 bytes are there, and this load needs no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn lanes(sum: __m256) -> [f32; 8] {
    let mut lanes = [0f32; 8];
    // SAFETY: there is room for 8 floats, and this store needs no alignment.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    lanes
}

impl<'a> Column<'a> {
    /// The first blocks; it saves the check of each index.
    fn first(self, count: usize) -> Column<'a> {
        Column {
            quants: &self.quants[..count],
            scales: &self.scales[..count],
            sums: &self.sums[..count],
        }
    }
}
