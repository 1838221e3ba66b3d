//! The sweep: a rare search for strays, the one thing that lists the store.
//!
//! # Why
//!
//! A write that arrives after its ticket was struck and deleted leaves a record that nobody follows any more. The
//! sweep deletes below the highest started ticket and never one in that one's view: those who follow look nowhere
//! else. That ticket must not be condemned: a late write can make one that was passed over look as if it had started, and
//! those who passed it over still need what stands below. And it must have been read: a front that a census only estimated is
//! none. A record that says active or waiting gets its verdict first and is read once more, as in a turn.
//!
//! # What it does not do
//!
//! It leaves the keys of other epochs alone: the epoch may have changed since it was read.

use crate::rule::Rule;
use crate::{Epoch, Event, Key, Line, Op, Record, Settings, Standing, Ticket, Value};

/// How long verdicts are kept, in milliseconds of wall time: longer than any host stands still and comes back.
pub const VERDICT_KEPT_MS: u64 = 6 * 60 * 60 * 1_000;

/// What a sweep asks for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepStep {
    /// One operation on the store.
    Store(Op),
    /// Nothing is left to look at, or the store failed: another sweep will come.
    Done {
        /// How many keys were deleted.
        deleted: u32,
    },
}

/// A sweep under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    epoch: Epoch,
    base: Ticket,
    suspects: Vec<Key>,
    wall_ms: u64,
    state: State,
    deleted: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Idle,
    Checking,
    Reading(Key),
    Condemning(Ticket, Record),
    Rereading(Ticket, Record),
    Deleting,
}

impl Sweep {
    /// A sweep over the names that a listing answered, after `line` was read. `wall_ms` is the wall time.
    pub fn new(
        settings: &Settings,
        line: &Line,
        names: impl IntoIterator<Item = String>,
        wall_ms: u64,
    ) -> Sweep {
        let epoch = line.epoch.unwrap_or_default();
        let spares = |ticket: Ticket| ticket == line.base || line.view.contains(&ticket);
        let stray = |ticket: Ticket| {
            ticket <= line.base && !(settings.keeps(Rule::SpareBase) && spares(ticket))
        };
        let suspect = |key: &Key| match *key {
            Key::Record(e, ticket) | Key::Cancel(e, ticket) => e == epoch && stray(ticket),
            Key::Gone(e, _) => e == epoch,
            Key::Epoch | Key::Counter(_) | Key::Settled(_) => false,
        };
        let suspects = names
            .into_iter()
            .filter_map(|name| Key::parse(&name))
            .filter(suspect)
            .collect();
        Sweep {
            epoch,
            base: line.base,
            suspects,
            wall_ms,
            state: State::Idle,
            deleted: 0,
        }
    }

    /// What to do first.
    pub fn begin(&mut self) -> SweepStep {
        self.state = State::Checking;
        SweepStep::Store(Op::Get(Key::Gone(self.epoch, self.base)))
    }

    /// Takes the outcome of the last operation, and answers the next.
    pub fn step(&mut self, event: Event) -> SweepStep {
        if event == Event::Failed {
            return SweepStep::Done {
                deleted: self.deleted,
            };
        }
        match (std::mem::replace(&mut self.state, State::Idle), event) {
            (State::Checking, Event::Got(Some(_))) => SweepStep::Done { deleted: 0 },
            (State::Reading(key), Event::Got(Some(value))) => self.judge(key, value),
            (State::Condemning(ticket, record), _) => {
                self.state = State::Rereading(ticket, record);
                SweepStep::Store(Op::Get(Key::Record(self.epoch, ticket)))
            }
            (State::Rereading(ticket, before), Event::Got(Some(Value::Record(record))))
                if record == before =>
            {
                self.delete(Key::Record(self.epoch, ticket))
            }
            _ => self.next(),
        }
    }

    fn next(&mut self) -> SweepStep {
        match self.suspects.pop() {
            None => SweepStep::Done {
                deleted: self.deleted,
            },
            Some(key) => {
                self.state = State::Reading(key);
                SweepStep::Store(Op::Get(key))
            }
        }
    }

    fn judge(&mut self, key: Key, value: Value) -> SweepStep {
        match (key, value) {
            (Key::Record(_, ticket), Value::Record(record)) => match record.standing {
                Standing::Finished | Standing::Left => self.delete(key),
                Standing::Active | Standing::Waiting => {
                    self.state = State::Condemning(ticket, record);
                    SweepStep::Store(Op::Put(
                        Key::Gone(self.epoch, ticket),
                        Value::Mark(self.wall_ms),
                    ))
                }
            },
            (Key::Cancel(..), _) => self.delete(key),
            (Key::Gone(..), Value::Mark(written_ms))
                if self.wall_ms.saturating_sub(written_ms) > VERDICT_KEPT_MS =>
            {
                self.delete(key)
            }
            _ => self.next(),
        }
    }

    fn delete(&mut self, key: Key) -> SweepStep {
        self.state = State::Deleting;
        self.deleted += 1;
        SweepStep::Store(Op::Delete(key))
    }
}
