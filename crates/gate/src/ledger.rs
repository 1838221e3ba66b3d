//! What the line remembers of its finished tickets: totals and the measured service time.
//!
//! The figures of a finished ticket stand in its record until a starter strikes it and adds them to its own ledger,
//! which the next start inherits with the view. Starts follow one another, so each ticket is added exactly once, and
//! no write is made for it that would not be made anyway.
//!
//! # What it does not hold
//!
//! Nothing of tickets that never started: their records are passed over by whoever comes next, and a reading of a long line
//! does not see them all, so that totals with them in would fall and rise.

use serde::{Deserialize, Serialize};

use crate::{Counts, Outcome, Spread};

/// What one finished ticket has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// From start to end, in milliseconds.
    pub service_ms: u64,
    /// From arrival to start, in milliseconds.
    pub wait_ms: u64,
    /// From arrival to the first byte of the answer, in milliseconds; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u64>,
    /// Between two tokens on average, in microseconds; `None` where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace_us: Option<u64>,
    /// Tokens that were read, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that were relayed.
    pub tokens: u64,
    /// Whether the answer was complete.
    pub complete: bool,
    /// How it ended: a number of the caller's, from [`Figures::OF_CALLER`] on; [`Figures::OPEN`]: as the turn did.
    pub ending: u8,
    /// How often each upstream was asked.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    pub sent: Counts,
    /// How long operations on the store took, in microseconds: those that its process has not told of yet.
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub store: Spread,
}

impl Figures {
    /// An ending that the caller has not named: the turn names it when it ends.
    pub const OPEN: u8 = 0;
    /// The client left.
    pub const LEFT: u8 = 1;
    /// It was asked to stop.
    pub const CANCELLED: u8 = 2;
    /// It could not hold its slot: lapsed, condemned, or the store was emptied.
    pub const STOPPED: u8 = 3;
    /// The first number that is the caller's own.
    pub const OF_CALLER: u8 = 8;

    /// The same, with a name for an ending that has none yet.
    pub(crate) fn ended_as(&self, outcome: Outcome) -> Figures {
        let ending = match (self.ending, outcome) {
            (Self::OPEN, Outcome::Left) => Self::LEFT,
            (Self::OPEN, Outcome::Cancelled) => Self::CANCELLED,
            (Self::OPEN, Outcome::Stopped(_) | Outcome::StoreUnavailable) => Self::STOPPED,
            (ending, _) => ending,
        };
        Figures {
            ending,
            ..self.clone()
        }
    }
}

/// Totals over the finished tickets of an epoch, and the decaying mean of their service time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Finished tickets.
    pub finished: u64,
    /// Of these, answers that were complete.
    pub complete: u64,
    /// Started tickets that were struck without having told anything: their process died.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Sum of the service times in milliseconds.
    pub service_ms: u64,
    /// How many tickets the mean service time knows, up to [`Self::MEMORY`].
    pub measured: u64,
    /// Decaying mean of the service time in microseconds; 0 before the first.
    pub mean_service_us: u64,
    /// How they ended, by [`Figures::ending`].
    #[serde(skip_serializing_if = "Counts::is_empty")]
    pub endings: Counts,
    /// How often each upstream was asked.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    pub sent: Counts,
    /// How often one was asked again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Waiting times, by [`Self::WAITS_MS`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub waits: Spread,
    /// Times to the first byte, by [`Self::FIRSTS_MS`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub firsts: Spread,
    /// Times from arrival to end, by [`Self::DURATIONS_MS`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub durations: Spread,
    /// Times between two tokens, by [`Self::PACES_US`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub paces: Spread,
    /// Tokens read, by [`Self::TOKENS`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub inputs: Spread,
    /// Tokens relayed, by [`Self::TOKENS`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub outputs: Spread,
    /// Operations on the store, by [`Self::STORE_US`].
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub store: Spread,
}

impl Ledger {
    /// How many tickets the mean service time reaches back.
    pub const MEMORY: u64 = 16;
    /// Bounds of waiting times, in milliseconds.
    pub const WAITS_MS: &[u64] = &[
        10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000,
        600_000,
    ];
    /// Bounds of times to the first token, in milliseconds: OpenTelemetry's, and further for those who waited.
    pub const FIRSTS_MS: &[u64] = &[
        1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000, 30_000,
        60_000, 120_000, 300_000,
    ];
    /// Bounds of times to the end, in milliseconds: OpenTelemetry's, and further for those who waited.
    pub const DURATIONS_MS: &[u64] = &[
        10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 40_960, 81_920,
        163_840, 327_680, 655_360,
    ];
    /// Bounds of times between two tokens, in microseconds: OpenTelemetry's, and shorter ones for small models.
    pub const PACES_US: &[u64] = &[
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000,
        400_000, 500_000, 750_000, 1_000_000, 2_500_000,
    ];
    /// Bounds of numbers of tokens: OpenTelemetry's, as far as contexts reach.
    pub const TOKENS: &[u64] = &[
        1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576,
    ];
    /// Bounds of the store's times, in microseconds.
    pub const STORE_US: &[u64] = &[
        10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000,
    ];

    /// Adds a ticket that finished. The mean is the plain one for the first [`Self::MEMORY`] tickets and decays
    /// from then on.
    pub fn add(&mut self, figures: &Figures) {
        self.finished = self.finished.saturating_add(1);
        self.complete = self.complete.saturating_add(u64::from(figures.complete));
        self.service_ms = self.service_ms.saturating_add(figures.service_ms);
        self.endings.add(usize::from(figures.ending), 1);
        self.sent.merge(&figures.sent);
        let again = figures.sent.total().saturating_sub(1);
        self.retries = self.retries.saturating_add(again);
        self.waits.note(Self::WAITS_MS, figures.wait_ms);
        let duration_ms = figures.wait_ms.saturating_add(figures.service_ms);
        self.durations.note(Self::DURATIONS_MS, duration_ms);
        let optional = [
            (&mut self.firsts, Self::FIRSTS_MS, figures.first_ms),
            (&mut self.paces, Self::PACES_US, figures.pace_us),
            (&mut self.inputs, Self::TOKENS, figures.input_tokens),
            // Nothing relayed is no answer of no tokens.
            (
                &mut self.outputs,
                Self::TOKENS,
                Some(figures.tokens).filter(|&tokens| tokens > 0),
            ),
        ];
        for (spread, bounds, value) in optional {
            if let Some(value) = value {
                spread.note(bounds, value);
            }
        }
        self.store.merge(&figures.store);
        self.measure(figures.service_ms);
    }

    fn measure(&mut self, service_ms: u64) {
        if service_ms == 0 {
            // Broken off at once: it says nothing of how long an answer takes.
            return;
        }
        self.measured = self.measured.saturating_add(1).min(Self::MEMORY);
        let weight = self.measured;
        let new_us = service_ms.saturating_mul(1_000);
        let old = u128::from(self.mean_service_us) * u128::from(weight - 1);
        let mean = (old + u128::from(new_us)) / u128::from(weight);
        self.mean_service_us = u64::try_from(mean).unwrap_or(u64::MAX);
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
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
        let mut sent = Counts::default();
        sent.add(0, u64::MAX);
        for _ in 0..3 {
            ledger.add(&Figures {
                service_ms: u64::MAX,
                wait_ms: u64::MAX,
                first_ms: Some(u64::MAX),
                tokens: u64::MAX,
                complete: true,
                ending: u8::MAX,
                sent: sent.clone(),
                ..Figures::default()
            });
        }
        assert_eq!((ledger.outputs.sum(), ledger.retries), (u64::MAX, u64::MAX));
    }

    #[test]
    fn what_is_not_known_is_not_counted_as_nothing() {
        let mut ledger = Ledger::default();
        ledger.add(&Figures::default());
        assert_eq!(ledger.waits.count(), 1);
        for spread in [
            &ledger.firsts,
            &ledger.paces,
            &ledger.inputs,
            &ledger.outputs,
        ] {
            assert!(spread.is_empty());
        }
    }

    #[test]
    fn an_ending_that_the_caller_has_not_named_is_the_turns() {
        let open = Figures::default();
        let ending = |figures: &Figures, outcome| figures.ended_as(outcome).ending;
        assert_eq!(ending(&open, Outcome::Left), Figures::LEFT);
        assert_eq!(ending(&open, Outcome::Cancelled), Figures::CANCELLED);
        assert_eq!(ending(&open, Outcome::StoreUnavailable), Figures::STOPPED);
        let named = Figures {
            ending: Figures::OF_CALLER,
            ..Figures::default()
        };
        assert_eq!(ending(&named, Outcome::Cancelled), Figures::OF_CALLER);
    }

    #[test]
    fn every_bucket_fits_into_the_counts_and_the_bounds_rise() {
        for bounds in [
            Ledger::WAITS_MS,
            Ledger::FIRSTS_MS,
            Ledger::DURATIONS_MS,
            Ledger::PACES_US,
            Ledger::TOKENS,
            Ledger::STORE_US,
        ] {
            assert!(bounds.len() < Counts::MAX && bounds.is_sorted());
        }
    }
}
