//! Whole ways of requests on a store that takes its time.

use super::bench::Bench;
use super::{Phase, Request};
use crate::room::Room;

/// How long an operation takes: a busy store, or one that is far away.
const OP_MS: u64 = 20;

#[test]
fn a_scheduler_hands_slots_on_however_long_a_reading_takes() {
    let mut bench = Bench::marked(3, Room::one(1));
    bench.op_ms = OP_MS;
    let mut holder = (0, bench.arrive(0, Request::default()));
    let waiting = [1, 2, 0, 1, 2, 1].map(|at| {
        bench.pass(1_000);
        (at, bench.arrive(at, Request::default()))
    });
    for (at, no) in waiting {
        bench.pass(1_000);
        assert!(bench.relays(holder.0, holder.1));
        assert_eq!(bench.phase(at, no), Phase::Waiting);
        bench.end(holder.0, holder.1);
        // What is under way, the outbox, its reading, the board and its fence, and a look with its own.
        bench.pass(16 * OP_MS);
        assert!(bench.relays(at, no), "{at}: {:?}", bench.phase(at, no));
        holder = (at, no);
    }
    let takeovers = |at: usize| bench.instances[at].report(bench.now()).sums.takeovers;
    assert_eq!(
        (0..3).map(takeovers).sum::<u64>(),
        0,
        "none was taken for dead"
    );
}
