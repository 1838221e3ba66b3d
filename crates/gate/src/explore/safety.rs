//! The configurations that hold, each with its number of states: one that changes is looked at.
//!
//! The short ones are run with every test. The long ones need minutes to hours and up to 4 GB: `SLUICE_LONG=1`.

use super::config::Config;
use super::config::Fault::{
    Crash, Empty, Freeze, Late, LateOutbox, Leave, LostAdd, ReadFail, Resign, Stall, Take,
    WriteFail,
};
use super::config::Stands::{Relays, Waits};
use super::search::{Limits, Outcome, search};

/// Searches all of a configuration: safety, and where ticks are prompt an end from every state.
fn holds(name: &str, config: &Config, pinned: usize) {
    let limits = Limits {
        states: 20_000_000,
        ends: config.is_prompt,
        is_within: false,
    };
    match search(config, limits) {
        Outcome::Holds {
            states,
            is_complete: true,
        } => {
            println!("{name}: {states} states");
            assert!(
                states == pinned || pinned == 0,
                "{name}: {states} states, not {pinned}"
            );
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn two() -> Config {
    Config::of(&[1, 1], 1)
}

/// One session with two requests, of which the second starts in the slot of the first.
fn two_of_one() -> Config {
    Config::of(&[2], 1).now().holder()
}

/// A scheduler that grants to another session.
fn doubting() -> Config {
    Config::of(&[2, 1], 1).now().holder().doubts()
}

/// A scheduler beside a holder and the heir of its slot, each in a session of its own.
fn heir() -> Config {
    Config::of(&[1, 1, 1], 1)
        .stand(&[Relays(1), Waits(2), Waits(0)])
        .once()
        .doubts()
}

/// A scheduler that has nothing of its own, beside two holders of one session and their heirs of another.
fn two_heirs() -> Config {
    let stand = [Relays(1), Relays(1), Waits(2), Waits(2)];
    Config::of(&[0, 2, 2], 2).stand(&stand).once().doubts()
}

/// A scheduler that holds one of two slots beside a session that holds the other, and both heirs: one may start as a successor.
fn two_heirs_and_a_successor() -> Config {
    let stand = [Relays(0), Relays(1), Waits(1), Waits(1)];
    Config::of(&[1, 3], 2).stand(&stand).once().doubts()
}

/// One session with three requests, and two slots: a grant may be on its way while another slot becomes free.
fn three_of_one_on_two() -> Config {
    Config {
        capacity: 2,
        ..Config::of(&[3], 1).now().holder()
    }
}

macro_rules! configurations {
    ($($name:ident: $config:expr, $states:expr;)*) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name), &$config, $states);
        })*
    };
}

configurations! {
    no_fault: two().now().long(), 13_841;
    a_crash: two().now().long().with(Crash, 1), 27_121;
    a_leaver: two().now().with(Leave, 1), 50_830;
    a_failed_write: two().now().with(WriteFail, 1), 124_946;
    a_failed_read: two().now().with(ReadFail, 1), 98_314;
    a_lost_increment: two().now().with(LostAdd, 1), 35_909;
    a_late_write: two().now().holder().with(Late, 1), 44_739;
    a_stall: two().now().holder().with(Stall, 1), 21_400;
    an_emptied_store: two().now().holder().with(Empty, 1), 10_653;
    a_resignation: two().now().holder().with(Resign, 1), 12_498;
    a_needless_take_over: two().now().holder().with(Take, 1), 27_804;
    a_frozen_clock: two().now().holder().with(Freeze, 1), 20_785;
    a_store_without_an_epoch: two().cold(), 125_085;
    a_successor: Config::of(&[2, 1], 1).now().holder(), 126_404;
    a_successor_and_a_failed_write: two_of_one().with(WriteFail, 1), 2_843;
    a_successor_and_a_late_write: two_of_one().with(Late, 1), 6_748;
    a_successor_and_leavers: two_of_one().with(Leave, 2), 2_040;
    a_successor_and_an_emptied_store: two_of_one().with(Empty, 1), 1_528;
    successors_of_successors: Config::of(&[4], 1).now().holder().with(WriteFail, 1), 135_225;
    successors_beside_free_slots: three_of_one_on_two().with(Leave, 1), 19_674;
    provisional_grants: doubting(), 219_695;
    a_heir: heir(), 31_857;
    a_heir_and_a_crash: heir().with(Crash, 1), 76_399;
    two_heirs_of_one_session: two_heirs(), 124_283;
    two_heirs_beside_a_successor: two_heirs_and_a_successor(), 328_057;
    successors_beside_free_slots_and_a_late_write: three_of_one_on_two().with(Late, 1), 154_817;
}

/// Those that take long; each by itself, so that what was begun is told.
fn long(configurations: &[(&str, Config)]) {
    if std::env::var_os("SLUICE_LONG").is_none() {
        return;
    }
    for (name, config) in configurations {
        let limits = Limits {
            states: 6_000_000,
            ends: config.is_prompt,
            is_within: false,
        };
        match search(config, limits) {
            outcome @ Outcome::Holds { .. } => println!("{name}: {outcome:?}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn further_if_there_is_time() {
    let three = || Config::of(&[1, 1, 1], 1);
    long(&[
        ("take", two().now().long().with(Take, 1)),
        ("resign", two().now().long().with(Resign, 1)),
        ("write", two().now().long().with(WriteFail, 1)),
        ("late", two().now().long().holder().with(Late, 1)),
        ("stall", two().now().long().holder().with(Stall, 1)),
        ("empty", two().now().long().holder().with(Empty, 1)),
        (
            "crash, stall",
            two().now().long().holder().with(Crash, 1).with(Stall, 1),
        ),
        (
            "crash, empty",
            two().now().long().holder().with(Crash, 1).with(Empty, 1),
        ),
        ("late, any", two().any().now().once().holder().with(Late, 1)),
        (
            "outbox late, any, long",
            two().any().now().once().holder().long().with(LateOutbox, 1),
        ),
        (
            "empty, any",
            two().any().now().once().holder().with(Empty, 1),
        ),
        (
            "write, any",
            two().any().now().once().holder().with(WriteFail, 1),
        ),
        (
            "frozen, any, long",
            two().any().now().once().holder().long().with(Freeze, 1),
        ),
        ("three", three().now().holder()),
        ("three, crash", three().now().holder().with(Crash, 1)),
        ("three, marked", three().marked()),
        ("two heirs, crash", two_heirs().with(Crash, 1)),
        ("two heirs, leave", two_heirs().with(Leave, 1)),
        ("two heirs, stall", two_heirs().with(Stall, 1)),
        ("two heirs, late", two_heirs().with(Late, 1)),
    ]);
}
