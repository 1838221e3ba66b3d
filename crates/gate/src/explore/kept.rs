//! Rules each kept and taken away in one configuration: with the rule it holds, in so many states.
//!
//! Rules whose lack costs time or writes alone, and those of recalls and versions, are in `crate::instance::rules`.

use super::config::Config;
use super::config::Fault::{Crash, Empty, Freeze, Late, ReadFail, Resign, Take};
use super::config::Stands::{Relays, Waits};
use super::mutants::{BEYOND, CUT, breaks};
use super::search::{Limits, Outcome, search};
use crate::mutant::Mutant::{self, *};

/// Where an end is to be reached from every state; beyond the bounds of numbers there is none.
const ENDS: Limits = Limits {
    states: 2_000_000,
    ends: true,
    is_within: true,
};

/// From each of so many states an end is reached.
fn ends(config: &Config, rules: &'static [Mutant], pinned: usize) {
    match search(&config.clone().without(rules), ENDS) {
        Outcome::Holds {
            states,
            is_complete: true,
        } => assert_eq!(states, pinned),
        other => panic!("{rules:?}: {other:?}"),
    }
}

/// From so many states no end is reached.
fn is_stuck(config: &Config, rules: &'static [Mutant], pinned: usize) {
    match search(&config.clone().without(rules), ENDS) {
        Outcome::Stuck { stuck, .. } => assert_eq!(stuck, pinned),
        other => panic!("{rules:?}: {other:?}"),
    }
}

/// Something comes to pass without these rules that must not. With them none of the first states breaks, more than it takes without;
/// further than that the search is for `SLUICE_EXPLORE`.
fn breaks_without(config: &Config, rules: &'static [Mutant], what: &str, states: usize) {
    let limits = Limits {
        states,
        ends: false,
        is_within: false,
    };
    let kept = search(config, limits);
    assert!(matches!(kept, Outcome::Holds { .. }), "{kept:?}");
    breaks(config.clone(), rules, what);
}

/// The put of an epoch's word lands in a store that was emptied after its terms had got their base.
#[test]
fn rule_3_the_terms_and_the_epoch_are_read_after_a_sessions_first_put() {
    let founder = Config::of(&[1], 1).cold().with(Late, 1).with(Empty, 1);
    ends(&founder, &[], 10_493);
    is_stuck(&founder, &[EnterUnread], 520);
}

/// What is granted to one that has ended is found by rule 12d, too.
#[test]
fn rule_7_what_ends_is_said_to_have_ended() {
    let one_after_another = Config::of(&[2], 1).now();
    ends(&one_after_another, &[], 495);
    ends(&one_after_another, &[NoLevel], 495);
    is_stuck(&one_after_another, &[NoEnded, NoLevel], 62);
}

#[test]
fn rule_9_what_a_look_finds_is_believed_only_after_the_fence() {
    let two = Config::of(&[1, 1], 1).now();
    ends(&two, &[], 9_636);
    breaks(two, &[StartByLook], CUT);
}

#[test]
fn rule_13_whoever_waits_and_sees_nothing_new_takes_the_term() {
    let led = Config::of(&[1, 1], 1).stand(&[Relays(0), Waits(1)]);
    let led = led.with(Crash, 1);
    ends(&led, &[], 2_592);
    is_stuck(&led, &[NoTakeover], 124);
}

/// Whoever lapsed is never judged again where a board has forgotten that it knew it.
#[test]
fn rule_17_the_number_up_to_which_sessions_are_listed_never_falls() {
    let frozen = Config::of(&[1, 1], 1).stand(&[Relays(1), Waits(0)]).once();
    let frozen = frozen.with(Freeze, 1);
    ends(&frozen, &[], 12_191);
    breaks(frozen, &[TopFalls], BEYOND);
}

#[test]
fn rule_19_where_the_fence_cannot_be_read_nothing_starts() {
    let two = Config::of(&[1, 1], 1).now().with(Take, 1);
    breaks_without(&two.with(ReadFail, 1), &[FenceUnread], BEYOND, 10_000);
}

#[test]
fn rule_22_a_board_that_gives_the_term_up_is_as_closed_as_it_was() {
    let emptied = Config::of(&[1, 1], 1).now().holder().with(Empty, 1);
    breaks_without(&emptied.with(Resign, 1), &[ResignOpens], BEYOND, 30_000);
}
