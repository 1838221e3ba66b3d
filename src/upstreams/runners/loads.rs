//! How loads of models go: how long they take, and which are not tried again for a while. Pure.

use std::collections::HashMap;

/// How long a load that failed is not tried again, in milliseconds; doubled with each failure that follows, up to the longest.
pub const FIRST_MS: u64 = 60_000;
/// The longest.
pub const LONGEST_MS: u64 = 600_000;

/// The most pairs of an upstream and a model that are kept.
const MOST: usize = 512;

/// A model at an upstream.
pub type Place = (u8, u64);

/// What is known of loads.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    of: HashMap<Place, Record>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    took_ms: Option<u64>,
    is_loading: bool,
    failures: u32,
    barred_until_ms: u64,
}

/// What is known of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How long the last load took.
    pub took_ms: Option<u64>,
    /// For how long it is not to be tried again.
    pub barred_ms: u64,
}

impl Loads {
    /// Whether a load may begin now; if so, it has.
    pub fn begins(&mut self, place: Place, now_ms: u64) -> bool {
        if self.of.len() >= MOST && !self.of.contains_key(&place) {
            self.of.retain(|_, record| record.is_loading);
        }
        let record = self.of.entry(place).or_default();
        if record.is_loading || record.barred_until_ms > now_ms {
            return false;
        }
        record.is_loading = true;
        true
    }

    /// A load has ended well; `took_ms`: how long it took, where nothing was loaded before.
    pub fn ended(&mut self, place: Place, took_ms: Option<u64>) {
        let record = self.of.entry(place).or_default();
        *record = Record {
            took_ms: took_ms.or(record.took_ms),
            ..Record::default()
        };
    }

    /// A load has failed.
    pub fn failed(&mut self, place: Place, now_ms: u64) {
        let record = self.of.entry(place).or_default();
        let doublings = record.failures.min(10);
        record.failures = record.failures.saturating_add(1);
        record.is_loading = false;
        let bar_ms = (FIRST_MS << doublings).min(LONGEST_MS);
        record.barred_until_ms = now_ms.saturating_add(bar_ms);
    }

    /// A load came to no end of its own: nothing is known of it.
    pub fn given_up(&mut self, place: Place) {
        if let Some(record) = self.of.get_mut(&place) {
            record.is_loading = false;
        }
    }

    /// All that something is known of.
    pub fn all(&self, now_ms: u64) -> impl Iterator<Item = (Place, Told)> {
        self.of.iter().map(move |(place, record)| {
            let told = Told {
                took_ms: record.took_ms,
                barred_ms: record.barred_until_ms.saturating_sub(now_ms),
            };
            (*place, told)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (0, 7);

    fn barred_ms(loads: &Loads, now_ms: u64) -> u64 {
        let (_, told) = loads.all(now_ms).next().unwrap();
        told.barred_ms
    }

    #[test]
    fn one_load_at_a_time() {
        let mut loads = Loads::default();
        assert!(loads.begins(PLACE, 0) && !loads.begins(PLACE, 10));
        assert!(loads.begins((1, 7), 10) && loads.begins((0, 8), 10));
        loads.ended(PLACE, Some(900));
        assert!(loads.begins(PLACE, 20));
        loads.given_up(PLACE);
        assert!(loads.begins(PLACE, 30));
        loads.ended(PLACE, None);
        let told = loads.all(40).find(|(place, _)| *place == PLACE).unwrap().1;
        assert_eq!(told.took_ms, Some(900), "what was measured is kept");
    }

    #[test]
    fn a_failed_load_is_left_for_a_minute_and_twice_as_long_each_time_up_to_ten() {
        let mut loads = Loads::default();
        let mut now_ms = 0;
        for minutes in [1, 2, 4, 8, 10, 10, 10] {
            assert!(loads.begins(PLACE, now_ms));
            loads.failed(PLACE, now_ms);
            assert_eq!(barred_ms(&loads, now_ms), minutes * 60_000);
            assert!(!loads.begins(PLACE, now_ms + minutes * 60_000 - 1));
            now_ms += minutes * 60_000;
        }
        assert!(loads.begins(PLACE, now_ms));
        loads.ended(PLACE, None);
        loads.failed(PLACE, now_ms);
        assert_eq!(
            barred_ms(&loads, now_ms),
            FIRST_MS,
            "a success ends the row"
        );
    }
}
