//! The mutants: the protocol without one of its rules, each at a size where a property must fail.
//!
//! A check that no mutant fails proves nothing.

use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model};

use super::model::{Gate, NONE, two_upstreams};
use super::trace;
use super::world::{Action, Faults, World};
use crate::Epoch;
use crate::rule::Rule;

/// What kills a mutant.
struct Killer {
    property: &'static str,
    steps: usize,
    /// The way there, in words.
    trace: String,
}

/// The property that fails, and the shortest way there; `None` where all hold.
fn killed_by(gate: Gate) -> Option<Killer> {
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
        .map(|(property, path)| Killer {
            property,
            steps: path.clone().into_actions().len(),
            trace: trace::words(path),
        })
        .min_by_key(|killer| killer.steps)
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
        let killer = killed.unwrap_or_else(|| panic!("the gate without {rule:?} passes for whole"));
        tell(&format!("{rule:?}"), requests, capacity, &killer);
    }
}

/// One line of the table of mutants.
fn tell(mutant: &str, requests: usize, capacity: u32, killer: &Killer) {
    let Killer {
        property,
        steps,
        trace,
    } = killer;
    println!("| without {mutant} | {requests} x {capacity} | {property} | {steps} | {trace} |");
}

#[test]
fn a_view_that_forgets_upstreams_fails() {
    let gate = Gate::with_room(3, two_upstreams(), NONE).without(Rule::KnowUpstream);
    let killer = killed_by(gate).expect("the mutant passes for whole");
    tell("KnowUpstream, over two upstreams,", 3, 2, &killer);
    assert_eq!(
        killer.property,
        "never more than its limit relay at an upstream"
    );
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
    println!(
        "| without SharedGrace | 1 x 1 | three lost tickets cost one grace | | three graces pass before one behind them starts |"
    );
    assert_eq!(
        ticks_behind_three_lost(&serial),
        3 * serial.settings.grace_ms as usize,
        "the mutant is seen"
    );
}
