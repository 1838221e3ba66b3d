//! The key-value store: one operation at a time, none given up half-way, each bounded in time.
//!
//! This is the only place that touches a store. What is kept there is the callers' business.
//!
//! # Limits
//! One operation at a time per instance: a listing holds the host's lock on the store while it streams, and a second
//! operation would block the event loop that has to drain it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::lock::Mutex;
use spin_sdk::key_value::{Error, Store};
use spin_sdk::time::sleep;

use crate::clock::now_ns;
use crate::http::log::Line;
use crate::tasks::spawn;
use atomics::wasi::keyvalue::{atomics as counter, store as bucket};

/// How long an operation may take before it counts as failed. It goes on by itself: nobody knows whether it will be done.
const PATIENCE: Duration = Duration::from_secs(5);

/// An operation that fails after so many nanoseconds fails for all who came before its end: a store that is away takes half a
/// second to say so, and of a hundred that each asked it in turn the last would wait for a minute.
const SLOW_NS: u64 = 100_000_000;

/// The store could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    /// An operation failed; its cause is in the log.
    pub fn unavailable() -> StoreError {
        StoreError("unavailable".to_owned())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key-value store: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

/// What is done when an operation has failed, besides the line in the log.
pub fn on_failure(note: fn()) {
    ON_FAILURE.set(note);
}

/// Reads a key.
///
/// # Errors
/// The store cannot be read.
pub async fn read(name: String) -> Result<Option<Vec<u8>>, StoreError> {
    patiently(in_turn(async |connection| connection.get(name).await)).await
}

/// Writes a key.
///
/// # Errors
/// It failed, or took too long: written or not written, nobody knows.
pub async fn write(name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
    let writing = in_turn(async move |connection| connection.set(name, bytes).await);
    patiently(to_its_end(writing)).await
}

/// Removes a key, or a counter.
///
/// # Errors
/// It failed: whether it is gone, nobody knows.
pub async fn remove(name: String) -> Result<(), StoreError> {
    let removing = in_turn(async move |connection| connection.delete(name).await);
    patiently(to_its_end(removing)).await
}

/// Removes every key whose name is one that `is_over`. Rare: it lists the store.
///
/// # Errors
/// It failed: some of them are gone.
pub async fn remove_all(is_over: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for name in names().await? {
        if is_over(&name) {
            remove(name).await?;
        }
    }
    Ok(())
}

/// Adds to a counter, and answers what it comes to.
///
/// # Errors
/// It failed: whether it was added, nobody knows.
pub async fn add(name: String, times: u64) -> Result<u64, StoreError> {
    // Nothing else of the instance goes on while something is added, and a store that is away may take minutes to say so (Spin's
    // connection to Redis does). So it is asked first whether it is there, as it is for the epoch before a draw.
    read(name.clone()).await?;
    let delta = i64::try_from(times).unwrap_or(i64::MAX);
    let adding = in_turn(async move |connection| connection.add(&name, delta));
    patiently(to_its_end(adding)).await
}

/// What a counter has come to; 0 where nothing was ever added. Nothing is written.
///
/// # Errors
/// The store could not be read.
pub async fn sum(name: &str) -> Result<u64, StoreError> {
    let reading = in_turn(async |connection| {
        // To ask a counter that is not there would make it.
        match connection.get(name.to_owned()).await? {
            Some(_) => connection.add(name, 0),
            None => Ok(0),
        }
    });
    patiently(reading).await
}

/// The names of all keys. Rare: it holds the store for as long as it takes.
///
/// # Errors
/// The listing failed.
pub async fn names() -> Result<Vec<String>, StoreError> {
    in_turn(async |connection| connection.names().await).await
}

/// Does something with the store when it is its turn. Where one that was before it has failed slowly meanwhile, it shares
/// that failure and asks nothing: for the gate a failed operation is one that may or may not have been done.
///
/// # Errors
/// It failed, or the store is away.
pub async fn in_turn<T>(
    doing: impl AsyncFnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let came = now_ns();
    let connection = CONNECTION.with(Rc::clone);
    let connection = connection.lock().await;
    if connection.failed_at.get() > came {
        return Err(StoreError("away, as for one before it".to_owned()));
    }
    let begun = now_ns();
    let result = doing(&connection).await;
    let ended = now_ns();
    if result.is_err() && ended.saturating_sub(begun) > SLOW_NS {
        connection.failed_at.set(ended);
    }
    result
}

/// Waits for an operation for [`PATIENCE`]. A failure goes to the log and is counted.
///
/// # Errors
/// It failed, or took too long.
pub async fn patiently<T>(
    doing: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let result = match select(pin!(doing), pin!(sleep(PATIENCE))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(StoreError(format!("no answer within {PATIENCE:?}"))),
    };
    result.inspect_err(|error| {
        // It keeps the name that it has always had.
        Line::new("gate").with("error", error.to_string()).write();
        ON_FAILURE.get()();
    })
}

/// Does a write in a task of its own: a caller that gives up must not give up the write.
///
/// # Errors
/// It failed.
pub async fn to_its_end<T: 'static>(
    write: impl Future<Output = Result<T, StoreError>> + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    spawn(async move {
        // A caller that has gone away needs no answer.
        let _ = answer.send(write.await);
    });
    answered
        .await
        .unwrap_or_else(|_| Err(StoreError("the operation was dropped".to_owned())))
}

/// The open store, by its two interfaces. They are opened at the first operation that needs them.
#[derive(Default)]
pub struct Connection {
    store: RefCell<Option<Rc<Store>>>,
    bucket: RefCell<Option<Rc<bucket::Bucket>>>,
    /// When an operation last failed slowly, in nanoseconds of the monotonic clock.
    failed_at: Cell<u64>,
}

impl Connection {
    /// Reads a key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn get(&self, name: String) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.store().await?.get(name).await?)
    }

    /// Writes a key.
    ///
    /// # Errors
    /// Whether it was written, nobody knows.
    pub async fn set(&self, name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        Ok(self.store().await?.set(name, bytes).await?)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// Whether it is gone, nobody knows.
    pub async fn delete(&self, name: String) -> Result<(), StoreError> {
        Ok(self.store().await?.delete(name).await?)
    }

    /// Adds to a counter and answers what it comes to; a counter that is not there begins at zero.
    ///
    /// # Errors
    /// Whether it was added, nobody knows.
    pub fn add(&self, name: &str, delta: i64) -> Result<u64, StoreError> {
        let value = counter::increment(&*self.bucket()?, name, delta).map_err(from_bucket)?;
        u64::try_from(value).map_err(|_| StoreError(format!("the counter is below zero: {value}")))
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        let keys = self.store().await?.get_keys().await;
        Ok(keys.collect().await?)
    }

    async fn store(&self) -> Result<Rc<Store>, StoreError> {
        if let Some(store) = &*self.store.borrow() {
            return Ok(store.clone());
        }
        let store = Rc::new(Store::open_default().await?);
        *self.store.borrow_mut() = Some(store.clone());
        Ok(store)
    }

    fn bucket(&self) -> Result<Rc<bucket::Bucket>, StoreError> {
        if let Some(bucket) = &*self.bucket.borrow() {
            return Ok(bucket.clone());
        }
        let bucket = Rc::new(bucket::open("default").map_err(from_bucket)?);
        *self.bucket.borrow_mut() = Some(bucket.clone());
        Ok(bucket)
    }
}

thread_local! {
    static CONNECTION: Rc<Mutex<Connection>> = Rc::default();
    static ON_FAILURE: Cell<fn()> = const { Cell::new(|| {}) };
}

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        StoreError(error.to_string())
    }
}

fn from_bucket(error: bucket::Error) -> StoreError {
    StoreError(match error {
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
