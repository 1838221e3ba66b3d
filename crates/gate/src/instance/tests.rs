//! Whole ways of requests through one and several instances.

use std::sync::Arc;

use super::bench::{Bench, TTL_MS};
use super::{Cancel, Context, Event, Illegal, Instance, Phase, Request, Why};
use crate::policy::{Class, Refusal};
use crate::room::Room;
use crate::session::outbox::{Outbox, Said};
use crate::store::Key;

fn guarded(guard: u64) -> Request {
    Request {
        guard,
        ..Request::default()
    }
}

#[test]
fn in_a_store_that_is_known_to_be_new_the_first_starts_at_once() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    assert!(bench.relays(0, first));
    assert!(!bench.store.contains_key(&Key::New), "the mark is used up");
}

#[test]
fn in_any_other_the_first_waits_a_time_to_live_and_is_told() {
    let mut bench = Bench::new(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(TTL_MS - 1_000);
    assert_eq!(bench.phase(0, first), Phase::Waiting);
    let settling_ms = bench.instances[0].report(bench.now()).settling_ms;
    assert!(settling_ms.is_some_and(|ms| ms <= 1_000), "{settling_ms:?}");
    bench.pass(1_001);
    assert!(bench.relays(0, first));
}

#[test]
fn instances_take_turns_and_a_slot_is_handed_on_within_a_few_looks() {
    let mut bench = Bench::marked(3, Room::one(1));
    let mut last = (0, bench.arrive(0, Request::default()));
    let mut others = Vec::new();
    for at in [1, 2, 0, 1] {
        bench.pass(5);
        others.push((at, bench.arrive(at, Request::default())));
    }
    for (at, no) in others {
        bench.pass(3_000);
        assert_eq!(bench.phase(at, no), Phase::Waiting);
        bench.end(last.0, last.1);
        bench.pass(20);
        assert!(bench.relays(at, no), "{at}: {:?}", bench.phase(at, no));
        last = (at, no);
    }
}

#[test]
fn a_long_stream_goes_on_while_its_session_is_renewed() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    let second = bench.arrive(1, Request::default());
    for _ in 0..100 {
        bench.pass(1_000);
        assert!(bench.relays(0, first));
        assert_eq!(bench.phase(1, second), Phase::Waiting);
    }
}

#[test]
fn the_slot_of_one_that_died_is_free_after_its_time_to_live() {
    let mut bench = Bench::marked(2, Room::one(1));
    bench.arrive(0, Request::default());
    let second = bench.arrive(1, Request::default());
    bench.pass(1_000);
    bench.kill(0);
    bench.pass(TTL_MS - 1_001);
    assert_eq!(bench.phase(0, second), Phase::Waiting);
    bench.pass(3_000);
    assert!(bench.relays(0, second));
    assert_eq!(bench.instances[0].report(bench.now()).sums.lost, 1);
}

#[test]
fn when_the_scheduler_dies_another_takes_its_term_within_half_a_second() {
    let mut bench = Bench::marked(3, Room::one(2));
    bench.arrive(0, Request::default());
    let holder = bench.arrive(1, Request::default());
    let waiting = [
        bench.arrive(1, Request::default()),
        bench.arrive(2, Request::default()),
    ];
    bench.pass(1_000);
    let schedules = |at: &usize| bench.instances[*at].report(bench.now()).term.is_some();
    assert_eq!(
        (0..3).filter(schedules).collect::<Vec<_>>(),
        [1],
        "who waits has it"
    );
    bench.end(1, holder);
    bench.pass(1_000);
    assert!(bench.relays(1, waiting[0]));
    bench.kill(0);
    bench.pass(600);
    assert_eq!(
        bench.phase(1, waiting[1]),
        Phase::Waiting,
        "its grant still counts"
    );
    bench.pass(TTL_MS + 2_000);
    assert!(bench.relays(1, waiting[1]));
}

#[test]
fn a_session_that_stands_still_is_over_by_its_own_clock_and_asks_anew() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    let second = bench.arrive(0, Request::default());
    bench.now_ms += TTL_MS / 8 * 7;
    assert!(!bench.relays(0, first), "before anything was done");
    assert_eq!(bench.instances[0].relays_for_ms(first, bench.now()), 0);
    bench.wake(0);
    assert_eq!(bench.phase(0, first), Phase::Over(Why::Lapsed));
    bench.pass(1_000);
    assert!(bench.relays(0, second), "in a new session");
    assert_eq!(bench.instances[0].report(bench.now()).sums.sessions, 2);
}

#[test]
fn when_the_store_was_emptied_everything_stops_and_begins_anew_after_a_time_to_live() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    let second = bench.arrive(1, Request::default());
    bench.pass(1_000);
    bench.store.clear();
    bench.counters.clear();
    bench.pass(TTL_MS - 1);
    assert!(!bench.relays(0, first));
    assert!(!bench.relays(1, second));
    bench.pass(2_000);
    assert!(bench.relays(1, second));
}

#[test]
fn whoever_knows_the_ticket_may_cancel_from_an_instance_that_has_nobody_at_the_gate() {
    let mut bench = Bench::marked(3, Room::one(1));
    let relaying = bench.arrive(0, guarded(11));
    let waiting = bench.arrive(1, guarded(12));
    bench.pass(100);
    for (at, no, guard) in [(1, waiting, 12), (0, relaying, 11)] {
        let cancel = Cancel::Ticket(guard);
        let now = bench.now();
        assert!(bench.instances[2].cancel(cancel, now));
        bench.wake(2);
        bench.pass(1_000);
        assert!(bench.instances[2].is_cancelled(cancel));
        assert_eq!(bench.phase(at, no), Phase::Over(Why::Cancelled));
    }
    bench.pass(3_000);
    let after = bench.arrive(2, guarded(13));
    bench.pass(1_000);
    assert!(bench.relays(2, after), "the slot is free");
}

#[test]
fn an_operator_cancels_by_the_ask() {
    let mut bench = Bench::marked(1, Room::one(1));
    let relaying = bench.arrive(0, Request::default());
    let ask = bench.instances[0]
        .ask(relaying)
        .expect("it is in a session");
    let now = bench.now();
    bench.instances[0].cancel(Cancel::Operator(ask), now);
    bench.wake(0);
    assert_eq!(bench.phase(0, relaying), Phase::Over(Why::Cancelled));
}

#[test]
fn one_that_moves_is_told_where_it_goes_also_by_another_scheduler() {
    let mut bench = Bench::marked(2, Room::new(4, [2, 2]));
    let moving = bench.arrive(0, Request::default());
    let upstream = |bench: &Bench| match bench.phase(0, moving) {
        Phase::Relaying { upstream } => upstream,
        other => panic!("{other:?}"),
    };
    assert_eq!(upstream(&bench), 0);
    let other = bench.arrive(1, Request::default());
    assert!(bench.relays(1, other));
    bench.instances[0].move_from(moving, 0b01);
    assert!(bench.instances[0].is_moving(moving));
    bench.wake(0);
    bench.pass(1_000);
    assert!(!bench.instances[0].is_moving(moving));
    assert_eq!(upstream(&bench), 1);
}

#[test]
fn one_that_moves_is_told_of_room_that_has_become_free_since_the_board_was_put() {
    let mut bench = Bench::marked(2, Room::new(4, [2, 1]));
    bench.arrive(1, Request::default());
    let other = bench.arrive(1, Request::default());
    assert_eq!(bench.phase(1, other), Phase::Relaying { upstream: 1 });
    let moving = bench.arrive(0, Request::default());
    assert_eq!(bench.phase(0, moving), Phase::Relaying { upstream: 0 });
    // Nobody waits: the board is idle, and nobody has read what has ended.
    bench.end(1, other);
    bench.instances[0].move_from(moving, 0b01);
    bench.wake(0);
    bench.pass(100);
    assert!(!bench.instances[0].is_moving(moving));
    assert_eq!(bench.phase(0, moving), Phase::Relaying { upstream: 1 });
}

#[test]
fn a_refusal_is_told_and_leaves_nothing_behind() {
    let mut bench = Bench::marked(2, Room::one(1));
    let client = |client| Request {
        client,
        ..Request::default()
    };
    let all: Vec<_> = (0..9)
        .map(|at| (at % 2, bench.arrive(at % 2, client(7))))
        .collect();
    bench.pass(1_000);
    let refused = Phase::Over(Why::Refused(Refusal::PlacesTaken));
    let is_refused = all
        .iter()
        .filter(|(at, no)| bench.phase(*at, *no) == refused);
    assert_eq!(is_refused.count(), 1, "eight places");
    assert_eq!(bench.board().line.len(), 7);
}

#[test]
fn batch_waits_behind_whatever_instance_it_comes_to() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    let front = bench.arrive(1, Request::default());
    bench.pass(100);
    let batch = Request {
        class: Class::Batch,
        ..Request::default()
    };
    let batch = bench.arrive(0, batch);
    bench.pass(100);
    let later = bench.arrive(1, Request::default());
    bench.pass(100);
    for (at, end, next_at, next) in [
        (0, first, 1, front),
        (1, front, 1, later),
        (1, later, 0, batch),
    ] {
        bench.end(at, end);
        bench.pass(100);
        assert!(bench.relays(next_at, next));
    }
}

#[test]
fn after_its_last_request_an_instance_says_over_and_is_quiet() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(10_000);
    bench.end(0, first);
    bench.pass(2_000);
    let operations = bench.store.clone();
    bench.pass(100_000);
    assert_eq!(bench.store, operations, "nothing is written at rest");
    let next = bench.arrive(1, Request::default());
    assert!(bench.relays(1, next));
    let mut outboxes = bench.store.iter();
    let first = outboxes.find(|(key, _)| matches!(key, Key::Member(_, 1)));
    let said = first.map(|(_, bytes)| Outbox::read(bytes));
    assert!(
        matches!(said, Some(Said::All(Outbox { over: true, .. }))),
        "{said:?}"
    );
}

#[test]
fn a_session_is_kept_for_the_next_request_for_a_second_after_the_last() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(2_700);
    bench.end(0, first);
    bench.pass(999);
    let operations = bench.counters.clone();
    let second = bench.arrive(0, Request::default());
    assert!(bench.relays(0, second));
    assert_eq!(
        bench.counters, operations,
        "neither a session nor a term is drawn"
    );
    assert_eq!(bench.board().count().active, 1);
}

#[test]
fn a_scheduler_that_resigns_is_followed_at_once() {
    let mut bench = Bench::marked(2, Room::one(1));
    bench.arrive(0, Request::default());
    let own = bench.arrive(0, Request::default());
    bench.arrive(1, Request::default());
    bench.pass(100);
    bench.instances[0].resign();
    bench.wake(0);
    bench.pass(50);
    let terms = [0, 1].map(|at| bench.instances[at].report(bench.now()).term.is_some());
    assert_eq!(terms.iter().filter(|has| **has).count(), 1);
    assert_eq!(bench.phase(0, own), Phase::Waiting);
}

#[test]
fn after_two_takers_without_a_board_plain_order_is_in_force_and_told() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.end(0, first);
    bench.pass(3_000);
    *bench
        .counters
        .iter_mut()
        .find(|(key, _)| matches!(key, Key::Term(_)))
        .expect("a term")
        .1 += 2;
    let second = bench.arrive(0, Request::default());
    bench.pass(3_000);
    assert!(bench.relays(0, second));
    assert!(bench.instances[0].report(bench.now()).degraded);
}

#[test]
fn an_event_that_answers_nothing_is_illegal_and_changes_nothing() {
    let mut bench = Bench::marked(1, Room::one(1));
    bench.arrive(0, Request::default());
    let context = Context {
        now: bench.now(),
        room: bench.room,
        models: Arc::default(),
        random: 1,
        op_ms: 0,
    };
    let before: Instance = bench.instances[0].clone();
    for event in [
        Event::Added(3),
        Event::Read(vec![]),
        Event::Done,
        Event::Unresolved,
    ] {
        assert_eq!(bench.instances[0].step(event, &context), Err(Illegal));
        assert_eq!(
            bench.instances[0].phase(super::RequestNo(1)),
            before.phase(super::RequestNo(1))
        );
    }
}
