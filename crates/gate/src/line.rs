//! How the line stood when a census read it. It may be as old as it likes: no start is decided by it.

use crate::{Epoch, Ledger, Load, Now, Record, Sightings, Ticket};

/// How the line stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The epoch it was read in; `None` where there is none yet.
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
}

impl Line {
    /// Takes out those who have lapsed, as far as this reader has seen.
    pub fn drop_lapsed(&mut self, sightings: &mut Sightings, now: Now) {
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

    /// Whether nobody waits or relays.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    /// Whether the dead and the leavers have left so much that a tidying turn is worth its ticket: nobody waits who
    /// would do it by starting.
    pub fn wants_tidying(&self) -> bool {
        self.exact && self.waiting.is_empty() && (self.left > 2 || self.lapsed > 0)
    }
}
