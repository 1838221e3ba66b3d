//! The world of the model: a store of a counter and registers, requests in any interleaving, and faults.
//!
//! Every operation on the store is one atomic action. Time passes only while everybody who is not stalled rests: an
//! operation takes no time unless it is stalled, late or lost, and those are faults with a budget.

use std::collections::BTreeMap;

use super::ghost::Ghost;
use super::rebase::{self, NOW};
use crate::turn::{Effect, Event, Identity, Outcome, Phase, Turn};
use crate::{Epoch, Errand, Key, Op, Settings, Standing, Sweep, Value};

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
    /// A request stands still and its clocks with it, as on a machine that is suspended.
    pub(crate) freezes: u8,
    /// A sweep begins; each of its operations is an action of its own.
    pub(crate) sweeps: u8,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) turn: Turn,
    pub(crate) next: Effect,
    /// An event that has happened and not been told, because the request is stalled.
    pub(crate) untold: Option<Event>,
    pub(crate) stalled: bool,
    pub(crate) frozen: bool,
    pub(crate) crashed: bool,
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) store: BTreeMap<Key, Value>,
    pub(crate) counters: BTreeMap<Epoch, u64>,
    pub(crate) processes: Vec<Process>,
    pub(crate) limbo: Vec<(Key, Value)>,
    pub(crate) budget: Faults,
    pub(crate) sweep: Option<(Sweep, Op)>,
    pub(crate) ghost: Ghost,
    /// Whether somebody's clocks have stood still.
    pub(super) froze: bool,
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
    Freeze(usize),
    StallBefore(usize),
    StallAfter(usize),
    Wake(usize),
    FailDone(usize),
    FailUndone(usize),
    FailLate(usize),
    /// The late write with this index arrives.
    Land(usize),
    Empty,
    BeginSweep,
    Sweep,
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
                frozen: false,
                crashed: false,
            }
        });
        World {
            store,
            counters: BTreeMap::new(),
            processes: processes.collect(),
            limbo: Vec::new(),
            budget: faults,
            sweep: None,
            ghost: Ghost::default(),
            froze: false,
        }
    }

    pub(crate) fn actions(&self, actions: &mut Vec<Action>) {
        let Faults {
            crashes,
            leavers,
            stalls,
            late_writes,
            failures,
            empties,
            sweeps,
            freezes,
        } = self.budget;
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
            may(operation && freezes > 0, Action::Freeze);
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
        if self.sweep.is_some() {
            actions.push(Action::Sweep);
        } else if sweeps > 0 && self.counters.values().any(|drawn| *drawn > 1) {
            actions.push(Action::BeginSweep);
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

    /// How many may relay at this moment. A holder whose clocks stood still goes on until it reads its verdict, at its
    /// next renewal: no store can close that, so it is not counted.
    pub(crate) fn relaying(&self) -> usize {
        self.relayers().count()
    }

    /// How many of them at one upstream.
    pub(crate) fn relaying_at(&self, upstream: usize) -> usize {
        self.relayers()
            .filter(|process| usize::from(process.turn.upstream()) == upstream)
            .count()
    }

    fn relayers(&self) -> impl Iterator<Item = &Process> {
        let condemned = move |p: &Process| {
            let verdict = p
                .turn
                .ticket()
                .map(|(epoch, ticket)| Key::Gone(epoch, ticket));
            self.froze && verdict.is_some_and(|key| self.store.contains_key(&key))
        };
        let relays = move |p: &&Process| {
            !p.crashed && p.turn.phase() == Phase::Relaying && !p.turn.lapsed(NOW) && !condemned(p)
        };
        self.processes.iter().filter(relays)
    }

    /// Whether everybody who is alive has come to an end, and nothing is on its way.
    pub(crate) fn at_rest(&self) -> bool {
        let over = |p: &Process| p.crashed || matches!(p.next, Effect::Over) && p.untold.is_none();
        self.limbo.is_empty() && self.sweep.is_none() && self.processes.iter().all(over)
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
