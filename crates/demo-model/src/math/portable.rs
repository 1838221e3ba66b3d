//! Products in plain Rust, for machines without the instructions of the other files, and what those have in common.

use super::{Activations, BLOCK, LANES, Matrix, TOGETHER, activations::Column, fold, matrix::Row};

/// The products of the rows from `first` on with every column.
pub(super) fn rows(matrix: &Matrix, x: &Activations, first: usize, out: &mut [f32]) {
    rows_by(matrix, x, first, out, products, products);
}

/// Goes through rows and columns; `several` and `one` make the products of a row.
#[inline(always)]
pub(super) fn rows_by(
    matrix: &Matrix,
    x: &Activations,
    first: usize,
    out: &mut [f32],
    several: impl Fn(&Row<'_>, [Column<'_>; TOGETHER]) -> [f32; TOGETHER],
    one: impl Fn(&Row<'_>, [Column<'_>; 1]) -> [f32; 1],
) {
    for (index, out) in out.chunks_exact_mut(x.rows()).enumerate() {
        let row = matrix.row(first + index);
        let (groups, rest) = out.as_chunks_mut::<TOGETHER>();
        let grouped = groups.len() * TOGETHER;
        for (group, out) in groups.iter_mut().enumerate() {
            let from = group * TOGETHER;
            *out = several(&row, std::array::from_fn(|at| x.column(from + at)));
        }
        for (at, out) in rest.iter_mut().enumerate() {
            [*out] = one(&row, [x.column(grouped + at)]);
        }
    }
}

fn products<const C: usize>(row: &Row<'_>, columns: [Column<'_>; C]) -> [f32; C] {
    columns.map(|column| match row {
        Row::Four {
            quants,
            scales,
            least,
        } => {
            let blocks = quants.iter().map(|packed| {
                std::array::from_fn(|at| {
                    let pair = packed[at % (BLOCK / 2)];
                    i32::from(if at < BLOCK / 2 {
                        pair & 0x0f
                    } else {
                        pair >> 4
                    })
                })
            });
            let mut rests = [0f32; LANES];
            for (block, (least, sum)) in least.iter().zip(column.sums).enumerate() {
                rests[block % LANES] += least * sum;
            }
            fold(lanes(blocks, scales, column)) + fold(rests)
        }
        Row::Eight { quants, scales } => {
            let blocks = quants.iter().map(|quants| quants.map(i32::from));
            fold(lanes(blocks, scales, column))
        }
    })
}

/// The sums of the products, each lane that of four neighbours in every block.
fn lanes(
    blocks: impl Iterator<Item = [i32; BLOCK]>,
    scales: &[f32],
    column: Column<'_>,
) -> [f32; LANES] {
    let mut lanes = [0f32; LANES];
    let columns = column.quants.iter().zip(column.scales);
    for ((weights, scale), (quants, column_scale)) in blocks.zip(scales).zip(columns) {
        let scale = scale * column_scale;
        for (lane, sum) in lanes.iter_mut().enumerate() {
            let products = (lane * 4..lane * 4 + 4).map(|at| weights[at] * i32::from(quants[at]));
            *sum += products.sum::<i32>() as f32 * scale;
        }
    }
    lanes
}
