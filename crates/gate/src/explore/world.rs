//! A state of the world: the store, the processes, the writes under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::{Config, FAULTS, Fault};
use crate::board::{AskId, Board};
use crate::clock::Now;
use crate::instance::{Context, Effect, Event, Instance, Phase, Request, RequestNo, Why};
use crate::mutant::Mutant;
use crate::room::Room;
use crate::session::outbox::{Outbox, Said};
use crate::store::{Epoch, Found, Key, Op};

/// The time at which every canonical state stands.
pub(super) const ORIGIN: u64 = 1_000;

/// Terms, session numbers and epochs beyond these are not explored.
pub(super) const TERMS_MAX: u64 = 6;
pub(super) const SESSIONS_MAX: u64 = 6;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Word(Epoch),
    Mark,
    Number(u64),
    Board(Board),
    Outbox(Outbox),
}

/// A write, with its value unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Write {
    Put(Key, Value),
    Delete(Key),
    Add(Key),
    Base(Key),
}

/// What a process is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    Write(Write),
    Read(Vec<Key>),
    Rest(u64),
    Quiet,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub instance: Instance,
    pub doing: Doing,
    pub now: u64,
    /// Something was noted while it rested.
    pub is_woken: bool,
    /// Requests that have not arrived.
    pub to_come: u8,
    pub is_stalled: bool,
    /// At least one tick since it was stalled.
    pub has_ticked: bool,
    pub is_frozen: bool,
    /// Not counted: its clocks stood still, and it was not renewed since.
    pub is_exempt: bool,
    /// It began a renewal after its clocks ran again.
    pub renews: bool,
    /// It had a fault of its own.
    pub had_fault: bool,
    pub had_session: bool,
    /// For how many ticks it has had its term, where that is bounded.
    pub leads_for: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub store: BTreeMap<Key, Value>,
    pub processes: Vec<Process>,
    pub late: Vec<Write>,
    pub left: [u8; FAULTS],
    /// Streams may be cut although nobody had a fault of its own: the epoch may be lost.
    pub may_cut: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Perform(usize),
    Due(usize),
    Arrive(usize),
    End(usize, u64),
    Wake(usize),
    Thaw(usize),
    Land(usize),
    Tick,
    Crash(usize),
    Leave(usize, u64),
    FailUndone(usize),
    FailDone(usize),
    FailLate(usize),
    FailRead(usize),
    Stall(usize),
    Freeze(usize),
    Empty,
    Resign(usize),
    Take(usize),
}

impl Action {
    pub fn is_fault(self) -> bool {
        match self {
            Action::Perform(_)
            | Action::Due(_)
            | Action::Arrive(_)
            | Action::End(..)
            | Action::Wake(_)
            | Action::Thaw(_)
            | Action::Land(_)
            | Action::Tick => false,
            Action::Crash(_)
            | Action::Leave(..)
            | Action::FailUndone(_)
            | Action::FailDone(_)
            | Action::FailLate(_)
            | Action::FailRead(_)
            | Action::Stall(_)
            | Action::Freeze(_)
            | Action::Empty
            | Action::Resign(_)
            | Action::Take(_) => true,
        }
    }
}

impl World {
    /// How many relay who count.
    pub fn relaying(&self) -> u32 {
        let counted = self.processes.iter().filter(|process| !process.is_exempt);
        let relaying = counted.map(|process| process.instance.relaying(process.clocks()).len());
        u32::try_from(relaying.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Every request of every process is over, and its session has said so.
    pub fn is_at_rest(&self) -> bool {
        self.processes.iter().all(|process| {
            process.to_come == 0 && process.doing == Doing::Quiet && !process.is_woken
        })
    }

    /// A board in the store that no scheduler would put, if there is one.
    pub fn unsound_board(&self) -> Option<&Board> {
        self.store.values().find_map(|value| match value {
            Value::Board(board) if !board.is_sound() => Some(board),
            _ => None,
        })
    }

    /// An ask on the newest term's board of which its session, which lives, knows nothing any more.
    pub fn leaked_ask(&self) -> Option<AskId> {
        let Some(Value::Word(epoch)) = self.store.get(&Key::Epoch) else {
            return None;
        };
        let Some(Value::Number(term)) = self.store.get(&Key::Term(*epoch)) else {
            return None;
        };
        let Some(Value::Board(board)) = self.store.get(&Key::Board(*epoch, *term)) else {
            return None;
        };
        let mut processes = self.processes.iter();
        processes.find_map(|process| process.instance.leak_on(*epoch, board))
    }

    pub fn actions(&self, config: &Config) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut is_urgent = false;
        for (at, process) in self.processes.iter().enumerate() {
            if process.is_stalled {
                if process.has_ticked {
                    actions.push(Action::Wake(at));
                }
                continue;
            }
            let works = match &process.doing {
                Doing::Write(_) | Doing::Read(_) => Some(Action::Perform(at)),
                Doing::Rest(until) => {
                    let is_due = process.is_woken || *until <= process.now;
                    (is_due || !config.is_prompt).then_some(Action::Due(at))
                }
                Doing::Quiet => process.is_woken.then_some(Action::Due(at)),
            };
            actions.extend(works);
            is_urgent |= works.is_some() && !process.is_frozen;
            let may_come =
                !config.is_once || !process.had_session || process.instance.is_in_session();
            if process.to_come > 0 && may_come {
                actions.push(Action::Arrive(at));
            }
            let relaying = process.instance.relaying(process.clocks());
            actions.extend(relaying.into_iter().map(|k| Action::End(at, k)));
            self.faults_of(at, process, &mut actions);
        }
        actions.extend((0..self.late.len()).map(Action::Land));
        if self.may(Fault::Empty) {
            actions.push(Action::Empty);
        }
        if !(config.is_prompt && is_urgent) {
            actions.push(Action::Tick);
        }
        actions
    }

    fn may(&self, fault: Fault) -> bool {
        self.left[fault as usize] > 0
    }

    fn faults_of(&self, at: usize, process: &Process, actions: &mut Vec<Action>) {
        if self.may(Fault::Crash) {
            actions.push(Action::Crash(at));
        }
        if self.may(Fault::Leave) {
            let living = process.instance.living();
            actions.extend(living.into_iter().map(|k| Action::Leave(at, k)));
        }
        match &process.doing {
            Doing::Write(Write::Add(_) | Write::Base(_)) => {
                if self.may(Fault::LostAdd) {
                    actions.push(Action::FailDone(at));
                }
                if self.may(Fault::Late) && self.late.len() < 2 {
                    actions.push(Action::FailLate(at));
                }
            }
            Doing::Write(write) => {
                if self.may(Fault::WriteFail) {
                    actions.extend([Action::FailUndone(at), Action::FailDone(at)]);
                }
                let of_its_kind = match write {
                    Write::Put(Key::Member(..), _) => self.may(Fault::LateOutbox),
                    Write::Put(Key::Board(..), _) => self.may(Fault::LateBoard),
                    _ => false,
                };
                let may_be_late = self.may(Fault::Late) || of_its_kind;
                if may_be_late && self.late.len() < 2 {
                    actions.push(Action::FailLate(at));
                }
            }
            Doing::Read(_) if self.may(Fault::ReadFail) => actions.push(Action::FailRead(at)),
            Doing::Read(_) | Doing::Rest(_) | Doing::Quiet => {}
        }
        if self.may(Fault::Stall) && process.instance.is_in_session() {
            actions.push(Action::Stall(at));
        }
        if process.is_frozen {
            actions.push(Action::Thaw(at));
        } else if self.may(Fault::Freeze) && process.instance.is_in_session() {
            actions.push(Action::Freeze(at));
        }
        if self.may(Fault::Resign) && process.instance.is_scheduler() {
            actions.push(Action::Resign(at));
        }
        if self.may(Fault::Take) && process.instance.could_take() {
            actions.push(Action::Take(at));
        }
    }

    /// What the store answers to a read.
    pub fn find(&self, key: Key) -> Found {
        match self.store.get(&key) {
            None => Found::Absent,
            Some(Value::Number(number)) => Found::Number(*number),
            Some(Value::Word(word)) => Found::Bytes(word.encode()),
            Some(Value::Mark) => Found::Bytes(b"1".to_vec()),
            Some(Value::Outbox(outbox)) => Found::Bytes(outbox.encode()),
            Some(Value::Board(board)) => Found::Bytes(board.encode().expect("a small board")),
        }
    }

    /// Does a write; the sum, if it is an increment. A counter of terms that was lost never comes to its base again.
    pub fn perform(&mut self, config: &Config, write: Write) -> Option<u64> {
        match write {
            Write::Put(key, value) => _ = self.store.insert(key, value),
            Write::Delete(key) => _ = self.store.remove(&key),
            Write::Base(key) => _ = self.store.insert(key, Value::Number(0)),
            Write::Add(key @ Key::Term(_))
                if !self.store.contains_key(&key) && !config.times.lacks(Mutant::TermsFromZero) =>
            {
                return Some(0);
            }
            Write::Add(key) => {
                let sum = match self.store.get(&key) {
                    Some(Value::Number(number)) => number + 1,
                    _ => 1,
                };
                self.store.insert(key, Value::Number(sum));
                return Some(sum);
            }
        }
        None
    }
}

impl Process {
    pub fn clocks(&self) -> Now {
        Now {
            mono_ms: self.now,
            wall_ms: self.now,
        }
    }

    pub fn arrive(&mut self) {
        self.to_come -= 1;
        self.is_woken = true;
        self.instance.arrive(Request::default(), self.clocks());
    }

    pub fn end(&mut self, k: u64) {
        let now = self.clocks();
        self.instance.end(RequestNo(k), None, now);
    }

    /// Tells the instance what happened, and notes what it does next.
    pub fn step(&mut self, event: Event, room: Room, random: u64) {
        let context = Context {
            now: self.clocks(),
            room,
            models: Arc::default(),
            random,
            op_ms: 0,
        };
        if event == Event::Due {
            self.is_woken = false;
        }
        let effect = self.instance.step(event, &context).expect("a legal event");
        self.doing = match effect {
            Effect::Read { keys, .. } => Doing::Read(keys),
            Effect::Rest { until_ms } => Doing::Rest(until_ms),
            Effect::Quiet => Doing::Quiet,
            Effect::Write {
                op: Op::Add(key), ..
            } => Doing::Write(Write::Add(key)),
            Effect::Write {
                op: Op::AddBase(epoch),
                ..
            } => Doing::Write(Write::Base(Key::Term(epoch))),
            Effect::Write {
                op: Op::Delete(key),
                ..
            } => Doing::Write(Write::Delete(key)),
            Effect::Write {
                op: Op::Put(key, bytes),
                ..
            } => {
                let value = match key {
                    Key::Epoch => Epoch::decode(&bytes).map(Value::Word),
                    Key::New => Some(Value::Mark),
                    Key::Board(..) => Board::decode(&bytes).ok().map(Value::Board),
                    Key::Member(..) => match Outbox::read(&bytes) {
                        Said::All(outbox) => Some(Value::Outbox(outbox)),
                        Said::Beat { .. } | Said::Nothing => None,
                    },
                    Key::Term(_) | Key::Members(_) => None,
                };
                Doing::Write(Write::Put(key, value.expect("a sound value")))
            }
        };
        self.had_session |= self.instance.is_in_session();
    }

    /// Whether a stream was cut by the gate: forgets it, as its owner would.
    pub fn reap(&mut self) -> bool {
        let mut was_cut = false;
        for (k, phase) in self.instance.phases() {
            if let Phase::Over(why) = phase {
                was_cut |= why == Why::Lapsed;
                self.instance.forget(RequestNo(k));
            }
        }
        was_cut
    }
}
