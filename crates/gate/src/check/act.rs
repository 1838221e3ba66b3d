//! What each action does to the world.

use super::rebase::{self, NOW};
use super::world::{Action, World};
use crate::turn::{Effect, Event};
use crate::{Census, CensusStep, Figures, Key, Line, Op, Settings, Sweep, SweepStep, Value};

impl World {
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
                self.budget.leavers -= 1;
                self.tell(index, Event::Leave);
            }
            Action::Serve(index) => self.tell(index, Event::Served(Figures::default())),
            Action::Crash(index) => {
                self.budget.crashes -= 1;
                self.processes[index].crashed = true;
                if let Some((epoch, ticket)) = self.processes[index].turn.ticket() {
                    self.ghost.seen.died_before_first_write |=
                        !self.store.contains_key(&Key::Record(epoch, ticket));
                }
            }
            Action::Freeze(index) => {
                self.budget.freezes -= 1;
                self.froze = true;
                let process = &mut self.processes[index];
                (process.stalled, process.frozen) = (true, true);
            }
            Action::StallBefore(index) => {
                self.budget.stalls -= 1;
                self.processes[index].stalled = true;
            }
            Action::StallAfter(index) => {
                self.budget.stalls -= 1;
                let event = self.outcome(index);
                let process = &mut self.processes[index];
                (process.stalled, process.untold) = (true, Some(event));
            }
            Action::Wake(index) => {
                let process = &mut self.processes[index];
                (process.stalled, process.frozen) = (false, false);
                if let Some(event) = self.processes[index].untold.take() {
                    self.tell(index, event);
                }
            }
            Action::FailDone(index) => {
                self.budget.failures -= 1;
                self.outcome(index);
                self.tell(index, Event::Failed);
            }
            Action::FailUndone(index) => {
                self.budget.failures -= 1;
                self.tell(index, Event::Failed);
            }
            Action::FailLate(index) => {
                self.budget.late_writes -= 1;
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
                self.budget.empties -= 1;
                self.store.clear();
                self.counters.clear();
            }
            Action::BeginSweep => {
                self.budget.sweeps -= 1;
                let line = self.line();
                let names = self.store.keys().map(Key::name).collect::<Vec<_>>();
                let mut sweep = Sweep::new(&self.settings(), &line, names, NOW.wall_ms);
                self.sweep = match sweep.begin() {
                    SweepStep::Store(op) => Some((sweep, op)),
                    SweepStep::Done { .. } => None,
                };
            }
            Action::Sweep => {
                if let Some((mut sweep, op)) = self.sweep.take() {
                    let event = self.perform(op);
                    if let SweepStep::Store(next) = sweep.step(event) {
                        self.sweep = Some((sweep, next));
                    }
                }
            }
            Action::Tick => {
                for process in self.processes.iter_mut().filter(|process| !process.frozen) {
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
            Effect::Store(op) => self.perform(op),
        }
    }

    fn perform(&mut self, op: Op) -> Event {
        match op {
            Op::Get(key) => Event::Got(self.store.get(&key).cloned()),
            Op::Put(key, value) => {
                self.put(key, value);
                Event::Done
            }
            Op::Delete(key) => {
                self.store.remove(&key);
                Event::Done
            }
            Op::Draw(Key::Counter(epoch)) => {
                let counter = self.counters.entry(epoch).or_default();
                *counter += 1;
                Event::Drawn(*counter)
            }
            Op::Peek(Key::Counter(epoch)) => {
                Event::Drawn(self.counters.get(&epoch).copied().unwrap_or(0))
            }
            Op::Draw(_) | Op::Peek(_) => panic!("only counters are counted"),
        }
    }

    /// How the line stands, read at one stroke.
    fn line(&mut self) -> Line {
        let mut census = Census::new(None);
        let mut op = census.begin();
        loop {
            match census.step(self.perform(op)) {
                CensusStep::Store(next) => op = next,
                CensusStep::Done(line) => return line,
                CensusStep::Unavailable => panic!("the model's store can always be read"),
            }
        }
    }

    fn settings(&self) -> Settings {
        self.processes[0].turn.settings()
    }

    fn put(&mut self, key: Key, value: Value) {
        self.ghost.put(&key, &value, self.store.get(&key));
        self.store.insert(key, value);
    }

    fn tell(&mut self, index: usize, event: Event) {
        let process = &mut self.processes[index];
        let before = self.ghost.before(&process.turn, &event);
        process.next = process
            .turn
            .step(NOW, event)
            .expect("the world tells legal events");
        let store = &self.store;
        self.ghost
            .after(&before, &process.turn, |key| store.get(key));
    }
}
