//! Before the start: behind the ticket before, at the bottom of an epoch, in front of the room.

use super::state::{Spot, State, Then, Wrote};
use super::{Effect, Errand, Turn};
use crate::rule::Rule;
use crate::{Held, Key, Lane, Now, Record, Standing, Ticket, Value};

impl Turn {
    /// Looks at the record of the ticket before, or finds that there is none in this epoch.
    pub(super) fn follow(&mut self, now: Now) -> Effect {
        if self.behind == 0 {
            // Two that have the right for a moment harm nobody: only a start in the main line relays.
            let waits = self.settings.lane == Lane::Main && self.settings.keeps(Rule::BottomWait);
            return if waits {
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
                self.hold_in_view(self.behind, &record);
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
        self.ledger = record.ledger.clone();
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
        // A thousand dead are passed over in one go, and the own record must not lapse over it.
        if self.wrote == Wrote::Waiting && now.mono_ms >= self.next_renewal_ms() {
            return self.enrol(now);
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
            Errand::Serve => self.choose_upstream(),
            Errand::Tidy => index >= self.view.len(),
        };
        if may_start {
            return self.prepare_start(now);
        }
        match self.view.get(index) {
            Some(held) => self.get(State::Counting(index), Key::Record(self.epoch, held.ticket)),
            None => self.wait(now, Spot::Room),
        }
    }

    pub(super) fn counted(&mut self, now: Now, index: usize, record: Option<Record>) -> Effect {
        let Some(&Held { ticket, .. }) = self.view.get(index) else {
            return self.count(now, index);
        };
        match record {
            None => {
                self.ledger.lost = self.ledger.lost.saturating_add(1);
                self.strike(now, index)
            }
            Some(record) => match record.standing {
                Standing::Finished | Standing::Left => {
                    self.absorb(ticket, &record);
                    self.strike(now, index)
                }
                Standing::Active | Standing::Waiting if self.has_lapsed(ticket, &record, now) => {
                    self.condemn(now, ticket)
                }
                Standing::Active | Standing::Waiting => {
                    // It may have moved to another upstream since the view was written.
                    let held = self.held(ticket, &record);
                    if let Some(known) = self.view.get_mut(index) {
                        *known = held;
                    }
                    self.count(now, index + 1)
                }
            },
        }
    }

    /// Whether there is room, and where: at the least loaded upstream, as the view tells it.
    fn choose_upstream(&mut self) -> bool {
        let load = self.view.iter().map(|held| held.upstream).collect();
        match self.settings.room.choose(&load) {
            Some(upstream) => {
                self.identity.upstream = upstream;
                true
            }
            None => false,
        }
    }

    fn hold_in_view(&mut self, ticket: Ticket, record: &Record) {
        let held = self.held(ticket, record);
        self.view.push(held);
    }

    fn held(&self, ticket: Ticket, record: &Record) -> Held {
        let upstream = if self.settings.keeps(Rule::KnowUpstream) {
            record.upstream
        } else {
            0
        };
        Held { ticket, upstream }
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
                Spot::Room => match self.view.iter().position(|held| held.ticket == ticket) {
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
                self.view.retain(|held| held.ticket != ticket);
                self.ledger.lost = self.ledger.lost.saturating_add(1);
                self.count(now, 0)
            }
        }
    }

    /// There is room, and all before are gone or started.
    fn prepare_start(&mut self, now: Now) -> Effect {
        if self.lapsed(now) {
            return self.leave(Then::Redraw);
        }
        self.start(now)
    }
}
