//! Before the start: behind the ticket before, at the bottom of an epoch, in front of the room.

use super::state::{Spot, State, Then};
use super::{Effect, Errand, Turn};
use crate::rule::Rule;
use crate::{Key, Now, Record, Standing, Ticket, Value};

impl Turn {
    /// Looks at the record of the ticket before, or finds that there is none in this epoch.
    pub(super) fn follow(&mut self, now: Now) -> Effect {
        if self.behind == 0 {
            return if self.settings.keeps(Rule::BottomWait) {
                self.get(State::BottomRead, Key::Settled(self.epoch))
            } else {
                self.count(now, 0)
            };
        }
        self.get(State::Following, Key::Record(self.epoch, self.behind))
    }

    pub(super) fn followed(&mut self, now: Now, record: Option<Record>) -> Effect {
        let Some(record) = record else {
            return if self.waited_for_absent(now) {
                self.condemn(now, self.behind)
            } else {
                self.wait(now, Spot::Behind)
            };
        };
        match record.standing {
            Standing::Waiting if self.has_lapsed(self.behind, &record, now) => {
                self.condemn(now, self.behind)
            }
            Standing::Waiting if !self.settings.keeps(Rule::AwaitPredecessor) => {
                self.step_past(now)
            }
            Standing::Waiting => self.wait(now, Spot::Behind),
            Standing::Left => {
                self.debris.push(self.behind);
                self.step_past(now)
            }
            Standing::Active => {
                self.inherit(&record);
                self.view.push(self.behind);
                self.count(now, 0)
            }
            Standing::Finished => {
                self.inherit(&record);
                self.absorb(self.behind, &record);
                self.count(now, 0)
            }
        }
    }

    fn has_lapsed(&mut self, ticket: Ticket, record: &Record, now: Now) -> bool {
        self.sightings.lapsed(ticket, record, now) && self.settings.keeps(Rule::Lapse)
    }

    /// The grace runs from one's own draw, for all earlier tickets at once: a hundred tickets lost in a crash cost
    /// one grace.
    fn waited_for_absent(&self, now: Now) -> bool {
        now.mono_ms.saturating_sub(self.drawn.mono_ms) >= u64::from(self.settings.grace_ms)
            || !self.settings.keeps(Rule::AwaitAbsent)
    }

    fn inherit(&mut self, record: &Record) {
        self.ledger = record.ledger;
        if self.settings.keeps(Rule::InheritView) {
            self.view.clone_from(&record.view);
        }
    }

    /// Takes over what a finished ticket has to tell; its record is read for the last time.
    fn absorb(&mut self, ticket: Ticket, record: &Record) {
        if let Some(figures) = &record.figures {
            self.ledger.add(figures);
        }
        self.debris.push(ticket);
    }

    fn step_past(&mut self, now: Now) -> Effect {
        self.behind -= 1;
        if !self.settings.keeps(Rule::SharedGrace) {
            self.drawn = now;
        }
        self.follow(now)
    }

    /// Nothing before the first ticket of this epoch. Holders from before the store was emptied may still relay, for
    /// at most their time to live: whoever comes first waits for that, counted from when the epoch was first seen.
    pub(super) fn bottom(&mut self, now: Now, settled: bool) -> Effect {
        if settled {
            return self.count(now, 0);
        }
        if now.mono_ms.saturating_sub(self.epoch_seen.mono_ms) < u64::from(self.settings.ttl_ms) {
            return self.wait(now, Spot::Bottom);
        }
        self.owes_settled = true;
        self.count(now, 0)
    }

    /// Looks for room: at each ticket of the view, from `index` on. A serving turn starts as soon as there is room;
    /// one that tidies needs none, and looks at them all.
    pub(super) fn count(&mut self, now: Now, index: usize) -> Effect {
        self.spot = Spot::Room;
        let may_start = match self.errand {
            Errand::Serve => self.view.len() < self.settings.capacity as usize,
            Errand::Tidy => index >= self.view.len(),
        };
        if may_start {
            return self.prepare_start(now);
        }
        match self.view.get(index) {
            Some(&ticket) => self.get(State::Counting(index), Key::Record(self.epoch, ticket)),
            None => self.wait(now, Spot::Room),
        }
    }

    pub(super) fn counted(&mut self, now: Now, index: usize, record: Option<Record>) -> Effect {
        let Some(&ticket) = self.view.get(index) else {
            return self.count(now, index);
        };
        match record {
            None => self.strike(now, index),
            Some(record) => match record.standing {
                Standing::Finished | Standing::Left => {
                    self.absorb(ticket, &record);
                    self.strike(now, index)
                }
                Standing::Active | Standing::Waiting if self.has_lapsed(ticket, &record, now) => {
                    self.condemn(now, ticket)
                }
                Standing::Active | Standing::Waiting => self.count(now, index + 1),
            },
        }
    }

    fn strike(&mut self, now: Now, index: usize) -> Effect {
        self.view.remove(index);
        self.count(now, index)
    }

    /// Writes down that a ticket is taken for gone. It counts only if the ticket's record, read once more, still says
    /// nothing new: whoever wakes between the two finds the verdict before it relays.
    fn condemn(&mut self, now: Now, ticket: Ticket) -> Effect {
        self.put(
            State::Condemning(ticket),
            Key::Gone(self.epoch, ticket),
            Value::Mark(now.wall_ms),
        )
    }

    pub(super) fn reconsidered(
        &mut self,
        now: Now,
        ticket: Ticket,
        record: Option<Record>,
    ) -> Effect {
        match record {
            None => self.taken_for_gone(now, ticket),
            Some(record) if self.sightings.unchanged(ticket, &record) => {
                self.debris.push(ticket);
                self.taken_for_gone(now, ticket)
            }
            record => match self.spot {
                Spot::Behind | Spot::Bottom => self.followed(now, record),
                Spot::Room => match self.view.iter().position(|&member| member == ticket) {
                    Some(index) => self.counted(now, index, record),
                    None => self.count(now, 0),
                },
            },
        }
    }

    pub(super) fn taken_for_gone(&mut self, now: Now, ticket: Ticket) -> Effect {
        match self.spot {
            Spot::Behind | Spot::Bottom => self.step_past(now),
            Spot::Room => {
                self.view.retain(|&member| member != ticket);
                self.count(now, 0)
            }
        }
    }

    /// There is room, and all before are gone or started.
    fn prepare_start(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.leave(Then::Redraw);
        }
        self.get(State::StartEpoch, Key::Epoch)
    }
}
