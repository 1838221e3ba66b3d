//! Counts that ride in a record: of kinds, and of values by their size.
//!
//! A list grows only as far as something was counted, so that what nobody needs costs no bytes; both sides bound its length,
//! since a record may come from another version.

use serde::{Deserialize, Serialize};

/// How often each of a few kinds came, by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<u64>")]
pub struct Counts(Vec<u64>);

impl Counts {
    /// The most kinds; what is beyond is not counted.
    pub const MAX: usize = 32;

    /// Counts the kind `index` `times` more.
    pub fn add(&mut self, index: usize, times: u64) {
        if index >= Self::MAX || times == 0 {
            return;
        }
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        if let Some(count) = self.0.get_mut(index) {
            *count = count.saturating_add(times);
        }
    }

    /// How often the kind `index` came.
    pub fn of(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or(0)
    }

    /// How often any came.
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Counts) {
        for (index, &count) in other.0.iter().enumerate() {
            self.add(index, count);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u64>> for Counts {
    fn from(mut counts: Vec<u64>) -> Counts {
        counts.truncate(Self::MAX);
        Counts(counts)
    }
}

/// How large values were: their sum, and how many lay between which bounds. The bounds are the caller's, the same each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Spread {
    #[serde(rename = "n")]
    counts: Counts,
    #[serde(rename = "s")]
    sum: u64,
}

impl Spread {
    /// Counts a value: with the first of the rising `bounds` that is not smaller, or beyond the last.
    pub fn note(&mut self, bounds: &[u64], value: u64) {
        let index = bounds.partition_point(|&bound| bound < value);
        self.counts.add(index, 1);
        self.sum = self.sum.saturating_add(value);
    }

    /// How many values lay in the bucket with this index, and in no smaller one.
    pub fn of(&self, index: usize) -> u64 {
        self.counts.of(index)
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.total()
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Adds what another has noted by the same bounds.
    pub fn merge(&mut self, other: &Spread) {
        self.counts.merge(&other.counts);
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_at_the_first_bound_that_is_not_smaller_or_beyond_them_all() {
        let mut spread = Spread::default();
        for value in [0, 10, 11, 20, 21, u64::MAX] {
            spread.note(&[10, 20], value);
        }
        assert_eq!([0, 1, 2, 3].map(|index| spread.of(index)), [2, 2, 2, 0]);
        assert_eq!((spread.count(), spread.sum()), (6, u64::MAX));
    }

    #[test]
    fn a_list_from_another_version_is_bounded_and_what_is_beyond_is_not_counted() {
        let counts: Counts = serde_json::from_str(&format!("{:?}", [1; 100])).unwrap();
        assert_eq!(counts.total(), Counts::MAX as u64);
        let mut counts = Counts::default();
        counts.add(Counts::MAX, 1);
        assert!(counts.is_empty());
        assert_eq!(serde_json::to_string(&counts).unwrap(), "[]");
    }

    #[test]
    fn merging_adds_index_by_index() {
        let (mut one, mut other) = (Spread::default(), Spread::default());
        one.note(&[10], 5);
        other.note(&[10], 5);
        other.note(&[10], 50);
        one.merge(&other);
        assert_eq!((one.of(0), one.of(1), one.sum()), (2, 1, 60));
    }
}
