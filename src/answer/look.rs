//! The look at the client before its request is sent upstream.
//!
//! A client that leaves is noticed only by a write that fails. One whose head is out may have left while it waited: so between its
//! grant and its request upstream a heartbeat is written, and only if that was not refused the request goes out. Nobody is started
//! who is gone.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};

use crate::waiter::Waiter;

/// What the one who waits for a slot and the one who writes heartbeats tell each other.
#[derive(Default)]
pub struct Look {
    /// Somebody writes heartbeats.
    is_open: Cell<bool>,
    is_wanted: Cell<bool>,
    asks: Waiter,
    writes: Waiter,
}

impl Look {
    /// The head goes out: from now on there is somebody to write to.
    pub fn open(&self) {
        self.is_open.set(true);
    }

    /// Waits until a heartbeat that was written after this call was not refused. At once where no head is out: then the client is
    /// told by the status of its answer.
    pub async fn at_client(&self) {
        if !self.is_open.get() {
            return;
        }
        self.is_wanted.set(true);
        self.writes.wake();
        self.asks
            .until(|| (!self.is_wanted.get()).then_some(()))
            .await;
    }

    /// Waits until somebody wants to know.
    pub async fn wanted(&self) {
        self.writes
            .until(|| self.is_wanted.get().then_some(()))
            .await;
    }

    /// What `telling` comes to; `None`: somebody wants to know before that.
    pub async fn unless_wanted<T>(&self, telling: impl Future<Output = T>) -> Option<T> {
        match select(pin!(telling), pin!(self.wanted())).await {
            Either::Left((told, _)) => Some(told),
            Either::Right(_) => None,
        }
    }

    /// Whether somebody wants to know: before a heartbeat is written. One that was begun earlier does not count.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted.get()
    }

    /// A heartbeat that was begun when it was wanted was not refused.
    pub fn seen(&self) {
        self.is_wanted.set(false);
        self.asks.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;

    use super::*;

    #[test]
    fn where_no_head_is_out_nothing_is_waited_for() {
        assert!(Look::default().at_client().now_or_never().is_some());
    }

    #[test]
    fn whoever_asks_waits_for_nothing_that_is_still_looked_up() {
        let look = Look::default();
        look.open();
        let told = look.unless_wanted(ready(7)).now_or_never();
        assert_eq!(told, Some(Some(7)));
        let mut telling = pin!(look.unless_wanted(pending::<()>()));
        assert!(telling.as_mut().now_or_never().is_none());
        assert!(look.at_client().now_or_never().is_none());
        assert_eq!(telling.now_or_never(), Some(None));
    }

    #[test]
    fn whoever_asks_waits_for_a_write_that_was_begun_after_it() {
        let look = Look::default();
        look.open();
        assert!(look.wanted().now_or_never().is_none());
        let mut asking = pin!(look.at_client());
        assert!(asking.as_mut().now_or_never().is_none());
        assert!(look.wanted().now_or_never().is_some() && look.is_wanted());
        look.seen();
        assert!(asking.now_or_never().is_some());
        assert!(
            look.wanted().now_or_never().is_none(),
            "it is not wanted again"
        );
    }
}
