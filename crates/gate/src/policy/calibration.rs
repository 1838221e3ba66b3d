//! How far estimates are off, learned from what became of them: the ends of a range move until one in ten starts before it and one in
//! ten after it.
//!
//! # How
//!
//! A start beyond an end moves it by nine hundredths, one within it by one hundredth back: it comes to rest where nine of ten are
//! within. Both are bounded, so that a day on which nothing fits does no lasting harm.

use super::forecast::Range;

/// The corrections of one instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    low: f64,
    high: f64,
}

impl Default for Calibration {
    fn default() -> Calibration {
        Calibration {
            low: 1.0,
            high: 1.0,
        }
    }
}

impl Calibration {
    /// The range as it is told.
    pub fn told(&self, range: Range) -> Range {
        let scaled = |ms: u64, by: f64| {
            // Waits are far below what a float holds exactly.
            (ms as f64 * by) as u64
        };
        Range {
            low_ms: scaled(range.low_ms, self.low).min(range.middle_ms),
            middle_ms: range.middle_ms,
            high_ms: scaled(range.high_ms, self.high).max(range.middle_ms),
        }
    }

    /// What was told came true after so long.
    pub fn note(&mut self, told: Range, waited_ms: u64) {
        self.high *= if waited_ms > told.high_ms { 1.09 } else { 0.99 };
        self.low *= if waited_ms < told.low_ms { 0.91 } else { 1.01 };
        self.high = self.high.clamp(0.25, 8.0);
        self.low = self.low.clamp(0.125, 4.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share that lies within the range of an estimate which is off by `bias`, once it has learned.
    fn coverage(bias: f64) -> f64 {
        let mut calibration = Calibration::default();
        let (mut within, mut word) = (0, 88_172_645_463_325_252_u64);
        for n in 0..4_000 {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            // Evenly between 5 and 15 s; the estimate takes it to be between 5 and 15 s times the bias.
            let waited_ms = 5_000 + (word >> 20) % 10_000;
            let scaled = |ms: f64| (ms * bias) as u64;
            let told = calibration.told(Range {
                low_ms: scaled(6_000.0),
                middle_ms: scaled(10_000.0),
                high_ms: scaled(14_000.0),
            });
            calibration.note(told, waited_ms);
            let is_within = (told.low_ms..=told.high_ms).contains(&waited_ms);
            within += u64::from(n >= 2_000 && is_within);
        }
        within as f64 / 2_000.0
    }

    #[test]
    fn eight_of_ten_come_to_lie_within_the_range_whatever_it_was_off_by() {
        for bias in [0.8, 1.0, 1.3] {
            let share = coverage(bias);
            assert!((0.72..=0.88).contains(&share), "{bias}: {share}");
        }
    }

    #[test]
    fn a_range_never_crosses_its_middle_and_corrections_are_bounded() {
        let mut calibration = Calibration::default();
        let range = Range {
            low_ms: 900,
            middle_ms: 1_000,
            high_ms: 1_100,
        };
        (0..1_000).for_each(|_| calibration.note(range, 1_000_000));
        let told = calibration.told(range);
        assert!(
            told.low_ms <= 1_000 && told.high_ms <= 8 * 1_100,
            "{told:?}"
        );
        (0..1_000).for_each(|_| calibration.note(range, 0));
        assert!(calibration.told(range).high_ms >= 1_000);
    }
}
