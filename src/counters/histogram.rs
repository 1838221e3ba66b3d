//! Values by their size: the histograms, their bounds, and what all instances have noted.

use super::{Tallied, Totals};

/// A histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Histogram {
    /// From arrival to a slot, in milliseconds.
    Waits,
    /// From arrival to the first byte of the answer, in milliseconds.
    Firsts,
    /// From arrival to the end, in milliseconds.
    Durations,
    /// Between two tokens, in microseconds.
    Paces,
    /// Tokens read.
    Inputs,
    /// Tokens relayed.
    Outputs,
    /// Operations on the store, in microseconds.
    Store,
}

impl Histogram {
    /// All of them.
    pub const ALL: [Histogram; 7] = [
        Histogram::Waits,
        Histogram::Firsts,
        Histogram::Durations,
        Histogram::Paces,
        Histogram::Inputs,
        Histogram::Outputs,
        Histogram::Store,
    ];

    /// The rising upper bounds of its buckets; what is beyond the last has one more.
    pub fn bounds(self) -> &'static [u64] {
        match self {
            Histogram::Waits => WAITS_MS,
            Histogram::Firsts => FIRSTS_MS,
            Histogram::Durations => DURATIONS_MS,
            Histogram::Paces => PACES_US,
            Histogram::Inputs | Histogram::Outputs => TOKENS,
            Histogram::Store => STORE_US,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Histogram::Waits => "waits",
            Histogram::Firsts => "firsts",
            Histogram::Durations => "durations",
            Histogram::Paces => "paces",
            Histogram::Inputs => "inputs",
            Histogram::Outputs => "outputs",
            Histogram::Store => "store",
        }
    }

    /// The bucket of a value: that with the first bound that is not smaller, or the one beyond the last.
    pub(super) fn bucket(self, value: u64) -> Tallied {
        let index = self.bounds().partition_point(|&bound| bound < value);
        Tallied::Bucket(self, u8::try_from(index).unwrap_or(u8::MAX))
    }

    pub(super) fn buckets(self) -> impl Iterator<Item = Tallied> {
        (0..=self.bounds().len())
            .filter_map(|index| u8::try_from(index).ok())
            .map(move |index| Tallied::Bucket(self, index))
    }
}

/// What all have noted in a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many values lay in each bucket and in no smaller one; the last is what is beyond all bounds.
    pub buckets: Vec<u64>,
    /// Their sum.
    pub sum: u64,
}

impl Totals {
    /// What was noted in a histogram.
    pub fn spread(&self, of: Histogram) -> Spread {
        Spread {
            buckets: of.buckets().map(|bucket| self.of(bucket)).collect(),
            sum: self.of(Tallied::Sum(of)),
        }
    }
}

const WAITS_MS: &[u64] = &[
    10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];
/// OpenTelemetry's, and further for those who waited.
const FIRSTS_MS: &[u64] = &[
    1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000, 30_000,
    60_000, 120_000, 300_000,
];
/// OpenTelemetry's, and further for those who waited.
const DURATIONS_MS: &[u64] = &[
    10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 40_960, 81_920, 163_840,
    327_680, 655_360,
];
/// OpenTelemetry's, and shorter ones for small models.
const PACES_US: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000,
    400_000, 500_000, 750_000, 1_000_000, 2_500_000,
];
/// OpenTelemetry's, as far as contexts reach.
const TOKENS: &[u64] = &[
    1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576,
];
const STORE_US: &[u64] = &[
    10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_at_the_first_bound_that_is_not_smaller_or_beyond_them_all() {
        let index = |value| match Histogram::Store.bucket(value) {
            Tallied::Bucket(Histogram::Store, index) => index,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [0, 10, 11, 1_000_000, u64::MAX].map(index),
            [0, 0, 1, 9, 10]
        );
    }

    #[test]
    fn bounds_rise_and_every_bucket_has_a_number() {
        for histogram in Histogram::ALL {
            assert!(histogram.bounds().is_sorted());
            assert_eq!(histogram.buckets().count(), histogram.bounds().len() + 1);
        }
    }
}
