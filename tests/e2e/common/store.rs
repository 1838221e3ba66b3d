//! The store, seen from outside: what the gate has left there.

use std::{path::Path, sync::Arc, time::Duration};

use sluice_gate::{Epoch, Key, Record, Standing, Value};
use sluice_host::store::{DEFAULT_DATABASE, SqliteStore, SqliteSync, Store};

use super::{LOOK, SECOND};

/// The epoch of a store that was seeded.
pub const EPOCH: Epoch = Epoch(0x5eed);

/// The store in a host's state folder, opened beside the host.
pub fn sqlite(state: &Path) -> Arc<dyn Store> {
    let path = state.join(DEFAULT_DATABASE);
    Arc::new(SqliteStore::open(&path, "default", SqliteSync::Off).expect("a database"))
}

/// Makes a store one in which requests have been served before: the first of a new epoch would wait one time to live.
pub async fn seed(store: &dyn Store) {
    let values = [
        (Key::Epoch, Value::Epoch(EPOCH)),
        (Key::Settled(EPOCH), Value::Mark(0)),
    ];
    for (key, value) in values {
        store
            .set(&key.name(), value.encode())
            .await
            .expect("a write");
    }
}

/// Waits until the store is as it must be at rest: no record says waiting or active, and besides counters, epoch, its
/// mark and verdicts at most `capacity` + 3 keys are left.
pub async fn settles(store: &dyn Store, capacity: usize) {
    let settling = async {
        loop {
            if is_settled(store, capacity).await.is_ok() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(REST, settling).await.is_err() {
        let left = is_settled(store, capacity).await;
        assert_eq!(left, Ok(()), "not at rest within {REST:?}");
    }
}

/// Whether the store is as it must be at rest; if not, what is left in it.
async fn is_settled(store: &dyn Store, capacity: usize) -> Result<(), Vec<String>> {
    let (mut kept, mut is_held) = (Vec::new(), false);
    for name in store.keys().await.expect("a listing") {
        match Key::parse(&name) {
            Some(Key::Epoch | Key::Counter(_) | Key::Settled(_) | Key::Gone(..)) => {}
            Some(Key::Record(..)) => {
                let Some(bytes) = store.get(&name).await.expect("a read") else {
                    continue;
                };
                let standing = Record::decode(&bytes).expect("a record").standing;
                is_held |= matches!(standing, Standing::Waiting | Standing::Active);
                kept.push(format!("{name}: {standing:?}"));
            }
            _ if COUNTERS.iter().any(|counters| name.starts_with(counters)) => {}
            _ => kept.push(name),
        }
    }
    if is_held || kept.len() > capacity + 3 {
        Err(kept)
    } else {
        Ok(())
    }
}

/// What the counters begin with: of requests per client, and of what is counted in batches.
const COUNTERS: [&str; 2] = ["sluice/rate/", "sluice/n/"];

/// Leavers are tidied away after half a second, a dead holder after the time to live that tests set (2 s) and the look
/// before it.
const REST: Duration = SECOND.saturating_mul(8);
