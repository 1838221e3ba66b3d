//! Tidying: the timers, readings and turns that [`sluice_gate::Upkeep`] asks for. All of it is one task per instance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::tasks::spawn;
use sluice_gate::{
    Call, Errand, Identity, Line, Next, Op, PAUSE_MS, Phase, Settings, Sweep, SweepStep, Turn,
    Upkeep,
};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::random::random::get_random_u64;

use super::stay::Desk;
use super::{bell, keeper, line, now, store};

/// Every so many tickets the starter sweeps.
const SWEEP_EVERY: u64 = 1_024;

thread_local! {
    static UPKEEP: RefCell<Upkeep> = RefCell::default();
}

/// A turn is over: whoever left may have left something behind.
pub(super) fn after_a_turn(turn: &Turn) {
    let outcome = match turn.phase() {
        Phase::Over(outcome) => Some(outcome),
        _ => None,
    };
    let last = line::cached(u64::MAX);
    let call = UPKEEP.with_borrow_mut(|upkeep| upkeep.after_a_turn(outcome, last.as_deref()));
    answer(call, turn.settings());
    if let Some((_, ticket)) = turn.ticket()
        && ticket % SWEEP_EVERY == 0
    {
        spawn(sweep(turn.settings()));
    }
}

/// The line was read: strangers in it may be dead.
pub(super) fn after_a_reading(line: &Line) {
    let mut records = line.active.iter().chain(&line.waiting);
    let ttl_ms = records
        .next()
        .map_or(Settings::TTL_MAX_MS, |(_, record)| record.ttl_ms);
    let mut served_here = 0;
    bell::each(|_| served_here += 1);
    let call = UPKEEP.with_borrow_mut(|upkeep| upkeep.after_a_reading(line, served_here));
    answer(call, Settings::clamped(u32::MAX, ttl_ms));
}

fn answer(call: Call, settings: Settings) {
    if call == Call::Begin {
        spawn(work(settings));
    }
}

async fn work(settings: Settings) {
    let by_chance_ms = get_random_u64() % PAUSE_MS;
    let mut rest_ms = PAUSE_MS + by_chance_ms;
    loop {
        sleep(Duration::from_millis(rest_ms)).await;
        let line = line::line(0).await.ok();
        match UPKEEP.with_borrow_mut(|upkeep| upkeep.after_watching(line.as_deref())) {
            Next::Watch(again_ms) => rest_ms = again_ms,
            Next::Done => return,
            Next::Tidy => break,
        }
    }
    tidy(settings).await;
    UPKEEP.with_borrow_mut(Upkeep::tidied);
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
