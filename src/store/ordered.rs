//! The store as an instance uses it: each operation in its turn, bounded in time, and none that was given up begun.
//!
//! # What a failure means
//! [`StoreError::NotDone`]: it never left the queue. Anything else: done, not done, or done later. A write that has begun goes on
//! to its end whoever gives it up, so that the next write of its key follows it; after [`HANGS`] it is let go.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{Either, join_all, select};

use super::queue::{AT_ONCE, Access, Pass, Queue};
use crate::world::{Outcome, StoreError, World};

/// How long an operation may take, where its caller does not say otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A write that has not been answered after so long holds up its key no longer.
const HANGS: Duration = Duration::from_secs(30);

/// The store of one instance.
#[derive(Clone)]
pub struct Store<W: World> {
    world: W,
    queue: Queue,
}

impl<W: World> Store<W> {
    /// The store of this world.
    pub fn new(world: W) -> Store<W> {
        Store {
            world,
            queue: Queue::default(),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// It could not be read. That is not an absent key.
    pub async fn get(&self, key: String, patience: Duration) -> Outcome<Option<Vec<u8>>> {
        let world = self.world.clone();
        self.read(Access::Read, patience, async move || world.get(key).await)
            .await
    }

    /// The values of several keys, in their order: side by side, or by few operations where the world has it so.
    ///
    /// # Errors
    /// Each by itself: that key could not be read.
    pub async fn get_all(
        &self,
        keys: Vec<String>,
        patience: Duration,
    ) -> Vec<Outcome<Option<Vec<u8>>>> {
        if keys.len() < 2 || !self.world.reads_many() {
            let reads = keys.into_iter().map(|key| self.get(key, patience));
            return join_all(reads).await;
        }
        let reads = keys.chunks(AT_ONCE).map(|keys| async {
            let (world, many) = (self.world.clone(), keys.to_vec());
            let read = async move || world.get_many(many).await;
            match self.read(Access::Read, patience, read).await {
                Ok(values) => values.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); keys.len()],
            }
        });
        join_all(reads).await.concat()
    }

    /// The value of a counter; `None` where it is absent.
    ///
    /// # Errors
    /// It could not be read, or is no counter.
    pub async fn count(&self, key: String, patience: Duration) -> Outcome<Option<u64>> {
        counted(self.get(key, patience).await?)
    }

    /// The names of all keys. Rare: nothing else of the instance is done meanwhile.
    ///
    /// # Errors
    /// The listing failed.
    pub async fn keys(&self, patience: Duration) -> Outcome<Vec<String>> {
        let world = self.world.clone();
        self.read(Access::List, patience, async move || world.keys().await)
            .await
    }

    /// Writes a whole key.
    ///
    /// # Errors
    /// See the module.
    pub async fn put(&self, key: String, value: Vec<u8>, patience: Duration) -> Outcome<()> {
        let (world, of) = (self.world.clone(), key.clone());
        self.write(of, patience, async move { world.set(key, value).await })
            .await
    }

    /// Removes a key.
    ///
    /// # Errors
    /// See the module.
    pub async fn delete(&self, key: String, patience: Duration) -> Outcome<()> {
        let (world, of) = (self.world.clone(), key.clone());
        self.write(of, patience, async move { world.delete(key).await })
            .await
    }

    /// Adds to a counter and answers the sum.
    ///
    /// Nothing else of the instance goes on while a counter is raised, and a store that is away may take minutes to say so
    /// (Spin's connection to Redis does). So it is asked first whether it is there.
    ///
    /// # Errors
    /// See the module.
    pub async fn add(&self, key: String, by: u64, patience: Duration) -> Outcome<u64> {
        let is_there = self.get(key.clone(), patience).await;
        is_there.map_err(|_| StoreError::NotDone)?;
        self.add_at_once(key, by, patience).await
    }

    /// The same for a caller that has just seen the store answer.
    ///
    /// # Errors
    /// See the module.
    pub async fn add_at_once(&self, key: String, by: u64, patience: Duration) -> Outcome<u64> {
        let (world, of) = (self.world.clone(), key.clone());
        self.write(of, patience, async move { world.increment(key, by).await })
            .await
    }

    async fn read<T, F>(
        &self,
        access: Access,
        patience: Duration,
        reading: impl FnOnce() -> F,
    ) -> Outcome<T>
    where
        F: Future<Output = Outcome<T>>,
    {
        let turn = self.queue.enter(access);
        let reading = async {
            let _pass = turn.await;
            self.timed(reading()).await
        };
        let outcome = match select(pin!(reading), pin!(self.world.sleep(patience))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(StoreError::Late(patience)),
        };
        self.told(outcome)
    }

    async fn write<T: 'static>(
        &self,
        key: String,
        patience: Duration,
        writing: impl Future<Output = Outcome<T>> + 'static,
    ) -> Outcome<T> {
        let turn = self.queue.enter(Access::Write(key));
        let mut patience_over = pin!(self.world.sleep(patience));
        let pass = match select(turn, patience_over.as_mut()).await {
            Either::Left((pass, _)) => pass,
            Either::Right(_) => return self.told(Err(StoreError::NotDone)),
        };
        let writing = ToItsEnd::new(self.world.clone(), pass, self.clone().timed_own(writing));
        let outcome = match select(writing, patience_over).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(StoreError::Late(patience)),
        };
        self.told(outcome)
    }

    async fn timed_own<T>(self, operation: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        self.timed(operation).await
    }

    async fn timed<T>(&self, operation: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let begun_us = self.world.now_us();
        let outcome = operation.await;
        self.world
            .took(self.world.now_us().saturating_sub(begun_us));
        outcome
    }

    fn told<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        outcome.inspect_err(|error| self.world.fault(error))
    }
}

/// A write that has begun. Given up, it goes on in a task of its own until it is answered, and holds its turn for so long.
struct ToItsEnd<W: World, T: 'static> {
    world: W,
    under_way: Option<(Writing<T>, Pass)>,
}

type Writing<T> = Pin<Box<dyn Future<Output = Outcome<T>>>>;

impl<W: World, T> ToItsEnd<W, T> {
    fn new(world: W, pass: Pass, writing: impl Future<Output = Outcome<T>> + 'static) -> Self {
        ToItsEnd {
            world,
            under_way: Some((Box::pin(writing), pass)),
        }
    }
}

impl<W: World, T> Future for ToItsEnd<W, T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<T>> {
        let Some((writing, _)) = &mut self.under_way else {
            return Poll::Ready(Err(StoreError::NotDone));
        };
        let outcome = writing.as_mut().poll(context);
        if outcome.is_ready() {
            self.under_way = None;
        }
        outcome
    }
}

impl<W: World, T> Drop for ToItsEnd<W, T> {
    fn drop(&mut self) {
        if let Some((writing, pass)) = self.under_way.take() {
            let hangs = self.world.sleep(HANGS);
            self.world.spawn(async move {
                select(writing, pin!(hangs)).await;
                drop(pass);
            });
        }
    }
}

/// The value of a counter, by that of its key.
///
/// # Errors
/// It is no counter.
pub fn counted(value: Option<Vec<u8>>) -> Outcome<Option<u64>> {
    let count = value.map(|bytes| number(&bytes));
    match count {
        Some(None) => Err(StoreError::Failed("not a counter".to_owned())),
        count => Ok(count.flatten()),
    }
}

/// A counter as the stores keep it: SQLite in 8 bytes, little-endian; Redis in decimal digits. No counter of ours comes near the
/// number that 8 digits would be as 8 bytes.
pub fn number(bytes: &[u8]) -> Option<u64> {
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(bytes).ok()?.parse().ok();
    }
    let number = i64::from_le_bytes(bytes.try_into().ok()?);
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_read_in_either_form_and_nothing_else_is_one() {
        assert_eq!(number(&7_i64.to_le_bytes()), Some(7));
        assert_eq!(number(b"7"), Some(7));
        assert_eq!(number(b"12345678"), Some(12_345_678), "8 digits are digits");
        for other in [&b""[..], b"-1", b"seven", b"1 ", &(-1_i64).to_le_bytes()] {
            assert_eq!(number(other), None, "{other:?}");
        }
    }
}
