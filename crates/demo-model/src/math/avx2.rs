//! Products and attention with AVX2: integers of 8 bits, 32 at once.

#![allow(unsafe_code, reason = "vectors are loaded by pointer")]

use std::{
    arch::x86_64::{
        __m128i, __m256, __m256i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_srli_epi16,
        _mm256_abs_epi8, _mm256_add_ps, _mm256_cmpgt_epi32, _mm256_cvtepi32_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_maskload_ps,
        _mm256_mul_ps, _mm256_set_m128i, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_setr_epi32, _mm256_setzero_ps, _mm256_sign_epi8, _mm256_storeu_ps,
    },
    ops::Range,
};

use super::{
    Activations, BLOCK, LANES, Matrix,
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
    let mut sums = [_mm256_setzero_ps(); C];
    let mut rests = [_mm256_setzero_ps(); C];
    let low_bits = _mm_set1_epi8(0x0f);
    for from in (0..quants.len()).step_by(LANES) {
        let range = from..quants.len().min(from + LANES);
        let (scales, least) = (
            load_floats(&scales[range.clone()]),
            load_floats(&least[range.clone()]),
        );
        let mut factors = [[0f32; LANES]; C];
        let columns = columns.map(|column| column.part(range.clone()));
        for at in 0..C {
            let column = &columns[at];
            factors[at] = lanes(_mm256_mul_ps(scales, load_floats(column.scales)));
            let rest = _mm256_mul_ps(least, load_floats(column.sums));
            rests[at] = _mm256_add_ps(rests[at], rest);
        }
        for (block, packed) in quants[range].iter().enumerate() {
            let packed = load_half(packed);
            let low = _mm_and_si128(packed, low_bits);
            let high = _mm_and_si128(_mm_srli_epi16::<4>(packed), low_bits);
            let weights = _mm256_set_m128i(high, low);
            for at in 0..C {
                let pairs = _mm256_maddubs_epi16(weights, load(&columns[at].quants[block]));
                sums[at] = add(sums[at], pairs, factors[at][block]);
            }
        }
    }
    std::array::from_fn(|at| fold(lanes(sums[at])) + fold(lanes(rests[at])))
}

#[target_feature(enable = "avx2")]
#[inline]
fn eight<const C: usize>(
    quants: &[[i8; BLOCK]],
    scales: &[f32],
    columns: [Column<'_>; C],
) -> [f32; C] {
    let mut sums = [_mm256_setzero_ps(); C];
    for from in (0..quants.len()).step_by(LANES) {
        let range = from..quants.len().min(from + LANES);
        let scales = load_floats(&scales[range.clone()]);
        let columns = columns.map(|column| column.part(range.clone()));
        let mut factors = [[0f32; LANES]; C];
        for at in 0..C {
            factors[at] = lanes(_mm256_mul_ps(scales, load_floats(columns[at].scales)));
        }
        for (block, weights) in quants[range].iter().enumerate() {
            let weights = load(weights);
            // The instruction multiplies unsigned with signed numbers: the sign moves to the other side.
            let sizes = _mm256_abs_epi8(weights);
            for at in 0..C {
                let signed = _mm256_sign_epi8(load(&columns[at].quants[block]), weights);
                let pairs = _mm256_maddubs_epi16(sizes, signed);
                sums[at] = add(sums[at], pairs, factors[at][block]);
            }
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
fn lanes(sum: __m256) -> [f32; LANES] {
    let mut lanes = [0f32; LANES];
    // SAFETY: there is room for 8 floats, and this store needs no alignment.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    lanes
}

/// Up to eight floats, and zeros in the lanes that are left.
#[target_feature(enable = "avx2")]
#[inline]
fn load_floats(floats: &[f32]) -> __m256 {
    if let Some(all) = floats.first_chunk::<LANES>() {
        // SAFETY: 8 floats are there, and this load needs no alignment.
        return unsafe { _mm256_loadu_ps(all.as_ptr()) };
    }
    let numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let few = _mm256_cmpgt_epi32(_mm256_set1_epi32(floats.len() as i32), numbers);
    // SAFETY: only the lanes are read for which there is a float.
    unsafe { _mm256_maskload_ps(floats.as_ptr(), few) }
}

impl<'a> Column<'a> {
    /// Some of its blocks; it saves the check of each index.
    fn part(self, range: Range<usize>) -> Column<'a> {
        Column {
            quants: &self.quants[range.clone()],
            scales: &self.scales[range.clone()],
            sums: &self.sums[range],
        }
    }
}
