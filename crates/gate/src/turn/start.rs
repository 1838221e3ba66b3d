//! The start: the last look at the epoch, the active record, the own verdict.

use super::state::{State, Then, Wrote};
use super::{Effect, Errand, Outcome, Turn};
use crate::rule::Rule;
use crate::{Epoch, Key, Now, Standing, Value};

impl Turn {
    /// The successor goes by the active record, so it is written as the request goes out, not with the first token.
    pub(super) fn start(&mut self, now: Now, epoch: Option<Epoch>) -> Effect {
        if epoch != Some(self.epoch) && self.settings.keeps(Rule::Epoch) {
            return self.withdraw(Then::Redraw);
        }
        if self.lapsed(now) {
            return self.leave(Then::Redraw);
        }
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

    /// The active record stands. If the own clock ran out meanwhile, or others took this ticket for dead, the start
    /// is taken back.
    pub(super) fn started(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.take_back();
        }
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
