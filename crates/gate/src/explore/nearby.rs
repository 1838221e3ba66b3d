//! Rules that are missed late: each taken away, beside the state near to that point in which its search begins.
//!
//! Process 0 is the scheduler at the start and goes on being it; what stands on its board is named in the order of the grants and of the
//! line. Clocks are named as time to live, own limit, renewal, take-over.

use super::config::Config;
use super::config::Fault::{Empty, LateBoard, LateOutbox, Leave, Stall};
use super::config::Stands::{Granted, Relays, Waits};
use super::mutants::{BEYOND, CUT, LEAK, breaks};
use super::search::{Limits, Outcome, search};
use crate::mutant::Mutant::*;

/// Process 1 has a provisional grant and has not looked; one of the scheduler's waits.
fn granted() -> Config {
    Config::of(&[1, 1], 1)
        .stand(&[Granted(1), Waits(0)])
        .once()
        .doubts()
}

/// Process 1 relays; one of the scheduler's waits.
fn relays() -> Config {
    Config::of(&[1, 1], 1).stand(&[Relays(1), Waits(0)])
}

#[test]
fn rule_32_nobody_starts_who_is_doubted() {
    breaks(granted().with(Stall, 1), &[StartDoubted], BEYOND);
}

#[test]
fn rule_32_provisional_grants_are_taken_back_after_a_board_that_says_so_and_another_reading() {
    breaks(granted().with(Stall, 1), &[DoubtAtOnce], BEYOND);
}

/// The outbox that says that it has started is overwritten by one from before that lands late, and then it is silent.
#[test]
fn rule_32_a_grant_is_provisional_until_a_board_that_passed_says_otherwise() {
    breaks(
        granted().overtaken().with(Stall, 1),
        &[ForGoodWhenSaid],
        BEYOND,
    );
}

/// Process 1 relays, process 2 is its heir, and one of the scheduler's is behind.
#[test]
fn rule_26_a_heir_that_was_not_heard_of_starts_only_by_a_board_read_after_that() {
    let heir = Config::of(&[1, 1, 1], 1).stand(&[Relays(1), Waits(2), Waits(0)]);
    breaks(heir.once().doubts().with(Stall, 1), &[HeirUnheard], BEYOND);
}

/// Process 1 holds both slots, the heirs are of process 2.
#[test]
fn rule_26_a_second_heir_starts_when_two_have_ended() {
    let heirs = Config::of(&[0, 2, 2], 2).stand(&[Relays(1), Relays(1), Waits(2), Waits(2)]);
    breaks(heirs.once().doubts(), &[HeirOutOfTurn], "3 relay");
}

/// An older board of the term lands over the one by which another session has started.
#[test]
fn rule_19_the_term_is_given_up_when_a_put_was_not_acknowledged() {
    let waits = Config::of(&[2, 1], 1).stand(&[Relays(0), Waits(1), Waits(0)]);
    let waits = waits.once().clocks([6, 5, 2, 2]);
    breaks(waits.with(LateBoard, 1), &[PutAgain], CUT);
}

/// A holder that takes its time between the two halves of a renewal, with its own limit at the time to live.
#[test]
fn rule_10_a_renewal_counts_from_its_issue() {
    let slow = relays().once().clocks([3, 3, 1, 2]).with(Stall, 2);
    breaks(slow, &[FreshFromAnswer], BEYOND);
}

/// A holder that looks seldom puts its outbox into a store that was emptied, and comes no further.
#[test]
fn rule_10_a_renewal_counts_only_when_it_was_found_good() {
    let slow = relays().clocks([6, 5, 3, 2]).far_look(4);
    breaks(slow.with(Stall, 1).with(Empty, 1), &[FreshFromPut], BEYOND);
}

/// A late outbox lands where the one that was read last was taken in long ago.
#[test]
fn rule_18_every_difference_is_a_sign_of_life() {
    let slow = relays().once().clocks([6, 5, 3, 2]);
    breaks(
        slow.with(Stall, 1).with(LateOutbox, 1),
        &[OnlyHigherBeats],
        BEYOND,
    );
}

#[test]
fn rule_8_an_ended_is_dropped_only_when_its_beat_was_seen() {
    let leaver = Config::of(&[2, 2], 1).stand(&[Relays(0), Waits(0)]);
    let leaver = leaver.no_leaks().with(Leave, 1);
    breaks(leaver, &[DropUnseen, NoLevel], LEAK);
}

#[test]
fn rule_11_on_its_own_board_a_scheduler_is_seen() {
    let led = Config::of(&[2, 1], 1).lead().no_leaks();
    breaks(led, &[OwnUnseen, NoLevel], LEAK);
}

#[test]
fn rule_18_the_content_of_a_beat_that_was_seen_already_is_ignored() {
    let late = Config::of(&[2, 2], 1).stand(&[Relays(1), Waits(0), Waits(0)]);
    let late = late.clocks([6, 5, 2, 2]).no_leaks().with(LateOutbox, 1);
    breaks(late, &[OldBeatsCount, NoLevel], LEAK);
}

/// A session that an idle board does not know yet ends itself, and so does the one after it.
#[test]
fn rule_12_who_is_above_top_is_not_judged() {
    let joins = || Config::of(&[1], 1).join();
    let limits = Limits {
        states: 2_000_000,
        ends: true,
        is_within: true,
    };
    let without = search(&joins().without(&[NoTop]), limits);
    assert!(matches!(without, Outcome::Stuck { .. }), "{without:?}");
    let with = search(&joins(), limits);
    let holds = matches!(with, Outcome::Holds { is_complete, .. } if is_complete);
    assert!(holds, "{with:?}");
}
