//! What instances tell one another of the requests that they let in: one counter for each slot and minute.
//!
//! One task per instance adds what is due and learns the sums; it ends when nothing is. Who makes a new counter looks, one
//! time in [`SWEEP_ONE_IN`], for counters of minutes that are over and removes them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::random;

use super::bucket::{Allowance, Learned, Telling, window_of};
use super::{BUCKETS, Slot};
use crate::clock::{now, sleep};
use crate::config::{self, Config};
use crate::store::{self, StoreError};
use crate::tasks::spawn;

/// How long what is due is gathered, so that a burst costs one addition: by then its requests have gone out.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How rarely one who makes a counter looks for old ones.
const SWEEP_ONE_IN: u64 = 256;

/// Counters of so many minutes are still asked for: this one, the one before, and one for clocks that differ.
const WINDOWS_KEPT: u64 = 3;

/// Something is due.
pub(super) fn soon() {
    let Some(at_work) = AtWork::begin() else {
        return;
    };
    spawn(async move {
        let _at_work = at_work;
        sleep(PAUSE).await;
        if let Some(config) = config::parsed() {
            // What could not be told is told with the next request that is let in.
            let _ = share(&config).await;
        }
    });
}

/// The task is at work until this is dropped, with it or with its request.
struct AtWork;

impl AtWork {
    /// `None`: it is at work already.
    fn begin() -> Option<AtWork> {
        (!AT_WORK.replace(true)).then_some(AtWork)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.set(false);
    }
}

async fn share(config: &Rc<Config>) -> Result<(), StoreError> {
    while let Some((slot, allowance, telling)) = next(config) {
        let told = tell(slot, telling).await;
        BUCKETS.with_borrow_mut(|buckets| {
            let Some(bucket) = buckets.get_mut(&slot) else {
                return;
            };
            match &told {
                Ok(learned) => bucket.learn(allowance, now(), *learned),
                Err(_) => bucket.take_back(telling),
            }
        });
        let learned = told?;
        if learned.total == u64::from(telling.taken)
            && random::number().is_multiple_of(SWEEP_ONE_IN)
        {
            store::remove_all(|name| is_over(name, window_of(now()))).await?;
        }
    }
    Ok(())
}

/// What all have let in lately. Nothing is written.
pub(super) async fn ask(slot: Slot) -> Result<Learned, StoreError> {
    let window = window_of(now());
    Ok(Learned {
        window,
        total: store::sum(&name(slot, window)).await?,
        before: Some(store::sum(&name(slot, window.saturating_sub(1))).await?),
    })
}

/// The next that is due.
fn next(config: &Config) -> Option<(Slot, Allowance, Telling)> {
    BUCKETS.with_borrow_mut(|buckets| {
        buckets.iter_mut().find_map(|(slot, bucket)| {
            let allowance = slot.allowance(config)?;
            bucket
                .is_due(allowance)
                .then(|| (*slot, allowance, bucket.tell()))
        })
    })
}

async fn tell(slot: Slot, telling: Telling) -> Result<Learned, StoreError> {
    let before = match telling.window.checked_sub(1) {
        Some(before) if telling.asks_before => Some(store::sum(&name(slot, before)).await?),
        _ => None,
    };
    let total = store::add(name(slot, telling.window), telling.taken.into()).await?;
    Ok(Learned {
        window: telling.window,
        total,
        before,
    })
}

fn name(slot: Slot, window: u64) -> String {
    match slot {
        Slot::Key(fingerprint) => format!("{PREFIX}{window}/key/{fingerprint:016x}"),
        Slot::User(number) => format!("{PREFIX}{window}/user/{number:04x}"),
        Slot::Address(number) => format!("{PREFIX}{window}/address/{number:04x}"),
    }
}

/// Whether this is a counter that nobody asks for any more.
fn is_over(name: &str, window: u64) -> bool {
    let of_window = |rest: &str| rest.split_once('/')?.0.parse::<u64>().ok();
    name.strip_prefix(PREFIX)
        .and_then(of_window)
        .is_some_and(|of| of.saturating_add(WINDOWS_KEPT) <= window)
}

const PREFIX: &str = "sluice/rate/";

thread_local! {
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_is_dropped_leaves_room_for_the_next() {
        let at_work = AtWork::begin();
        assert!(at_work.is_some() && AtWork::begin().is_none());
        drop(async move {
            let _at_work = at_work;
        });
        assert!(AtWork::begin().is_some());
    }

    #[test]
    fn only_counters_of_minutes_that_are_over_are_removed() {
        for slot in [Slot::Key(7), Slot::User(7), Slot::Address(7)] {
            assert!(is_over(&name(slot, 97), 100));
            for kept in [98, 99, 100, 101] {
                assert!(!is_over(&name(slot, kept), 100), "{kept}");
            }
        }
        for other in [
            "sluice/epoch",
            "sluice/rate/",
            "sluice/rate/x/key/1",
            "sluice/000000000000feed/t/1",
        ] {
            assert!(!is_over(other, u64::MAX), "{other}");
        }
    }

    #[test]
    fn a_counter_is_none_of_the_gates_keys() {
        assert_eq!(
            sluice_gate::store::Key::parse(&name(Slot::Key(u64::MAX), 1)),
            None
        );
        assert_eq!(
            sluice_gate::store::Key::parse(&name(Slot::Address(1), 1)),
            None
        );
    }
}
