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

use crate::{Epoch, Event, Key, Lane, Line, Op, Record, Standing, Ticket, Value};

/// How many records are read one by one, from the counter down, before the front is searched for.
pub const WALK_MAX: u64 = 256;

/// In a longer line, how many of those who wait are read at each reading, in turns: so that the dead among them are seen to
/// lapse together, however many they are.
pub const WATCH_MAX: u64 = 32;

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

/// A reading under way.
#[derive(Clone, Debug)]
pub struct Census {
    state: State,
    lane: Lane,
    line: Line,
    /// Tickets of the front's view that are still to be read.
    unread: Vec<Ticket>,
    walked: u64,
    is_second_walk: bool,
    /// A ticket that is known not to wait any more.
    floor: Ticket,
    /// The last that an earlier reading looked at in passing.
    watched_to: Ticket,
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
    Watching(Ticket),
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
            lane: Lane::Main,
            line,
            unread: Vec::new(),
            walked: 0,
            is_second_walk: false,
            floor,
            watched_to: 0,
        }
    }

    /// The same of another line than the main one.
    #[must_use]
    pub fn of(self, lane: Lane) -> Census {
        Census { lane, ..self }
    }

    /// The same, going on where an earlier reading of a long line stopped to watch ([`Line::watched_to`]).
    #[must_use]
    pub fn watching_from(self, watched_to: Ticket) -> Census {
        Census { watched_to, ..self }
    }

    /// What to read first.
    pub fn begin(&self) -> Op {
        Op::Get(Key::Epoch)
    }

    /// Takes what was read, and answers what to read next.
    pub fn step(&mut self, event: Event) -> CensusStep {
        match (self.state, event) {
            (State::Epoch, Event::Got(Some(Value::Epoch(epoch)))) => {
                let epoch = self.lane.word(epoch);
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
            (State::Watching(ticket), Event::Got(value)) => {
                if let Some(Value::Record(record)) = value
                    && record.standing == Standing::Waiting
                {
                    self.line.watched.push((ticket, record));
                }
                self.watch(ticket)
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
        (self.line.front, self.line.base) = (ticket, ticket);
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

    /// All that counts was read. In a long line some more are looked at.
    fn done(&mut self) -> CensusStep {
        if self.line.exact {
            return self.complete();
        }
        self.line.front = self.line.front.max(self.floor);
        self.walked = 0;
        self.watch(self.watched_to.max(self.line.front))
    }

    /// Looks at the one after `last` in passing, up to [`WATCH_MAX`] of them.
    fn watch(&mut self, last: Ticket) -> CensusStep {
        let is_last = last >= self.line.counter;
        self.line.watched_to = if is_last { 0 } else { last };
        if self.walked >= WATCH_MAX || is_last {
            return self.complete();
        }
        self.walked += 1;
        self.read(State::Watching(last + 1), last + 1)
    }

    fn complete(&mut self) -> CensusStep {
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
            line.counter.saturating_sub(line.front)
        };
        line.queued = u32::try_from(queued).unwrap_or(u32::MAX);
        CensusStep::Done(line)
    }
}

#[cfg(test)]
mod tests;
