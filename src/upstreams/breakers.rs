//! The breakers of this instance's upstreams: read for all who ask, written by whoever finds a change.
//!
//! # Limits
//!
//! They are read at most every `FRESH_MS`, by who comes to the gate or stands in line, never on the way of a token. Only a
//! failure, and the answer that ends a row of failures, is written. A store that cannot be read or written changes nothing:
//! the instance goes on by what it knows.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::{join, join_all};
use futures::lock::Mutex;
use sluice_gate::{Now, Room, Wants};

use super::breaker::{Breaker, Cause, Sight, State};
use crate::clock::{now, now_ms};
use crate::config::{self, Config, MAX_UPSTREAMS};
use crate::counters::{self, Tallied};
use crate::http::log::Line;
use crate::orders;
use crate::single_flight::SingleFlight;
use crate::store::{self, StoreError};
use crate::tasks::spawn;

/// How long a reading is good for, in milliseconds.
const FRESH_MS: u64 = 400;

/// Reads the breakers if the last reading is too old. Whoever asks while they are being read waits for that reading.
pub async fn refresh(config: &Config) {
    let reading = READING.with(Rc::clone);
    let read = async || {
        let begun_ms = now_ms();
        read_all(config).await;
        now_ms().saturating_sub(begun_ms)
    };
    // A store that is away takes its time: those who waited do not each wait for that again.
    let age_ms = |took_ms: &u64| FRESH_MS + took_ms;
    reading.get_by(age_ms, now_ms, read).await;
}

async fn read_all(config: &Config) {
    let one_at_a_time = ONE_AT_A_TIME.with(Rc::clone);
    let _guard = one_at_a_time.lock().await;
    let breakers = join_all((0..config.upstreams.len()).map(async |index| {
        if let Ok(breaker) = read(index).await {
            learn(index, breaker);
        }
    }));
    // A store that is away changes no order.
    let _ = join(orders::refresh(), breakers).await;
}

/// Begins to read the breakers if the last reading is too old, by the settings of this instance, where it has parsed them.
pub fn refresh_soon() {
    let oldest_ms = now_ms().saturating_sub(FRESH_MS);
    let is_fresh = READING.with(|reading| reading.made_since(oldest_ms).is_some());
    if !is_fresh
        && let Some(config) = config::parsed()
        && !IS_ASKED.replace(true)
    {
        let asked = Asked;
        spawn(async move {
            let _asked = asked;
            refresh(&config).await;
        });
    }
}

/// A reading is about to begin, or under way, until this is dropped.
struct Asked;

impl Drop for Asked {
    fn drop(&mut self) {
        IS_ASKED.set(false);
    }
}

/// How many may relay now, and where: an upstream that is drained or whose breaker is open takes none, one that is half-open takes
/// one.
pub fn room(config: &Config) -> Room {
    let orders = orders::known();
    let limits = config
        .upstreams
        .iter()
        .enumerate()
        .map(|(index, upstream)| match state(config, index) {
            _ if orders.drains(index) => 0,
            State::Closed => upstream.max_concurrent,
            State::HalfOpen => 1,
            State::Open => 0,
        });
    Room::new(config.max_concurrent, limits)
}

/// The same by the settings of this instance, where it has parsed them.
pub fn room_by_current() -> Option<Room> {
    config::parsed().map(|config| room(&config))
}

/// Whether an operator has drained every upstream: nobody starts then, and who comes waits.
pub fn all_drained(config: &Config) -> bool {
    let orders = orders::known();
    (0..config.upstreams.len()).all(|index| orders.drains(index))
}

/// Whether an upstream that could be used, and may have what is wanted, is drained.
pub fn is_drained_for(config: &Config, wants: Wants) -> bool {
    let orders = orders::known();
    (0_u8..).zip(&config.upstreams).any(|(upstream, _)| {
        let index = usize::from(upstream);
        wants.may_go(upstream) && orders.drains(index) && state(config, index) != State::Open
    })
}

/// Whether an upstream may be used.
pub fn state(config: &Config, index: usize) -> State {
    sight(index).state(now(), config.breaker_pause)
}

/// What is known of an upstream's breaker.
pub fn known(index: usize) -> Breaker {
    sight(index).breaker
}

/// How long until the first of the breakers lets a request through.
pub fn reopens_in(config: &Config) -> Duration {
    (0..config.upstreams.len())
        .map(|index| {
            sight(index)
                .left(now(), config.breaker_pause)
                .unwrap_or_default()
        })
        .min()
        .unwrap_or_default()
}

/// A request to this upstream failed.
pub fn failed(config: &Config, index: usize, cause: Cause) {
    change(config, index, move |sight, now, pause| {
        sight.failed(now, pause, cause)
    });
}

/// A request to this upstream was answered.
pub fn answered(config: &Config, index: usize) {
    change(config, index, Sight::answered);
}

/// Changes what this instance knows at once, and what the others know in a task of its own: from what stands in the store,
/// since others may have failed too. A change that changes nothing writes nothing.
fn change(
    config: &Config,
    index: usize,
    change: impl Fn(&Sight, Now, Duration) -> Option<Breaker> + 'static,
) {
    let pause = config.breaker_pause;
    let base = sight(index);
    let Some(breaker) = change(&base, now(), pause) else {
        return;
    };
    let before = state(config, index);
    learn(index, breaker);
    let after = state(config, index);
    if before != after {
        Line::new("breaker")
            .with("upstream", index)
            .with("from", before.word())
            .with("to", after.word())
            .with("failures", breaker.failures)
            .with("cause", breaker.cause.map(Cause::word))
            .write();
    }
    PENDING.set(PENDING.get() + 1);
    spawn(async move {
        let one_at_a_time = ONE_AT_A_TIME.with(Rc::clone);
        let _guard = one_at_a_time.lock().await;
        let mut stored = base;
        if let Ok(read) = read(index).await {
            stored.learn(read, now());
        }
        PENDING.set(PENDING.get().saturating_sub(1));
        // What others have found meanwhile may have made it needless.
        if let Some(breaker) = change(&stored, now(), pause) {
            let mut after = stored;
            after.learn(breaker, now());
            let opens = |sight: &Sight| sight.state(now(), pause) == State::Open;
            if let (false, true, Ok(upstream)) =
                (opens(&stored), opens(&after), u8::try_from(index))
            {
                counters::count(Tallied::Opened(upstream));
            }
            // With more to come this is not the last word.
            if PENDING.get() == 0 {
                learn(index, breaker);
            }
            let bytes = serde_json::to_vec(&breaker).unwrap_or_default();
            // The store says by itself what is wrong with it.
            let _ = store::write(name(index), bytes).await;
        }
    });
}

fn sight(index: usize) -> Sight {
    SIGHTS.with_borrow(|sights| sights.get(index).copied().unwrap_or_default())
}

fn learn(index: usize, breaker: Breaker) {
    SIGHTS.with_borrow_mut(|sights| {
        if let Some(sight) = sights.get_mut(index) {
            sight.learn(breaker, now());
        }
    });
}

/// What the store says; what is not there or cannot be read as a breaker is a closed one.
async fn read(index: usize) -> Result<Breaker, StoreError> {
    let bytes = store::read(name(index)).await?;
    let breaker = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(breaker.unwrap_or_default())
}

/// One key for each upstream, beside those of the line.
fn name(index: usize) -> String {
    format!("sluice/breaker/{index}")
}

thread_local! {
    static SIGHTS: RefCell<[Sight; MAX_UPSTREAMS]> = RefCell::default();
    /// How long the last reading took, in milliseconds.
    static READING: Rc<SingleFlight<u64>> = Rc::default();
    /// Whether one has said that a reading is to begin.
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
    /// How many changes are on their way to the store.
    static PENDING: Cell<u32> = const { Cell::new(0) };
    static ONE_AT_A_TIME: Rc<Mutex<()>> = Rc::default();
}
