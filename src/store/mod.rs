//! The key-value store: reads side by side, writes of one key in sequence, none that was given up begun, each bounded in time.
//!
//! This is the only place that touches a store. What is kept there is the callers' business.

mod component;
mod ordered;
mod queue;

pub use component::{Component, Notes, note_by};
pub use ordered::{PATIENCE, Store, counted, number};

use crate::clock;
use crate::tasks::pause;
use crate::world::Outcome;
pub use crate::world::StoreError;

/// The store of this instance.
pub fn shared() -> Store<Component> {
    STORE.with(Clone::clone)
}

/// Reads a key.
///
/// # Errors
/// The store cannot be read.
pub async fn read(name: String) -> Outcome<Option<Vec<u8>>> {
    shared().get(name, PATIENCE).await
}

/// Writes a key.
///
/// # Errors
/// It failed, or took too long: written or not written, nobody knows.
pub async fn write(name: String, bytes: Vec<u8>) -> Outcome<()> {
    shared().put(name, bytes, PATIENCE).await
}

/// Removes a key, or a counter.
///
/// # Errors
/// It failed: whether it is gone, nobody knows.
pub async fn remove(name: String) -> Outcome<()> {
    shared().delete(name, PATIENCE).await
}

/// Removes every key whose name is one that `is_over`. Rare: it lists the store.
///
/// # Errors
/// It failed: some of them are gone.
pub async fn remove_all(is_over: impl Fn(&str) -> bool) -> Outcome<()> {
    for name in shared().keys(PATIENCE).await? {
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
pub async fn add(name: String, times: u64) -> Outcome<u64> {
    shared().add(name, times, PATIENCE).await
}

/// What became of several additions.
pub struct Added {
    /// So many are known to be done, the first ones.
    pub count: usize,
    /// How long they took, in microseconds.
    pub took_us: u64,
    /// The failure that ended them.
    pub outcome: Outcome<()>,
}

/// Adds to several counters, one after another.
///
/// Nothing else of the instance goes on while a counter is raised: whether the store is there is asked once, before all of them, and
/// between two of them all others have their turn.
pub async fn add_all(sums: impl IntoIterator<Item = (String, u64)>) -> Added {
    let store = shared();
    let (mut count, mut took_us) = (0, 0_u64);
    for (name, times) in sums {
        let adding = async {
            match count {
                0 => _ = store.get(name.clone(), PATIENCE).await?,
                _ => pause().await,
            }
            let begun_ns = clock::now_ns();
            store.add_at_once(name, times, PATIENCE).await?;
            Ok::<_, StoreError>(clock::now_ns().saturating_sub(begun_ns) / 1_000)
        };
        match adding.await {
            Ok(us) => (count, took_us) = (count + 1, took_us.saturating_add(us)),
            Err(error) => {
                return Added {
                    count,
                    took_us,
                    outcome: Err(error),
                };
            }
        }
    }
    Added {
        count,
        took_us,
        outcome: Ok(()),
    }
}

/// What a counter has come to; 0 where nothing was ever added. Nothing is written.
///
/// # Errors
/// The store could not be read.
pub async fn sum(name: &str) -> Outcome<u64> {
    let count = shared().count(name.to_owned(), PATIENCE).await?;
    Ok(count.unwrap_or(0))
}

/// What several counters have come to, read side by side.
///
/// # Errors
/// One of them could not be read.
pub async fn sums(names: impl IntoIterator<Item = String>) -> Outcome<Vec<u64>> {
    let values = shared()
        .get_all(names.into_iter().collect(), PATIENCE)
        .await;
    let counts = values.into_iter().map(|value| counted(value?));
    counts.map(|count| Ok(count?.unwrap_or(0))).collect()
}

thread_local! {
    static STORE: Store<Component> = Store::new(Component);
}
