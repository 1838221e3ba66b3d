//! Liveness, by reverse search: from every state that can be reached an end can be reached, without a crash, a leaver or
//! any other fault as the way out.
//!
//! stateright's `eventually` is blind on cycles, and every look that finds nothing new is one.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;

use super::model::{Gate, NONE};
use super::world::{Action, Faults, World};
use crate::rule::Rule;

/// How many states of `gate` cannot reach an end, of how many.
pub(crate) fn dead_ends(gate: &Gate) -> (usize, usize) {
    let mut index: HashMap<u64, usize> = HashMap::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    let mut ends = Vec::new();
    let mut unexplored: VecDeque<(usize, World)> = VecDeque::new();
    for world in gate.init_states() {
        index.insert(fingerprint(&world), 0);
        before.push(Vec::new());
        unexplored.push_back((0, world));
    }
    while let Some((at, world)) = unexplored.pop_front() {
        if world.at_rest() {
            ends.push(at);
        }
        let mut actions = Vec::new();
        gate.actions(&world, &mut actions);
        for action in actions {
            let is_a_way = !is_fault(&action);
            let Some(next) = gate.next_state(&world, action) else {
                continue;
            };
            let to = *index.entry(fingerprint(&next)).or_insert_with(|| {
                before.push(Vec::new());
                unexplored.push_back((before.len() - 1, next));
                before.len() - 1
            });
            if is_a_way {
                before[to].push(at);
            }
        }
    }
    let mut reaches = vec![false; before.len()];
    while let Some(at) = ends.pop() {
        if !std::mem::replace(&mut reaches[at], true) {
            ends.extend(&before[at]);
        }
    }
    (
        reaches.iter().filter(|reaches| !**reaches).count(),
        reaches.len(),
    )
}

fn is_fault(action: &Action) -> bool {
    match action {
        Action::Go(_)
        | Action::Serve(_)
        | Action::Wake(_)
        | Action::Land(_)
        | Action::Sweep
        | Action::Tick => false,
        Action::Crash(_)
        | Action::Leave(_)
        | Action::Freeze(_)
        | Action::StallBefore(_)
        | Action::StallAfter(_)
        | Action::FailDone(_)
        | Action::FailUndone(_)
        | Action::FailLate(_)
        | Action::Empty
        | Action::BeginSweep => true,
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn from_every_state_an_end_can_be_reached() {
    for (requests, capacity, faults) in [
        (3, 1, NONE),
        (3, 2, NONE),
        (
            3,
            1,
            Faults {
                crashes: 1,
                leavers: 1,
                ..NONE
            },
        ),
        (2, 1, Faults { stalls: 1, ..NONE }),
        (
            2,
            1,
            Faults {
                late_writes: 1,
                ..NONE
            },
        ),
        (
            2,
            1,
            Faults {
                failures: 1,
                ..NONE
            },
        ),
    ] {
        let (dead, all) = dead_ends(&Gate::new(requests, capacity, faults));
        assert_eq!(
            dead, 0,
            "{requests} x {capacity} with {faults:?}: {dead} of {all} states have no end"
        );
    }
}

#[test]
fn a_line_that_never_moves_would_be_seen() {
    let broken = Gate::new(2, 1, NONE).without(Rule::Lapse);
    assert_eq!(
        dead_ends(&broken).0,
        0,
        "nobody dies, so nobody has to lapse"
    );
    let broken = Gate::new(2, 1, Faults { crashes: 1, ..NONE }).without(Rule::Lapse);
    assert!(
        dead_ends(&broken).0 > 0,
        "a dead holder that never lapses holds up the line for good"
    );
}
