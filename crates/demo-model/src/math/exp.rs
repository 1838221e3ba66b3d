//! The exponential function, in arithmetic that is the same everywhere.
//!
//! That of the system's library differs between its versions in the last bit, from which another answer can grow; this one is
//! also computed for several numbers at once.

/// e to the power of x, off by two units in the last place at most. Beyond -87 and 88 it stays what it is there.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // x is n · ln 2 and a rest, of at most half of that. Adding 1.5 · 2²³ leaves no bits for a fraction.
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let rest = x - n * LN_2 - n * LN_2_REST;
    let series = FACTORS.iter().fold(0.0, |sum, factor| sum * rest + factor);
    let power = series * rest * rest + rest + 1.0;
    // The low bits of `shifted` are n: they become the exponent of 2ⁿ.
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1f32.to_bits()));
    power * scale
}

const SHIFT: f32 = 12_582_912.0;

/// ln 2 with so few bits that its products with n are exact, and what is missing.
const LN_2: f32 = 0.693_359_4;
const LN_2_REST: f32 = -2.121_944_4e-4;

/// Of a polynomial that is closest to (eˣ - 1 - x) / x² where it is used (as in the Cephes library).
const FACTORS: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    0.041_665_796,
    0.166_666_65,
    0.5,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_close_to_the_exact_value_everywhere() {
        for step in -87_000..=88_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(off < 2.4e-7, "{x}: {off}");
        }
    }

    #[test]
    fn what_is_beyond_does_no_harm() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), exp(-87.0));
        assert_eq!(exp(f32::INFINITY), exp(88.0));
        assert!(exp(f32::NAN).is_nan());
    }
}
