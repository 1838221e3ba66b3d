//! Whole ways of requests on a store that takes its time.

use super::bench::Bench;
use super::{Phase, Request};
use crate::room::Room;

#[test]
fn a_scheduler_hands_slots_on_however_long_an_operation_takes() {
    // A busy store, or one that is far away.
    for op_ms in [20, 100, 250] {
        hand_on(op_ms);
    }
}

#[test]
fn nobody_who_lives_is_passed_over_however_long_an_operation_takes() {
    for op_ms in [1, 100, 300] {
        let mut bench = Bench::marked(13, Room::one(1));
        bench.op_ms = op_ms;
        let mut holder = (0, bench.arrive(0, Request::default()));
        bench.pass(24 * op_ms);
        let mut waiting = Vec::new();
        for at in 1..13 {
            waiting.push((at, bench.arrive(at, Request::default())));
            bench.pass(700);
        }
        bench.pass(20_000);
        while !waiting.is_empty() {
            bench.end(holder.0, holder.1);
            for _ in 0..100 {
                bench.pass(24 * op_ms.max(10) / 100);
                let board = bench.board();
                let is_away = board.members.iter().any(|member| member.away);
                assert!(!is_away, "{op_ms} ms: {board:?}");
            }
            let next = waiting.iter().position(|next| bench.relays(next.0, next.1));
            holder = waiting.remove(next.unwrap_or_else(|| panic!("{op_ms} ms: nobody relays")));
        }
    }
}

fn hand_on(op_ms: u64) {
    let mut bench = Bench::marked(3, Room::one(1));
    bench.op_ms = op_ms;
    let mut holder = (0, bench.arrive(0, Request::default()));
    let waiting = [1, 2, 0, 1, 2, 1].map(|at| {
        bench.pass(24 * op_ms);
        (at, bench.arrive(at, Request::default()))
    });
    for (at, no) in waiting {
        bench.pass(1_000);
        assert!(bench.relays(holder.0, holder.1));
        assert_eq!(bench.phase(at, no), Phase::Waiting);
        bench.end(holder.0, holder.1);
        // What is under way, the outbox, its reading, the board and its fence, and a look with its own; a renewal of each side.
        bench.pass(24 * op_ms);
        assert!(bench.relays(at, no), "{op_ms} ms, {at}");
        holder = (at, no);
    }
    let takeovers = |at: usize| bench.instances[at].report(bench.now()).sums.takeovers;
    assert_eq!(
        (0..3).map(takeovers).sum::<u64>(),
        0,
        "{op_ms} ms: none was taken for dead"
    );
}

#[test]
fn whoever_has_just_come_knows_its_place_however_far_behind_it_stands() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(1_000);
    bench.end(0, first);
    for _ in 0..30 {
        bench.arrive(0, Request::default());
    }
    bench.pass(1_000);
    bench.arrive(1, Request::default());
    bench.pass(1_000);
    let last = bench.arrive(1, Request::default());
    bench.pass(3 * bench.instances[1].times.waiter_read_ms);
    let ask = bench.instances[1].ask(last).expect("a session");
    let seen = bench.instances[1].board(bench.now());
    assert!(seen.is_some_and(|(board, _)| board.knows(ask)), "{seen:?}");
}
