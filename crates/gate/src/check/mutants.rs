//! The mutants: the protocol without one of its rules, each at a size where a property must fail.
//!
//! A check that no mutant fails proves nothing.

use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model};

use super::model::{Gate, NONE, two_upstreams};
use super::world::{Action, Faults, World};
use crate::Epoch;
use crate::rule::Rule;

/// The property that fails without `rule`, and how many actions lead there; `None` where all hold.
fn killed_by(gate: Gate) -> Option<(&'static str, usize)> {
    let checker = gate
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let is_failure = |name: &&'static str| {
        matches!(
            checker.discovery_classification(name),
            DiscoveryClassification::Counterexample
        )
    };
    checker
        .discoveries()
        .into_iter()
        .filter(|(name, _)| is_failure(name))
        .map(|(name, path)| (name, path.into_actions().len()))
        .min_by_key(|(_, steps)| *steps)
}

#[test]
fn every_mutant_fails() {
    let stall = Faults { stalls: 1, ..NONE };
    let freeze = Faults { freezes: 1, ..NONE };
    let late = Faults {
        late_writes: 1,
        ..NONE
    };
    let emptied = Faults { empties: 1, ..NONE };
    let sweep = Faults { sweeps: 1, ..NONE };
    let mutants = [
        (Rule::InheritView, 3, 2, NONE),
        (Rule::AwaitAbsent, 2, 1, NONE),
        (Rule::KeepFinished, 2, 1, NONE),
        (Rule::AwaitPredecessor, 3, 1, NONE),
        (Rule::OwnClock, 2, 1, stall),
        (Rule::SecondRead, 2, 1, freeze),
        (Rule::StarterCheck, 2, 1, freeze),
        (Rule::StopUnresolved, 3, 1, late),
        (Rule::Epoch, 2, 1, emptied),
        (Rule::BottomWait, 2, 1, emptied),
        (Rule::SpareBase, 2, 1, sweep),
        (Rule::CleanUp, 3, 1, NONE),
    ];
    for (rule, requests, capacity, faults) in mutants {
        let killed = killed_by(Gate::new(requests, capacity, faults).without(rule));
        let (property, steps) =
            killed.unwrap_or_else(|| panic!("the gate without {rule:?} passes for whole"));
        println!("{rule:?} at {requests} x {capacity}: \"{property}\" fails after {steps} actions");
    }
}

#[test]
fn a_view_that_forgets_upstreams_fails() {
    let gate = Gate::with_room(3, two_upstreams(), NONE).without(Rule::KnowUpstream);
    let (property, _) = killed_by(gate).expect("the mutant passes for whole");
    assert_eq!(property, "never more than its limit relay at an upstream");
}

/// How many units of time pass until one starts who comes after three that were lost before their first write.
fn ticks_behind_three_lost(gate: &Gate) -> usize {
    let mut world = World::new(gate.settings, 1, NONE);
    world.counters.insert(Epoch(1), 3);
    let mut ticks = 0;
    while world.relaying() == 0 {
        let mut actions = Vec::new();
        world.actions(&mut actions);
        let action = actions.first().expect("somebody is alive");
        ticks += usize::from(*action == Action::Tick);
        world = world.after(action);
    }
    ticks
}

#[test]
fn a_hundred_lost_tickets_cost_one_grace() {
    let gate = Gate::new(1, 1, NONE);
    assert_eq!(
        ticks_behind_three_lost(&gate),
        gate.settings.grace_ms as usize
    );
    let serial = gate.without(Rule::SharedGrace);
    assert_eq!(
        ticks_behind_three_lost(&serial),
        3 * serial.settings.grace_ms as usize,
        "the mutant is seen"
    );
}
