//! One reading for all who ask: whoever comes while it is being made waits for it, and whoever comes a moment later gets the
//! same.
//!
//! # What it does not do
//! It goes on for nobody: where the one who makes it is dropped, the next in turn makes it anew. It tells no failure from a
//! success; a failure that is a value is shared like one.

use std::cell::RefCell;
use std::rc::Rc;

use futures::lock::Mutex;

/// A value, when it began to be made, and whose turn it is to make the next.
#[derive(Debug)]
pub struct SingleFlight<T> {
    last: RefCell<Option<(u64, Rc<T>)>>,
    turn: Mutex<()>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> SingleFlight<T> {
        SingleFlight {
            last: RefCell::new(None),
            turn: Mutex::new(()),
        }
    }
}

impl<T> SingleFlight<T> {
    /// The value, at most `max_age_ms` old at the time of asking; `now_ms` tells the time, `make` makes it anew.
    pub async fn get(
        &self,
        max_age_ms: u64,
        now_ms: impl Fn() -> u64,
        make: impl AsyncFnOnce() -> T,
    ) -> Rc<T> {
        self.get_by(|_| max_age_ms, now_ms, make).await
    }

    /// The same, where `max_age_ms` says of each value how old it may be.
    pub async fn get_by(
        &self,
        max_age_ms: impl Fn(&T) -> u64,
        now_ms: impl Fn() -> u64,
        make: impl AsyncFnOnce() -> T,
    ) -> Rc<T> {
        let asked_ms = now_ms();
        let kept = || {
            let last = self.last.borrow();
            let (begun, value) = last.as_ref()?;
            let since = asked_ms.saturating_sub(max_age_ms(value));
            (*begun >= since).then(|| value.clone())
        };
        if let Some(value) = kept() {
            return value;
        }
        let _turn = self.turn.lock().await;
        if let Some(value) = kept() {
            return value;
        }
        let begun = now_ms();
        let value = Rc::new(make().await);
        *self.last.borrow_mut() = Some((begun, value.clone()));
        value
    }

    /// The value, if it began to be made at `since` or later.
    pub fn made_since(&self, since: u64) -> Option<Rc<T>> {
        let last = self.last.borrow();
        let (begun, value) = last.as_ref()?;
        (*begun >= since).then(|| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::{FutureExt as _, join_all};

    use super::*;

    #[test]
    fn how_old_a_value_may_be_can_depend_on_it() {
        let flight = SingleFlight::default();
        let at = |now_ms: u64, next: Result<u8, ()>| {
            let age_ms = |value: &Result<u8, ()>| if value.is_ok() { 60_000 } else { 2_000 };
            block_on(flight.get_by(age_ms, || now_ms, async || next))
        };
        assert_eq!(*at(1_000, Err(())), Err(()));
        assert_eq!(*at(3_000, Ok(1)), Err(()), "a failure is told for a while");
        assert_eq!(*at(3_001, Ok(2)), Ok(2));
        assert_eq!(*at(60_000, Err(())), Ok(2), "what is known for longer");
    }

    #[test]
    fn all_who_come_while_it_is_made_get_the_same() {
        let (flight, made) = (SingleFlight::default(), Cell::new(0));
        let (open, opened) = oneshot::channel::<()>();
        let opened = opened.shared();
        let ask = || {
            let opened = opened.clone();
            flight.get(
                0,
                || 7,
                async || {
                    made.set(made.get() + 1);
                    opened.await.unwrap();
                    made.get()
                },
            )
        };
        let all = join_all((0..50).map(|_| ask()));
        let _ = open.send(());
        let values = block_on(all);
        assert_eq!(made.get(), 1);
        assert!(values.iter().all(|value| **value == 1));
    }

    #[test]
    fn a_value_serves_until_it_is_too_old_for_who_asks() {
        let (flight, now, made) = (SingleFlight::default(), Cell::new(100), Cell::new(0));
        let ask = |max_age_ms| {
            let making = flight.get(
                max_age_ms,
                || now.get(),
                async || {
                    made.set(made.get() + 1);
                    made.get()
                },
            );
            *block_on(making)
        };
        assert_eq!(ask(1_000), 1);
        now.set(1_100);
        assert_eq!(ask(1_000), 1);
        assert_eq!(ask(999), 2);
        assert_eq!(ask(0), 2);
        now.set(1_101);
        assert_eq!(ask(0), 3);
    }

    #[test]
    fn one_who_leaves_while_it_is_made_leaves_it_to_the_next() {
        let flight = SingleFlight::default();
        let mut first = Box::pin(flight.get(0, || 1, async || std::future::pending::<u32>().await));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(flight.get(0, || 1, async || 2));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.now_or_never().as_deref(), Some(&2));
    }
}
