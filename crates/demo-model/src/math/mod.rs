//! The arithmetic: products of quantised matrices with quantised columns, and attention.
//!
//! # Why
//! The libraries that run such models choose their instructions when they are compiled, so that they are slow unless all of
//! the workspace, wasmtime too, is built for one machine. Here they are chosen when the program starts, and four people's
//! tokens go through the weights together, which costs hardly more than one person's.
//!
//! # The same answer every time
//! An element of a product is computed in one fixed order, whatever the instructions, the number of threads and the company it
//! is in. So an answer depends on its request alone. That is why nothing is fused (`mul_add`) and why the sums of
//! [`portable`] have eight lanes: they are those of AVX2.

mod activations;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod exp;
mod half;
mod matrix;
mod portable;
mod vector;

use rayon::prelude::*;

pub(crate) use self::{
    activations::Activations,
    attention::Head,
    matrix::Matrix,
    vector::{normalise, rotate, silu_times},
};

/// Elements that share a scale.
const BLOCK: usize = 32;

/// Sums that are added up beside each other: as many as fit into a register of AVX2.
const LANES: usize = 8;

/// Rows of a product that are turned together: a line of a cache, as columns.
const TILE: usize = 16;

/// Columns that go through a row of weights together.
const TOGETHER: usize = 4;

/// Which instructions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Simd {
    /// What every machine of the architecture has.
    Portable,
    /// 256 bits at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Simd {
    /// The best that this machine has.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Multiplies: `out` becomes one row of `matrix.rows()` elements for each row of `x`. Its work is shared among the threads
    /// of the pool that it is called in.
    pub(crate) fn multiply(self, matrix: &Matrix, x: &Activations, out: &mut Vec<f32>) {
        let (rows, columns) = (matrix.rows(), x.rows());
        out.clear();
        out.resize(rows * columns, 0.0);
        if columns == 1 {
            let share = share(rows);
            out.par_chunks_mut(share)
                .enumerate()
                .for_each(|(index, out)| self.rows(matrix, x, index * share, out));
            return;
        }
        // A thread has all columns of its rows, so that each weight is read once; then it is turned.
        let share = share(rows);
        let mut turned = vec![0.0; rows * columns];
        turned
            .par_chunks_mut(share * columns)
            .enumerate()
            .for_each(|(index, out)| self.rows(matrix, x, index * share, out));
        // Tile by tile, so that what is read stays in the nearest cache.
        for (index, tile) in turned.chunks(TILE * columns).enumerate() {
            for (column, out) in out.chunks_exact_mut(rows).enumerate() {
                let values = tile.iter().skip(column).step_by(columns);
                let out = out.iter_mut().skip(index * TILE);
                out.zip(values).for_each(|(out, value)| *out = *value);
            }
        }
    }

    /// The products of the rows from `first` on with every column, row by row.
    fn rows(self, matrix: &Matrix, x: &Activations, first: usize, out: &mut [f32]) {
        match self {
            Self::Portable => portable::rows(matrix, x, first, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                #[allow(unsafe_code, reason = "the instructions are chosen at run time")]
                // SAFETY: `Avx2` is only ever made where the machine has it.
                unsafe {
                    avx2::rows(matrix, x, first, out);
                }
            }
        }
    }

    /// Attention of one head of one row over what was said before it.
    pub(crate) fn attend(self, head: Head<'_>, scores: &mut Vec<f32>, out: &mut [f32]) {
        match self {
            Self::Portable => attention::attend(head, scores, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                #[allow(unsafe_code, reason = "the instructions are chosen at run time")]
                // SAFETY: `Avx2` is only ever made where the machine has it.
                unsafe {
                    avx2::attend(head, scores, out);
                }
            }
        }
    }
}

/// The rows that a thread takes at once.
fn share(rows: usize) -> usize {
    rows.div_ceil(2 * rayon::current_num_threads()).max(16)
}

/// The sum of eight lanes, in one order.
fn fold(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests;
