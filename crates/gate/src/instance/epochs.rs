//! How an epoch ends: its store was emptied, its counter lost, or nobody alive can read its boards.

use super::Request;
use super::bench::{Bench, TTL_MS};
use crate::board::codec::FORMAT;
use crate::room::Room;
use crate::store::{Epoch, Key};

#[test]
fn a_counter_of_terms_that_was_lost_ends_the_epoch_however_often_it_is_raised() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(1_000);
    assert!(bench.relays(0, first));
    let term = *bench.counters.keys().find(is_term).expect("a term");
    // Emptied, and somebody who has not noticed puts a board of that epoch and raises its counter.
    bench.store.remove(&Key::Epoch);
    bench.counters.remove(&term);
    let second = bench.arrive(1, Request::default());
    bench.pass(TTL_MS / 2);
    assert!(!bench.relays(1, second) && !bench.counters.contains_key(&term));
    bench.pass(TTL_MS);
    assert!(!bench.relays(0, first), "it lapsed with its epoch");
    assert!(
        bench.relays(1, second),
        "in a new epoch, after one time to live"
    );
}

#[test]
fn an_epoch_without_its_counter_of_terms_is_founded_anew() {
    let mut bench = Bench::new(1, Room::one(1));
    let void = Epoch(7);
    bench.store.insert(Key::Epoch, void.encode());
    let first = bench.arrive(0, Request::default());
    bench.pass(TTL_MS + 1_000);
    assert!(bench.relays(0, first));
    assert_ne!(bench.store.get(&Key::Epoch), Some(&void.encode()));
    let drawn = bench.counters.get(&Key::Members(void));
    assert_eq!(drawn, Some(&1), "one session found it out");
}

fn is_term(key: &&Key) -> bool {
    matches!(key, Key::Term(_))
}

#[test]
fn a_board_of_another_version_is_not_taken_over_but_lost_after_a_time_to_live() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.end(0, first);
    bench.pass(2_000);
    let (key, _) = bench
        .store
        .iter()
        .rfind(|(key, _)| matches!(key, Key::Board(..)))
        .expect("a board");
    let key = *key;
    bench.store.get_mut(&key).expect("a board")[0] = FORMAT + 1;
    let second = bench.arrive(0, Request::default());
    bench.pass(TTL_MS - 1_000);
    assert!(bench.instances[0].report(bench.now()).unreadable);
    assert_eq!(
        bench.counters.get(&Key::Term(epoch_of(key))),
        Some(&1),
        "nobody took it over"
    );
    bench.pass(2 * TTL_MS);
    assert!(bench.relays(0, second), "in a new epoch");
    assert!(!bench.store.keys().any(
        |other| matches!(other, Key::Board(epoch, _) if *epoch == epoch_of(key)) && *other != key
    ));
}

#[test]
fn of_all_who_cannot_read_a_board_one_founds_an_epoch() {
    let mut bench = Bench::marked(3, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.end(0, first);
    bench.pass(2_000);
    for (key, bytes) in &mut bench.store {
        if matches!(key, Key::Board(..)) {
            bytes[0] = FORMAT + 1;
        }
    }
    for at in 0..3 {
        bench.arrive(at, Request::default());
        bench.pass(100);
    }
    bench.pass(3 * TTL_MS);
    assert_eq!(bench.counters.keys().filter(is_term).count(), 2);
}

fn epoch_of(key: Key) -> crate::store::Epoch {
    match key {
        Key::Board(epoch, _) => epoch,
        other => panic!("{other}"),
    }
}
