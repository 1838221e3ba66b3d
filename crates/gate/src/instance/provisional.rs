//! Grants that nobody has started yet: rule 32.

use super::bench::{Bench, TTL_MS};
use super::{Request, RequestNo};
use crate::room::Room;

/// Three instances: a request of the first relays, then one of each of the others is next. The first goes on scheduling, since it
/// has another one behind them.
fn holder_and_two() -> (Bench, [RequestNo; 3]) {
    let mut bench = Bench::marked(3, Room::one(1));
    let [before, first, second, third, _] = [0, 0, 1, 2, 0].map(|at| {
        let request = bench.arrive(at, Request::default());
        bench.pass(100);
        request
    });
    bench.end(0, before);
    bench.pass(1_000);
    assert!(bench.relays(0, first));
    (bench, [first, second, third])
}

fn lost(bench: &Bench) -> u64 {
    let all = bench.instances.iter();
    let sums = all.map(|one| one.report(bench.now()).sums.lost);
    sums.sum()
}

#[test]
fn a_slot_that_is_granted_to_one_that_died_goes_to_the_next_within_three_seconds() {
    let (mut bench, [first, _, third]) = holder_and_two();
    bench.kill(1);
    bench.end(0, first);
    bench.pass(100);
    assert!(
        bench.board().has_provisional(None),
        "it was granted to the dead one"
    );
    bench.pass(2_400);
    assert!(bench.relays(1, third), "{:?}", bench.board());
    assert_eq!(lost(&bench), 1);
}

#[test]
fn the_next_scheduler_takes_it_back_as_well() {
    let (mut bench, [first, _, third]) = holder_and_two();
    bench.kill(1);
    bench.end(0, first);
    bench.pass(100);
    bench.kill(0);
    bench.pass(3_000);
    assert!(bench.relays(0, third), "{:?}", bench.board());
}

#[test]
fn whoever_has_started_is_not_doubted_however_silent() {
    let (mut bench, [first, second, third]) = holder_and_two();
    bench.end(0, first);
    for _ in 0..40 {
        bench.pass(500);
        assert!(bench.relays(1, second));
    }
    assert!(!bench.board().has_provisional(None));
    assert_eq!(lost(&bench), 0);
    assert!(!bench.relays(2, third));
}

#[test]
fn one_that_is_not_heard_of_stops_by_its_own_clock_before_anybody_starts_in_its_slot() {
    let (mut bench, [first, second, third]) = holder_and_two();
    bench.end(0, first);
    bench.pass(10);
    assert!(bench.relays(1, second));
    // It stands still, before it could say that it has started.
    let stopped = bench.now_ms;
    let mut still = bench.instances.remove(1);
    let clone = still.clone();
    bench.instances.insert(1, clone);
    bench.kill(1);
    bench.pass(1_400);
    assert!(!still.may_relay(second, bench.now()));
    assert!(!bench.relays(1, third));
    bench.pass(1_500);
    assert!(bench.relays(1, third));
    assert!(!still.may_relay(second, bench.now()));
    let session_is_over = TTL_MS / 8 * 7;
    assert!(bench.now_ms - stopped < session_is_over);
    still.end(second, None, bench.now());
}

#[test]
fn on_a_slow_store_it_says_that_it_would_start_and_starts_when_a_board_has_it() {
    for op_ms in [150, 300, 400] {
        let (mut bench, [first, second, _]) = holder_and_two();
        bench.op_ms = op_ms;
        bench.pass(5_000);
        bench.end(0, first);
        bench.pass(20 * op_ms);
        assert!(bench.relays(1, second), "{op_ms}: {:?}", bench.board());
        bench.pass(10_000);
        assert!(bench.relays(1, second), "{op_ms}: {:?}", bench.board());
    }
}
