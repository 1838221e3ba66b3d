//! A slot that goes to another session: rule 26.

use super::bench::Bench;
use super::{Cancel, Phase, Request, RequestNo, Why};
use crate::mutant::Mutant;
use crate::room::Room;

/// Process 0 schedules, having one behind the others. Process 1 relays; the one of process 2 is the heir, that of process 3 is next.
struct Line {
    bench: Bench,
    holder: RequestNo,
    heir: RequestNo,
    next: RequestNo,
    last: RequestNo,
}

fn line_of(heir: Request, without: &'static [Mutant]) -> Line {
    let mut bench = Bench::marked(4, Room::one(1)).without(without);
    let any = Request::default();
    let [first, second, holder, heir, next, last] =
        [(0, any), (0, any), (1, any), (2, heir), (3, any), (0, any)].map(|(at, request)| {
            let request = bench.arrive(at, request);
            bench.pass(100);
            request
        });
    bench.end(0, first);
    bench.pass(100);
    bench.end(0, second);
    bench.pass(2_000);
    assert!(bench.relays(1, holder));
    assert!(bench.instances[0].report(bench.now()).term.is_some());
    let named = bench.board().heirs.first().map(|heir| heir.ask);
    assert_eq!(named, bench.instances[2].ask(heir));
    Line {
        bench,
        holder,
        heir,
        next,
        last,
    }
}

fn line() -> Line {
    line_of(Request::default(), &[])
}

/// Two slots: process 0 schedules, having one behind the others. Process 1 holds both; the heirs are of processes 2 and 3.
struct Pair {
    bench: Bench,
    holders: [RequestNo; 2],
    heirs: [RequestNo; 2],
    /// The number of the first heir's process.
    at: usize,
}

fn pair(without: &'static [Mutant]) -> Pair {
    let mut bench = Bench::marked(4, Room::one(2)).without(without);
    let any = Request::default();
    let [first, second, third, one, other, heir, next, _] = [0, 0, 0, 1, 1, 2, 3, 0].map(|at| {
        let request = bench.arrive(at, any);
        bench.pass(100);
        request
    });
    for request in [first, second, third] {
        bench.end(0, request);
        bench.pass(500);
    }
    bench.pass(2_000);
    assert!(bench.relays(1, one) && bench.relays(1, other));
    assert!(bench.instances[0].report(bench.now()).term.is_some());
    let named: Vec<_> = bench.board().heirs.iter().map(|heir| heir.ask).collect();
    let asks = [(2, heir), (3, next)].map(|(at, heir)| bench.instances[at].ask(heir));
    assert_eq!(named, asks.map(|ask| ask.expect("it is asked for")));
    bench.op_ms = 5;
    bench.pass(500);
    Pair {
        bench,
        holders: [one, other],
        heirs: [heir, next],
        at: 2,
    }
}

/// The same, and the scheduler is gone: no board comes for a while.
fn pair_alone(without: &'static [Mutant]) -> Pair {
    let mut pair = pair(without);
    pair.bench.kill(0);
    pair.at -= 1;
    pair
}

impl Pair {
    fn end(&mut self, holder: usize) {
        self.bench.end(self.at - 1, self.holders[holder]);
    }

    fn relaying(&self) -> [bool; 2] {
        let [heir, next] = self.heirs;
        [(self.at, heir), (self.at + 1, next)].map(|(at, heir)| self.bench.relays(at, heir))
    }
}

#[test]
fn two_heirs_start_when_two_have_ended_without_a_board_between() {
    let mut pair = pair_alone(&[]);
    let put = pair.bench.board().put;
    pair.end(0);
    pair.bench.pass(50);
    assert_eq!(pair.relaying(), [true, false]);
    pair.end(1);
    pair.bench.pass(50);
    assert_eq!(pair.relaying(), [true, true]);
    assert_eq!(pair.bench.board().put, put);
    pair.bench.pass(3_000);
    assert_eq!(pair.relaying(), [true, true]);
    assert!(!pair.bench.board().has_provisional(None));
}

#[test]
fn without_that_the_second_starts_in_the_slot_of_the_first() {
    let mut pair = pair_alone(&[Mutant::HeirOutOfTurn]);
    pair.end(0);
    pair.bench.pass(50);
    assert_eq!(pair.relaying(), [true, true]);
}

#[test]
fn the_second_heir_has_the_first_ones_slot_where_that_leaves_or_dies() {
    let mut leaves = pair(&[]);
    leaves.bench.end(2, leaves.heirs[0]);
    leaves.end(0);
    leaves.bench.pass(200);
    assert_eq!(leaves.relaying(), [false, true]);
    let mut dies = pair(&[]);
    dies.bench.kill(2);
    dies.end(0);
    dies.bench.pass(2_900);
    assert!(
        dies.bench.relays(2, dies.heirs[1]),
        "{:?}",
        dies.bench.board()
    );
}

/// How long after an end the heir starts, where an operation takes so long.
fn starts_after_ms(op_ms: u64) -> u64 {
    let mut line = line();
    line.bench.op_ms = op_ms;
    line.bench.pass(500);
    line.bench.end(1, line.holder);
    let ended = line.bench.now_ms;
    while !line.bench.relays(2, line.heir) {
        line.bench.pass(1);
    }
    line.bench.now_ms - ended
}

#[test]
fn it_starts_when_it_has_read_that_the_one_before_it_has_ended() {
    // The holder's word and the heir's reading, each after what is under way there. By a board it is three operations more.
    let starts_ms = starts_after_ms(10);
    assert!((10..=40).contains(&starts_ms), "{starts_ms} ms");
}

#[test]
fn whoever_is_next_looks_closely_and_those_behind_it_do_not() {
    let mut line = line();
    line.bench.pass(500);
    let distances = [0, 1, 2, 3].map(|at| line.bench.instances[at].distance());
    // The scheduler, one who only relays, the heir, and one behind it.
    assert_eq!(distances, [0, 0, 0, 1]);
    line.bench.arrive(3, Request::default());
    line.bench.pass(1);
    assert_eq!(line.bench.instances[3].distance(), 0, "one has just come");
    line.bench.pass(500);
    assert_eq!(line.bench.instances[3].distance(), 1);
}

#[test]
fn the_slot_is_its_own_on_the_board_afterwards_and_the_next_is_the_heir_of_it() {
    let mut line = line();
    let bench = &mut line.bench;
    for (at, before, after) in [
        (2, (1, line.holder), line.heir),
        (3, (2, line.heir), line.next),
        (0, (3, line.next), line.last),
    ] {
        let named = bench.board().heirs.first().map(|heir| heir.ask);
        assert_eq!(named, bench.instances[at].ask(after));
        bench.end(before.0, before.1);
        bench.pass(2_000);
        assert!(bench.relays(at, after));
        let board = bench.board();
        let granted: Vec<_> = board.grants.iter().map(|grant| Some(grant.ask)).collect();
        assert_eq!(granted, [bench.instances[at].ask(after)]);
        assert!(!board.has_provisional(None));
    }
}

/// So that an end falls into every part of what the others do.
const LATER_MS: std::ops::Range<u64> = 0..120;

/// One comes that has waited elsewhere for longer than the heir, and so much later the slot is free.
fn most_who_relay(without: &'static [Mutant], later_ms: u64) -> usize {
    let mut line = line_of(Request::default(), without);
    let bench = &mut line.bench;
    bench.op_ms = 5;
    // Its coming falls into every part as well.
    bench.pass(7 * later_ms);
    let resumed = Request {
        waited_ms: 60_000,
        ..Request::default()
    };
    let resumed = bench.arrive(3, resumed);
    let ask = bench.instances[3].ask(resumed).expect("it has a session");
    while bench.board().ahead(ask) != Some(0) {
        bench.pass(1);
    }
    bench.pass(later_ms);
    bench.end(1, line.holder);
    let mut most = 0;
    for _ in 0..500 {
        bench.pass(1);
        let relaying = [(2, line.heir), (3, line.next), (3, resumed)];
        let relaying = relaying.iter().filter(|(at, one)| bench.relays(*at, *one));
        most = most.max(relaying.count());
    }
    most
}

#[test]
fn the_next_slot_is_the_heirs_whatever_is_decided_after_it_was_named() {
    for later_ms in LATER_MS {
        assert_eq!(most_who_relay(&[], later_ms), 1, "{later_ms} ms");
    }
}

#[test]
fn without_that_two_relay() {
    for rules in [&[Mutant::HeirNotFirst], &[Mutant::HeirChanges]] {
        let most = LATER_MS.map(|later_ms| most_who_relay(rules, later_ms));
        assert_eq!(most.max(), Some(2), "{rules:?}");
    }
}

#[test]
fn the_slot_of_a_heir_that_died_goes_to_the_next_within_three_seconds() {
    let mut line = line();
    line.bench.kill(2);
    line.bench.end(1, line.holder);
    line.bench.pass(2_700);
    assert!(line.bench.relays(2, line.next), "{:?}", line.bench.board());
}

#[test]
fn one_that_leaves_is_no_heir() {
    let mut line = line();
    line.bench.end(2, line.heir);
    line.bench.end(1, line.holder);
    line.bench.pass(100);
    assert!(line.bench.relays(3, line.next));
}

#[test]
fn one_that_is_cancelled_after_it_has_started_is_stopped() {
    let guarded = Request {
        guard: 7,
        ..Request::default()
    };
    let mut line = line_of(guarded, &[]);
    let bench = &mut line.bench;
    bench.op_ms = 50;
    bench.pass(500);
    bench.end(1, line.holder);
    while !bench.relays(2, line.heir) {
        bench.pass(1);
    }
    let now = bench.now();
    assert!(bench.instances[0].cancel(Cancel::Ticket(7), now));
    bench.pass(3_000);
    assert_eq!(bench.phase(2, line.heir), Phase::Over(Why::Cancelled));
    assert!(bench.relays(3, line.next));
}

#[test]
fn nobody_starts_at_an_upstream_that_is_not_to_be_used_and_the_heir_does_when_it_is_again() {
    let mut line = line();
    let bench = &mut line.bench;
    bench.room = Room::one(1).without(0);
    bench.pass(1_000);
    bench.end(1, line.holder);
    bench.pass(5_000);
    assert!(!bench.relays(2, line.heir) && !bench.relays(3, line.next));
    assert_eq!(bench.board().grants.len(), 0);
    bench.room = Room::one(1);
    bench.pass(1_000);
    assert!(bench.relays(2, line.heir));
}

#[test]
fn an_heir_that_many_pass_is_heard_of_nevertheless() {
    let mut line = line();
    let bench = &mut line.bench;
    let resumed = Request {
        waited_ms: 60_000,
        ..Request::default()
    };
    for _ in 0..6 {
        bench.arrive(3, resumed);
    }
    for _ in 0..40 {
        bench.pass(100);
        let board = bench.board();
        assert_eq!(
            board.heirs.first().map(|heir| heir.ask),
            bench.instances[2].ask(line.heir)
        );
        assert!(
            board
                .members
                .iter()
                .all(|member| !member.doubted && !member.away)
        );
    }
    bench.end(1, line.holder);
    bench.pass(100);
    assert!(bench.relays(2, line.heir));
}

#[test]
fn there_is_none_where_there_are_two_upstreams_even_if_one_is_not_to_be_used() {
    let mut bench = Bench::marked(2, Room::new(1, [1, 1]).without(1));
    let holder = bench.arrive(0, Request::default());
    bench.pass(100);
    bench.arrive(1, Request::default());
    bench.arrive(0, Request::default());
    bench.pass(1_000);
    assert!(bench.relays(0, holder));
    assert_eq!(bench.board().heirs, []);
}
