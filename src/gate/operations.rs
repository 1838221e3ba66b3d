//! The operations of the protocol as the store has them: keys by their names, counters by their values.

use std::time::Duration;

use sluice_gate::instance::Event;
use sluice_gate::store::{Found, Key, Op};

use super::driver::Gate;
use crate::store::counted;
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

    /// Reads some keys.
    pub(super) async fn read_all(&self, keys: Vec<Key>, patience: Duration) -> Vec<Found> {
        let names = keys.iter().map(Key::to_string).collect();
        let values = self.0.store.get_all(names, patience).await;
        let found = keys.iter().zip(values);
        found.map(|(key, value)| self.find(key, value)).collect()
    }

    fn find(&self, key: &Key, value: Outcome<Option<Vec<u8>>>) -> Found {
        let found: Outcome<Found> = if key.is_counter() {
            let number = value.and_then(counted);
            let count = number.map(|number| number.and_then(|number| key.count(number)));
            count.map(|count| count.map_or(Found::Absent, Found::Number))
        } else {
            value.map(|bytes| bytes.map_or(Found::Absent, Found::Bytes))
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
