//! The clocks, and waits that have an end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{Either, select};
use sluice_gate::Now;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};

use crate::alarms::{Host, Sleep};
use crate::tasks;

/// The two clocks, read now.
pub fn now() -> Now {
    Now {
        mono_ms: now_ms(),
        wall_ms: wall_ms(),
    }
}

/// The monotonic clock, in milliseconds: half of what [`now`] costs.
pub fn now_ms() -> u64 {
    now_ns() / 1_000_000
}

/// The monotonic clock, in nanoseconds.
pub fn now_ns() -> u64 {
    monotonic_clock::now()
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    let wall = system_clock::now();
    let seconds = u64::try_from(wall.seconds).unwrap_or(0);
    seconds.saturating_mul(1_000) + u64::from(wall.nanoseconds / 1_000_000)
}

/// Waits for so long, from when it is first polled. All waits of a request have one timer of the host's ([`crate::alarms`]).
pub fn sleep(duration: Duration) -> impl Future<Output = ()> + Unpin + 'static {
    let mut sleep = Sleep::new(Host, duration);
    poll_fn(move |context| sleep.poll_in(tasks::alarms(), context))
}

/// A timer for many waits. A timer for each token would cost a call to the host each; one that ticks every few seconds
/// whatever happens costs next to nothing, and a wait is too long when it has seen enough ticks.
///
/// Ticks every `period` while somebody awaits it. A tick that fell due meanwhile comes at once.
pub struct Ticker {
    period: Duration,
    next: Pin<Box<dyn Future<Output = ()>>>,
}

impl Ticker {
    /// A ticker whose first period begins when it is first awaited.
    pub fn new(period: Duration) -> Ticker {
        Ticker {
            period,
            next: Box::pin(sleep(period)),
        }
    }

    /// Waits for the next tick. Giving up the wait loses none.
    pub async fn tick(&mut self) {
        self.next.as_mut().await;
        self.next = Box::pin(sleep(self.period));
    }
}

/// Waits for a future at most so long; `None`: it took longer, and was dropped.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(sleep(limit))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
