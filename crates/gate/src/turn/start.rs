//! The start: the active record, the epoch, the own verdict, in the order of a renewal.
//!
//! The own clock runs from the issue of the record. What vouches for it must be read after that: an epoch that was read
//! before it may have been lost before the clock began to run, and then the holder outlives the wait at the bottom of
//! the next epoch.

use super::state::{State, Then, Wrote};
use super::{Effect, Errand, Outcome, Turn};
use crate::rule::Rule;
use crate::{Epoch, Key, Now, Standing, Value};

impl Turn {
    /// The successor goes by the active record, so it is written as the request goes out, not with the first token.
    pub(super) fn start(&mut self, now: Now) -> Effect {
        self.issued = now;
        if self.errand == Errand::Tidy {
            self.ending = Some(Outcome::Served);
            return self.finish(Then::End);
        }
        self.put_active(State::Starting)
    }

    pub(super) fn put_active(&mut self, state: State) -> Effect {
        let record = self.record(Standing::Active);
        self.put(
            state,
            Key::Record(self.epoch, self.ticket),
            Value::Record(record),
        )
    }

    /// The active record stands. If the own clock ran out meanwhile, the epoch was lost, or others took this ticket for
    /// dead, the start is taken back.
    pub(super) fn started(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.take_back();
        }
        if self.settings.keeps(Rule::Epoch) && self.settings.keeps(Rule::StartEpoch) {
            return self.get(State::StartEpoch, Key::Epoch);
        }
        self.ask_start_verdict(now)
    }

    /// The epoch was read after the active record was written.
    pub(super) fn started_in(&mut self, now: Now, epoch: Option<Epoch>) -> Effect {
        if epoch == Some(self.epoch) {
            self.ask_start_verdict(now)
        } else {
            self.withdraw(Then::Redraw)
        }
    }

    fn ask_start_verdict(&mut self, now: Now) -> Effect {
        if !self.settings.keeps(Rule::StarterCheck) {
            return self.granted(now);
        }
        self.get(State::StartVerdict, Key::Gone(self.epoch, self.ticket))
    }

    /// Finished, never left: whoever read the active record has inherited from it.
    pub(super) fn take_back(&mut self) -> Effect {
        self.debris.clear();
        self.owes_settled = false;
        self.finish(Then::Redraw)
    }

    pub(super) fn granted(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.take_back();
        }
        self.wrote = Wrote::Active;
        self.since = self.issued;
        self.relaying = true;
        if !self.settings.keeps(Rule::CleanUp) {
            self.debris.clear();
        }
        self.rest_holding(now)
    }
}
