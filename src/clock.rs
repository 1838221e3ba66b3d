//! A timer for many waits. A timer for each token would cost a call to the host each; one that ticks every few seconds
//! whatever happens costs next to nothing, and a wait is too long when it has seen enough ticks.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{Either, select};
use spin_sdk::time::sleep;

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
