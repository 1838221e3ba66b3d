//! The world of the model: a store of a counter and registers, requests in any interleaving, and faults.
//!
//! Every operation on the store is one atomic action. Time passes only while everybody who is not stalled rests: an
//! operation takes no time unless it is stalled, late or lost, and those are faults with a budget.

use std::collections::{BTreeMap, BTreeSet};

use super::rebase::{self, NOW};
use crate::turn::{Effect, Event, Identity, Outcome, Phase, Turn};
use crate::{Epoch, Errand, Figures, Key, Op, Record, Settings, Standing, Ticket, Value};

/// How many faults of each kind a run may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Faults {
    /// A request's host dies.
    pub(crate) crashes: u8,
    /// A client hangs up while its request rests.
    pub(crate) leavers: u8,
    /// A request stands still, before or after an operation, for as long as it likes.
    pub(crate) stalls: u8,
    /// A write is reported as failed and arrives at any later time.
    pub(crate) late_writes: u8,
    /// An operation is reported as failed; it was done, or it was not.
    pub(crate) failures: u8,
    /// The store is emptied.
    pub(crate) empties: u8,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) turn: Turn,
    pub(crate) next: Effect,
    /// An event that has happened and not been told, because the request is stalled.
    pub(crate) untold: Option<Event>,
    pub(crate) stalled: bool,
    pub(crate) crashed: bool,
}

/// What the checker remembers besides the state, to judge the order of starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ghost {
    highest_active: BTreeMap<Epoch, Ticket>,
    late_starts: BTreeSet<(Epoch, Ticket)>,
    pub(crate) out_of_order: bool,
    pub(crate) seen: Seen,
}

/// Interesting things that happened, for the `sometimes` properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) verdict: bool,
    pub(crate) verdict_overturned: bool,
    pub(crate) start_taken_back: bool,
    pub(crate) inherited_through_finished: bool,
    pub(crate) predecessor_left: bool,
    pub(crate) died_before_first_write: bool,
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) store: BTreeMap<Key, Value>,
    pub(crate) counters: BTreeMap<Epoch, u64>,
    pub(crate) processes: Vec<Process>,
    pub(crate) limbo: Vec<(Key, Value)>,
    pub(crate) budget: (u8, u8, u8, u8, u8, u8),
    pub(crate) ghost: Ghost,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// The operation under way is done and its outcome told; or what is due is told.
    Go(usize),
    /// The client hangs up.
    Leave(usize),
    /// The answer ends.
    Serve(usize),
    Crash(usize),
    StallBefore(usize),
    StallAfter(usize),
    Wake(usize),
    FailDone(usize),
    FailUndone(usize),
    FailLate(usize),
    /// The late write with this index arrives.
    Land(usize),
    Empty,
    Tick,
}

impl World {
    pub(crate) fn new(settings: Settings, requests: usize, faults: Faults) -> World {
        let founded = faults.empties == 0;
        let mut store = BTreeMap::new();
        if founded {
            store.insert(Key::Epoch, Value::Epoch(Epoch(1)));
            store.insert(Key::Settled(Epoch(1)), Value::Mark(0));
        }
        let processes = (0..requests).map(|index| {
            let nonce = if founded { 0 } else { 10 * (index as u64 + 1) };
            let identity = Identity {
                nonce,
                ..Identity::default()
            };
            let mut turn = Turn::new(settings, Errand::Serve, identity, None);
            let next = turn.step(NOW, Event::Begin).expect("a turn begins");
            Process {
                turn,
                next,
                untold: None,
                stalled: false,
                crashed: false,
            }
        });
        let Faults {
            crashes,
            leavers,
            stalls,
            late_writes,
            failures,
            empties,
        } = faults;
        World {
            store,
            counters: BTreeMap::new(),
            processes: processes.collect(),
            limbo: Vec::new(),
            budget: (crashes, leavers, stalls, late_writes, failures, empties),
            ghost: Ghost::default(),
        }
    }

    pub(crate) fn actions(&self, actions: &mut Vec<Action>) {
        let (crashes, leavers, stalls, late_writes, failures, empties) = self.budget;
        for (index, process) in self.processes.iter().enumerate() {
            if process.crashed || matches!(process.next, Effect::Over) && process.untold.is_none() {
                continue;
            }
            let mut may = |allowed: bool, action: fn(usize) -> Action| {
                if allowed {
                    actions.push(action(index));
                }
            };
            may(crashes > 0, Action::Crash);
            if process.stalled {
                may(true, Action::Wake);
                continue;
            }
            let operation = matches!(process.next, Effect::Store(_));
            let rests = matches!(process.next, Effect::Rest { .. });
            may(
                operation || rebase::due(&process.next).is_some(),
                Action::Go,
            );
            may(rests && leavers > 0, Action::Leave);
            may(
                rests && process.turn.phase() == Phase::Relaying,
                Action::Serve,
            );
            may(operation && stalls > 0, Action::StallBefore);
            may(operation && stalls > 0, Action::StallAfter);
            may(
                rests && stalls > 0 && process.turn.phase() == Phase::Relaying,
                Action::StallBefore,
            );
            may(operation && failures > 0, Action::FailDone);
            may(operation && failures > 0, Action::FailUndone);
            let writes = matches!(
                &process.next,
                Effect::Store(Op::Put(Key::Record(..) | Key::Epoch, _))
            );
            may(writes && late_writes > 0, Action::FailLate);
        }
        actions.extend((0..self.limbo.len()).map(Action::Land));
        if empties > 0 {
            actions.push(Action::Empty);
        }
        if self.everybody_rests() {
            actions.push(Action::Tick);
        }
    }

    fn everybody_rests(&self) -> bool {
        let mut resting = false;
        for process in self.processes.iter().filter(|p| !p.crashed) {
            match process.next {
                Effect::Over if process.untold.is_none() => {}
                _ if process.stalled => resting = true,
                Effect::Rest { .. } if rebase::due(&process.next).is_none() => resting = true,
                _ => return false,
            }
        }
        resting
    }

    /// The world after `action`.
    pub(crate) fn after(&self, action: &Action) -> World {
        let mut world = self.clone();
        world.act(action);
        world.canonical();
        world
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Go(index) => {
                let event = self.outcome(index);
                self.tell(index, event);
            }
            Action::Leave(index) => {
                self.budget.1 -= 1;
                self.tell(index, Event::Leave);
            }
            Action::Serve(index) => self.tell(index, Event::Served(Figures::default())),
            Action::Crash(index) => {
                self.budget.0 -= 1;
                self.processes[index].crashed = true;
                if let Some((epoch, ticket)) = self.processes[index].turn.ticket() {
                    self.ghost.seen.died_before_first_write |=
                        !self.store.contains_key(&Key::Record(epoch, ticket));
                }
            }
            Action::StallBefore(index) => {
                self.budget.2 -= 1;
                self.processes[index].stalled = true;
            }
            Action::StallAfter(index) => {
                self.budget.2 -= 1;
                let event = self.outcome(index);
                let process = &mut self.processes[index];
                (process.stalled, process.untold) = (true, Some(event));
            }
            Action::Wake(index) => {
                self.processes[index].stalled = false;
                if let Some(event) = self.processes[index].untold.take() {
                    self.tell(index, event);
                }
            }
            Action::FailDone(index) => {
                self.budget.4 -= 1;
                self.outcome(index);
                self.tell(index, Event::Failed);
            }
            Action::FailUndone(index) => {
                self.budget.4 -= 1;
                self.tell(index, Event::Failed);
            }
            Action::FailLate(index) => {
                self.budget.3 -= 1;
                if let Effect::Store(Op::Put(key, value)) = self.processes[index].next.clone() {
                    self.limbo.push((key, value));
                }
                self.tell(index, Event::Failed);
            }
            Action::Land(index) => {
                let (key, value) = self.limbo.remove(index);
                self.put(key, value);
            }
            Action::Empty => {
                self.budget.5 -= 1;
                self.store.clear();
                self.counters.clear();
            }
            Action::Tick => {
                for process in &mut self.processes {
                    rebase::age(&mut process.turn);
                    rebase::age_effect(&mut process.next);
                }
            }
        }
    }

    /// Does the operation that is under way and answers its outcome.
    fn outcome(&mut self, index: usize) -> Event {
        match self.processes[index].next.clone() {
            Effect::Rest { .. } | Effect::Over => Event::Due,
            Effect::Store(Op::Get(key)) => Event::Got(self.store.get(&key).cloned()),
            Effect::Store(Op::Put(key, value)) => {
                self.put(key, value);
                Event::Done
            }
            Effect::Store(Op::Delete(key)) => {
                self.store.remove(&key);
                Event::Done
            }
            Effect::Store(Op::Draw(Key::Counter(epoch))) => {
                let counter = self.counters.entry(epoch).or_default();
                *counter += 1;
                Event::Drawn(*counter)
            }
            Effect::Store(op) => panic!("a turn does not ask for {op:?}"),
        }
    }

    fn put(&mut self, key: Key, value: Value) {
        match (&key, &value) {
            (
                Key::Record(epoch, ticket),
                Value::Record(Record {
                    standing: Standing::Active,
                    ..
                }),
            ) => {
                let highest = self.ghost.highest_active.entry(*epoch).or_default();
                if *highest > *ticket && !self.ghost.late_starts.contains(&(*epoch, *ticket)) {
                    let started_before = matches!(
                        self.store.get(&key),
                        Some(Value::Record(Record {
                            standing: Standing::Active | Standing::Finished,
                            ..
                        }))
                    );
                    if !started_before {
                        self.ghost.late_starts.insert((*epoch, *ticket));
                    }
                }
                *highest = (*highest).max(*ticket);
            }
            (Key::Gone(..), _) => self.ghost.seen.verdict = true,
            _ => {}
        }
        self.store.insert(key, value);
    }

    fn tell(&mut self, index: usize, event: Event) {
        let process = &mut self.processes[index];
        if let (true, Event::Got(Some(Value::Record(record)))) = (process.turn.follows(), &event) {
            let seen = &mut self.ghost.seen;
            seen.predecessor_left |= record.standing == Standing::Left;
            seen.inherited_through_finished |=
                record.standing == Standing::Finished && !record.view.is_empty();
        }
        let (before, reconsidering) = (process.turn.phase(), process.turn.reconsiders());
        process.next = process
            .turn
            .step(NOW, event)
            .expect("the world tells legal events");
        let after = process.turn.phase();
        if before == Phase::Sending && matches!(after, Phase::Queued) {
            self.ghost.seen.start_taken_back = true;
        }
        if reconsidering && process.turn.rests_in_line() {
            self.ghost.seen.verdict_overturned = true;
        }
        if before != Phase::Relaying && after == Phase::Relaying {
            let ticket = process.turn.ticket().expect("it relays by a ticket");
            self.ghost.out_of_order |= self.ghost.late_starts.contains(&ticket);
        }
    }

    /// Numbers the writes of each record anew, in their order: only which is the later one counts. So an exploration
    /// with any number of renewals is finite, and no number ever comes round again.
    fn renumber(&mut self) {
        let mut numbers: BTreeMap<(Epoch, Ticket), BTreeSet<u32>> = BTreeMap::new();
        self.for_each_beat(|of, beat| {
            numbers.entry(of).or_default().insert(beat);
            beat
        });
        let rank = |of, beat: u32| {
            let rank = numbers
                .get(&of)
                .map_or(0, |known| known.range(..beat).count());
            u32::try_from(rank).expect("few writes")
        };
        self.for_each_beat(rank);
    }

    fn for_each_beat(&mut self, mut renumbered: impl FnMut((Epoch, Ticket), u32) -> u32) {
        let mut record = |key: &Key, value: &mut Value| {
            if let (Key::Record(epoch, ticket), Value::Record(record)) = (key, value) {
                record.beat = renumbered((*epoch, *ticket), record.beat);
            }
        };
        for (key, value) in &mut self.store {
            record(key, value);
        }
        for (key, value) in &mut self.limbo {
            record(key, value);
        }
        for process in &mut self.processes {
            match (&mut process.next, &mut process.untold) {
                (Effect::Store(Op::Get(key)), Some(Event::Got(Some(value)))) => record(key, value),
                (Effect::Store(Op::Put(key, value)), _) => record(key, value),
                _ => {}
            }
        }
        for process in &mut self.processes {
            let (own, epoch, sightings) = process.turn.beats();
            if let Some((epoch, ticket, beat)) = own {
                *beat = renumbered((epoch, ticket), *beat);
            }
            for (ticket, stamp) in sightings.stamps() {
                let beat = renumbered((epoch, ticket), u32::try_from(*stamp >> 2).expect("a beat"));
                *stamp = u64::from(beat) << 2 | *stamp & 3;
            }
        }
    }

    fn canonical(&mut self) {
        self.renumber();
        for process in &mut self.processes {
            process.turn.canonical();
            if process.crashed {
                let identity = Identity::default();
                process.turn = Turn::new(process.turn.settings(), Errand::Serve, identity, None);
                (process.next, process.untold, process.stalled) = (Effect::Over, None, false);
            }
        }
        if self.budget.5 == 0 && !self.store.contains_key(&Key::Epoch) {
            return;
        }
        if self.store.get(&Key::Epoch) == Some(&Value::Epoch(Epoch(1))) {
            self.processes
                .sort_by_cached_key(|process| format!("{process:?}"));
        }
    }

    /// How many may relay at this moment.
    pub(crate) fn relaying(&self) -> usize {
        let relays =
            |p: &&Process| !p.crashed && p.turn.phase() == Phase::Relaying && !p.turn.lapsed(NOW);
        self.processes.iter().filter(relays).count()
    }

    /// Whether everybody who is alive has come to an end, and nothing is on its way.
    pub(crate) fn at_rest(&self) -> bool {
        let over = |p: &Process| p.crashed || matches!(p.next, Effect::Over) && p.untold.is_none();
        self.limbo.is_empty() && self.processes.iter().all(over)
    }

    /// Whether all who are alive have been served.
    pub(crate) fn all_served(&self) -> bool {
        let served = |p: &Process| p.crashed || p.turn.phase() == Phase::Over(Outcome::Served);
        self.processes.iter().all(served)
    }

    pub(crate) fn records(&self, standing: Standing) -> usize {
        let has =
            |value: &&Value| matches!(value, Value::Record(record) if record.standing == standing);
        self.store.values().filter(has).count()
    }
}
