//! The table: which event may come in which state, and where it leads.

use super::state::{Spot, State, Then};
use super::{Effect, Event, Illegal, Outcome, Stop, Turn};
use crate::rule::Rule;
use crate::{Epoch, Key, Now, Op, Record, Value};

impl Turn {
    /// Takes what happened at `now` and answers what is to be done.
    ///
    /// # Errors
    /// The event does not belong to the state; the turn is unchanged.
    pub fn step(&mut self, now: Now, event: Event) -> Result<Effect, Illegal> {
        use {Event as E, State as S};
        if !matches!(event, E::Failed | E::Due | E::Served(_) | E::Leave) {
            self.failing_since = None;
        }
        let effect = match (self.state, event) {
            (S::New, E::Begin) => self.enter(),
            (S::New, E::Leave) => self.over(Outcome::Left),
            (S::New, E::Failed) => self.over(Outcome::StoreUnavailable),

            // Into the epoch, and a ticket.
            (S::EpochRead, E::Got(value)) => match self.epoch_of(value) {
                Some(epoch) => self.draw(now, epoch),
                None => self.found(),
            },
            (S::EpochFounded, E::Done) => self.enter(),
            (S::Drawing, E::Drawn(ticket)) => self.drawn_as(now, ticket),
            (S::EpochRead | S::EpochFounded | S::Drawing, E::Failed) => self.pause(now),
            (S::Pausing, E::Due) => self.enter(),
            (S::Pausing, E::Leave) => self.over(Outcome::Left),

            // In line: behind the ticket before, at the bottom, in front of the room.
            (S::Following, E::Got(value)) => self.followed(now, record_of(value)),
            (S::BottomRead, E::Got(value)) => self.bottom(now, value.is_some()),
            (S::Counting(index), E::Got(value)) => self.counted(now, index, record_of(value)),
            (S::Condemning(ticket), E::Done) => {
                if self.settings.keeps(Rule::SecondRead) {
                    self.get(S::Reconsidering(ticket), Key::Record(self.epoch, ticket))
                } else {
                    self.taken_for_gone(now, ticket)
                }
            }
            (S::Reconsidering(ticket), E::Got(value)) => {
                self.reconsidered(now, ticket, record_of(value))
            }
            (
                S::Following
                | S::BottomRead
                | S::Counting(_)
                | S::Condemning(_)
                | S::Reconsidering(_),
                E::Failed,
            ) => self.look_failed(now),

            // The waiting record, renewed.
            (S::Enrolling, E::Done) => self.enrolled(now),
            (S::Enrolling, E::Failed) => self.unresolved(now),
            (S::EnrolledEpoch, E::Got(value))
                if self.epoch_of(value.clone()) == Some(self.epoch) =>
            {
                self.get(S::EnrolledVerdict, Key::Gone(self.epoch, self.ticket))
            }
            (S::EnrolledEpoch, E::Got(_)) => self.withdraw(Then::Redraw),
            (S::EnrolledVerdict, E::Got(None)) => self.renewed_in_line(now),
            (S::EnrolledVerdict, E::Got(Some(_))) => self.leave(Then::Redraw),
            (S::EnrolledEpoch | S::EnrolledVerdict, E::Failed) => self.look_failed(now),
            (S::Waiting, E::Due) => self.look_again(now),
            (S::Waiting, E::Leave) => self.leave_for(Outcome::Left),

            // The start.
            (S::Starting, E::Done) => self.started(now),
            (S::Starting, E::Failed) => self.unresolved(now),
            (S::StartEpoch, E::Got(value)) => {
                let epoch = self.epoch_of(value);
                self.started_in(now, epoch)
            }
            (S::StartVerdict, E::Got(None)) => self.granted(now),
            (S::StartVerdict, E::Got(Some(_))) => self.take_back(),
            (S::StartEpoch | S::StartVerdict, E::Failed) if self.lapsed(now) => self.take_back(),
            (S::StartEpoch, E::Failed) => self.get(S::StartEpoch, Key::Epoch),
            (S::StartVerdict, E::Failed) => {
                self.get(S::StartVerdict, Key::Gone(self.epoch, self.ticket))
            }

            // Holding a slot.
            (S::Holding, E::Due) => self.hold_on(now),
            (S::Holding, E::Served(figures)) => self.served(figures),
            (S::Holding, E::Leave) => self.stop(Outcome::Left),
            (S::Renewing, E::Done) => self.renewal_acknowledged(now),
            (S::Renewing, E::Failed) => self.renewal_failed(now),
            (S::RenewedEpoch, E::Got(value)) => match self.epoch_of(value) {
                Some(epoch) if epoch == self.epoch => {
                    self.get(S::RenewedVerdict, Key::Gone(self.epoch, self.ticket))
                }
                _ => self.withdraw_stopped(),
            },
            (S::RenewedVerdict, E::Got(None)) => self.renewed(now),
            (S::RenewedVerdict, E::Got(Some(_))) => self.stop(Outcome::Stopped(Stop::Condemned)),
            (S::RenewedEpoch | S::RenewedVerdict, E::Failed) => self.renewal_failed(now),
            (S::Clearing | S::Settling, E::Done | E::Failed) => self.hold_or_end(now),

            // Asked to stop.
            (S::CancelRead, E::Got(None) | E::Failed) => self.not_cancelled(now),
            (S::CancelRead, E::Got(Some(_))) => {
                self.ending = Some(Outcome::Cancelled);
                self.delete(S::CancelCleared, Key::Cancel(self.epoch, self.ticket))
            }
            (S::CancelCleared, E::Done | E::Failed) => self.close(Outcome::Cancelled),

            // The end of a ticket.
            (S::Finishing(then), E::Done) => self.finished(now, then),
            (S::Finishing(then), E::Failed) => self.finish_failed(now, then),
            (S::TidyVerdict, E::Got(None)) => self.hold_or_end(now),
            (S::TidyVerdict, E::Got(Some(_)) | E::Failed) => self.after(now, Then::End),
            (S::Lingering, E::Due | E::Leave) => self.finish(Then::End),
            (S::Leaving(then), E::Done | E::Failed) => self.after(now, then),
            (S::Withdrawing(then), E::Done | E::Failed) => self.after(now, then),

            (state, event) => {
                let (state, event) = (format!("{state:?}"), format!("{event:?}"));
                return Err(Illegal { state, event });
            }
        };
        Ok(effect)
    }

    pub(super) fn get(&mut self, state: State, key: Key) -> Effect {
        self.state = state;
        Effect::Store(Op::Get(key))
    }

    pub(super) fn put(&mut self, state: State, key: Key, value: Value) -> Effect {
        self.state = state;
        Effect::Store(Op::Put(key, value))
    }

    pub(super) fn delete(&mut self, state: State, key: Key) -> Effect {
        self.state = state;
        Effect::Store(Op::Delete(key))
    }

    pub(super) fn rest(&mut self, state: State, until_ms: u64) -> Effect {
        self.state = state;
        Effect::Rest { until_ms }
    }

    pub(super) fn over(&mut self, outcome: Outcome) -> Effect {
        self.ending = Some(outcome);
        self.relaying = false;
        self.state = State::Over;
        Effect::Over
    }

    /// The word of this turn's line in the epoch that was read.
    fn epoch_of(&self, value: Option<Value>) -> Option<Epoch> {
        match value {
            Some(Value::Epoch(epoch)) => Some(self.settings.lane.word(epoch)),
            _ => None,
        }
    }

    fn enter(&mut self) -> Effect {
        self.get(State::EpochRead, Key::Epoch)
    }

    /// Founds an epoch, another one each time: one that was written may have been seen, or may still arrive.
    fn found(&mut self) -> Effect {
        let epoch = Epoch(self.identity.nonce.wrapping_add(self.founded).max(1));
        self.founded += 1;
        self.put(State::EpochFounded, Key::Epoch, Value::Epoch(epoch))
    }

    fn draw(&mut self, now: Now, epoch: Epoch) -> Effect {
        if self.epoch != epoch {
            (self.epoch, self.epoch_seen) = (epoch, now);
        }
        self.since = now;
        self.sightings.enter(epoch);
        self.state = State::Drawing;
        Effect::Store(Op::Draw(Key::Counter(epoch)))
    }

    fn drawn_as(&mut self, now: Now, ticket: u64) -> Effect {
        self.ticket = ticket;
        self.drawn = now;
        self.cancel_seen = now;
        self.behind = ticket.saturating_sub(1);
        self.spot = Spot::Behind;
        self.follow(now)
    }

    /// Begins anew with another ticket; nothing of this one is kept. The more
    /// often, the later: a store that is too slow for the line must not be asked for more because of it.
    pub(super) fn redraw(&mut self, now: Now) -> Effect {
        let known = self.epoch_seen();
        let fresh = Turn::new(self.settings, self.errand, self.identity, known);
        let (attempt, founded) = (self.attempt + 1, self.founded);
        let failing_since = self.failing_since;
        *self = Turn {
            attempt,
            founded,
            failing_since,
            distance: self.distance,
            ..fresh
        };
        let steps = self.attempt.min(BACKOFF_STEPS);
        self.rest(
            State::Pausing,
            now.mono_ms + u64::from(self.settings.pause_ms) * steps,
        )
    }

    pub(super) fn after(&mut self, now: Now, then: Then) -> Effect {
        match then {
            Then::Redraw => self.redraw(now),
            Then::End => self.over(self.ending.unwrap_or(Outcome::Left)),
        }
    }
}

/// Up to how many pauses are made before another ticket is drawn.
const BACKOFF_STEPS: u64 = 20;

fn record_of(value: Option<Value>) -> Option<Record> {
    match value {
        Some(Value::Record(record)) => Some(record),
        _ => None,
    }
}
