//! Holding a slot: renewals, clean-up, and the ways to the end.

use super::state::{State, Then};
use super::{Effect, Errand, Outcome, Stop, Turn};
use crate::rule::Rule;
use crate::{Figures, Key, Now, Op, Standing, Value};

impl Turn {
    /// Rests until there is something to do; with clean-up left, not at all, but so that an answer that has ended
    /// meanwhile is told first.
    pub(super) fn rest_holding(&mut self, now: Now) -> Effect {
        let until_ms = if self.has_chores() {
            now.mono_ms
        } else {
            self.next_renewal_ms()
                .min(self.next_cancel_ms(now))
                .min(self.lapse_ms())
                .max(now.mono_ms)
        };
        let until_ms = if self.failing_since.is_some() {
            now.mono_ms + u64::from(self.settings.pause_ms)
        } else {
            until_ms
        };
        self.rest(State::Holding, until_ms)
    }

    fn has_chores(&self) -> bool {
        self.owes_settled || self.owes_move || !self.debris.is_empty()
    }

    fn lapse_ms(&self) -> u64 {
        self.since.mono_ms + self.settings.own_limit_ms()
    }

    /// What a rest while holding is for: the own clock first, then the renewal, the question, the clean-up.
    pub(super) fn hold_on(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.stop(Outcome::Stopped(Stop::Lapsed));
        }
        if now.mono_ms >= self.next_renewal_ms() || self.owes_move {
            self.issued = now;
            self.owes_move = false;
            return self.put_active(State::Renewing);
        }
        if now.mono_ms >= self.next_cancel_ms(now) {
            return self.ask_cancel(now);
        }
        self.chore().unwrap_or_else(|| self.rest_holding(now))
    }

    /// Deletes what was struck and passed over: only a start that stands may, since then nobody follows those.
    fn chore(&mut self) -> Option<Effect> {
        if std::mem::take(&mut self.owes_settled) {
            return Some(self.put(State::Settling, Key::Settled(self.epoch), Value::Mark(0)));
        }
        let ticket = self.debris.pop()?;
        self.state = State::Clearing;
        Some(Effect::Store(Op::Delete(Key::Record(self.epoch, ticket))))
    }

    pub(super) fn hold_or_end(&mut self, now: Now) -> Effect {
        if self.relaying {
            return self.rest_holding(now);
        }
        self.chore().unwrap_or_else(|| self.after(now, Then::End))
    }

    pub(super) fn renewal_acknowledged(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.stop(Outcome::Stopped(Stop::Lapsed));
        }
        if self.settings.keeps(Rule::Epoch) {
            self.get(State::RenewedEpoch, Key::Epoch)
        } else {
            self.get(State::RenewedVerdict, Key::Gone(self.epoch, self.ticket))
        }
    }

    pub(super) fn renewed(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.stop(Outcome::Stopped(Stop::Lapsed));
        }
        self.since = self.issued;
        self.rest_holding(now)
    }

    /// An active record may be written again by its holder: whichever of the writes arrives, it says the same. So an
    /// outage that is shorter than what is left of the time to live goes unnoticed.
    pub(super) fn renewal_failed(&mut self, now: Now) -> Effect {
        self.failing_since.get_or_insert(now);
        self.rest_holding(now)
    }

    pub(super) fn served(&mut self, figures: Figures) -> Effect {
        self.figures = Some(figures);
        self.stop(Outcome::Served)
    }

    /// Nothing may be relayed from here on.
    pub(super) fn stop(&mut self, outcome: Outcome) -> Effect {
        self.relaying = false;
        self.ending = Some(outcome);
        self.finish(Then::End)
    }

    pub(super) fn withdraw_stopped(&mut self) -> Effect {
        self.relaying = false;
        self.ending = Some(Outcome::Stopped(Stop::EpochGone));
        self.debris.clear();
        self.withdraw(Then::End)
    }

    /// A cancelled turn closes its record as any other.
    pub(super) fn close(&mut self, outcome: Outcome) -> Effect {
        if self.relaying {
            self.stop(outcome)
        } else {
            self.leave_for(outcome)
        }
    }

    /// Writes that the ticket is over, with its view and its figures, for the next starter to read and delete.
    pub(super) fn finish(&mut self, then: Then) -> Effect {
        let key = Key::Record(self.epoch, self.ticket);
        if !self.settings.keeps(Rule::KeepFinished) {
            return self.delete(State::Finishing(then), key);
        }
        let record = self.record(Standing::Finished);
        self.put(State::Finishing(then), key, Value::Record(record))
    }

    pub(super) fn finished(&mut self, now: Now, then: Then) -> Effect {
        match then {
            Then::Redraw => self.redraw(now),
            Then::End if self.errand == Errand::Tidy => self.tidied(now),
            Then::End => self.hold_or_end(now),
        }
    }

    /// A tidying start stands if nobody passed it over: the own verdict says so.
    fn tidied(&mut self, _now: Now) -> Effect {
        self.get(State::TidyVerdict, Key::Gone(self.epoch, self.ticket))
    }

    /// The record of a ticket that is over may be written again: it says the same. After its time to live it is
    /// struck without it.
    pub(super) fn finish_failed(&mut self, now: Now, then: Then) -> Effect {
        let failing_since = *self.failing_since.get_or_insert(now);
        if then == Then::End && now.since(failing_since) < u64::from(self.settings.ttl_ms) {
            return self.rest(
                State::Lingering,
                now.mono_ms + u64::from(self.settings.pause_ms),
            );
        }
        self.after(now, then)
    }
}
