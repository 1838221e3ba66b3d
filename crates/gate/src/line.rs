//! How the line stood when a census read it. It may be as old as it likes: no start is decided by it.

use crate::{Epoch, Lane, Ledger, Load, Now, Record, Sightings, Ticket};

/// How the line stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The word in its keys; `None` where there is no epoch yet.
    pub epoch: Option<Epoch>,
    /// The last ticket that was drawn.
    pub counter: Ticket,
    /// The highest ticket that has started; 0 where none has.
    pub front: Ticket,
    /// The same, if its record was read and said so; 0 if the front is an estimate. Only from such a one may a sweep go.
    pub base: Ticket,
    /// Those who wait and were read, in order.
    pub waiting: Vec<(Ticket, Record)>,
    /// Those who were only looked at in passing, and where the next reading should go on.
    pub watched: Vec<(Ticket, Record)>,
    /// The last of them.
    pub watched_to: Ticket,
    /// Those who are active, in order.
    pub active: Vec<(Ticket, Record)>,
    /// The view of the front.
    pub view: Vec<Ticket>,
    /// Tickets behind the front that left and still have a record.
    pub left: u32,
    /// How many wait: exact, or an estimate.
    pub queued: u32,
    /// Whether every record was read.
    pub exact: bool,
    /// Totals and measured service time, those of finished tickets that nobody has struck yet included.
    pub ledger: Box<Ledger>,
    /// Whether the ledger is the whole one: the front was found, and every record of its view. If not, somebody started
    /// while it was read, and another reading will tell.
    pub whole: bool,
    /// Active or waiting tickets that have lapsed; [`Line::drop_lapsed`] finds them.
    pub lapsed: u32,
    /// The batch line, read right after this one; `None` where nobody can stand there.
    pub behind: Option<Box<Line>>,
}

impl Line {
    /// Takes out those who have lapsed, as far as this reader has seen.
    pub fn drop_lapsed(&mut self, sightings: &mut Sightings, now: Now) {
        sightings.enter(self.epoch.unwrap_or_default());
        let known: Vec<Ticket> = self
            .waiting
            .iter()
            .chain(&self.active)
            .map(|(ticket, _)| *ticket)
            .collect();
        let (front, counter, exact) = (self.front, self.counter, self.exact);
        let in_a_long_line = |ticket| !exact && ticket > front && ticket <= counter;
        sightings.retain(|ticket| known.contains(&ticket) || in_a_long_line(ticket));
        for (ticket, record) in self.watched.drain(..) {
            sightings.lapsed(ticket, &record, now);
        }
        let mut alive = |ticket: Ticket, record: &Record| !sightings.lapsed(ticket, record, now);
        let before = self.waiting.len() + self.active.len();
        self.waiting
            .retain(|(ticket, record)| alive(*ticket, record));
        self.active
            .retain(|(ticket, record)| alive(*ticket, record));
        self.lapsed =
            u32::try_from(before - self.waiting.len() - self.active.len()).unwrap_or(u32::MAX);
        if self.exact {
            self.queued = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        }
    }

    /// How many relay at each upstream.
    pub fn load(&self) -> Load {
        self.active
            .iter()
            .map(|(_, record)| record.upstream)
            .collect()
    }

    /// How many wait in this line and behind it.
    pub fn queued_in_all(&self) -> u32 {
        self.queued.saturating_add(self.queued_behind())
    }

    /// How many wait behind this line and have not drawn in it yet: whoever has the right and stands here already is counted here.
    pub fn queued_behind(&self) -> u32 {
        let Some(behind) = &self.behind else { return 0 };
        let has_drawn = |guard: u64| {
            let mut here = self.waiting.iter().chain(&self.active);
            here.any(|(_, record)| record.guard == guard)
        };
        let before_the_draw = behind
            .active
            .iter()
            .filter(|(_, record)| !has_drawn(record.guard))
            .count();
        let before_the_draw = u32::try_from(before_the_draw).unwrap_or(u32::MAX);
        behind.queued.saturating_add(before_the_draw)
    }

    /// Whether there is no place for one more who would stand first in `lane`, where `max_queue` may wait: those who can wait
    /// take half of the places at most, so that the others are never refused because of them alone.
    pub fn is_full(&self, lane: Lane, capacity: u32, max_queue: u32) -> bool {
        let active = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        let is_half_behind = self.queued_behind() >= max_queue.div_ceil(2);
        active >= capacity
            && (self.queued_in_all() >= max_queue || lane == Lane::Batch && is_half_behind)
    }

    /// How many wait before `ticket` of the batch line, here and there.
    pub fn ahead_of_behind(&self, ticket: Ticket) -> u32 {
        let Some(behind) = &self.behind else {
            return self.queued;
        };
        let has_the_right = behind.active.iter().any(|(holder, _)| *holder == ticket);
        if has_the_right {
            return self.queued;
        }
        let with_the_right = self.queued_behind().saturating_sub(behind.queued);
        self.queued
            .saturating_add(with_the_right)
            .saturating_add(behind.ahead_of(ticket))
    }

    /// The active ticket with this guard.
    pub fn active_with(&self, guard: u64) -> Option<Ticket> {
        let mut active = self.active.iter();
        active
            .find(|(_, record)| record.guard == guard)
            .map(|(ticket, _)| *ticket)
    }

    /// How many wait before `ticket`.
    pub fn ahead_of(&self, ticket: Ticket) -> u32 {
        let ahead = if self.exact {
            self.waiting
                .iter()
                .filter(|(other, _)| *other < ticket)
                .count() as u64
        } else {
            ticket.saturating_sub(self.front + 1)
        };
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// Whether nobody waits or relays; in a long line, as far as is known.
    pub fn is_empty(&self) -> bool {
        self.queued == 0 && self.active.is_empty()
    }

    /// Whether this reading leaves behind what a later one may find to be over: it saw somebody lapse or leave, or not everybody.
    pub fn is_unfinished(&self) -> bool {
        !self.exact || self.left > 0 || self.lapsed > 0
    }

    /// Whether the dead and the leavers have left so much that a tidying turn is worth its ticket: nobody waits who
    /// would do it by starting.
    pub fn wants_tidying(&self) -> bool {
        self.exact && self.waiting.is_empty() && (self.left > 2 || self.lapsed > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(count: u32) -> Line {
        Line {
            queued: count,
            ..Line::default()
        }
    }

    #[test]
    fn those_who_can_wait_take_half_of_the_places_and_no_place_is_given_twice() {
        let line = |here, behind, active: u64| Line {
            behind: Some(Box::new(waiting(behind))),
            active: (0..active)
                .map(|ticket| (ticket, Record::unreadable(b"")))
                .collect(),
            ..waiting(here)
        };
        let full = |here, behind| {
            let line = line(here, behind, 4);
            Lane::ALL.map(|lane| line.is_full(lane, 4, 10))
        };
        assert_eq!(full(0, 4), [false, false]);
        assert_eq!(full(0, 5), [false, true]);
        assert_eq!(full(4, 5), [false, true]);
        assert_eq!(full(5, 5), [true, true]);
        assert_eq!(full(10, 0), [true, true]);
        let room = line(9, 9, 3);
        assert_eq!(Lane::ALL.map(|lane| room.is_full(lane, 4, 0)), [false; 2]);
    }
}
