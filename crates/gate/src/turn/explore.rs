//! What an exploration asks of a turn: its time made relative, and what does not matter blotted out.

use super::Turn;
use super::state::{Spot, State, Wrote};
use crate::clock::rebased;
use crate::{Epoch, Now, Sightings, Ticket};

impl Turn {
    /// Shifts every instant so that `now_ms` becomes `horizon_ms`; instants further back than that are all alike.
    pub(crate) fn rebase(&mut self, now_ms: u64, horizon_ms: u64) {
        let shift = |now: &mut Now| {
            let mono_ms = rebased(now.mono_ms, now_ms, horizon_ms);
            *now = Now {
                mono_ms,
                wall_ms: mono_ms,
            };
        };
        shift(&mut self.epoch_seen);
        shift(&mut self.since);
        shift(&mut self.issued);
        shift(&mut self.drawn);
        self.cancel_seen = Now {
            mono_ms: horizon_ms,
            wall_ms: horizon_ms,
        };
        if let Some(since) = &mut self.failing_since {
            shift(since);
        }
        self.sightings.rebase(now_ms, horizon_ms);
    }

    /// Brings what no longer matters into one form, so that states that behave alike are one.
    pub(crate) fn canonical(&mut self) {
        if self.state == State::Over {
            let blank = Turn::new(self.settings, self.errand, self.identity, None);
            *self = Turn {
                state: self.state,
                ending: self.ending,
                ..blank
            };
        }
        if self.identity.nonce == 0 {
            self.attempt = self.attempt.min(1);
        }
        if !self.writes() {
            self.issued = self.since;
        }
        if self.wrote == Wrote::Active {
            self.sightings.forget();
            (self.drawn, self.epoch_seen) = (Now::default(), Now::default());
            (self.behind, self.spot) = (0, Spot::Room);
        }
        self.debris.sort_unstable();
        self.ledger.lost = 0;
    }

    /// Whether when the last write was issued still matters.
    fn writes(&self) -> bool {
        use State as S;
        let enrolling = matches!(
            self.state,
            S::Enrolling | S::EnrolledEpoch | S::EnrolledVerdict
        );
        let holding = matches!(
            self.state,
            S::Renewing | S::RenewedEpoch | S::RenewedVerdict
        );
        let starting = matches!(self.state, S::Starting | S::StartEpoch | S::StartVerdict);
        enrolling || holding || starting
    }

    /// Hands out the number of the own last write, and the stamps of what was sighted.
    pub(crate) fn beats(&mut self) -> (Option<(Epoch, Ticket, &mut u32)>, Epoch, &mut Sightings) {
        let own = (self.ticket > 0).then_some((self.epoch, self.ticket, &mut self.beat));
        (own, self.epoch, &mut self.sightings)
    }

    pub(crate) fn follows(&self) -> bool {
        self.state == State::Following
    }

    /// The ticket whose place in line is looked at.
    pub(crate) fn stands_behind(&self) -> Option<(Epoch, Ticket)> {
        (self.ticket > 0 && self.wrote != Wrote::Active && self.spot == Spot::Behind)
            .then_some((self.epoch, self.behind))
    }

    pub(crate) fn reconsiders(&self) -> bool {
        matches!(self.state, State::Reconsidering(_))
    }

    pub(crate) fn rests_in_line(&self) -> bool {
        self.state == State::Waiting
    }
}
