//! Whose turn it is to be handed over to an instance: one request at a time, in the order in which they came.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lanes::Place;

/// The turns of one component's requests.
pub(super) struct Turns {
    semaphore: Arc<Semaphore>,
    /// Another number for each turn that begins, ends or is taken away.
    number: AtomicU64,
    /// Requests that wait for their turn.
    waiting: AtomicUsize,
    /// Whether somebody looks for a turn that takes too long. One timer for all who wait: the runtime is woken for each that is
    /// the next to fire, as one of so few milliseconds always is.
    is_watched: AtomicBool,
}

/// One request's turn, until this is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    permit: Option<OwnedSemaphorePermit>,
    number: u64,
    _place: Option<Place>,
}

/// An instance that works for so long on one request, without waiting for anything, holds up the others no longer: within
/// twice the time they make another instance. One that starts takes a millisecond, and a request some tenths of it.
const LONGEST: Duration = Duration::from_millis(5);

impl Default for Turns {
    fn default() -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(1)),
            number: AtomicU64::default(),
            waiting: AtomicUsize::default(),
            is_watched: AtomicBool::default(),
        }
    }
}

impl Turns {
    /// Waits for the next turn, which has `place` for its time. `None` only where turns are no more.
    pub(super) async fn next(self: Arc<Self>, place: Option<Place>) -> Option<Turn> {
        let permit = match self.semaphore.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let number = self.number.fetch_add(1, Ordering::AcqRel) + 1;
        Some(Turn {
            turns: self,
            permit: Some(permit),
            number,
            _place: place,
        })
    }

    async fn wait(self: &Arc<Self>) -> Option<OwnedSemaphorePermit> {
        let _waits = Waits::new(&self.waiting);
        if !self.is_watched.swap(true, Ordering::SeqCst) {
            tokio::spawn(self.clone().watch());
        }
        self.semaphore.clone().acquire_owned().await.ok()
    }

    /// Takes turns away that take too long, while somebody waits.
    async fn watch(self: Arc<Self>) {
        loop {
            let seen = self.number.load(Ordering::Acquire);
            tokio::time::sleep(LONGEST).await;
            if self.waiting.load(Ordering::SeqCst) > 0 {
                if self.passes_on(seen) {
                    self.semaphore.add_permits(1);
                }
                continue;
            }
            self.is_watched.store(false, Ordering::SeqCst);
            // One that has begun to wait just now may have taken this for its watch.
            if self.waiting.load(Ordering::SeqCst) == 0
                || self.is_watched.swap(true, Ordering::SeqCst)
            {
                return;
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

/// One that waits, until this is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
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
        let first = turns.clone().next(None).await;
        let mut second = Box::pin(turns.clone().next(None));
        let mut third = Box::pin(turns.clone().next(None));
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
        let stuck = turns.clone().next(None).await;
        let second = turns.clone().next(None).await;
        let mut third = Box::pin(turns.clone().next(None));
        drop(stuck);
        assert!((&mut third).now_or_never().is_none(), "it has none to give");
        drop(second);
        assert!(third.now_or_never().is_some());
    }
}
