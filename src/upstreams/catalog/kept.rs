//! A reading that is told while the next one is made.
//!
//! # What it does not do
//! A reading that failed does not take away the last good one: that is told until it is [`STALE_MS`] old.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::{FutureExt as _, Shared};

use crate::single_flight::SingleFlight;

/// How old a reading may be that is told without a look, in milliseconds: nobody asks an upstream more often.
pub const FRESH_MS: u64 = 2_000;

/// How old one may be that is told at all, while a new one is made.
pub const STALE_MS: u64 = 60_000;

/// One reading that is made again and again.
#[derive(Debug)]
pub struct Kept<T> {
    flight: SingleFlight<bool>,
    good: RefCell<Option<(u64, Rc<T>)>>,
    /// When somebody last gave up to wait for it.
    given_up_ms: Cell<Option<u64>>,
    /// Ends when the one who renews it is dropped.
    renewing: RefCell<Option<Shared<oneshot::Receiver<()>>>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept {
            flight: SingleFlight::default(),
            good: RefCell::new(None),
            given_up_ms: Cell::new(None),
            renewing: RefCell::new(None),
        }
    }
}

impl<T> Kept<T> {
    /// The last good reading that is not too old.
    pub fn told(&self, now_ms: u64) -> Option<Rc<T>> {
        let good = self.good.borrow();
        let (begun, value) = good.as_ref()?;
        (now_ms.saturating_sub(*begun) <= STALE_MS).then(|| value.clone())
    }

    /// Whether a look was begun, or given up, at most so long ago: then nobody looks again.
    pub fn is_fresh(&self, now_ms: u64, max_age_ms: u64) -> bool {
        let since = now_ms.saturating_sub(max_age_ms);
        let is_given_up = self.given_up_ms.get().is_some_and(|then| then >= since);
        is_given_up || self.flight.made_since(since).is_some()
    }

    /// Looks, unless somebody has at most `max_age_ms` ago. Whoever comes meanwhile waits for the same look; one that comes to
    /// nothing answers `None`.
    pub async fn renew(
        &self,
        max_age_ms: u64,
        now_ms: impl Fn() -> u64,
        look: impl AsyncFnOnce() -> Option<T>,
    ) {
        let keep = async || {
            let begun = now_ms();
            let found = look().await;
            let is_good = found.is_some();
            if let Some(value) = found {
                self.good.replace(Some((begun, Rc::new(value))));
            }
            is_good
        };
        self.flight.get(max_age_ms, &now_ms, keep).await;
        self.given_up_ms.set(None);
    }

    /// Nobody waits for it any more, for [`FRESH_MS`].
    pub fn give_up(&self, now_ms: u64) {
        self.given_up_ms.set(Some(now_ms));
    }

    /// Somebody renews it from now on, until what this answers is dropped; `None`: somebody does already.
    pub fn begin_renewing(&self) -> Option<Renewing> {
        let mut renewing = self.renewing.borrow_mut();
        let is_under_way = |end: &Shared<_>| end.clone().now_or_never().is_none();
        if renewing.as_ref().is_some_and(is_under_way) {
            return None;
        }
        let (begun, end) = oneshot::channel();
        *renewing = Some(end.shared());
        Some(Renewing(begun))
    }

    /// Waits until nobody renews it.
    pub async fn until_renewed(&self) {
        let end = self.renewing.borrow().clone();
        if let Some(end) = end {
            // Nothing is ever sent.
            let _ = end.await;
        }
    }
}

/// Somebody renews a reading until this is dropped.
#[derive(Debug)]
pub struct Renewing(#[allow(dead_code, reason = "its drop is what is told")] oneshot::Sender<()>);

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::executor::block_on;

    use super::*;

    fn renew(kept: &Kept<u32>, now_ms: u64, max_age_ms: u64, found: Option<u32>) -> Option<u32> {
        block_on(kept.renew(max_age_ms, || now_ms, async || found));
        kept.told(now_ms).map(|value| *value)
    }

    #[test]
    fn nobody_looks_again_while_a_look_is_fresh() {
        let kept = Kept::default();
        assert!(!kept.is_fresh(0, FRESH_MS) && kept.told(0).is_none());
        assert_eq!(renew(&kept, 1_000, FRESH_MS, Some(1)), Some(1));
        assert_eq!(renew(&kept, 3_000, FRESH_MS, Some(2)), Some(1));
        assert!(kept.is_fresh(3_000, FRESH_MS) && !kept.is_fresh(3_001, FRESH_MS));
        assert_eq!(renew(&kept, 3_001, FRESH_MS, Some(3)), Some(3));
        assert_eq!(renew(&kept, 3_500, 400, Some(4)), Some(4), "a fresh look");
    }

    #[test]
    fn a_look_that_failed_leaves_the_last_good_one_until_it_is_stale() {
        let kept = Kept::default();
        renew(&kept, 1_000, FRESH_MS, Some(1));
        assert_eq!(renew(&kept, 10_000, FRESH_MS, None), Some(1));
        assert!(
            kept.is_fresh(10_500, FRESH_MS),
            "it is not asked at once again"
        );
        assert!(kept.told(1_000 + STALE_MS).is_some());
        assert!(kept.told(1_001 + STALE_MS).is_none());
    }

    #[test]
    fn who_gave_up_lets_nobody_wait_for_a_while() {
        let kept = Kept::default();
        let pending = async || std::future::pending::<Option<u32>>().await;
        assert!(kept.renew(0, || 1_000, pending).now_or_never().is_none());
        assert!(!kept.is_fresh(1_500, FRESH_MS));
        kept.give_up(1_500);
        assert!(kept.is_fresh(3_500, FRESH_MS) && !kept.is_fresh(3_501, FRESH_MS));
        assert_eq!(renew(&kept, 3_501, FRESH_MS, Some(1)), Some(1));
    }

    #[test]
    fn one_renews_at_a_time_and_others_can_wait_for_its_end() {
        let kept = Kept::<u32>::default();
        assert!(kept.until_renewed().now_or_never().is_some());
        // For the first nobody waits.
        drop(kept.begin_renewing());
        let renewing = kept.begin_renewing().expect("nobody does");
        assert!(kept.begin_renewing().is_none());
        let mut waiting = [(); 2].map(|()| Box::pin(kept.until_renewed()));
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        drop(renewing);
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_some()));
        assert!(kept.begin_renewing().is_some());
    }
}
