//! A matrix of quantised weights, as it lies in memory: what a file has in one block is taken apart, so that scales are read
//! as they are used.

use super::{BLOCK, half};
use crate::{
    error::ModelError,
    gguf::{Tensor, TensorKind},
};

/// Quantised weights, row by row.
pub(crate) struct Matrix {
    rows: usize,
    /// Blocks of a row.
    blocks: usize,
    weights: Weights,
}

enum Weights {
    /// 4 bits: `scale * quant + least`. The low halves of the bytes come before the high ones.
    Four {
        quants: Vec<[u8; BLOCK / 2]>,
        scales: Vec<f32>,
        least: Vec<f32>,
    },
    /// 8 bits: `scale * quant`.
    Eight {
        quants: Vec<[i8; BLOCK]>,
        scales: Vec<f32>,
    },
}

/// One row of weights.
pub(super) enum Row<'a> {
    Four {
        quants: &'a [[u8; BLOCK / 2]],
        scales: &'a [f32],
        least: &'a [f32],
    },
    Eight {
        quants: &'a [[i8; BLOCK]],
        scales: &'a [f32],
    },
}

impl Matrix {
    /// Takes a tensor of the file.
    pub(crate) fn load(tensor: Tensor<'_>) -> Result<Self, ModelError> {
        let weights = match tensor.kind {
            TensorKind::F32 => {
                return Err(ModelError::Format("a matrix of floats".to_owned()));
            }
            TensorKind::Q4_1 => {
                let (blocks, _) = tensor.bytes.as_chunks::<20>();
                Weights::Four {
                    scales: blocks
                        .iter()
                        .map(|block| number(block[0], block[1]))
                        .collect(),
                    least: blocks
                        .iter()
                        .map(|block| number(block[2], block[3]))
                        .collect(),
                    quants: blocks
                        .iter()
                        .map(|block| std::array::from_fn(|at| block[4 + at]))
                        .collect(),
                }
            }
            TensorKind::Q8_0 => {
                let (blocks, _) = tensor.bytes.as_chunks::<34>();
                Weights::Eight {
                    scales: blocks
                        .iter()
                        .map(|block| number(block[0], block[1]))
                        .collect(),
                    quants: blocks
                        .iter()
                        .map(|block| {
                            // The least would be too large for a product of 16 bits; no file has it.
                            std::array::from_fn(|at| block[2 + at].cast_signed().max(-127))
                        })
                        .collect(),
                }
            }
        };
        Ok(Self {
            rows: tensor.rows,
            blocks: tensor.columns / BLOCK,
            weights,
        })
    }

    /// The rows of several matrices of one kind, one after the other: their products are one.
    pub(crate) fn stack(parts: Vec<Self>) -> Result<Self, ModelError> {
        let unequal = || ModelError::Format("matrices that belong together differ".to_owned());
        let mut parts = parts.into_iter();
        let mut whole = parts.next().ok_or_else(unequal)?;
        for part in parts {
            if part.blocks != whole.blocks {
                return Err(unequal());
            }
            whole.rows += part.rows;
            match (&mut whole.weights, part.weights) {
                (
                    Weights::Four {
                        quants,
                        scales,
                        least,
                    },
                    Weights::Four {
                        quants: more_quants,
                        scales: more_scales,
                        least: more_least,
                    },
                ) => {
                    quants.extend(more_quants);
                    scales.extend(more_scales);
                    least.extend(more_least);
                }
                (
                    Weights::Eight { quants, scales },
                    Weights::Eight {
                        quants: more_quants,
                        scales: more_scales,
                    },
                ) => {
                    quants.extend(more_quants);
                    scales.extend(more_scales);
                }
                _ => return Err(unequal()),
            }
        }
        Ok(whole)
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.blocks * BLOCK
    }

    /// A row as it is used in products.
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let range = row * self.blocks..(row + 1) * self.blocks;
        match &self.weights {
            Weights::Four {
                quants,
                scales,
                least,
            } => Row::Four {
                quants: &quants[range.clone()],
                scales: &scales[range.clone()],
                least: &least[range],
            },
            Weights::Eight { quants, scales } => Row::Eight {
                quants: &quants[range.clone()],
                scales: &scales[range],
            },
        }
    }

    /// Appends the values of a row: the embedding of a token.
    pub(crate) fn read(&self, row: usize, out: &mut Vec<f32>) {
        match self.row(row) {
            Row::Four {
                quants,
                scales,
                least,
            } => {
                for ((quants, scale), least) in quants.iter().zip(scales).zip(least) {
                    let low = quants.iter().map(|pair| pair & 0x0f);
                    let high = quants.iter().map(|pair| pair >> 4);
                    out.extend(
                        low.chain(high)
                            .map(|quant| scale * f32::from(quant) + least),
                    );
                }
            }
            Row::Eight { quants, scales } => {
                for (quants, scale) in quants.iter().zip(scales) {
                    out.extend(quants.iter().map(|quant| scale * f32::from(*quant)));
                }
            }
        }
    }
}

fn number(low: u8, high: u8) -> f32 {
    half::to_f32(u16::from_le_bytes([low, high]))
}
