//! Key-value calls: one at a time, none given up half-way, each bounded in time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crate::tasks::spawn;
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::lock::Mutex;
use sluice_gate::{Event, Key, Op, Value};
use spin_sdk::key_value::{Error, Store};
use spin_sdk::time::sleep;

use super::timing;
use atomics::wasi::keyvalue::{atomics as counter, store as bucket};

/// How long an operation may take before it counts as failed. It goes on by itself: nobody knows whether it will be done.
const PATIENCE: Duration = Duration::from_secs(5);

/// An operation that fails after so many nanoseconds fails for all who came before its end: a store that is away takes half a
/// second to say so, and of a hundred that each asked it in turn the last would wait for a minute.
const SLOW_NS: u64 = 100_000_000;

/// How many reads follow one another before another turn gets at the store: some milliseconds at most.
const BURST: u32 = 16;

/// The store could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    /// An operation failed; its cause is in the log.
    pub(super) fn unavailable() -> StoreError {
        StoreError("unavailable".to_owned())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key-value store: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

/// Does one operation. A failure is an event too: [`Event::Failed`]; its cause goes to the log.
pub async fn perform(op: Op) -> Event {
    within_patience(op).await.unwrap_or(Event::Failed)
}

/// Does one read after another, as `then` says, with the store to itself for up to [`BURST`] of them; answers the one that
/// is still to be done. Many turns may be waiting for the store, and each of a hundred reads would wait for all of them.
pub async fn perform_in_turn(first: Op, mut then: impl FnMut(Event) -> Option<Op>) -> Option<Op> {
    let burst = in_turn(async |connection| {
        let mut next = Some(first);
        for _ in 0..BURST {
            let Some(op) = next else { break };
            next = then(connection.perform(op).await?);
        }
        Ok(next)
    });
    patiently(burst).await.unwrap_or_default()
}

/// Adds to a counter beside the line, and answers what it comes to.
///
/// # Errors
/// It failed: whether it was added, nobody knows.
pub async fn add(name: String, times: u64) -> Result<u64, StoreError> {
    // Nothing else of the instance goes on while something is added, and a store that is away may take minutes to say so (Spin's
    // connection to Redis does). So it is asked first whether it is there, as it is for the epoch before a draw.
    read_aside(name.clone()).await?;
    let delta = i64::try_from(times).unwrap_or(i64::MAX);
    let adding = in_turn(async move |connection| connection.add(&name, delta));
    patiently(to_its_end(adding)).await
}

/// What a counter beside the line has come to; 0 where nothing was ever added. Nothing is written.
///
/// # Errors
/// The store could not be read.
pub async fn sum(name: &str) -> Result<u64, StoreError> {
    let reading = in_turn(async |connection| {
        // To ask a counter that is not there would make it.
        match connection.store().await?.get(name).await? {
            Some(_) => connection.add(name, 0),
            None => Ok(0),
        }
    });
    patiently(reading).await
}

/// Removes a counter beside the line.
///
/// # Errors
/// It failed: whether it is gone, nobody knows.
pub async fn remove(name: String) -> Result<(), StoreError> {
    let removing =
        in_turn(async move |connection| Ok(connection.store().await?.delete(name).await?));
    patiently(to_its_end(removing)).await
}

/// Removes every counter beside the line whose name is one that `is_over`. Rare: it lists the store.
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

/// Whether the store can be read.
///
/// # Errors
/// It cannot.
pub async fn probe() -> Result<(), StoreError> {
    within_patience(Op::Get(Key::Epoch)).await.map(|_| ())
}

/// The names of all keys. Rare: it holds the store for as long as it takes.
///
/// # Errors
/// The listing failed.
pub async fn names() -> Result<Vec<String>, StoreError> {
    in_turn(async |connection| {
        let keys = connection.store().await?.get_keys().await;
        Ok(keys.collect().await?)
    })
    .await
}

/// Reads a key that is not the line's.
///
/// # Errors
/// The store cannot be read.
pub async fn read_aside(name: String) -> Result<Option<Vec<u8>>, StoreError> {
    let reading = in_turn(async |connection| Ok(connection.store().await?.get(name).await?));
    patiently(reading).await
}

/// Writes a key that is not the line's.
///
/// # Errors
/// It failed, or took too long: written or not written, nobody knows.
pub async fn write_aside(name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
    let writing =
        in_turn(async move |connection| Ok(connection.store().await?.set(name, bytes).await?));
    patiently(to_its_end(writing)).await
}

async fn within_patience(op: Op) -> Result<Event, StoreError> {
    let is_read = matches!(op, Op::Get(_) | Op::Peek(_));
    let doing = in_turn(async move |connection| connection.perform(op).await);
    if is_read {
        patiently(doing).await
    } else {
        patiently(to_its_end(doing)).await
    }
}

/// Does something with the store when it is its turn. Where one that was before it has failed slowly meanwhile, it shares
/// that failure and asks nothing: for the gate a failed operation is one that may or may not have been done.
async fn in_turn<T>(
    doing: impl AsyncFnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let came = timing::now_ns();
    let connection = connection();
    let connection = connection.lock().await;
    if connection.failed_at.get() > came {
        return Err(StoreError("away, as for one before it".to_owned()));
    }
    let begun = timing::now_ns();
    let result = doing(&connection).await;
    let ended = timing::now_ns();
    if result.is_err() && ended.saturating_sub(begun) > SLOW_NS {
        connection.failed_at.set(ended);
    }
    result
}

/// Waits for an operation for [`PATIENCE`]. A failure goes to the log and is counted.
async fn patiently<T>(doing: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let result = match select(pin!(doing), pin!(sleep(PATIENCE))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(StoreError(format!("no answer within {PATIENCE:?}"))),
    };
    result.inspect_err(|error| {
        super::fault(error);
        timing::note_error();
    })
}

/// Does a write in a task of its own: a caller that gives up must not give up the write.
async fn to_its_end<T: 'static>(
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
struct Connection {
    store: RefCell<Option<Rc<Store>>>,
    bucket: RefCell<Option<Rc<bucket::Bucket>>>,
    /// When an operation last failed slowly, in nanoseconds of the monotonic clock.
    failed_at: Cell<u64>,
}

impl Connection {
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

    async fn perform(&self, op: Op) -> Result<Event, StoreError> {
        let begun = timing::now_ns();
        let done = self.perform_untimed(op).await;
        timing::note(begun);
        done
    }

    async fn perform_untimed(&self, op: Op) -> Result<Event, StoreError> {
        Ok(match op {
            Op::Draw(key) => Event::Drawn(self.add(&key.name(), 1)?),
            Op::Peek(key) => Event::Drawn(self.add(&key.name(), 0)?),
            Op::Get(key) => {
                let bytes = self.store().await?.get(key.name()).await?;
                Event::Got(bytes.and_then(|bytes| Value::decode(&key, &bytes)))
            }
            Op::Put(key, value) => {
                self.store().await?.set(key.name(), value.encode()).await?;
                Event::Done
            }
            Op::Delete(key) => {
                self.store().await?.delete(key.name()).await?;
                Event::Done
            }
        })
    }

    fn add(&self, name: &str, delta: i64) -> Result<u64, StoreError> {
        let value = counter::increment(&*self.bucket()?, name, delta).map_err(from_bucket)?;
        u64::try_from(value).map_err(|_| StoreError(format!("the counter is below zero: {value}")))
    }
}

thread_local! {
    static CONNECTION: Rc<Mutex<Connection>> = Rc::default();
}

fn connection() -> Rc<Mutex<Connection>> {
    CONNECTION.with(Rc::clone)
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
