//! Scenes of fairness: nobody starves in the batch line, and who asks for much stands behind who asks for little.

use super::behind::Link;
use super::dice::Dice;
use super::plan::{Keys, Odds, Plan};
use super::world::World;
use crate::rule::Rule;
use crate::{Lane, RIGHT_LOOK_MS};

/// Two slots, answers of 200 ms, a store that commits.
fn plan(requests: u64, load: u64, keys: Keys) -> Plan {
    let (capacity, service_us) = (2, 200_000);
    Plan {
        capacity,
        other_capacity: None,
        ttl_ms: 15_000,
        instances: 2,
        requests,
        service_us,
        gap_us: service_us * 100 / (u64::from(capacity) * load),
        burst: 1,
        is_a_day: false,
        read_us: (5, 20),
        write_us: (900, 2_500),
        is_settled: true,
        drift_ppm: 0,
        odds: Odds::default(),
        keys: Some(keys),
        faults: Vec::new(),
    }
}

fn world(plan: Plan, seed: u64, broken: Option<Rule>) -> World {
    World::of(plan, Dice::new(seed), Dice::new(!seed), broken)
}

/// How much longer than it may at most a request stood behind the main line, in milliseconds: it gets on when its bounded time
/// is up and the one before it has started. The worst of them, and how many there were.
fn overstay(broken: Option<Rule>) -> (u64, usize) {
    let batch_wait_max_ms = 2_000;
    let keys = Keys {
        clients: u64::MAX,
        places: u32::MAX,
        batch: 50_000,
        batch_wait_max_ms,
    };
    // People ask for a third more than there is: the main line is never empty, and grows.
    let mut world = world(plan(400, 133, keys), 5, broken);
    while world.step() {}
    assert_eq!(world.trouble, None);
    let behind = |request: &&super::request::Request| matches!(request.link, Link::Through(..));
    let mut times: Vec<_> = world.requests.iter().filter(behind).collect();
    times.sort_by_key(|request| request.times.drew_us);
    let (mut worst_us, mut free_us) = (0, 0);
    for request in &times {
        let may_us = (request.times.came_us + 1_000 * batch_wait_max_ms).max(free_us);
        let drew_us = request.times.drew_us.expect("everybody gets on");
        worst_us = drew_us.saturating_sub(may_us).max(worst_us);
        free_us = request.times.started_us.expect("everybody starts");
    }
    (worst_us / 1_000, times.len())
}

#[test]
fn nobody_starves_behind_a_line_that_is_never_empty() {
    let (worst_ms, count) = overstay(None);
    println!("{count} stood behind; the worst got on {worst_ms} ms after it might");
    assert!(count >= 10, "{count}");
    assert!(worst_ms <= 2 * RIGHT_LOOK_MS, "{worst_ms}");
    let (starved_ms, _) = overstay(Some(Rule::BatchBound));
    println!("without its bound it would have been {starved_ms} ms");
    assert!(starved_ms > 10_000, "the mutant is seen: {starved_ms}");
}

/// The order in which requests start that come one after another, each as `(client, its own line)`, at one slot that is busy.
fn order_of_starts(comers: &[(u64, Lane)], batch_wait_max_ms: u64) -> Vec<u64> {
    let keys = Keys {
        clients: 0,
        places: 4,
        batch: 0,
        batch_wait_max_ms,
    };
    let one_slot = Plan {
        capacity: 1,
        instances: 1,
        service_us: 100_000,
        ..plan(0, 100, keys)
    };
    let mut world = world(one_slot, 1, None);
    while world.step() {}
    let first = world.come_for(0, &keys, 99, Lane::Main).expect("a place");
    world.requests[first].service_us = 30_000_000;
    while world.holders.is_empty() && world.step() {}
    let mut came = Vec::new();
    for (client, own) in comers {
        let Some(request) = world.come_for(0, &keys, *client, *own) else {
            continue;
        };
        came.push((request, *client));
        // A second later the line has been read, and whoever comes next is judged by that.
        let then_us = world.at_us + 1_000_000;
        while world.at_us < then_us && world.step() {}
    }
    assert!(
        world.holders.contains(&first),
        "it holds its slot meanwhile"
    );
    while world.step() {}
    assert_eq!(world.trouble, None);
    came.sort_by_key(|(request, _)| world.requests[*request].times.started_us);
    came.into_iter().map(|(_, client)| client).collect()
}

const LONG_MS: u64 = 600_000;

#[test]
fn whoever_has_one_waiting_stands_with_the_next_behind_other_clients_first() {
    use Lane::Main;
    let comers = [(1, Main), (1, Main), (1, Main), (2, Main), (3, Main)];
    assert_eq!(order_of_starts(&comers, LONG_MS), [1, 2, 3, 1, 1]);
}

#[test]
fn those_without_a_key_are_not_told_apart() {
    use Lane::Main;
    let comers = [(0, Main), (0, Main), (1, Main), (0, Main)];
    assert_eq!(order_of_starts(&comers, LONG_MS), [0, 0, 1, 0]);
}

#[test]
fn what_can_wait_lets_others_go_first_until_it_has_waited_for_long_enough() {
    use Lane::{Batch, Main};
    let comers = [(1, Main), (2, Batch), (3, Batch), (4, Main), (5, Main)];
    assert_eq!(order_of_starts(&comers, LONG_MS), [1, 4, 5, 2, 3]);
    // They come a second apart. The one of client 2 draws after client 4 and before client 5; that of client 3 has to wait for it.
    assert_eq!(order_of_starts(&comers, 2_500), [1, 4, 2, 5, 3]);
}

#[test]
fn a_client_has_so_many_places_and_no_more() {
    use Lane::Main;
    let greedy = [(1, Main); 9];
    assert_eq!(order_of_starts(&greedy, LONG_MS), [1; 4], "of its 4 places");
}
