//! One task that waits for another: it sleeps until what it waits for is seen.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// The task that waits, where one does. Of several the last to come is woken.
#[derive(Debug, Default)]
pub struct Waiter(RefCell<Option<Waker>>);

impl Waiter {
    /// Waits until `seen` answers something; it is asked at once, and whenever the task is woken.
    pub async fn until<T>(&self, mut seen: impl FnMut() -> Option<T>) -> T {
        poll_fn(|context| match seen() {
            Some(seen) => Poll::Ready(seen),
            None => {
                self.0.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    /// Something changed.
    pub fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
