//! The model check: configurations, properties, and the pinned numbers of states.

use std::time::Instant;

use stateright::{Checker, Model, Property};

use super::rebase;
use super::world::{Action, Faults, World};
use crate::rule::Rule;
use crate::{MAX_UPSTREAMS, Room, Settings, Standing};

/// One configuration to explore.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) settings: Settings,
    pub(crate) requests: usize,
    pub(crate) faults: Faults,
}

impl Gate {
    pub(crate) fn new(requests: usize, capacity: u32, faults: Faults) -> Gate {
        Gate::with_room(requests, Room::one(capacity), faults)
    }

    /// The same with several upstreams.
    pub(crate) fn with_room(requests: usize, room: Room, faults: Faults) -> Gate {
        Gate {
            settings: rebase::settings(room),
            requests,
            faults,
        }
    }

    /// The same in the batch line, which has one place.
    pub(crate) fn behind(mut self) -> Gate {
        self.settings = self.settings.behind();
        self
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
                |gate: &Gate, world: &World| world.relaying() <= gate.settings.capacity() as usize,
            ),
            Property::always(
                "never more than its limit relay at an upstream",
                |gate: &Gate, world: &World| {
                    (0..MAX_UPSTREAMS).all(|upstream| {
                        world.relaying_at(upstream) <= gate.settings.room.limit(upstream) as usize
                    })
                },
            ),
            Property::always("tickets start in order", |_, world: &World| {
                !world.ghost.out_of_order
            }),
            Property::always(
                "at rest nothing is left but what the next start needs",
                |gate: &Gate, world: &World| !world.at_rest() || tidy(gate, world),
            ),
            Property::always("whoever is passed over never relays", |_, world: &World| {
                !world.ghost.passed_over_one_that_started
            }),
            Property::always(
                "without faults nobody is condemned",
                |gate: &Gate, world: &World| !gate.faultless() || !world.ghost.seen.verdict,
            ),
            Property::sometimes("the gate is full", |gate: &Gate, world: &World| {
                world.relaying() == gate.settings.capacity() as usize
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
                self.requests > self.settings.capacity() as usize && self.settings.capacity() > 1,
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
        return finished <= gate.settings.capacity() as usize
            && alive + world.records(Standing::Left) == 0;
    }
    let Faults {
        crashes,
        leavers,
        stalls,
        late_writes,
        failures,
        empties,
        freezes,
        ..
    } = gate.faults;
    let unlucky = stalls + late_writes + failures + empties + freezes;
    let strays = usize::from(crashes + leavers + 2 * unlucky);
    finished + alive + world.records(Standing::Left) <= gate.settings.capacity() as usize + strays
}

/// Explores `gate` to the end and answers the number of unique states.
///
/// # Panics
/// A property fails; the message is the trace to it.
fn explore(gate: Gate) -> usize {
    let name = format!(
        "{} x {} {:?}",
        gate.requests,
        gate.settings.capacity(),
        gate.faults
    );
    let begun = Instant::now();
    let checker = gate.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    let (states, seconds) = (checker.unique_state_count(), begun.elapsed().as_secs_f64());
    println!("{states:>9} states in {seconds:>5.1} s: {name}");
    states
}

pub(crate) const NONE: Faults = Faults {
    crashes: 0,
    leavers: 0,
    stalls: 0,
    late_writes: 0,
    failures: 0,
    empties: 0,
    sweeps: 0,
    freezes: 0,
};

/// Whether the long run was asked for (`cargo xtask test --long`).
pub(super) fn is_long_run() -> bool {
    std::env::var_os("SLUICE_LONG").is_some()
}

/// When a configuration is explored, and how many unique states it has.
#[derive(Clone, Copy)]
enum Run {
    /// Always: the number is pinned, so that a change of the protocol or of the world shows.
    Ordinary(usize),
    /// In the long run only; all its properties are checked, its number is printed.
    Long,
}

use Run::{Long, Ordinary};

fn explore_all(configurations: &[(usize, u32, Faults, Run)]) {
    for &(requests, capacity, faults, run) in configurations {
        match run {
            Long if !is_long_run() => {}
            Long => _ = explore(Gate::new(requests, capacity, faults)),
            Ordinary(states) => assert_eq!(
                explore(Gate::new(requests, capacity, faults)),
                states,
                "{requests} x {capacity} {faults:?}"
            ),
        }
    }
}

#[test]
fn holds_without_faults() {
    explore_all(&[
        (2, 1, NONE, Ordinary(569)),
        (3, 1, NONE, Ordinary(8528)),
        (3, 2, NONE, Ordinary(14478)),
        (4, 2, NONE, Long),
    ]);
}

/// A total of 2 over two upstreams with one place each: who starts third must take the place that was freed.
pub(crate) fn two_upstreams() -> Room {
    Room::new(2, [1, 1])
}

#[test]
fn holds_over_two_upstreams() {
    let faults = Faults {
        crashes: 1,
        leavers: 1,
        ..NONE
    };
    for (faults, states) in [(NONE, 14_478), (faults, 59_871)] {
        let gate = Gate::with_room(3, two_upstreams(), faults);
        assert_eq!(explore(gate), states, "3 x [1, 1] {faults:?}");
    }
}

#[test]
fn holds_in_the_batch_line() {
    let faults = Faults {
        crashes: 1,
        leavers: 1,
        ..NONE
    };
    let states = [NONE, faults].map(|faults| explore(Gate::new(3, 1, faults).behind()));
    assert_eq!(states, [8_495, 42_913]);
}

#[test]
fn holds_with_a_crash_and_a_leaver() {
    let faults = Faults {
        crashes: 1,
        leavers: 1,
        ..NONE
    };
    explore_all(&[
        (3, 1, faults, Ordinary(43062)),
        (3, 2, faults, Ordinary(59871)),
    ]);
}

#[test]
fn holds_with_stalls() {
    let one = Faults { stalls: 1, ..NONE };
    let two = Faults { stalls: 2, ..NONE };
    let dead_too = Faults {
        stalls: 1,
        crashes: 1,
        ..NONE
    };
    explore_all(&[
        (2, 1, two, Long),
        (3, 1, one, Ordinary(500450)),
        (3, 2, one, Long),
        (3, 1, dead_too, Long),
        (3, 2, dead_too, Long),
    ]);
}

#[test]
fn holds_with_writes_that_fail_or_come_late() {
    let late = Faults {
        late_writes: 1,
        ..NONE
    };
    let failed = Faults {
        failures: 1,
        ..NONE
    };
    let late_and_stalled = Faults {
        late_writes: 1,
        stalls: 1,
        ..NONE
    };
    explore_all(&[
        (3, 1, failed, Ordinary(174568)),
        (2, 1, late_and_stalled, Long),
        (3, 1, late, Long),
        (3, 2, late, Long),
        (3, 2, failed, Long),
    ]);
}

#[test]
fn holds_in_a_store_that_is_emptied() {
    let emptied = Faults { empties: 1, ..NONE };
    let and_a_stall = Faults {
        empties: 1,
        stalls: 1,
        ..NONE
    };
    let and_a_late_write = Faults {
        empties: 1,
        late_writes: 1,
        ..NONE
    };
    explore_all(&[
        (2, 1, emptied, Ordinary(436773)),
        (2, 1, and_a_stall, Long),
        (2, 1, and_a_late_write, Long),
        // 3 x 1 needs more than 20 GB.
    ]);
}

#[test]
fn holds_with_a_sweep_and_with_clocks_that_stand_still() {
    let swept = Faults {
        sweeps: 1,
        crashes: 1,
        ..NONE
    };
    let swept_late = Faults {
        sweeps: 1,
        late_writes: 1,
        ..NONE
    };
    let frozen = Faults { freezes: 1, ..NONE };
    explore_all(&[
        (3, 1, swept, Ordinary(92953)),
        (2, 1, swept_late, Ordinary(68075)),
        (3, 1, frozen, Ordinary(266323)),
        (3, 2, frozen, Long),
    ]);
}
