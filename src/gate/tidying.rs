//! Tidying: what the dead and the leavers left is struck even if nobody comes any more.
//!
//! A reading that found somebody waiting or relaying whom no desk of this instance serves is repeated until that one has
//! moved or lapsed; lapsed ones are struck by an ordinary turn without a request. All of it is one task per instance.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::tasks::spawn;
use sluice_gate::{Errand, Identity, Line, Op, Outcome, Phase, Settings, Sweep, SweepStep, Turn};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::random::random::get_random_u64;

use super::stay::Desk;
use super::{bell, keeper, line, now, store};

/// How long after a turn that left something behind the line is looked at, in milliseconds; as much again by chance, so
/// that of many who leave at once one tidies and the others find it done.
const PAUSE_MS: u64 = 200;

/// How often a line with strangers in it is read again, in milliseconds.
const WATCH_MS: u64 = 2_500;

/// For how many readings after the last that anybody asked for: longer than the longest time to live.
const WATCHES: u32 = 16;

/// Every so many tickets the starter sweeps.
const SWEEP_EVERY: u64 = 1_024;

thread_local! {
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
    static WATCHES_LEFT: Cell<u32> = const { Cell::new(0) };
}

/// A turn is over: whoever left may have left something behind.
pub(super) fn after_a_turn(turn: &Turn) {
    let left = !matches!(turn.phase(), Phase::Over(Outcome::Served));
    let others_left = line::cached(u64::MAX).is_some_and(|line| line.left > 0);
    if left || others_left {
        begin(turn.settings());
    }
    if let Some((_, ticket)) = turn.ticket()
        && ticket % SWEEP_EVERY == 0
    {
        spawn(sweep(turn.settings()));
    }
}

/// The line was read: strangers in it may be dead.
pub(super) fn after_a_reading(line: &Line) {
    let mut served_here = 0;
    bell::each(|_| served_here += 1);
    let strangers = line.active.len() + line.waiting.len() > served_here;
    if (strangers || line.wants_tidying())
        && let Some(record) = line
            .active
            .iter()
            .chain(&line.waiting)
            .map(|(_, record)| record)
            .next()
        && let Ok(settings) = Settings::new(u32::MAX, record.ttl_ms)
    {
        WATCHES_LEFT.set(WATCHES);
        begin(settings);
    }
}

fn begin(settings: Settings) {
    if AT_WORK.replace(true) {
        return;
    }
    spawn(async move {
        work(settings).await;
        AT_WORK.set(false);
    });
}

async fn work(settings: Settings) {
    let by_chance_ms = get_random_u64() % PAUSE_MS;
    sleep(Duration::from_millis(PAUSE_MS + by_chance_ms)).await;
    loop {
        let Ok(line) = line::line(0).await else {
            return;
        };
        if line.wants_tidying() {
            tidy(settings).await;
            return;
        }
        let left = WATCHES_LEFT.get();
        if left == 0 || line.active.is_empty() && line.waiting.is_empty() {
            return;
        }
        WATCHES_LEFT.set(left - 1);
        sleep(Duration::from_millis(WATCH_MS)).await;
    }
}

async fn tidy(settings: Settings) {
    let identity = Identity {
        nonce: get_random_u64(),
        ..Identity::default()
    };
    let turn = Turn::new(settings, Errand::Tidy, identity, keeper::epoch_seen())
        .having_seen(line::sightings());
    keeper::drive(&Rc::new(Desk::new(turn, None))).await;
}

async fn sweep(settings: Settings) {
    let (Ok(line), Ok(names)) = (line::line(0).await, store::names().await) else {
        return;
    };
    let mut sweep = Sweep::new(&settings, &line, names, now().wall_ms);
    let mut step = sweep.begin();
    while let SweepStep::Store(op) = step {
        step = sweep.step(perform(op).await);
    }
}

async fn perform(op: Op) -> sluice_gate::Event {
    store::perform(op).await
}
