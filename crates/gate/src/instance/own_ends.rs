//! Heirs, and what ends in their own session or in the scheduler's: rule 26.

use super::bench::Bench;
use super::{Request, RequestNo};
use crate::mutant::Mutant;
use crate::room::Room;

/// So many slots: process 0 schedules, having one behind the others. Process 1 holds all of them; the heirs are of these processes.
struct Line {
    bench: Bench,
    holders: Vec<RequestNo>,
    heirs: Vec<RequestNo>,
}

fn line(heirs: &[usize], without: &'static [Mutant]) -> Line {
    let slots = heirs.len();
    let room = Room::one(u32::try_from(slots).expect("a few"));
    let mut bench = Bench::marked(3, room).without(without);
    let mut come = |at| {
        let request = bench.arrive(at, Request::default());
        bench.pass(100);
        request
    };
    // One more than there are slots: whoever waits first has the term.
    let before: Vec<RequestNo> = (0..=slots).map(|_| come(0)).collect();
    let holders: Vec<RequestNo> = (0..slots).map(|_| come(1)).collect();
    let named: Vec<RequestNo> = heirs.iter().map(|at| come(*at)).collect();
    come(0);
    for request in before {
        bench.end(0, request);
        bench.pass(2_000);
    }
    assert!(holders.iter().all(|holder| bench.relays(1, *holder)));
    assert!(bench.instances[0].report(bench.now()).term.is_some());
    let asks = heirs.iter().zip(&named);
    let asks: Vec<_> = asks
        .map(|(at, heir)| bench.instances[*at].ask(*heir).expect("it is asked for"))
        .collect();
    let on_board: Vec<_> = bench.board().heirs.iter().map(|heir| heir.ask).collect();
    assert_eq!(on_board, asks);
    bench.op_ms = 5;
    bench.pass(500);
    Line {
        bench,
        holders,
        heirs: named,
    }
}

#[test]
fn two_that_end_are_followed_by_two_before_any_operation() {
    let Line {
        mut bench,
        holders,
        heirs,
    } = line(&[1, 1], &[]);
    bench.op_ms = 50;
    for (holder, heir) in holders.into_iter().zip(&heirs) {
        bench.end(1, holder);
        assert!(bench.relays(1, *heir));
    }
    bench.pass(1_000);
    let granted: Vec<_> = bench.board().grants.iter().map(|one| one.ask.k).collect();
    assert_eq!(granted, heirs.iter().map(|heir| heir.0).collect::<Vec<_>>());
    assert!(heirs.into_iter().all(|heir| bench.relays(1, heir)));
}

#[test]
fn one_that_starts_in_the_slot_of_its_own_is_no_longer_before_the_second_heir() {
    let Line {
        mut bench,
        holders,
        heirs,
    } = line(&[1, 2], &[]);
    // No board comes for a while.
    bench.kill(0);
    let put = bench.board().put;
    bench.end(0, holders[0]);
    assert!(bench.relays(0, heirs[0]));
    bench.pass(50);
    assert!(
        !bench.relays(1, heirs[1]),
        "the slot that was free is taken"
    );
    bench.end(0, holders[1]);
    bench.pass(50);
    assert!(bench.relays(1, heirs[1]));
    assert_eq!(bench.board().put, put);
    bench.pass(3_000);
    assert!(bench.relays(0, heirs[0]) && bench.relays(1, heirs[1]));
}

#[test]
fn what_ends_in_an_heirs_own_session_needs_no_reading() {
    let Line {
        mut bench,
        holders,
        heirs,
    } = line(&[2, 1], &[]);
    bench.kill(0);
    let put = bench.board().put;
    for holder in holders {
        bench.pass(20);
        assert!(!bench.relays(0, heirs[1]));
        bench.end(0, holder);
    }
    bench.pass(20);
    assert!(bench.relays(0, heirs[1]));
    assert_eq!(bench.board().put, put);
    bench.pass(50);
    assert!(bench.relays(1, heirs[0]));
}

#[test]
fn what_the_scheduler_itself_ends_is_its_heirs_before_a_board_says_so() {
    let mut bench = Bench::marked(2, Room::one(1));
    let [before, own, heir, _] = [0, 0, 1, 0].map(|at| {
        let request = bench.arrive(at, Request::default());
        bench.pass(100);
        request
    });
    bench.end(0, before);
    bench.pass(2_000);
    assert!(bench.relays(0, own));
    assert!(bench.instances[0].report(bench.now()).term.is_some());
    let named = bench.board().heirs.first().map(|heir| heir.ask);
    assert_eq!(named, bench.instances[1].ask(heir));
    bench.op_ms = 20;
    bench.pass(500);
    let put = bench.board().put;
    bench.end(0, own);
    while !bench.relays(1, heir) && bench.board().put == put {
        bench.pass(1);
    }
    assert!(bench.relays(1, heir), "it is read, not granted");
    bench.pass(2_000);
    assert!(bench.relays(1, heir));
    assert_eq!(bench.board().grants.len(), 1);
}

/// A scheduler that holds so many slots, with heirs elsewhere behind them.
fn holder_of(slots: u32) -> (Bench, Vec<RequestNo>) {
    let mut bench = Bench::marked(2, Room::one(slots));
    let mut come = |at| {
        let request = bench.arrive(at, Request::default());
        bench.pass(100);
        request
    };
    // Whoever waits first has the term.
    let first = come(0);
    let held = (0..slots).map(|_| come(0)).collect();
    for at in [1, 1, 0] {
        come(at);
    }
    bench.end(0, first);
    bench.pass(2_000);
    assert!(bench.instances[0].report(bench.now()).term.is_some());
    assert_eq!(bench.board().heirs.len(), 2);
    (bench, held)
}

#[test]
fn on_a_slow_store_a_renewal_does_not_wait_for_words_to_heirs() {
    // So that the renewal falls into each part of what follows.
    for later_ms in (0..8_000).step_by(250) {
        let (mut bench, held) = holder_of(4);
        bench.pass(later_ms);
        bench.op_ms = 900;
        for ends in &held[..3] {
            bench.pass(2_000);
            bench.end(0, *ends);
        }
        for _ in 0..100 {
            bench.pass(100);
            assert!(bench.relays(0, held[3]), "{later_ms} ms");
        }
    }
}

#[test]
fn a_beat_does_not_wait_for_words_to_heirs() {
    let (mut bench, held) = holder_of(20);
    bench.op_ms = 20;
    let put = bench.board().put;
    let mut ending = held.into_iter();
    while bench.board().put == put {
        bench.end(
            0,
            ending.next().expect("a board comes before all have ended"),
        );
        bench.pass(13);
    }
}

#[test]
fn an_heir_for_another_upstream_is_not_next_in_a_slot() {
    let Line { bench, heirs, .. } = line(&[1, 1], &[]);
    let instance = &bench.instances[1];
    let session = instance.session.as_ref().expect("it has begun");
    let board = bench.board();
    let mut grant = board.grants[0].clone();
    grant.successor = u64::MAX;
    let next = |grant: &_| instance.next_in_slot(session, &board, grant);
    assert_eq!(next(&grant), Some(heirs[0].0));
    grant.upstream = 1;
    assert_eq!(next(&grant), None);
}

#[test]
fn a_fence_that_is_read_again_comes_before_a_word_to_heirs() {
    let (mut bench, held) = holder_of(4);
    bench.op_ms = 10;
    let boards = |bench: &Bench| bench.instances[0].report(bench.now()).sums.boards;
    bench.end(0, held[0]);
    let put = bench.board().put;
    while bench.board().put == put {
        bench.pass(1);
    }
    bench.is_away = true;
    bench.pass(15);
    bench.is_away = false;
    let before = boards(&bench);
    bench.end(0, held[1]);
    let mut took_ms = 0;
    while boards(&bench) == before {
        bench.pass(1);
        took_ms += 1;
    }
    assert!(took_ms <= 110, "a pause and one reading: {took_ms} ms");
}

/// One comes to the holder that has waited elsewhere for longer than the heir: it is the successor there.
fn most_who_relay_beside_a_successor(without: &'static [Mutant]) -> usize {
    let Line {
        mut bench,
        holders,
        heirs,
    } = line(&[2], without);
    let resumed = Request {
        waited_ms: 60_000,
        ..Request::default()
    };
    let resumed = bench.arrive(1, resumed);
    bench.pass(1_500);
    bench.end(1, holders[0]);
    assert!(bench.relays(1, resumed));
    let mut most = 0;
    for _ in 0..100 {
        bench.pass(1);
        let relaying = [(2, heirs[0]), (1, resumed)];
        let relaying = relaying.iter().filter(|(at, one)| bench.relays(*at, *one));
        most = most.max(relaying.count());
    }
    most
}

#[test]
fn a_slot_in_which_a_successor_relays_is_not_the_heirs() {
    assert_eq!(most_who_relay_beside_a_successor(&[]), 1);
    let without = &[Mutant::HeirOfHandedOn];
    assert_eq!(most_who_relay_beside_a_successor(without), 2);
}
