//! Whose turn it is to be handed over to an instance: one request at a time, in the order in which they came.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The turns of one component's requests.
pub(super) struct Turns {
    semaphore: Arc<Semaphore>,
    /// Another number for each turn that begins, ends or is taken away.
    number: AtomicU64,
}

/// One request's turn, until this is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    permit: Option<OwnedSemaphorePermit>,
    number: u64,
}

/// An instance that works for so long on one request, without waiting for anything, holds up the others no longer: they make
/// another instance. One that starts takes a millisecond, and a request some tenths of it.
const LONGEST: Duration = Duration::from_millis(5);

impl Default for Turns {
    fn default() -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(1)),
            number: AtomicU64::default(),
        }
    }
}

impl Turns {
    /// Waits for the next turn. `None` only where turns are no more.
    pub(super) async fn next(self: Arc<Self>) -> Option<Turn> {
        let permit = match self.semaphore.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let number = self.number.fetch_add(1, Ordering::AcqRel) + 1;
        Some(Turn {
            turns: self,
            permit: Some(permit),
            number,
        })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let mut acquired = pin!(self.semaphore.clone().acquire_owned());
        loop {
            let seen = self.number.load(Ordering::Acquire);
            if let Ok(permit) = timeout(LONGEST, acquired.as_mut()).await {
                return permit.ok();
            }
            if self.passes_on(seen) {
                self.semaphore.add_permits(1);
            }
        }
    }

    /// Whether nothing has changed since `seen`; then it has now, for whoever else asks.
    fn passes_on(&self, seen: u64) -> bool {
        let next = seen.wrapping_add(1);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        self.number
            .compare_exchange(seen, next, order.0, order.1)
            .is_ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        // One that was taken away has been given on already.
        match self.turns.passes_on(self.number) {
            true => drop(permit),
            false => permit.forget(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_in_the_order_in_which_they_came() {
        let turns = Arc::new(Turns::default());
        let first = turns.clone().next().await;
        let mut second = Box::pin(turns.clone().next());
        let mut third = Box::pin(turns.clone().next());
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the second's turn");
        let second = second.await;
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn one_that_takes_too_long_loses_its_turn_to_one_other() {
        let turns = Arc::new(Turns::default());
        let stuck = turns.clone().next().await;
        let second = turns.clone().next().await;
        let mut third = Box::pin(turns.clone().next());
        drop(stuck);
        assert!((&mut third).now_or_never().is_none(), "it has none to give");
        drop(second);
        assert!(third.now_or_never().is_some());
    }
}
