//! The operations of the protocol as the store has them: keys by their names, counters by their values.

use std::time::Duration;

use futures::future::join_all;
use sluice_gate::instance::Event;
use sluice_gate::store::{Found, Key, Op};

use super::driver::Gate;
use crate::world::{Outcome, StoreError, World};

impl<W: World> Gate<W> {
    /// Does one write.
    pub(super) async fn write(&self, op: Op, patience: Duration) -> Event {
        let store = &self.0.store;
        let outcome = match op {
            Op::Put(key, value) => store
                .put(key.to_string(), value, patience)
                .await
                .map(|()| Event::Done),
            Op::Delete(key) => store
                .delete(key.to_string(), patience)
                .await
                .map(|()| Event::Done),
            Op::Add(key) => store
                .add(key.to_string(), 1, patience)
                .await
                .map(|sum| Event::Added(key.count(sum).unwrap_or(0))),
            Op::AddBase(epoch) => store
                .add(Key::Term(epoch).to_string(), epoch.base(), patience)
                .await
                .map(|sum| match sum == epoch.base() {
                    true => Event::Done,
                    false => Event::Unresolved,
                }),
        };
        self.note_outcome(outcome.is_ok());
        outcome.unwrap_or_else(|error| match error {
            StoreError::NotDone => Event::NotDone,
            StoreError::Failed(_) | StoreError::Late(_) => Event::Unresolved,
        })
    }

    /// Reads some keys side by side.
    pub(super) async fn read_all(&self, keys: Vec<Key>, patience: Duration) -> Vec<Found> {
        let reads = keys.into_iter().map(|key| self.find(key, patience));
        join_all(reads).await
    }

    async fn find(&self, key: Key, patience: Duration) -> Found {
        let store = &self.0.store;
        let found: Outcome<Found> = if key.is_counter() {
            let number = store.count(key.to_string(), patience).await;
            let count = number.map(|number| number.and_then(|number| key.count(number)));
            count.map(|count| count.map_or(Found::Absent, Found::Number))
        } else {
            let bytes = store.get(key.to_string(), patience).await;
            bytes.map(|bytes| bytes.map_or(Found::Absent, Found::Bytes))
        };
        self.note_outcome(found.is_ok());
        found.unwrap_or(Found::Failed)
    }

    pub(super) fn note_outcome(&self, is_good: bool) {
        self.0.is_failing.set(!is_good);
        if !is_good {
            self.0.failures.set(self.0.failures.get() + 1);
        }
    }
}
