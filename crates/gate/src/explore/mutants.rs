//! Each rule taken away, beside the configuration in which it is missed.
//!
//! Those that are missed late are in `nearby`, where the search begins near to that point; `NoOver`, whose lack costs time alone, is in
//! `crate::instance::silent`. `HeirChanges` and `HeirNotFirst`, which are missed only where the order of a line changes, are in
//! `crate::instance::heirs`, and `HeirOfHandedOn` in `crate::instance::own_ends`.
//!
//! # What is not here
//!
//! - Rules that are missed, but not within a test's time: `TermsFromZero`, more than the capacity after 18
//!   steps, in `SLUICE_EXPLORE="1,1,1 lead empty=1"`; `BareNewest`, a stream cut after 77 steps, in
//!   `SLUICE_EXPLORE="1,1 now take=2"`.
//! - Rules that were taken away and not missed in a search that was finished: `FoundUnread` (`1,1 cold`), and, in
//!   `1,1 now holder freeze=1`, `MarkInMemory`, `NoCut` and `StartCondemned`, the last two in the very 20,785 states that there are with
//!   them. `StartCondemned` cannot be missed while 12b holds, by which who is condemned is over first. They stand by the protocol's
//!   argument.

use super::config::Config;
use super::config::Fault::{Crash, Empty, Freeze, Late, LostAdd, Resign, Stall, Take};
use super::search::{Limits, Outcome, search};
use crate::mutant::Mutant::{self, *};

/// Something that must not happen comes to pass.
pub(super) fn breaks(config: Config, rules: &'static [Mutant], what: &str) {
    let limits = Limits {
        states: 2_000_000,
        ends: false,
        is_within: false,
    };
    match search(&config.without(rules), limits) {
        Outcome::Breaks {
            what: found,
            steps,
            states,
            ..
        } if found.contains(what) => {
            println!("{rules:?}: {steps} steps, {states} states");
        }
        other => panic!("{rules:?}: {other:?}"),
    }
}

/// From some state no end can be reached.
fn is_stuck(config: Config, rules: &'static [Mutant]) {
    let limits = Limits {
        states: 2_000_000,
        ends: true,
        is_within: false,
    };
    match search(&config.without(rules), limits) {
        Outcome::Stuck { .. } => {}
        other => panic!("{rules:?}: {other:?}"),
    }
}

fn two() -> Config {
    Config::of(&[1, 1], 1).now()
}

pub(super) const BEYOND: &str = "2 relay, capacity 1";
pub(super) const CUT: &str = "a stream was cut";
pub(super) const LEAK: &str = "an ask that nobody has";

#[test]
fn rule_1_the_term_is_read_after_the_board() {
    breaks(two().with(Late, 1), &[TermBeforeBoard], CUT);
}

#[test]
fn rule_1_own_grants_start_only_after_the_fence() {
    breaks(two().any(), &[StartBeforeFence], BEYOND);
}

#[test]
fn rule_2_an_older_board_judges_where_the_newest_term_has_none() {
    breaks(two(), &[AbsentIsNoMember], CUT);
}

#[test]
fn rule_2_the_newest_terms_board_is_read_once_more() {
    breaks(two(), &[NoSecondLook], CUT);
}

#[test]
fn rule_4_a_session_that_was_not_renewed_in_time_is_over() {
    breaks(two().holder().with(Stall, 1), &[NoOwnLimit], BEYOND);
}

#[test]
fn rule_10_the_epoch_is_read_in_a_renewal() {
    breaks(Config::of(&[1, 1], 1).cold(), &[NoEpochAtRenewal], BEYOND);
}

#[test]
fn rule_12_who_is_no_member_or_condemned_is_over() {
    breaks(two().holder().with(Freeze, 1), &[NoVerdict], BEYOND);
}

#[test]
fn rule_14_the_newest_board_that_exists_however_old_its_term() {
    breaks(two().holder().with(LostAdd, 1), &[WalkOne], CUT);
}

#[test]
fn rule_16_a_wait_where_no_board_was_found() {
    breaks(two().holder().with(Empty, 1), &[NoWait], BEYOND);
}

#[test]
fn rule_16_a_board_that_was_found_closed_stays_closed() {
    breaks(
        two().holder().with(Empty, 1).with(Resign, 1),
        &[OpenOnTake],
        BEYOND,
    );
}

#[test]
fn rule_18_a_session_is_condemned_before_it_is_removed() {
    breaks(two().holder().with(Freeze, 1), &[OneStep], BEYOND);
}

#[test]
fn rule_18_it_is_removed_only_after_another_reading() {
    breaks(two().holder().with(Freeze, 1), &[NoSecondReading], BEYOND);
}

#[test]
fn rule_18_the_quiet_time_is_carried_from_board_to_board() {
    let short_terms = || two().holder().long().short(4).with(Crash, 1);
    is_stuck(short_terms(), &[ForgetQuiet]);
    let kept = search(
        &short_terms(),
        Limits {
            states: 2_000_000,
            ends: true,
            is_within: false,
        },
    );
    assert!(
        matches!(
            kept,
            Outcome::Holds {
                is_complete: true,
                ..
            }
        ),
        "{kept:?}"
    );
}

#[test]
fn rule_23_older_boards_are_deleted_only_after_the_fence() {
    breaks(two().with(Take, 1), &[DeleteEarly], CUT);
}

#[test]
fn rule_26_a_slot_is_not_given_back_while_a_successor_relays_in_it() {
    let with_successor = Config::of(&[2, 1], 1).now().holder();
    // At the same depth a stream is cut and two relay.
    breaks(with_successor, &[NoSuccessor], "");
}

#[test]
fn rule_26_a_successor_has_none_before_its_slot_is_its_own() {
    let with_successors = Config::of(&[3, 1], 1).now().holder();
    breaks(with_successors, &[UnsettledSlot], CUT);
}

#[test]
fn rule_32_by_a_provisional_grant_it_relays_only_while_it_is_heard_of() {
    let doubting = Config::of(&[2, 1], 1).now().holder().once().doubts();
    breaks(doubting.with(Stall, 1), &[NoHeardLimit], BEYOND);
}

#[test]
fn rule_31_the_mark_of_a_new_store_is_looked_at_again_and_deleted_before_it_is_used() {
    breaks(two().marked(), &[MarkOnce], BEYOND);
}
