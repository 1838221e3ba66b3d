//! One token bucket: filled from within, corrected by what all instances together have let in.
//!
//! # Why the correction never wrongs anybody
//! A bucket that all instances shared would hold at most a burst when a window begins, and at most a burst and a window's
//! filling less what the window before let in. From there on it holds at most that, and what has come since, less what all
//! have let in. An instance lowers its own bucket to this and never raises it.

use std::time::Duration;

use sluice_gate::Now;

/// A window of the counters, in milliseconds of wall time.
pub const WINDOW_MS: u64 = 60_000;

/// A token in units: an allowance of `n` a minute then fills `n` units a millisecond.
const TOKEN: i64 = 60_000;

/// Every so large a part of a burst is told to the others.
const TELL_PARTS: u32 = 16;

/// How many, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    per_minute: u32,
    burst: u32,
}

/// Whether there was a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken.
    Yes {
        /// How many are left.
        left: u32,
        /// When the bucket is full again.
        full_after: Duration,
    },
    /// There was none.
    No {
        /// When there is one.
        retry_after: Duration,
    },
}

/// A bucket, as one instance knows it.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// In units; below zero where the others let in more than there was.
    level: i64,
    filled_at_ms: u64,
    /// The window in which `untold` were taken.
    window: u64,
    untold: u32,
    /// The window that `at_start` is known of.
    known: Option<u64>,
    /// What there can have been at most when that window began.
    at_start: i64,
}

impl Allowance {
    /// So many a minute, and so many at once; `None`, for none a minute: no limit.
    pub fn new(per_minute: u32, burst: u32) -> Option<Allowance> {
        (per_minute > 0).then_some(Allowance {
            per_minute,
            burst: burst.max(1),
        })
    }

    /// How many at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How long so many take to come.
    pub fn time_for(self, tokens: u32) -> Duration {
        self.time_for_units(i64::from(tokens) * TOKEN)
    }

    fn time_for_units(self, units: i64) -> Duration {
        let units = u64::try_from(units).unwrap_or(0);
        Duration::from_millis(units.div_ceil(u64::from(self.per_minute)))
    }

    fn filling(self, ms: u64) -> i64 {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        ms.saturating_mul(i64::from(self.per_minute))
    }

    fn most(self) -> i64 {
        i64::from(self.burst) * TOKEN
    }
}

impl Bucket {
    /// A full one.
    pub fn full(allowance: Allowance, now: Now) -> Bucket {
        Bucket {
            level: allowance.most(),
            filled_at_ms: now.mono_ms,
            window: window_of(now),
            untold: 0,
            known: None,
            at_start: 0,
        }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, allowance: Allowance, now: Now) -> Taken {
        self.fill(allowance, now);
        if self.level < TOKEN {
            let missing = TOKEN.saturating_sub(self.level);
            return Taken::No {
                retry_after: allowance.time_for_units(missing),
            };
        }
        self.level -= TOKEN;
        if self.window != window_of(now) {
            // What was not worth telling is forgotten with its window.
            self.window = window_of(now);
            self.untold = 0;
        }
        self.untold = self.untold.saturating_add(1);
        Taken::Yes {
            left: u32::try_from(self.level / TOKEN).unwrap_or(0),
            full_after: allowance.time_for_units(allowance.most() - self.level),
        }
    }

    /// Whether enough was taken to be told to the others.
    pub fn is_due(&self, allowance: Allowance) -> bool {
        self.untold >= (allowance.burst / TELL_PARTS).max(1)
    }

    /// The window in which `untold` were taken, how many, and whether the window before must be asked about: all three, once.
    pub fn tell(&mut self) -> Telling {
        Telling {
            window: self.window,
            taken: std::mem::take(&mut self.untold),
            asks_before: self.known != Some(self.window),
        }
    }

    /// It could not be told after all.
    pub fn take_back(&mut self, telling: Telling) {
        if self.window == telling.window {
            self.untold = self.untold.saturating_add(telling.taken);
        }
    }

    /// All instances together have let in `before` in the window before this one, and `total` in this one.
    pub fn learn(&mut self, allowance: Allowance, now: Now, learned: Learned) {
        self.fill(allowance, now);
        if let Some(before) = learned.before {
            // Whoever saw the window before begin goes on from there; whoever did not takes the bucket for full then.
            let is_next = self.known.is_some_and(|known| known + 1 == learned.window);
            let at_its_start = if is_next {
                self.at_start
            } else {
                allowance.most()
            };
            let at_start = at_its_start
                .saturating_add(allowance.filling(WINDOW_MS))
                .saturating_sub(units(before));
            self.at_start = at_start.min(allowance.most());
            self.known = Some(learned.window);
        }
        if self.known != Some(learned.window) || window_of(now) != learned.window {
            return;
        }
        let others_and_own = units(learned.total).saturating_add(units(u64::from(self.untold)));
        let at_most = self
            .at_start
            .saturating_add(allowance.filling(now.wall_ms % WINDOW_MS))
            .saturating_sub(others_and_own);
        self.level = self.level.min(at_most);
    }

    fn fill(&mut self, allowance: Allowance, now: Now) {
        let elapsed_ms = now.mono_ms.saturating_sub(self.filled_at_ms);
        self.filled_at_ms = self.filled_at_ms.max(now.mono_ms);
        let filled = self.level.saturating_add(allowance.filling(elapsed_ms));
        self.level = filled.min(allowance.most());
    }
}

/// What an instance tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The window.
    pub window: u64,
    /// How many were let in.
    pub taken: u32,
    /// Whether the window before is not known yet.
    pub asks_before: bool,
}

/// What the counters said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The window.
    pub window: u64,
    /// How many all have let in.
    pub total: u64,
    /// How many in the window before, where it was asked.
    pub before: Option<u64>,
}

/// The window of this moment.
pub fn window_of(now: Now) -> u64 {
    now.wall_ms / WINDOW_MS
}

/// Seconds, rounded up: a client that comes a moment early is refused again.
pub fn whole_seconds(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(1_000)
}

fn units(tokens: u64) -> i64 {
    i64::try_from(tokens)
        .unwrap_or(i64::MAX)
        .saturating_mul(TOKEN)
}

#[cfg(test)]
mod tests;
