//! Tidying: the timers, readings and turns that [`sluice_gate::Upkeep`] asks for. All of it is one task per instance and line.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::random;
use crate::tasks::spawn;
use sluice_gate::{
    Call, Errand, Event, Identity, Lane, Line, Next, Op, PAUSE_MS, Phase, Settings, Sweep,
    SweepStep, Turn, Upkeep,
};
use spin_sdk::time::sleep;

use super::stay::Desk;
use super::{bell, keeper, line, store};
use crate::clock::now;

/// Every so many tickets the starter sweeps.
const SWEEP_EVERY: u64 = 1_024;

thread_local! {
    static UPKEEP: RefCell<[Upkeep; 2]> = RefCell::default();
}

/// A turn is over: whoever left may have left something behind.
pub(super) fn after_a_turn(turn: &Turn) {
    let outcome = match turn.phase() {
        Phase::Over(outcome) => Some(outcome),
        _ => None,
    };
    let lane = turn.settings().lane;
    let last = line::cached(u64::MAX);
    let last = last.as_deref().and_then(|line| line::of(line, lane));
    let call = upkeep(lane, |upkeep| upkeep.after_a_turn(outcome, last));
    answer(call, turn.settings());
    if let Some((_, ticket)) = turn.ticket()
        && ticket % SWEEP_EVERY == 0
    {
        spawn(sweep(turn.settings()));
    }
}

/// The line was read: strangers in it may be dead.
pub(super) fn after_a_reading(line: &Line, lane: Lane) {
    let mut records = line.active.iter().chain(&line.waiting);
    let ttl_ms = records
        .next()
        .map_or(Settings::TTL_MAX_MS, |(_, record)| record.ttl_ms);
    let mut served_here = 0;
    bell::each(|desk| {
        // One that is at work now is of either line: then there is another reading.
        let is_here = |turn: &Turn| turn.settings().lane == lane;
        served_here += usize::from(desk.turn.try_borrow().is_ok_and(|turn| is_here(&turn)));
    });
    let call = upkeep(lane, |upkeep| upkeep.after_a_reading(line, served_here));
    let settings = Settings::clamped(u32::MAX, ttl_ms);
    answer(
        call,
        match lane {
            Lane::Main => settings,
            Lane::Batch => settings.behind(),
        },
    );
}

fn upkeep<T>(lane: Lane, f: impl FnOnce(&mut Upkeep) -> T) -> T {
    UPKEEP.with_borrow_mut(|[main, behind]| {
        f(match lane {
            Lane::Main => main,
            Lane::Batch => behind,
        })
    })
}

fn answer(call: Call, settings: Settings) {
    if call == Call::Begin {
        spawn(work(settings));
    }
}

async fn work(settings: Settings) {
    let lane = settings.lane;
    let by_chance_ms = random::number() % PAUSE_MS;
    let mut rest_ms = PAUSE_MS + by_chance_ms;
    loop {
        sleep(Duration::from_millis(rest_ms)).await;
        let line = line::line(0).await.ok();
        let line = line.as_deref().and_then(|line| line::of(line, lane));
        match upkeep(lane, |upkeep| upkeep.after_watching(line)) {
            Next::Watch(again_ms) => rest_ms = again_ms,
            Next::Done => return,
            Next::Tidy => break,
        }
    }
    tidy(settings).await;
    upkeep(lane, Upkeep::tidied);
}

async fn tidy(settings: Settings) {
    let identity = Identity {
        nonce: random::number(),
        ..Identity::default()
    };
    let turn = Turn::new(settings, Errand::Tidy, identity, keeper::epoch_seen())
        .having_seen(line::sightings(settings.lane));
    keeper::drive(&Rc::new(Desk::new(turn, None)), Event::Begin).await;
}

async fn sweep(settings: Settings) {
    let (Ok(line), Ok(names)) = (line::line(0).await, crate::store::names().await) else {
        return;
    };
    let Some(line) = line::of(&line, settings.lane) else {
        return;
    };
    let mut sweep = Sweep::new(&settings, line, names, now().wall_ms);
    let mut step = sweep.begin();
    while let SweepStep::Store(op) = step {
        step = sweep.step(perform(op).await);
    }
}

async fn perform(op: Op) -> sluice_gate::Event {
    store::perform(op).await
}
