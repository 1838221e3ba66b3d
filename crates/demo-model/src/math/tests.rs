//! Products against plain arithmetic, and one kind of instructions against the other.

use super::*;
use crate::gguf::{Tensor, TensorKind};

/// Numbers that look random and are the same each time.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..count).map(next).collect()
}

/// A matrix of random quants with scales around one hundredth.
fn matrix(kind: TensorKind, rows: usize, columns: usize) -> Matrix {
    let (size, scales) = if kind == TensorKind::Q4_1 {
        (20, 2)
    } else {
        (34, 1)
    };
    let mut data = bytes(rows * columns / 32 * size, 7);
    for block in data.chunks_exact_mut(size) {
        for scale in block[..2 * scales].chunks_exact_mut(2) {
            // A half between 2⁻⁸ and 2⁻⁶, of either sign.
            scale[1] = scale[1] & 0x80 | 0x1c | scale[1] & 0x07;
        }
    }
    Matrix::load(Tensor {
        kind,
        columns,
        rows,
        bytes: &data,
    })
    .unwrap()
}

fn activations(rows: usize, width: usize) -> (Activations, Vec<f32>) {
    let values: Vec<f32> = bytes(rows * width, 11)
        .into_iter()
        .map(|byte| (f32::from(byte) - 128.0) / 50.0)
        .collect();
    let mut activations = Activations::default();
    activations.quantise(&values, width);
    (activations, values)
}

const SHAPES: [(TensorKind, usize); 2] = [(TensorKind::Q4_1, 576), (TensorKind::Q8_0, 1536)];

#[test]
fn a_product_is_close_to_that_of_the_numbers_it_stands_for() {
    for (kind, width) in SHAPES {
        let matrix = matrix(kind, 40, width);
        let (x, values) = activations(6, width);
        let mut out = Vec::new();
        Simd::detect().multiply(&matrix, &x, &mut out);
        for (column, values) in values.chunks_exact(width).enumerate() {
            for row in 0..matrix.rows() {
                let mut weights = Vec::new();
                matrix.read(row, &mut weights);
                let products = weights.iter().zip(values).map(|(a, b)| f64::from(a * b));
                let exact: f64 = products.clone().sum();
                let size: f64 = products.map(f64::abs).sum();
                let got = f64::from(out[column * matrix.rows() + row]);
                assert!((got - exact).abs() < 0.004 * size, "{got} for {exact}");
            }
        }
    }
}

#[test]
fn all_instructions_and_all_company_give_the_same_bits() {
    for (kind, width) in SHAPES {
        let matrix = matrix(kind, 40, width);
        let (x, values) = activations(6, width);
        let (mut fast, mut plain) = (Vec::new(), Vec::new());
        Simd::detect().multiply(&matrix, &x, &mut fast);
        Simd::Portable.multiply(&matrix, &x, &mut plain);
        assert_eq!(fast, plain);
        for (column, values) in values.chunks_exact(width).enumerate() {
            let mut alone = Activations::default();
            alone.quantise(values, width);
            let mut out = Vec::new();
            Simd::detect().multiply(&matrix, &alone, &mut out);
            assert_eq!(out, fast[column * 40..(column + 1) * 40]);
        }
    }
}

#[test]
fn matrices_that_belong_together_are_multiplied_as_one() {
    let parts = || {
        vec![
            matrix(TensorKind::Q4_1, 20, 576),
            matrix(TensorKind::Q4_1, 12, 576),
        ]
    };
    let (x, _) = activations(1, 576);
    let product = |matrix: &Matrix| {
        let mut out = Vec::new();
        Simd::detect().multiply(matrix, &x, &mut out);
        out
    };
    let apart: Vec<f32> = parts().iter().flat_map(product).collect();
    assert_eq!(product(&Matrix::stack(parts()).unwrap()), apart);
    let unequal = vec![
        matrix(TensorKind::Q4_1, 20, 576),
        matrix(TensorKind::Q8_0, 20, 576),
    ];
    assert!(Matrix::stack(unequal).is_err());
}

#[test]
fn attention_prefers_the_key_that_is_like_the_query() {
    let query: Vec<f32> = (0..16)
        .map(|at| if at % 2 == 0 { 4.0 } else { -4.0 })
        .collect();
    let other: Vec<f32> = query.iter().map(|value| -value).collect();
    let keys = [query.clone(), other].concat();
    let values: Vec<f32> = [vec![1.0; 16], vec![9.0; 16]].concat();
    let head = Head {
        query: &query,
        keys: &keys,
        values: &values,
        stride: 16,
        offset: 0,
    };
    for simd in [Simd::Portable, Simd::detect()] {
        let mut out = vec![0.0; 16];
        simd.attend(head, &mut Vec::new(), &mut out);
        assert!(
            out.iter().all(|value| (value - 1.0).abs() < 1e-3),
            "{out:?}"
        );
    }
}

#[test]
fn a_head_at_the_first_place_is_not_turned() {
    let mut head = [1.0, 2.0, 3.0, 4.0];
    rotate(&mut head, &[(1.0, 0.0), (0.0, 1.0)]);
    assert_eq!(head, [1.0, 2.0, -4.0, 3.0]);
}
