//! Whole ways of requests where something is silent: a process that died, a store that is away.

use super::Request;
use super::bench::{Bench, TTL_MS};
use crate::mutant::Mutant;
use crate::room::Room;

#[test]
fn those_who_wait_behind_the_requests_of_one_that_died_are_served_while_its_own_slots_lapse() {
    let mut bench = Bench::marked(3, Room::one(2));
    let lost = bench.arrive(1, Request::default());
    let held = bench.arrive(2, Request::default());
    bench.pass(10);
    assert!(bench.relays(1, lost) && bench.relays(2, held));
    for _ in 0..6 {
        bench.arrive(1, Request::default());
    }
    bench.pass(100);
    let waiting: Vec<_> = (0..6)
        .map(|_| bench.arrive(2, Request::default()))
        .collect();
    bench.pass(3_000);
    bench.kill(1);
    bench.pass(2_000);
    let mut holder = held;
    for next in waiting {
        bench.end(1, holder);
        bench.pass(500);
        assert!(bench.relays(1, next), "{:?}", bench.board());
        holder = next;
    }
    let lapsed = |bench: &Bench| {
        let sums = bench
            .instances
            .iter()
            .map(|one| one.report(bench.now()).sums.lost);
        sums.sum::<u64>()
    };
    assert_eq!(lapsed(&bench), 0, "all that in less than a time to live");
    bench.pass(TTL_MS);
    assert_eq!(
        lapsed(&bench),
        1,
        "nothing was granted to it after its death"
    );
}

#[test]
fn what_ended_while_the_store_was_away_is_said_when_it_is_back() {
    assert!(
        the_next_starts_when_the_store_is_back(&[]),
        "it waits for no lapse"
    );
}

#[test]
fn without_rule_5_it_waits_for_the_lapse() {
    assert!(!the_next_starts_when_the_store_is_back(&[Mutant::NoOver]));
}

/// Whether the slot of one that ended while the store was away goes to the next within two seconds of the store's return.
fn the_next_starts_when_the_store_is_back(without: &'static [Mutant]) -> bool {
    let mut bench = Bench::marked(2, Room::one(1)).without(without);
    let first = bench.arrive(0, Request::default());
    let second = bench.arrive(1, Request::default());
    bench.pass(100);
    bench.is_away = true;
    bench.end(0, first);
    bench.pass(5_000);
    bench.is_away = false;
    bench.pass(2_000);
    bench.relays(1, second)
}

#[test]
fn a_reading_that_fails_now_and_then_keeps_no_slot_for_one_that_died() {
    let mut bench = Bench::marked(2, Room::one(1));
    bench.arrive(0, Request::default());
    let second = bench.arrive(1, Request::default());
    bench.pass(1_000);
    bench.kill(0);
    for _ in 0..2 * TTL_MS / 1_000 {
        bench.pass(950);
        bench.is_away = true;
        bench.pass(50);
        bench.is_away = false;
    }
    assert!(bench.relays(0, second));
}
