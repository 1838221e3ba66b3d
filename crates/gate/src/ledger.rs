//! What the line remembers of its finished tickets: totals and the measured service time.
//!
//! The figures of a finished ticket stand in its record until a starter strikes it and adds them to its own ledger,
//! which the next start inherits with the view. Starts follow one another, so each ticket is added exactly once, and
//! no write is made for it that would not be made anyway.

use serde::{Deserialize, Serialize};

/// What one finished ticket has to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Figures {
    /// From start to end, in milliseconds.
    pub service_ms: u64,
    /// From draw to start, in milliseconds.
    pub wait_ms: u64,
    /// Tokens that were relayed.
    pub tokens: u64,
    /// Whether the answer was complete.
    pub complete: bool,
}

/// Totals over the finished tickets of an epoch, and the decaying mean of their service time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    /// Finished tickets.
    pub finished: u64,
    /// Of these, answers that were complete.
    pub complete: u64,
    /// Sum of the service times in milliseconds.
    pub service_ms: u64,
    /// Sum of the waiting times in milliseconds.
    pub wait_ms: u64,
    /// Sum of the tokens.
    pub tokens: u64,
    /// How many tickets the mean service time knows, up to [`Self::MEMORY`].
    pub measured: u64,
    /// Decaying mean of the service time in microseconds; 0 before the first.
    pub mean_service_us: u64,
}

impl Ledger {
    /// Adds a ticket that finished. The mean is the plain one for the first [`Self::MEMORY`] tickets and decays
    /// from then on.
    pub fn add(&mut self, figures: &Figures) {
        self.finished = self.finished.saturating_add(1);
        self.complete = self.complete.saturating_add(u64::from(figures.complete));
        self.service_ms = self.service_ms.saturating_add(figures.service_ms);
        self.wait_ms = self.wait_ms.saturating_add(figures.wait_ms);
        self.tokens = self.tokens.saturating_add(figures.tokens);
        if figures.service_ms == 0 {
            // Broken off at once: it says nothing of how long an answer takes.
            return;
        }
        self.measured = self.measured.saturating_add(1).min(Self::MEMORY);
        let weight = self.measured;
        let new_us = figures.service_ms.saturating_mul(1_000);
        let old = u128::from(self.mean_service_us) * u128::from(weight - 1);
        let mean = (old + u128::from(new_us)) / u128::from(weight);
        self.mean_service_us = u64::try_from(mean).unwrap_or(u64::MAX);
    }

    /// How many tickets the mean service time reaches back.
    pub const MEMORY: u64 = 16;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_plain_at_first_and_follows_a_change_later() {
        let mut ledger = Ledger::default();
        let ticket = |service_ms| Figures {
            service_ms,
            ..Figures::default()
        };
        ledger.add(&ticket(100));
        ledger.add(&ticket(300));
        assert_eq!(ledger.mean_service_us, 200_000);
        for _ in 0..100 {
            ledger.add(&ticket(1_000));
        }
        assert!(
            ledger.mean_service_us > 990_000,
            "{}",
            ledger.mean_service_us
        );
        assert_eq!(ledger.finished, 102);
    }

    #[test]
    fn no_figures_overflow() {
        let mut ledger = Ledger::default();
        for _ in 0..3 {
            ledger.add(&Figures {
                service_ms: u64::MAX,
                wait_ms: u64::MAX,
                tokens: u64::MAX,
                complete: true,
            });
        }
        assert_eq!(ledger.tokens, u64::MAX);
    }
}
