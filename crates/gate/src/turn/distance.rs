//! How far from the front of the line a turn stands, as far as is known. It decides how often the turn looks, and nothing
//! else.
//!
//! What was told of the line grows old: others start meanwhile, in other processes too. So the distance shrinks with time
//! as fast as slots are freed on average. An estimate that is too small costs looks; one that is too large lets a slot that
//! is free stand empty until the next look. So for its looks a turn expects more starts than on average: starts that come at
//! random exceed their mean by twice its square root once in forty times.

use crate::{Ledger, Now, Settings};

/// How many were ahead when, and how long each of them takes to start on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Distance {
    ahead: u32,
    told_ms: u64,
    /// Microseconds between two starts; 0 where nothing is known.
    between_starts_us: u64,
}

impl Distance {
    /// So many are ahead at this moment, of a line that remembers so much and is served by `capacity` slots.
    pub(crate) fn told(ahead: u32, now: Now, ledger: &Ledger, capacity: u32) -> Distance {
        Distance {
            ahead,
            told_ms: now.mono_ms,
            between_starts_us: ledger.mean_service_us / u64::from(capacity.max(1)),
        }
    }

    /// The line was seen to move on by one in so many microseconds: that is better than what a mean makes of it.
    pub(crate) fn moves_on_every(&mut self, between_starts_us: u64) {
        self.between_starts_us = between_starts_us.max(1);
    }

    /// Nobody has started for so many microseconds: it goes more slowly than the mean says, which is of other requests.
    pub(crate) fn stands_still_for(&mut self, us: u64) {
        if self.between_starts_us > 0 {
            self.between_starts_us = self.between_starts_us.max(us);
        }
    }

    /// At most so many are ahead at this moment.
    pub(crate) fn shorten(&mut self, ahead: u32, now: Now) {
        if u64::from(ahead) < self.at(now) {
            (self.ahead, self.told_ms) = (ahead, now.mono_ms);
        }
    }

    /// How long to rest between two looks, in milliseconds. As many as there are slots may start at the same moment, so these
    /// look often; for those behind them the rest grows by a part of the time in which the line moves on by one.
    pub(crate) fn rest_ms(&self, now: Now, settings: &Settings) -> u64 {
        let look_ms = u64::from(settings.look_ms);
        let each_ms = match self.between_starts_us {
            0 => EACH_MAX_MS,
            us => (us / 1_000 / SHARE).clamp(look_ms, EACH_MAX_MS),
        };
        let ahead = self.at_least(now);
        let near = ahead.min(u64::from(settings.capacity()));
        near * look_ms + (ahead - near).saturating_mul(each_ms)
    }

    /// How many are ahead by now on average; at least 1, for whoever looks is never nearer than behind one.
    pub(crate) fn at(&self, now: Now) -> u64 {
        self.less(self.started(now))
    }

    /// How many are ahead by now where the line has moved faster than it mostly does.
    fn at_least(&self, now: Now) -> u64 {
        let started = self.started(now);
        self.less(started.saturating_add(ROOTS * started.isqrt()))
    }

    /// How many have started since it was told, on average.
    fn started(&self, now: Now) -> u64 {
        let since_ms = now.mono_ms.saturating_sub(self.told_ms);
        let since_us = since_ms.saturating_mul(1_000);
        since_us.checked_div(self.between_starts_us).unwrap_or(0)
    }

    fn less(&self, started: u64) -> u64 {
        u64::from(self.ahead).saturating_sub(started).max(1)
    }
}

/// Which part of the time between two starts a place in line adds to the rest.
const SHARE: u64 = 8;

/// By how many times the square root of its mean the number of starts may exceed it.
const ROOTS: u64 = 2;

/// What a place in line adds to the rest at most, in milliseconds: those before may all leave at once.
const EACH_MAX_MS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn it_shrinks_as_fast_as_slots_are_freed_and_never_below_one() {
        let ledger = Ledger {
            mean_service_us: 400_000,
            ..Ledger::default()
        };
        let distance = Distance::told(10, at(5_000), &ledger, 4);
        let by_then = |ms| distance.at(at(ms));
        assert_eq!([5_000, 5_099, 5_100, 5_450].map(by_then), [10, 10, 9, 6]);
        assert_eq!([6_000, 60_000].map(by_then), [1, 1]);
        assert_eq!(by_then(4_000), 10, "a clock that stands still");
    }

    #[test]
    fn a_line_that_stands_still_is_looked_at_as_seldom_as_a_slow_one() {
        let settings = Settings::clamped(4, 15_000);
        let ledger = Ledger {
            mean_service_us: 4_000,
            ..Ledger::default()
        };
        let mut distance = Distance::told(500, at(0), &ledger, 4);
        assert_eq!(distance.at(at(400)), 100, "answers of 4 ms");
        assert_eq!(distance.rest_ms(at(400), &settings), 8 + 56 * 2);
        distance.stands_still_for(400_000);
        assert_eq!(distance.at(at(400)), 499);
        assert_eq!(distance.rest_ms(at(400), &settings), 8 + 493 * 10);
        distance.stands_still_for(100_000);
        assert_eq!(distance.at(at(400)), 499, "what was seen is not forgotten");
        let mut unknown = Distance::told(500, at(0), &Ledger::default(), 4);
        unknown.stands_still_for(400_000);
        assert_eq!(unknown.at(at(4_000)), 500);
    }

    #[test]
    fn for_its_looks_it_expects_more_starts_than_on_average() {
        let ledger = Ledger {
            mean_service_us: 400_000,
            ..Ledger::default()
        };
        let distance = Distance::told(100, at(0), &ledger, 4);
        let by_then = |ms| distance.at_least(at(ms));
        assert_eq!([0, 99].map(by_then), [100, 100], "nobody on average");
        assert_eq!([100, 400, 2_500].map(by_then), [97, 92, 65]);
        assert_eq!([8_200, 60_000].map(by_then), [1, 1]);
    }

    #[test]
    fn a_line_that_moves_on_slowly_is_looked_at_seldom_but_for_its_front() {
        let settings = Settings::clamped(4, 15_000);
        let rest_ms = |ahead, mean_service_us| {
            let ledger = Ledger {
                mean_service_us,
                ..Ledger::default()
            };
            Distance::told(ahead, at(0), &ledger, 4).rest_ms(at(0), &settings)
        };
        for mean_service_us in [0, 5_000, 8_000_000] {
            assert_eq!([1, 4].map(|ahead| rest_ms(ahead, mean_service_us)), [2, 8]);
        }
        assert_eq!(rest_ms(24, 5_000), 8 + 20 * 2, "answers of 5 ms");
        assert_eq!(rest_ms(24, 160_000), 8 + 20 * 5, "of 160 ms");
        assert_eq!(rest_ms(24, 8_000_000), 8 + 20 * 10, "of 8 s");
        assert_eq!(rest_ms(24, 0), 8 + 20 * 10, "not known yet");
    }

    #[test]
    fn what_was_seen_of_the_line_counts_more_than_a_mean() {
        let ledger = Ledger {
            mean_service_us: 4_000,
            ..Ledger::default()
        };
        let mut distance = Distance::told(10, at(0), &ledger, 4);
        assert_eq!(distance.at(at(20)), 1);
        distance.moves_on_every(15_000);
        assert_eq!(distance.at(at(20)), 9);
    }

    #[test]
    fn where_nothing_was_measured_it_stays_until_a_start_shortens_it() {
        let mut distance = Distance::told(10, at(0), &Ledger::default(), 4);
        assert_eq!(distance.at(at(60_000)), 10);
        distance.shorten(12, at(60_000));
        assert_eq!(distance.at(at(60_000)), 10);
        distance.shorten(3, at(60_000));
        assert_eq!(distance.at(at(60_000)), 3);
    }
}
