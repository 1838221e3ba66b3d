//! The component's world: the host's key-value store, by its two interfaces, the host's clocks and its chance.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::poll;
use sluice_gate::Now;
use spin_sdk::key_value::{Error, Store};

use crate::clock;
use crate::http::log::Line;
use crate::random;
use crate::tasks;
use crate::world::{Outcome, StoreError, World};
use bucket_bindings::wasi::keyvalue::{atomics as counter, batch as many, store as bucket};

/// The world of the component. All of an instance share one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Component;

/// What is done when an operation has ended, besides what its caller does.
#[derive(Clone, Copy)]
pub struct Notes {
    /// It took so many microseconds.
    pub took: fn(u64),
    /// It failed; the line in the log is written already.
    pub failed: fn(),
}

/// Lets somebody note how operations go.
pub fn note_by(notes: Notes) {
    NOTES.set(Some(notes));
}

#[allow(
    clippy::manual_async_fn,
    reason = "the future of an async fn would hold on to self"
)]
impl World for Component {
    fn now(&self) -> Now {
        clock::now()
    }

    fn now_us(&self) -> u64 {
        clock::now_ns() / 1_000
    }

    fn random(&self) -> u64 {
        random::number()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        clock::sleep(duration)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        tasks::spawn(task);
    }

    fn get(&self, key: String) -> impl Future<Output = Outcome<Option<Vec<u8>>>> + 'static {
        async {
            let store = store().await?;
            let mut reading = pin!(store.get(key));
            let first = poll!(reading.as_mut());
            // One that failed at once says nothing: a connection that is down is known to be so without a wait.
            note_first(matches!(first, Poll::Ready(Ok(_))));
            Ok(match first {
                Poll::Ready(value) => value?,
                Poll::Pending => reading.await?,
            })
        }
    }

    fn reads_many(&self) -> bool {
        AT_ONCE.get() >= AT_ONCE_KNOWN
    }

    fn get_many(
        &self,
        keys: Vec<String>,
    ) -> impl Future<Output = Outcome<Vec<Option<Vec<u8>>>>> + 'static {
        async move {
            let begun_ns = clock::now_ns();
            let found = many::get_many(&*open_bucket()?, &keys);
            let took = Duration::from_nanos(clock::now_ns().saturating_sub(begun_ns));
            if found.is_err() || took > HOLDS_UP {
                note_first(false);
            }
            let found = found.map_err(from_bucket)?;
            let mut found: HashMap<_, _> = found.into_iter().collect();
            Ok(keys.iter().map(|key| found.remove(key)?).collect())
        }
    }

    fn set(&self, key: String, value: Vec<u8>) -> impl Future<Output = Outcome<()>> + 'static {
        async { Ok(store().await?.set(key, value).await?) }
    }

    fn delete(&self, key: String) -> impl Future<Output = Outcome<()>> + 'static {
        async { Ok(store().await?.delete(key).await?) }
    }

    fn increment(&self, key: String, by: u64) -> impl Future<Output = Outcome<u64>> + 'static {
        async move {
            let by = i64::try_from(by).unwrap_or(i64::MAX);
            let sum = counter::increment(&*open_bucket()?, &key, by).map_err(from_bucket)?;
            u64::try_from(sum)
                .map_err(|_| StoreError::Failed(format!("the counter is below zero: {sum}")))
        }
    }

    fn keys(&self) -> impl Future<Output = Outcome<Vec<String>>> + 'static {
        async {
            let keys = store().await?.get_keys().await;
            Ok(keys.collect().await?)
        }
    }

    fn took(&self, us: u64) {
        if let Some(notes) = NOTES.get() {
            (notes.took)(us);
        }
    }

    fn fault(&self, error: &dyn fmt::Display) {
        Line::new("gate").with("error", error.to_string()).write();
        if let Some(notes) = NOTES.get() {
            (notes.failed)();
        }
    }
}

/// Whether a reading was answered where it was asked for, without a wait. A store of which all are is in the host's own process
/// (SQLite), and the instance stands still for each of them in any case: so one for several keys, during which it does too, holds
/// nothing up, and costs a lock of the store and a call of the host once. On any other a store that is away would stop the instance.
fn note_first(is_at_once: bool) {
    AT_ONCE.set(match is_at_once {
        true => AT_ONCE.get().saturating_add(1),
        false => 0,
    });
}

/// After so many readings in succession that were answered at once a store is known to do so.
const AT_ONCE_KNOWN: u32 = 16;

/// Where several took longer than this, by one call, they are read side by side again until then: another process has the file.
const HOLDS_UP: Duration = Duration::from_millis(100);

/// Opened at the first operation that needs it. Should two open it side by side, both are good.
async fn store() -> Outcome<Rc<Store>> {
    if let Some(store) = STORE.with_borrow(Clone::clone) {
        return Ok(store);
    }
    let store = Rc::new(Store::open_default().await?);
    STORE.set(Some(store.clone()));
    Ok(store)
}

fn open_bucket() -> Outcome<Rc<bucket::Bucket>> {
    if let Some(bucket) = BUCKET.with_borrow(Clone::clone) {
        return Ok(bucket);
    }
    let bucket = Rc::new(bucket::open("default").map_err(from_bucket)?);
    BUCKET.set(Some(bucket.clone()));
    Ok(bucket)
}

thread_local! {
    static STORE: RefCell<Option<Rc<Store>>> = const { RefCell::new(None) };
    static BUCKET: RefCell<Option<Rc<bucket::Bucket>>> = const { RefCell::new(None) };
    static NOTES: Cell<Option<Notes>> = const { Cell::new(None) };
    static AT_ONCE: Cell<u32> = const { Cell::new(0) };
}

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        StoreError::Failed(error.to_string())
    }
}

fn from_bucket(error: bucket::Error) -> StoreError {
    StoreError::Failed(match error {
        bucket::Error::NoSuchStore => "no such store".to_owned(),
        bucket::Error::AccessDenied => "access denied".to_owned(),
        bucket::Error::Other(what) => what,
    })
}

/// Bindings for the one shared primitive that every store has, and for reading several keys by one call. spin-sdk carries them under
/// `experimental` only.
mod bucket_bindings {
    #![allow(missing_docs, unsafe_code, reason = "generated")]
    wit_bindgen::generate!({
        inline: "
            package sluice:bucket;

            world bucket {
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
            }
        ",
        path: "wit/keyvalue",
        generate_all,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_are_read_by_one_call_only_where_many_readings_were_answered_at_once() {
        let world = Component;
        (1..AT_ONCE_KNOWN).for_each(|_| note_first(true));
        assert!(!world.reads_many());
        note_first(true);
        assert!(world.reads_many());
        note_first(false);
        assert!(!world.reads_many());
    }
}
