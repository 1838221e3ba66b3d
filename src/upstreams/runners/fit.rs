//! Which models were seen not to fit together at an upstream. Pure.
//!
//! # How it is learned
//! Two are taken to fit until one left the list of loaded models before its time and the other came after it, or until the load of
//! one failed for want of memory while the other was there. One that loads is in no list: between the two lies a time without
//! either. Two that are seen together fit.
//!
//! # What a model's time is
//! What the list says of one in use is no use: as soon as another waits for its place it says that its time is over, although it
//! is not gone yet; and it says an old time of one that has been in use for longer than that. So the last time that was still to
//! come holds, and one that is there beyond it is in use, and would stay.
//!
//! # Limits
//! A pair is believed for [`BELIEVED_MS`]: an operator may have unloaded one by hand, and machines get more memory.

use std::collections::HashMap;

/// How long a pair is believed not to fit, in milliseconds.
pub const BELIEVED_MS: u64 = 60 * 60 * 1_000;

/// How much before its time a model must be gone, in milliseconds: clocks tick in seconds here.
const EARLY_MS: u64 = 3_000;

/// How long one that left before its time may have made room for one that comes, in milliseconds: Ollama gives a load up after five
/// minutes without progress.
const LOADING_MS: u64 = 5 * 60 * 1_000;

/// The most pairs that are kept.
const MOST: usize = 256;

/// The most models that are remembered to have left an upstream, those that left last.
const MOST_LEFT: usize = 16;

/// A model that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Its number.
    pub model: u64,
    /// How long it stays if nobody uses it, in milliseconds; `None`: not known.
    pub left_ms: Option<u64>,
}

/// The last look at an upstream.
#[derive(Clone, Debug, Default)]
struct Look {
    present: Vec<Kept>,
    /// What left before its time, and when that was seen, while nothing has come since.
    left: Vec<(u64, u64)>,
}

/// One that was there, and until when it stays if nobody uses it; 0 where that is not known.
#[derive(Clone, Copy, Debug)]
struct Kept {
    model: u64,
    until_ms: u64,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// By upstream.
    last: HashMap<u8, Look>,
    /// Upstream and pair, the smaller number first, with the time at which they were seen apart.
    apart: HashMap<(u8, u64, u64), u64>,
}

impl Fit {
    /// An upstream told what it has loaded.
    pub fn see(&mut self, upstream: u8, now_ms: u64, present: Vec<Present>) {
        let before = self.last.remove(&upstream).unwrap_or_default();
        let present: Vec<Kept> = present
            .into_iter()
            .map(|one| Kept {
                model: one.model,
                until_ms: until_ms(one.left_ms, now_ms, found(&before.present, one.model)),
            })
            .collect();
        let has = |list: &[Kept], model| found(list, model).is_some();
        let is_early = |one: &&Kept| one.until_ms > now_ms.saturating_add(EARLY_MS);
        let is_recent = |(_, left_ms): &(u64, u64)| now_ms.saturating_sub(*left_ms) <= LOADING_MS;
        let gone = before.present.iter().filter(is_early);
        let mut left: Vec<(u64, u64)> = before.left.into_iter().filter(is_recent).collect();
        left.extend(gone.map(|gone| (gone.model, now_ms)));
        left.retain(|(model, _)| !has(&present, *model));
        let forgotten = left.len().saturating_sub(MOST_LEFT);
        left.drain(..forgotten);
        let is_new = |one: &&Kept| !has(&before.present, one.model);
        let came: Vec<u64> = present.iter().filter(is_new).map(|one| one.model).collect();
        for one in &came {
            for (other, _) in &left {
                self.set_apart(upstream, *one, *other, now_ms);
            }
        }
        if !came.is_empty() {
            left.clear();
        }
        for (index, one) in present.iter().enumerate() {
            for other in present.iter().skip(index + 1) {
                self.apart.remove(&key(upstream, one.model, other.model));
            }
        }
        self.last.insert(upstream, Look { present, left });
    }

    /// A model could not be loaded for want of memory, beside what is there.
    pub fn has_no_memory(&mut self, upstream: u8, model: u64, now_ms: u64) {
        let there = self.last.get(&upstream);
        let there: Vec<u64> = there
            .map(|look| look.present.iter().map(|one| one.model).collect())
            .unwrap_or_default();
        for other in there {
            self.set_apart(upstream, model, other, now_ms);
        }
    }

    /// The pairs that are believed not to fit: upstream, one and the other.
    pub fn apart(&self, now_ms: u64) -> impl Iterator<Item = (u8, u64, u64)> {
        let is_believed = move |since: u64| now_ms.saturating_sub(since) <= BELIEVED_MS;
        self.apart
            .iter()
            .filter(move |(_, since)| is_believed(**since))
            .map(|(pair, _)| *pair)
    }

    fn set_apart(&mut self, upstream: u8, one: u64, other: u64, now_ms: u64) {
        if one == other {
            return;
        }
        if self.apart.len() >= MOST {
            self.apart
                .retain(|_, since| now_ms.saturating_sub(*since) <= BELIEVED_MS);
        }
        if self.apart.len() < MOST {
            self.apart.insert(key(upstream, one, other), now_ms);
        }
    }
}

fn found(list: &[Kept], model: u64) -> Option<&Kept> {
    list.iter().find(|one| one.model == model)
}

/// Until when one stays, by what is told of it now and what was known before.
fn until_ms(left_ms: Option<u64>, now_ms: u64, before: Option<&Kept>) -> u64 {
    let left_ms = left_ms.unwrap_or(0);
    if left_ms > EARLY_MS {
        return now_ms.saturating_add(left_ms);
    }
    match before.map_or(0, |before| before.until_ms) {
        0 => 0,
        known_ms if now_ms > known_ms.saturating_add(EARLY_MS) => u64::MAX,
        known_ms => known_ms,
    }
}

fn key(upstream: u8, one: u64, other: u64) -> (u8, u64, u64) {
    (upstream, one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(models: &[(u64, u64)]) -> Vec<Present> {
        let of = |(model, left_ms): &(u64, u64)| Present {
            model: *model,
            left_ms: Some(*left_ms),
        };
        models.iter().map(of).collect()
    }

    fn apart(fit: &Fit, now_ms: u64) -> Vec<(u8, u64, u64)> {
        let mut pairs: Vec<_> = fit.apart(now_ms).collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn one_that_left_before_its_time_when_another_came_does_not_fit_beside_it() {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 300_000)]));
        fit.see(0, 3_000, present(&[(7, 300_000)]));
        assert_eq!(apart(&fit, 3_000), [(0, 7, 8)]);
        assert_eq!(apart(&fit, 3_000 + BELIEVED_MS), [(0, 7, 8)]);
        assert_eq!(apart(&fit, 3_001 + BELIEVED_MS), []);
    }

    #[test]
    fn one_in_use_whose_time_is_told_to_be_over_as_another_waits_for_its_place_has_left_before_its_time()
     {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 300_000)]));
        for now_ms in [3_000, 5_000, 7_000] {
            fit.see(0, now_ms, present(&[(8, 0)]));
        }
        fit.see(0, 9_000, present(&[]));
        fit.see(0, 11_000, present(&[(7, 300_000)]));
        assert_eq!(apart(&fit, 11_000), [(0, 7, 8)]);
    }

    #[test]
    fn one_in_use_beyond_the_time_that_it_had_when_it_was_last_idle_has_left_before_its_time() {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 300_000)]));
        fit.see(0, 300_000, present(&[(8, 1_000)]));
        fit.see(0, 310_000, present(&[(8, 0)]));
        fit.see(0, 400_000, present(&[(7, 300_000)]));
        assert_eq!(apart(&fit, 400_000), [(0, 7, 8)]);
    }

    #[test]
    fn one_that_never_stays_says_nothing() {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 0)]));
        fit.see(0, 9_000, present(&[(8, 0)]));
        fit.see(0, 11_000, present(&[(7, 0)]));
        assert_eq!(apart(&fit, 11_000), []);
    }

    #[test]
    fn one_that_made_room_is_remembered_while_the_other_loads() {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 300_000), (6, 300_000)]));
        fit.see(0, 3_000, present(&[(6, 298_000)]));
        fit.see(0, 43_000, present(&[(6, 258_000)]));
        fit.see(0, 45_000, present(&[(6, 256_000), (7, 300_000)]));
        fit.see(
            0,
            47_000,
            present(&[(6, 254_000), (7, 298_000), (5, 300_000)]),
        );
        assert_eq!(
            apart(&fit, 47_000),
            [(0, 7, 8)],
            "5 came when nobody had left"
        );
    }

    #[test]
    fn one_whose_time_was_over_that_came_back_or_that_nobody_followed_says_nothing() {
        let mut fit = Fit::default();
        fit.see(0, 1_000, present(&[(8, 4_000)]));
        fit.see(0, 3_000, present(&[(7, 300_000)]));
        fit.see(0, 5_000, present(&[]));
        fit.see(0, 7_000, present(&[(7, 300_000)]));
        fit.see(0, 9_000, present(&[]));
        fit.see(0, 9_001 + LOADING_MS, present(&[(9, 300_000)]));
        fit.see(1, 7_000, present(&[(6, 300_000)]));
        assert_eq!(apart(&fit, 9_001 + LOADING_MS), []);
    }

    #[test]
    fn two_that_are_seen_together_fit() {
        let mut fit = Fit::default();
        fit.see(0, 0, present(&[(8, 300_000)]));
        fit.has_no_memory(0, 7, 10);
        assert_eq!(apart(&fit, 10), [(0, 7, 8)]);
        fit.see(1, 20, present(&[(7, 300_000), (8, 300_000)]));
        assert_eq!(apart(&fit, 20), [(0, 7, 8)], "elsewhere");
        fit.see(0, 30, present(&[(7, 300_000), (8, 300_000)]));
        assert_eq!(apart(&fit, 30), []);
    }

    #[test]
    fn of_those_that_left_the_last_are_remembered_up_to_the_bound() {
        let mut fit = Fit::default();
        let many: Vec<(u64, u64)> = (1..100).map(|model| (model, 300_000)).collect();
        fit.see(0, 0, present(&many));
        fit.see(0, 10, present(&[]));
        fit.see(0, 20, present(&[(500, 300_000)]));
        assert_eq!(fit.apart(20).count(), MOST_LEFT);
    }

    #[test]
    fn no_more_pairs_are_kept_than_the_bound() {
        let mut fit = Fit::default();
        fit.see(0, 0, present(&[(1, 300_000)]));
        for model in 2..1_000 {
            fit.has_no_memory(0, model, 0);
        }
        assert_eq!(fit.apart(0).count(), MOST);
    }
}
