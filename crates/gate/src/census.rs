//! A reading of the whole line, for those who ask how it stands.
//!
//! The truth is in the records, never in counters that could drift. Up to [`WALK_MAX`] in line, every record between
//! the counter and the front is read; beyond that the front is found by bisection (started tickets are smaller than
//! waiting ones) and the figures are estimates. Where an earlier reading's front is that far back the search comes first:
//! in a long line the walk would be for nothing.
//!
//! # What it does not do
//!
//! It decides nothing: no start depends on it, so that it may be as old as it likes.

use crate::{Epoch, Event, Key, Ledger, Load, Now, Op, Record, Sightings, Standing, Ticket, Value};

/// How many records are read one by one, from the counter down, before the front is searched for.
pub const WALK_MAX: u64 = 256;

/// How many neighbours are asked where a record says nothing.
const NEIGHBOURS: u64 = 4;

/// What a census asks for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CensusStep {
    /// One operation on the store.
    Store(Op),
    /// The reading is complete.
    Done(Line),
    /// The store could not be read. That is not an empty line.
    Unavailable,
}

/// How the line stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The epoch it was read in; `None` where there is none yet.
    pub epoch: Option<Epoch>,
    /// The last ticket that was drawn.
    pub counter: Ticket,
    /// The highest ticket that has started; 0 where none has.
    pub front: Ticket,
    /// Those who wait and were read, in order.
    pub waiting: Vec<(Ticket, Record)>,
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
        sightings.retain(|ticket| known.contains(&ticket));
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

    /// Whether the dead and the leavers have left so much that a tidying turn is worth its ticket: nobody waits who
    /// would do it by starting.
    pub fn wants_tidying(&self) -> bool {
        self.exact && self.waiting.is_empty() && (self.left > 2 || self.lapsed > 0)
    }
}

/// A reading under way.
#[derive(Clone, Debug)]
pub struct Census {
    state: State,
    line: Line,
    /// Tickets of the front's view that are still to be read.
    unread: Vec<Ticket>,
    walked: u64,
    is_second_walk: bool,
    /// A ticket that is known not to wait any more.
    floor: Ticket,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Epoch,
    Counter,
    Walking(Ticket),
    Bisecting {
        low: Ticket,
        high: Ticket,
        probe: Ticket,
        tries: u64,
    },
    Viewing(Ticket),
}

impl Census {
    /// A reading that has not begun. `floor` is a ticket of `epoch` that an earlier reading found started.
    pub fn new(floor: Option<(Epoch, Ticket)>) -> Census {
        let line = Line {
            epoch: floor.map(|(epoch, _)| epoch),
            exact: true,
            ..Line::default()
        };
        let floor = floor.map_or(0, |(_, ticket)| ticket);
        Census {
            state: State::Epoch,
            line,
            unread: Vec::new(),
            walked: 0,
            is_second_walk: false,
            floor,
        }
    }

    /// What to read first.
    pub fn begin(&self) -> Op {
        Op::Get(Key::Epoch)
    }

    /// Takes what was read, and answers what to read next.
    pub fn step(&mut self, event: Event) -> CensusStep {
        match (self.state, event) {
            (State::Epoch, Event::Got(Some(Value::Epoch(epoch)))) => {
                if self.line.epoch != Some(epoch) {
                    self.floor = 0;
                }
                self.line.epoch = Some(epoch);
                self.state = State::Counter;
                CensusStep::Store(Op::Peek(Key::Counter(epoch)))
            }
            (State::Epoch, Event::Got(None)) => self.done(),
            (State::Counter, Event::Drawn(counter)) => {
                self.line.counter = counter;
                if self.floor > 0 && counter.saturating_sub(self.floor) > WALK_MAX {
                    self.line.exact = false;
                    return self.bisect(self.floor, counter);
                }
                self.walk(counter)
            }
            (State::Walking(ticket), Event::Got(value)) => self.walked(ticket, value),
            (
                State::Bisecting {
                    low,
                    high,
                    probe,
                    tries,
                },
                Event::Got(value),
            ) => self.bisected(low, high, probe, tries, &value),
            (State::Viewing(ticket), Event::Got(value)) => {
                self.viewed(ticket, value);
                self.view()
            }
            _ => CensusStep::Unavailable,
        }
    }

    fn walk(&mut self, ticket: Ticket) -> CensusStep {
        if ticket == 0 {
            return self.done();
        }
        if self.walked >= WALK_MAX {
            self.line.exact = false;
            return self.bisect(self.floor.min(ticket), ticket);
        }
        self.walked += 1;
        self.read(State::Walking(ticket), ticket)
    }

    fn walked(&mut self, ticket: Ticket, value: Option<Value>) -> CensusStep {
        if let Some(Value::Record(record)) = value {
            match record.standing {
                Standing::Waiting => self.line.waiting.push((ticket, record)),
                Standing::Left => self.line.left += 1,
                Standing::Active | Standing::Finished => return self.found_front(ticket, record),
            }
        }
        self.walk(ticket - 1)
    }

    /// Somewhere above `low` and at or below `high` the line begins.
    fn bisect(&mut self, low: Ticket, high: Ticket) -> CensusStep {
        if high - low <= NEIGHBOURS {
            self.walked = WALK_MAX - 2 * NEIGHBOURS;
            self.floor = low;
            return if high == 0 {
                self.done()
            } else {
                self.last_steps(high)
            };
        }
        let probe = low + (high - low) / 2;
        self.read(
            State::Bisecting {
                low,
                high,
                probe,
                tries: 0,
            },
            probe,
        )
    }

    fn bisected(
        &mut self,
        low: Ticket,
        high: Ticket,
        probe: Ticket,
        tries: u64,
        value: &Option<Value>,
    ) -> CensusStep {
        let at = probe + tries;
        match value {
            Some(Value::Record(record)) => match record.standing {
                Standing::Waiting => self.bisect(low, probe),
                Standing::Active | Standing::Finished => self.bisect(at.min(high), high),
                Standing::Left => self.next_try(low, high, probe, tries),
            },
            _ => self.next_try(low, high, probe, tries),
        }
    }

    /// Nothing there: deleted long ago, or gone from the line. A neighbour may know.
    fn next_try(&mut self, low: Ticket, high: Ticket, probe: Ticket, tries: u64) -> CensusStep {
        let next = tries + 1;
        if next < NEIGHBOURS && probe + next < high {
            return self.read(
                State::Bisecting {
                    low,
                    high,
                    probe,
                    tries: next,
                },
                probe + next,
            );
        }
        self.bisect(probe, high)
    }

    /// The last few tickets before the front, one by one; if the front is not among them, the search was misled by
    /// changes on its way and the figures stay estimates.
    fn last_steps(&mut self, ticket: Ticket) -> CensusStep {
        self.read(State::Walking(ticket), ticket)
    }

    fn found_front(&mut self, ticket: Ticket, record: Record) -> CensusStep {
        if !self.line.exact && self.line.counter - ticket < WALK_MAX && !self.is_second_walk {
            // The line is short after all.
            self.is_second_walk = true;
            self.line.exact = true;
            self.line.waiting.clear();
            self.line.left = 0;
            self.walked = 0;
            return self.walk(self.line.counter);
        }
        self.line.front = ticket;
        self.line.ledger.clone_from(&record.ledger);
        self.line.view = record.view.iter().map(|held| held.ticket).collect();
        self.unread.clone_from(&self.line.view);
        self.line.whole = true;
        self.viewed(ticket, Some(Value::Record(record)));
        self.view()
    }

    fn view(&mut self) -> CensusStep {
        match self.unread.pop() {
            Some(ticket) => self.read(State::Viewing(ticket), ticket),
            None => self.done(),
        }
    }

    fn viewed(&mut self, ticket: Ticket, value: Option<Value>) {
        let Some(Value::Record(record)) = value else {
            self.line.whole = false;
            return;
        };
        match record.standing {
            Standing::Active => self.line.active.push((ticket, record)),
            Standing::Finished => {
                if let Some(figures) = &record.figures {
                    self.line.ledger.add(figures);
                }
            }
            Standing::Waiting | Standing::Left => {}
        }
    }

    fn read(&mut self, state: State, ticket: Ticket) -> CensusStep {
        self.state = state;
        CensusStep::Store(Op::Get(Key::Record(
            self.line.epoch.unwrap_or_default(),
            ticket,
        )))
    }

    fn done(&mut self) -> CensusStep {
        let mut line = std::mem::take(&mut self.line);
        if line.front == 0 {
            // Nobody has started yet, if every record was read.
            line.whole = line.exact;
        }
        line.waiting.reverse();
        line.active.sort_by_key(|(ticket, _)| *ticket);
        let queued = if line.exact {
            line.waiting.len() as u64
        } else {
            line.front = line.front.max(self.floor);
            line.counter.saturating_sub(line.front)
        };
        line.queued = u32::try_from(queued).unwrap_or(u32::MAX);
        CensusStep::Done(line)
    }
}

#[cfg(test)]
mod tests;
