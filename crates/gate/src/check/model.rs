//! The model check: configurations, properties, and the pinned numbers of states.

use stateright::{Checker, Model, Property};

use super::rebase;
use super::world::{Action, Faults, World};
use crate::rule::Rule;
use crate::{Settings, Standing};

/// One configuration to explore.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) settings: Settings,
    pub(crate) requests: usize,
    pub(crate) faults: Faults,
}

impl Gate {
    pub(crate) fn new(requests: usize, capacity: u32, faults: Faults) -> Gate {
        Gate {
            settings: rebase::settings(capacity),
            requests,
            faults,
        }
    }

    /// The same without one of its rules.
    pub(crate) fn without(mut self, rule: Rule) -> Gate {
        self.settings.broken = Some(rule);
        self
    }

    fn faultless(&self) -> bool {
        self.faults == Faults::default()
    }
}

impl Model for Gate {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.settings, self.requests, self.faults)]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        state.actions(actions);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        Some(last.after(&action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "never more than capacity relay",
                |gate: &Gate, world: &World| world.relaying() <= gate.settings.capacity as usize,
            ),
            Property::always("tickets start in order", |_, world: &World| {
                !world.ghost.out_of_order
            }),
            Property::always(
                "at rest nothing is left but what the next start needs",
                |gate: &Gate, world: &World| !world.at_rest() || tidy(gate, world),
            ),
            Property::sometimes("the gate is full", |gate: &Gate, world: &World| {
                world.relaying() == gate.settings.capacity as usize
            }),
            Property::sometimes("all are served", |_, world: &World| world.all_served()),
        ];
        type Sometimes = (bool, &'static str, fn(&Gate, &World) -> bool);
        let sometimes: [Sometimes; 5] = [
            (
                self.faults.crashes > 0,
                "a verdict is written",
                |_, world| world.ghost.seen.verdict,
            ),
            (
                self.faults.crashes > 0,
                "one dies before its first write",
                |_, w| w.ghost.seen.died_before_first_write,
            ),
            (
                self.faults.stalls > 1,
                "a verdict is overturned",
                |_, world| world.ghost.seen.verdict_overturned,
            ),
            (
                self.faults.leavers > 0 && self.requests > 2,
                "a predecessor left",
                |_, world| world.ghost.seen.predecessor_left,
            ),
            (
                self.requests > self.settings.capacity as usize && self.settings.capacity > 1,
                "a view is inherited through a finished ticket",
                |_, world| world.ghost.seen.inherited_through_finished,
            ),
        ];
        for (expected, name, condition) in sometimes {
            if expected {
                properties.push(Property::sometimes(name, condition));
            }
        }
        properties
    }
}

/// Without faults, at most `capacity` finished records; with them, the dead leave what nobody came to strike.
fn tidy(gate: &Gate, world: &World) -> bool {
    let finished = world.records(Standing::Finished);
    let alive = world.records(Standing::Waiting) + world.records(Standing::Active);
    if gate.faultless() {
        return finished <= gate.settings.capacity as usize
            && alive + world.records(Standing::Left) == 0;
    }
    let Faults {
        crashes,
        leavers,
        stalls,
        late_writes,
        failures,
        empties,
    } = gate.faults;
    let strays = usize::from(crashes + leavers + 2 * (stalls + late_writes + failures + empties));
    finished + alive + world.records(Standing::Left) <= gate.settings.capacity as usize + strays
}

/// Explores `gate` to the end and answers the number of unique states.
///
/// # Panics
/// A property fails; the message is the trace to it.
fn explore(gate: Gate) -> usize {
    let checker = gate.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done(), "explored to the end");
    checker.unique_state_count()
}

const NONE: Faults = Faults {
    crashes: 0,
    leavers: 0,
    stalls: 0,
    late_writes: 0,
    failures: 0,
    empties: 0,
};

#[test]
fn holds_without_faults() {
    for (requests, capacity) in [(2, 1), (3, 1), (3, 2)] {
        let started = std::time::Instant::now();
        let n = explore(Gate::new(requests, capacity, NONE));
        println!(
            "{requests} x {capacity}: {n} states in {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn holds_with_each_pair_of_faults() {
    for (name, faults) in [
        (
            "crash+leaver",
            Faults {
                crashes: 1,
                leavers: 1,
                ..NONE
            },
        ),
        ("stall", Faults { stalls: 1, ..NONE }),
        (
            "late",
            Faults {
                late_writes: 1,
                ..NONE
            },
        ),
        (
            "fail",
            Faults {
                failures: 1,
                ..NONE
            },
        ),
    ] {
        for (requests, capacity) in [(2, 1), (3, 1), (3, 2)] {
            let started = std::time::Instant::now();
            let n = explore(Gate::new(requests, capacity, faults));
            println!(
                "{name} {requests} x {capacity}: {n} states in {:?}",
                started.elapsed()
            );
        }
    }
}
