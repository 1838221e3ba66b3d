//! A slot that stays in its session: rule 26.

use super::bench::Bench;
use super::{Cancel, Phase, Request, RequestNo};
use crate::board::{AskId, Decision, Grant, Mark};
use crate::policy::Service;
use crate::room::Room;
use crate::session::outbox::ASKS_MAX;

/// An instance that relays one request while some of its own wait, on a store whose operations take long.
fn holder_and_waiting(instances: usize, waiting: usize) -> (Bench, RequestNo, Vec<RequestNo>) {
    let mut bench = Bench::marked(instances, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(100);
    let others = (0..waiting).map(|_| {
        let other = bench.arrive(0, Request::default());
        bench.pass(100);
        other
    });
    let others = others.collect();
    assert!(bench.relays(0, first));
    bench.op_ms = 50;
    (bench, first, others)
}

fn grants(bench: &Bench) -> Vec<u64> {
    bench
        .board()
        .grants
        .iter()
        .map(|grant| grant.ask.k)
        .collect()
}

#[test]
fn the_next_of_the_same_session_starts_before_any_operation() {
    let (mut bench, first, others) = holder_and_waiting(1, 2);
    bench.end(0, first);
    assert!(bench.relays(0, others[0]));
    assert_eq!(
        grants(&bench),
        [first.0],
        "the board learns of it afterwards"
    );
    bench.pass(500);
    assert_eq!(grants(&bench), [others[0].0]);
    bench.end(0, others[0]);
    assert!(bench.relays(0, others[1]), "and the one after it");
    bench.pass(500);
    bench.end(0, others[1]);
    bench.pass(500);
    assert_eq!(grants(&bench), []);
}

#[test]
fn what_the_first_came_to_counts_for_the_estimates() {
    let (mut bench, first, _) = holder_and_waiting(1, 1);
    bench.end(0, first);
    bench.pass(500);
    let service = Service::of(&bench.board());
    assert_eq!(service.wait_ms(0, 1, 1), Some(1_000));
}

#[test]
fn whoever_is_first_in_another_session_is_not_passed() {
    let mut bench = Bench::marked(2, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(100);
    let other = bench.arrive(1, Request::default());
    bench.pass(100);
    let own = bench.arrive(0, Request::default());
    bench.pass(1_000);
    bench.end(0, first);
    assert!(!bench.relays(0, own));
    bench.pass(100);
    assert!(bench.relays(1, other));
    assert_eq!(bench.phase(0, own), Phase::Waiting);
}

#[test]
fn a_successor_that_leaves_before_the_board_knows_of_it_frees_the_slot() {
    let (mut bench, first, others) = holder_and_waiting(2, 1);
    bench.end(0, first);
    bench.end(0, others[0]);
    let next = bench.arrive(1, Request::default());
    bench.pass(2_000);
    assert!(bench.relays(1, next));
    assert_eq!(bench.board().grants.len(), 1);
}

#[test]
fn its_own_successor_waits_until_the_board_knows_of_it() {
    let (mut bench, first, others) = holder_and_waiting(1, 2);
    bench.end(0, first);
    bench.end(0, others[0]);
    assert_eq!(bench.phase(0, others[1]), Phase::Waiting);
    bench.pass(1_000);
    assert!(bench.relays(0, others[1]));
}

#[test]
fn one_whose_own_grant_is_on_its_way_is_not_passed() {
    let mut bench = Bench::marked(1, Room::one(2));
    let first = [(); 2].map(|()| bench.arrive(0, Request::default()));
    bench.pass(100);
    let others = [(); 2].map(|()| bench.arrive(0, Request::default()));
    bench.pass(100);
    let last = bench.arrive(0, Request::default());
    bench.pass(100);
    bench.op_ms = 50;
    // The first of the others has this slot at once, and the second its own only after a round.
    bench.end(0, first[0]);
    bench.end(0, others[0]);
    while bench.phase(0, others[1]) == Phase::Waiting {
        bench.pass(10);
    }
    assert_eq!(bench.phase(0, others[1]), Phase::Sending { upstream: 0 });
    bench.end(0, first[1]);
    assert!(bench.relays(0, others[1]));
    assert!(!bench.relays(0, last));
    bench.pass(1_000);
    assert!(bench.relays(0, others[1]) && bench.relays(0, last));
    assert_eq!(grants(&bench), [others[1].0, last.0]);
}

#[test]
fn it_can_be_cancelled_like_any_other() {
    let mut bench = Bench::marked(1, Room::one(1));
    let first = bench.arrive(0, Request::default());
    bench.pass(100);
    let guarded = Request {
        guard: 7,
        ..Request::default()
    };
    let second = bench.arrive(0, guarded);
    bench.pass(100);
    bench.op_ms = 50;
    bench.end(0, first);
    assert!(bench.relays(0, second));
    let now = bench.now();
    assert!(bench.instances[0].cancel(Cancel::Ticket(7), now));
    bench.pass(1_000);
    assert_eq!(bench.phase(0, second), Phase::Over(super::Why::Cancelled));
    bench.pass(1_000);
    assert_eq!(bench.board().grants.len(), 0);
}

#[test]
fn the_scheduler_may_change_while_a_slot_is_handed_on() {
    let (mut bench, first, others) = holder_and_waiting(2, 2);
    let late = bench.arrive(1, Request::default());
    bench.pass(1_000);
    bench.instances[0].resign();
    bench.end(0, first);
    for _ in 0..40 {
        bench.pass(50);
        assert!(bench.relays(0, others[0]));
        assert!(!bench.relays(1, late) && !bench.relays(0, others[1]));
    }
    assert_eq!(grants(&bench), [others[0].0]);
}

#[test]
fn one_hand_off_is_one_board() {
    let (mut bench, first, _) = holder_and_waiting(1, 2);
    let boards = |bench: &Bench| bench.instances[0].report(bench.now()).sums.boards;
    bench.pass(1_000);
    let before = boards(&bench);
    bench.pass(1_000);
    let beats = boards(&bench) - before;
    let before = boards(&bench);
    bench.end(0, first);
    bench.pass(1_000);
    let more = boards(&bench) - before;
    assert!(
        more <= beats + 1,
        "{more} boards, {beats} in the second before"
    );
}

#[test]
fn it_stays_where_it_started_although_it_is_granted_elsewhere_meanwhile() {
    let mut bench = Bench::marked(2, Room::new(2, [1, 1]));
    let others = bench.arrive(1, Request::default());
    bench.pass(100);
    let own = bench.arrive(0, Request::default());
    bench.pass(100);
    // Whoever waits first has the term.
    let leaver = bench.arrive(1, Request::default());
    bench.pass(100);
    let next = bench.arrive(0, Request::default());
    bench.pass(100);
    let last = bench.arrive(1, Request::default());
    bench.pass(1_000);
    bench.end(1, leaver);
    bench.pass(100);
    assert!(bench.instances[1].report(bench.now()).term.is_some());
    let started = bench.phase(0, own);
    assert_ne!(started, bench.phase(1, others));
    bench.op_ms = 50;
    bench.end(1, others);
    let ask = bench.instances[0].ask(next).expect("it is in a session");
    while bench.board().grant(ask).is_none() {
        bench.pass(1);
    }
    bench.end(0, own);
    assert_eq!(bench.phase(0, next), started);
    for _ in 0..40 {
        bench.pass(50);
        assert_eq!(bench.phase(0, next), started);
    }
    assert!(bench.relays(1, last));
    assert_ne!(bench.phase(1, last), started);
}

#[test]
fn whoever_was_cancelled_in_line_is_stopped_in_its_slot() {
    let (bench, first, others) = holder_and_waiting(1, 1);
    let board = &mut bench.board();
    let ask = |k| AskId { session: 1, k };
    let mark = Mark::Cancelled;
    board
        .apply(
            &Decision::Mark {
                ask: ask(others[0].0),
                mark,
            },
            1,
        )
        .expect("it waits");
    let grant = Grant {
        ask: ask(others[0].0),
        ..Grant::default()
    };
    assert!(board.hand_on(ask(first.0), grant));
    assert!(board.grants[0].recall);
    assert!(board.line.is_empty());
}

#[test]
fn more_requests_than_an_outbox_holds_wait_without_a_word() {
    let mut bench = Bench::marked(2, Room::one(1));
    bench.arrive(1, Request::default());
    let own: Vec<RequestNo> = (0..ASKS_MAX + 2)
        .map(|_| bench.arrive(0, Request::default()))
        .collect();
    bench.pass(5_000);
    bench.end(0, own[0]);
    bench.pass(100);
    assert!(
        own.iter()
            .all(|no| bench.phase(0, *no) != Phase::Over(super::Why::Lapsed))
    );
}
