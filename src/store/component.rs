//! The component's world: the host's key-value store, by its two interfaces, the host's clocks and its chance.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use sluice_gate::Now;
use spin_sdk::key_value::{Error, Store};

use crate::clock;
use crate::http::log::Line;
use crate::random;
use crate::tasks;
use crate::world::{Outcome, StoreError, World};
use atomics::wasi::keyvalue::{atomics as counter, store as bucket};

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
        async { Ok(store().await?.get(key).await?) }
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

/// Bindings for the one shared primitive that every store has. spin-sdk carries them under `experimental` only.
mod atomics {
    #![allow(missing_docs, unsafe_code, reason = "generated")]
    wit_bindgen::generate!({
        inline: "
            package sluice:counter;

            world counter {
                import wasi:keyvalue/atomics@0.2.0-draft2;
            }
        ",
        path: "wit/keyvalue",
        generate_all,
    });
}
