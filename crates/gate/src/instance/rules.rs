//! Rules whose lack costs time or writes, or shows in one way of requests: each kept and taken away in the same one.

use super::bench::{Bench, TTL_MS};
use super::{Cancel, Phase, Request};
use crate::board::codec::FORMAT;
use crate::mutant::Mutant::{self, *};
use crate::room::Room;
use crate::store::Key;

/// Whether one that comes to another instance is listed at once, while the scheduler has a line of its own.
fn is_listed_at_once(without: &'static [Mutant]) -> bool {
    let mut bench = Bench::marked(2, Room::one(1)).without(without);
    bench.arrive(0, Request::default());
    bench.arrive(0, Request::default());
    bench.pass(100);
    let other = bench.arrive(1, Request::default());
    bench.pass(500);
    let ask = bench.instances[1].ask(other).expect("it is in a session");
    bench.board().knows(ask)
}

#[test]
fn rule_6_an_ask_that_no_board_shows_is_put_into_the_outbox() {
    assert!(is_listed_at_once(&[]));
    assert!(!is_listed_at_once(&[NoAsk]));
}

#[test]
fn rule_17_new_sessions_are_listed() {
    assert!(!is_listed_at_once(&[NotListed]));
}

/// How many boards the taker of a board that is full as found puts until it relays, where the holder has said that it has ended.
fn boards_of_a_taker(without: &'static [Mutant]) -> u64 {
    let mut bench = Bench::marked(3, Room::one(1)).without(without);
    let holder = bench.arrive(0, Request::default());
    let leaver = bench.arrive(1, Request::default());
    bench.pass(100);
    bench.end(1, leaver);
    bench.pass(100);
    bench.end(0, holder);
    assert_eq!(bench.board().grants.len(), 1, "nobody has read it");
    let next = bench.arrive(2, Request::default());
    assert!(bench.relays(2, next));
    bench.instances[2].report(bench.now()).sums.boards
}

#[test]
fn rule_15_of_a_board_that_is_full_as_found_the_holders_are_read_first() {
    assert_eq!(boards_of_a_taker(&[]), 1);
    assert_eq!(boards_of_a_taker(&[PutUnread]), 2);
}

/// How many boards are put in five seconds in which one relays and nobody waits.
fn boards_at_rest(without: &'static [Mutant]) -> u64 {
    let mut bench = Bench::marked(1, Room::one(1)).without(without);
    bench.arrive(0, Request::default());
    bench.pass(1_000);
    let boards = |bench: &Bench| bench.instances[0].report(bench.now()).sums.boards;
    let before = boards(&bench);
    bench.pass(5_000);
    boards(&bench) - before
}

#[test]
fn rule_21_a_board_without_a_line_is_idle() {
    assert_eq!(boards_at_rest(&[]), 0);
    assert!(boards_at_rest(&[NeverIdle]) > 30, "one at each beat");
}

/// The most that relay at once while the grant of one is recalled and another waits; a look at every millisecond.
fn most_at_a_recall(without: &'static [Mutant]) -> usize {
    let mut bench = Bench::marked(2, Room::one(1)).without(without);
    let guarded = Request {
        guard: 11,
        ..Request::default()
    };
    let recalled = bench.arrive(0, guarded);
    let next = bench.arrive(1, Request::default());
    bench.pass(100);
    let now = bench.now();
    assert!(bench.instances[1].cancel(Cancel::Ticket(11), now));
    bench.wake(1);
    let mut most = 0;
    for _ in 0..2_000 {
        let relaying = [bench.relays(0, recalled), bench.relays(1, next)];
        most = most.max(relaying.into_iter().filter(|relays| *relays).count());
        bench.pass(1);
    }
    assert!(matches!(bench.phase(0, recalled), Phase::Over(_)));
    assert!(bench.relays(1, next));
    most
}

#[test]
fn rule_28_whose_grant_is_recalled_keeps_it_until_it_says_that_it_has_ended() {
    assert_eq!(most_at_a_recall(&[]), 1);
    assert_eq!(most_at_a_recall(&[RecallFrees]), 2);
}

/// Beside a board of another version: how many terms are drawn within a time to live, and whether one that waits relays at last.
fn beside_another_version(without: &'static [Mutant]) -> (u64, bool) {
    let mut bench = Bench::marked(1, Room::one(1)).without(without);
    let first = bench.arrive(0, Request::default());
    bench.end(0, first);
    bench.pass(2_000);
    let board = bench
        .store
        .iter_mut()
        .rfind(|(key, _)| matches!(key, Key::Board(..)));
    board.expect("a board").1[0] = FORMAT + 1;
    let terms = |bench: &Bench| {
        let terms = bench.counters.iter();
        let of_terms = terms.filter(|(key, _)| matches!(key, Key::Term(_)));
        of_terms.map(|(_, terms)| terms).sum::<u64>()
    };
    let before = terms(&bench);
    let waiting = bench.arrive(0, Request::default());
    bench.pass(TTL_MS - 1_000);
    let drawn = terms(&bench) - before;
    bench.pass(2 * TTL_MS);
    (drawn, bench.relays(0, waiting))
}

#[test]
fn rule_30_who_cannot_read_the_board_does_not_take_over() {
    assert_eq!(beside_another_version(&[]), (0, true));
    let (drawn, _) = beside_another_version(&[TakeUnreadable]);
    assert!(drawn > 0);
}

#[test]
fn rule_30_a_board_that_nobody_alive_can_read_is_a_lost_one() {
    assert_eq!(beside_another_version(&[KeepUnreadable]), (0, false));
}
