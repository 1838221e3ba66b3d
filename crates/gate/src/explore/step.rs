//! What each action does to the world.

use super::config::{Config, Fault};
use super::world::{Action, Doing, ORIGIN, Process, SESSIONS_MAX, TERMS_MAX, Value, World, Write};
use crate::instance::Event;
use crate::room::Room;
use crate::store::{Epoch, Found, Key};

/// What came of an action.
pub(super) enum Step {
    /// Another state.
    To(World),
    /// A number beyond the bounds: not explored.
    Bound,
    /// Something that must not happen.
    Broken(&'static str),
}

impl World {
    pub fn act(&self, config: &Config, action: Action) -> Step {
        let mut next = self.clone();
        if let Some(fault) = next.cost(action) {
            next.left[fault as usize] -= 1;
        }
        match action {
            Action::Perform(at) => next.do_it(config, at),
            Action::Due(at) => next.tell(config, at, Event::Due),
            Action::Arrive(at) => next.processes[at].arrive(),
            Action::End(at, k) | Action::Leave(at, k) => {
                let process = &mut next.processes[at];
                process.end(k);
                process.is_woken = true;
            }
            Action::Wake(at) => {
                let process = &mut next.processes[at];
                (process.is_stalled, process.has_ticked) = (false, false);
            }
            Action::Thaw(at) => next.processes[at].is_frozen = false,
            Action::Land(at) => {
                let write = next.late.remove(at);
                next.perform(config, write);
            }
            Action::Tick => next.tick(config),
            Action::Crash(at) => _ = next.processes.remove(at),
            Action::FailUndone(at) => next.fail(config, at),
            Action::FailDone(at) => {
                if let Doing::Write(write) = next.processes[at].doing.clone() {
                    next.perform(config, write);
                }
                next.fail(config, at);
            }
            Action::FailLate(at) => {
                if let Doing::Write(write) = next.processes[at].doing.clone() {
                    next.late.push(write);
                }
                next.fail(config, at);
            }
            Action::FailRead(at) => {
                if let Doing::Read(keys) = &next.processes[at].doing {
                    let failed = vec![Found::Failed; keys.len()];
                    next.processes[at].had_fault = true;
                    next.tell(config, at, Event::Read(failed));
                }
            }
            Action::Stall(at) => {
                let process = &mut next.processes[at];
                (process.is_stalled, process.had_fault) = (true, true);
            }
            Action::Freeze(at) => {
                let process = &mut next.processes[at];
                process.is_frozen = true;
                process.is_exempt = true;
                process.renews = false;
                process.had_fault = true;
            }
            Action::Empty => {
                next.store.clear();
                next.may_cut = true;
            }
            Action::Resign(at) => {
                let process = &mut next.processes[at];
                process.instance.resign();
                process.is_woken = true;
            }
            Action::Take(at) => next.processes[at].take(),
        }
        next.settle_after(config)
    }

    fn settle_after(mut self, config: &Config) -> Step {
        for process in &mut self.processes {
            let was_cut = process.reap();
            if was_cut && config.is_prompt && !process.had_fault && !self.may_cut {
                return Step::Broken("a stream was cut although its process had no fault");
            }
            let is_gone =
                config.is_once && process.had_session && !process.instance.is_in_session();
            if is_gone {
                for k in process.instance.living() {
                    process.end(k);
                }
                process.to_come = 0;
                process.doing = Doing::Quiet;
                process.is_woken = false;
            }
        }
        let is_beyond = |(key, value): (&Key, &Value)| match (key, value) {
            (Key::Term(_), Value::Number(term)) => *term > TERMS_MAX,
            (Key::Members(_), Value::Number(members)) => *members > SESSIONS_MAX,
            _ => false,
        };
        self.canonical(config.is_prompt);
        if self.store.iter().any(is_beyond) {
            return Step::Bound;
        }
        Step::To(self)
    }

    fn cost(&self, action: Action) -> Option<Fault> {
        let write_of = |at: usize| match &self.processes[at].doing {
            Doing::Write(write) => Some(write),
            _ => None,
        };
        Some(match action {
            Action::Crash(_) => Fault::Crash,
            Action::Leave(..) => Fault::Leave,
            Action::FailUndone(_) => Fault::WriteFail,
            Action::FailDone(at) => match write_of(at) {
                Some(Write::Add(_) | Write::Base(_)) => Fault::LostAdd,
                _ => Fault::WriteFail,
            },
            Action::FailLate(_) if self.left[Fault::Late as usize] > 0 => Fault::Late,
            Action::FailLate(at) => match write_of(at) {
                Some(Write::Put(Key::Board(..), _)) => Fault::LateBoard,
                _ => Fault::LateOutbox,
            },
            Action::FailRead(_) => Fault::ReadFail,
            Action::Stall(_) => Fault::Stall,
            Action::Freeze(_) => Fault::Freeze,
            Action::Empty => Fault::Empty,
            Action::Resign(_) => Fault::Resign,
            Action::Take(_) => Fault::Take,
            _ => return None,
        })
    }

    fn do_it(&mut self, config: &Config, at: usize) {
        let event = match self.processes[at].doing.clone() {
            Doing::Write(write) => match self.perform(config, write) {
                Some(sum) => Event::Added(sum),
                None => Event::Done,
            },
            Doing::Read(keys) => Event::Read(keys.iter().map(|key| self.find(*key)).collect()),
            Doing::Rest(_) | Doing::Quiet => Event::Due,
        };
        self.tell(config, at, event);
    }

    fn fail(&mut self, config: &Config, at: usize) {
        self.processes[at].had_fault = true;
        self.tell(config, at, Event::Unresolved);
    }

    fn tell(&mut self, config: &Config, at: usize, event: Event) {
        let random = self.fresh_word();
        let room = Room::one(config.capacity);
        let process = &mut self.processes[at];
        let had_session = process.instance.is_in_session();
        let renewed = process.instance.renews();
        process.step(event, room, random);
        let began = !renewed && process.instance.renews();
        if began {
            process.renews = !process.is_frozen;
        }
        let is_done = renewed && !process.instance.renews() && process.instance.is_in_session();
        if is_done && process.renews && process.instance.is_renewed(process.clocks()) {
            process.is_exempt = false;
        }
        // A session that begins under clocks that stand still is not counted either.
        if !had_session && process.instance.is_in_session() && process.is_frozen {
            process.is_exempt = true;
        }
    }

    /// The lowest epoch word that nobody uses.
    fn fresh_word(&self) -> u64 {
        let is_used = |word: &u64| {
            let epoch = Epoch(*word);
            let in_force = self.store.get(&Key::Epoch) == Some(&Value::Word(epoch));
            let on_its_way = |write: &Write| *write == Write::Put(Key::Epoch, Value::Word(epoch));
            in_force
                || self.late.iter().any(on_its_way)
                || self.processes.iter().any(|process| {
                    process.instance.epochs().contains(&epoch)
                        || matches!(&process.doing, Doing::Write(write) if on_its_way(write))
                })
        };
        (1..).find(|word| !is_used(word)).unwrap_or(1)
    }

    fn tick(&mut self, config: &Config) {
        for process in &mut self.processes {
            if let Some(short) = config.short {
                process.lead_no_longer_than(short);
            }
            process.has_ticked |= process.is_stalled;
            if !process.is_frozen {
                process.now = ORIGIN + 1;
            }
        }
    }
}

impl Process {
    fn lead_no_longer_than(&mut self, ticks: u8) {
        self.leads_for = match self.instance.is_scheduler() {
            true => self.leads_for + 1,
            false => 0,
        };
        if self.leads_for >= ticks {
            self.instance.resign();
            self.is_woken = true;
            self.leads_for = 0;
        }
    }

    fn take(&mut self) {
        let effect = self.instance.take();
        self.doing = match effect {
            crate::instance::Effect::Write {
                op: crate::store::Op::Add(key),
                ..
            } => Doing::Write(Write::Add(key)),
            _ => Doing::Quiet,
        };
        self.is_woken = true;
    }
}
