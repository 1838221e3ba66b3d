//! In line: the rests, the waiting record and its renewal, and the ways out.

use super::state::{Spot, State, Then, Wrote};
use super::{Effect, Errand, Outcome, Turn};
use crate::rule::Rule;
use crate::{Figures, Key, Now, Record, Standing, Value};

/// The furthest behind in line look this often at least, in milliseconds.
const LOOK_MAX_MS: u64 = 2_000;

/// Up to which distance in line it is asked twice a second whether a ticket was given up.
const CANCEL_NEAR: u64 = 16;

impl Turn {
    /// It is not this turn's time yet. The record says so, once; then a rest. Tidying does not wait in line.
    pub(super) fn wait(&mut self, now: Now, spot: Spot) -> Effect {
        self.spot = spot;
        self.forget_the_passed();
        if self.errand == Errand::Tidy {
            self.ending = Some(Outcome::Left);
            return self.leave(Then::End);
        }
        match self.wrote {
            Wrote::Nothing if self.lapsed(now) => self.leave(Then::Redraw),
            Wrote::Nothing => self.enrol(now),
            Wrote::Waiting | Wrote::Active => self.rest_in_line(now),
        }
    }

    fn forget_the_passed(&mut self) {
        let (behind, view) = (self.behind, &self.view);
        self.sightings
            .retain(|ticket| ticket <= behind || view.iter().any(|held| held.ticket == ticket));
    }

    pub(super) fn enrol(&mut self, now: Now) -> Effect {
        self.issued = now;
        let record = self.record(Standing::Waiting);
        self.put(
            State::Enrolling,
            Key::Record(self.epoch, self.ticket),
            Value::Record(record),
        )
    }

    pub(super) fn enrolled(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.leave(Then::Redraw);
        }
        if self.wrote == Wrote::Nothing {
            self.wrote = Wrote::Waiting;
            self.since = self.issued;
            return self.look(now);
        }
        if self.settings.keeps(Rule::Epoch) {
            self.get(State::EnrolledEpoch, Key::Epoch)
        } else {
            self.get(State::EnrolledVerdict, Key::Gone(self.epoch, self.ticket))
        }
    }

    pub(super) fn renewed_in_line(&mut self, now: Now) -> Effect {
        self.since = self.issued;
        self.look(now)
    }

    /// Rests until the next look, renewal or question, whichever is first. The front looks often, the others in
    /// proportion to their distance, so that the whole line costs little more than its front.
    fn rest_in_line(&mut self, now: Now) -> Effect {
        let look_ms = match self.spot {
            // Until an upstream can be used again there is nothing to look at.
            Spot::Room if self.settings.capacity() == 0 => u64::from(self.settings.pause_ms),
            // In front of the room there is nobody else.
            Spot::Room => u64::from(self.settings.look_ms),
            Spot::Behind if self.heard == self.behind => LOOK_MAX_MS,
            Spot::Behind => self.distance.rest_ms(now, &self.settings).min(LOOK_MAX_MS),
            Spot::Bottom => (self.epoch_seen.mono_ms + u64::from(self.settings.ttl_ms))
                .saturating_sub(now.mono_ms),
        };
        let until_ms = now.mono_ms + look_ms;
        self.rest(
            State::Waiting,
            until_ms
                .min(self.next_renewal_ms())
                .min(self.next_cancel_ms(now)),
        )
    }

    /// What a rest in line is for: the own clock first, then the renewal, the question, and the look.
    pub(super) fn look_again(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.leave(Then::Redraw);
        }
        if self.given_up_on_store(now) {
            return self.over(Outcome::StoreUnavailable);
        }
        if now.mono_ms >= self.next_renewal_ms() {
            return self.enrol(now);
        }
        if now.mono_ms >= self.next_cancel_ms(now) {
            return self.ask_cancel(now);
        }
        self.look(now)
    }

    fn look(&mut self, now: Now) -> Effect {
        match self.spot {
            Spot::Behind | Spot::Bottom => self.follow(now),
            Spot::Room => self.count(now, 0),
        }
    }

    pub(super) fn next_renewal_ms(&self) -> u64 {
        self.since.mono_ms + u64::from(self.settings.renew_ms)
    }

    /// Whoever is far from the front is not asked for so often: there are many of them, and nothing works for them yet.
    pub(super) fn next_cancel_ms(&self, now: Now) -> u64 {
        let times = match self.wrote {
            Wrote::Nothing | Wrote::Waiting => (self.distance.at(now) / CANCEL_NEAR).clamp(1, 4),
            Wrote::Active => 1,
        };
        self.cancel_seen.mono_ms + times * u64::from(self.settings.cancel_ms)
    }

    pub(super) fn ask_cancel(&mut self, now: Now) -> Effect {
        self.cancel_seen = now;
        self.get(State::CancelRead, Key::Cancel(self.epoch, self.ticket))
    }

    pub(super) fn not_cancelled(&mut self, now: Now) -> Effect {
        match self.wrote {
            Wrote::Active => self.rest_holding(now),
            Wrote::Nothing | Wrote::Waiting => self.look(now),
        }
    }

    /// A read failed. Nothing is known of the time between, so what was sighted is forgotten; the ticket lives on as
    /// long as its own clock lets it.
    pub(super) fn look_failed(&mut self, now: Now) -> Effect {
        self.sightings.forget();
        self.failing_since.get_or_insert(now);
        self.rest(
            State::Waiting,
            now.mono_ms + u64::from(self.settings.pause_ms),
        )
    }

    /// A write of the own record failed, or was not heard of again: it may still arrive, at any time. Nothing is
    /// written to that key any more; another ticket is drawn.
    pub(super) fn unresolved(&mut self, now: Now) -> Effect {
        self.failing_since.get_or_insert(now);
        if !self.settings.keeps(Rule::StopUnresolved) {
            self.wrote = Wrote::Waiting;
            return self.rest(
                State::Waiting,
                now.mono_ms + u64::from(self.settings.pause_ms),
            );
        }
        let stood_in_line = self.ticket > 0;
        if stood_in_line && !self.given_up_on_store(now) {
            return self.redraw(now);
        }
        self.over(Outcome::StoreUnavailable)
    }

    /// The store could not be entered. A newcomer is told at once; who has stood in line tries again for as long as
    /// a record would have lived.
    pub(super) fn pause(&mut self, now: Now) -> Effect {
        self.failing_since.get_or_insert(now);
        if self.attempt == 0 || self.given_up_on_store(now) {
            return self.over(Outcome::StoreUnavailable);
        }
        self.attempt += 1;
        self.rest(
            State::Pausing,
            now.mono_ms + u64::from(self.settings.pause_ms),
        )
    }

    fn given_up_on_store(&self, now: Now) -> bool {
        self.failing_since
            .is_some_and(|since| now.since(since) >= u64::from(self.settings.ttl_ms))
    }

    pub(super) fn leave_for(&mut self, outcome: Outcome) -> Effect {
        self.ending = Some(outcome);
        self.leave(Then::End)
    }

    /// Writes that the ticket is gone without having started.
    pub(super) fn leave(&mut self, then: Then) -> Effect {
        let record = self.record(Standing::Left);
        self.put(
            State::Leaving(then),
            Key::Record(self.epoch, self.ticket),
            Value::Record(record),
        )
    }

    /// The epoch is another one: the record would be a stray in a store that does not know it.
    pub(super) fn withdraw(&mut self, then: Then) -> Effect {
        self.delete(
            State::Withdrawing(then),
            Key::Record(self.epoch, self.ticket),
        )
    }

    /// What the record has to tell. A start that was taken back has nothing: its request will have another ticket.
    fn told(&self, standing: Standing) -> Option<Figures> {
        let outcome = self.ending.filter(|_| standing == Standing::Finished)?;
        Some(self.figures.as_ref()?.ended_as(outcome))
    }

    /// The next writing of the own record.
    pub(super) fn record(&mut self, standing: Standing) -> Record {
        self.beat = self.beat.wrapping_add(1);
        let started = matches!(standing, Standing::Active | Standing::Finished);
        Record {
            standing,
            beat: self.beat,
            ttl_ms: self.settings.ttl_ms,
            view: if started {
                self.view.clone()
            } else {
                Vec::new()
            },
            ledger: if started {
                self.ledger.clone()
            } else {
                Box::default()
            },
            figures: self.told(standing).map(Box::new),
            guard: self.identity.guard,
            client: self.identity.client,
            via: self.identity.via,
            upstream: self.identity.upstream,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Identity};
    use super::*;
    use crate::{Epoch, Held, Ledger, Op, Settings};

    const NOW: Now = Now {
        mono_ms: 1_000,
        wall_ms: 0,
    };

    fn record(standing: Standing, view: &[u64]) -> Option<Value> {
        let record = Record {
            standing,
            view: view.iter().map(|&ticket| Held::from((ticket, 0))).collect(),
            ..Record::unreadable(b"")
        };
        Some(Value::Record(record))
    }

    /// How long ticket 9 rests whose predecessor's record is `before`, and who was told of so many ahead.
    fn rest_ms(before: Option<Value>, ahead: u32, started: Option<u64>) -> u64 {
        let settings = Settings::clamped(2, 15_000);
        let mut turn = Turn::new(settings, Errand::Serve, Identity::default(), None);
        turn.stand_behind(NOW, ahead, &Ledger::default());
        let mut event = Event::Begin;
        loop {
            if let (Some(started), Some((epoch, _))) = (started, turn.ticket()) {
                turn.saw_start_of(NOW, epoch, started);
            }
            event = match turn.step(NOW, event).unwrap() {
                Effect::Store(Op::Get(Key::Epoch)) => Event::Got(Some(Value::Epoch(Epoch(7)))),
                Effect::Store(Op::Draw(_)) => Event::Drawn(9),
                Effect::Store(Op::Get(Key::Record(_, 8))) => Event::Got(before.clone()),
                Effect::Store(Op::Get(Key::Record(..))) => {
                    Event::Got(record(Standing::Active, &[]))
                }
                Effect::Store(Op::Put(..)) => Event::Done,
                Effect::Rest { until_ms } => return until_ms - NOW.mono_ms,
                other => panic!("{other:?}"),
            };
        }
    }

    #[test]
    fn whoever_stands_in_front_of_the_room_looks_often_whatever_was_told_of_the_line() {
        assert_eq!(rest_ms(record(Standing::Active, &[7]), 40, None), 2);
    }

    #[test]
    fn the_others_look_in_proportion_to_their_distance_which_a_start_before_them_shortens() {
        let waiting = || record(Standing::Waiting, &[]);
        assert_eq!(rest_ms(waiting(), 2, None), 4);
        assert_eq!(
            rest_ms(waiting(), 40, None),
            4 + 38 * 10,
            "far is beyond the slots"
        );
        assert_eq!(rest_ms(waiting(), 40, Some(6)), 4, "7 and 8 are between");
        assert_eq!(rest_ms(waiting(), 40, Some(8)), 2);
        assert_eq!(rest_ms(waiting(), 40, Some(12)), 384, "it came later");
        assert_eq!(rest_ms(waiting(), 1_000_000, None), LOOK_MAX_MS);
    }

    #[test]
    fn whoever_is_told_of_a_change_rests_until_something_else_is_due() {
        let mut turn = Turn::new(
            Settings::clamped(2, 15_000),
            Errand::Serve,
            Identity::default(),
            None,
        );
        (turn.spot, turn.behind, turn.wrote) = (Spot::Behind, 8, Wrote::Waiting);
        (turn.since, turn.cancel_seen) = (NOW, NOW);
        let rest = |turn: &mut Turn| match turn.wait(NOW, Spot::Behind) {
            Effect::Rest { until_ms } => until_ms - NOW.mono_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(rest(&mut turn), 2);
        turn.hear_of_predecessor(true);
        assert_eq!(rest(&mut turn), 500, "whether it was given up");
        turn.behind = 7;
        assert_eq!(rest(&mut turn), 2, "another predecessor");
    }
}
