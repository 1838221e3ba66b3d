//! Key-value stores: the trait, its two backends, and the table of an application's stores by label.
//!
//! # What a store promises
//! Single-key reads and writes and [`Store::increment`] are linearizable. An absent key is `None`, and an error is an
//! error: a store that cannot be read is never an empty one. [`Store::keys`] is a snapshot on SQLite; on Redis a key that
//! is there from start to end is listed once, and one that comes or goes meanwhile may or may not be.
//!
//! # What it does not do
//! No compare-and-swap, no transactions over several keys, no expiry: Spin has none that can be relied on.

mod redis;
mod sqlite;

use std::{collections::BTreeMap, path::Path, sync::Arc};

pub use self::{
    redis::RedisStore,
    sqlite::{SqliteStore, SqliteSync},
};
use crate::{
    Error,
    runtime_config::{RuntimeConfig, StoreConfig},
};

/// A key-value store.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// The value of `key`, if it is there.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of `keys`, in their order. They need not be of one moment.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    /// Writes `value` at `key`, over whatever was there.
    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError>;

    /// Removes `key`; that it was not there is no error.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// All keys, in no order, at most [`MAX_KEYS_BYTES`] of them.
    async fn keys(&self) -> Result<Vec<String>, StoreError>;

    /// Atomically adds `delta` to the counter at `key` and answers the sum; an absent counter is 0. A value that is no
    /// counter is an error, and so is an overflow; neither changes it.
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError>;

    /// Whether it is known that nobody used the store before this value was made.
    fn is_new(&self) -> bool {
        false
    }
}

/// What went wrong in a store: for the log and for the component, which decides what its client learns.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's error.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Redis' error, or that of the connection to it.
    #[error("redis: {0}")]
    Redis(#[from] ::redis::RedisError),
    /// `increment` on a value that is no counter.
    #[error("the value of `{0}` is not a counter")]
    NotACounter(String),
    /// `increment` beyond what 64 bits hold.
    #[error("the counter `{0}` would overflow")]
    Overflow(String),
    /// The host ended before the write did; it may or may not be there.
    #[error("the host is ending")]
    Ending,
    /// More keys than a listing may hold.
    #[error("the store has more keys than can be listed ({MAX_KEYS_BYTES} bytes)")]
    TooManyKeys,
}

/// A listing is handed over whole, so it has a bound: about 100,000 keys of the length that Sluice uses.
pub const MAX_KEYS_BYTES: usize = 8 << 20;

/// Spin's name for the database file of the store `default`.
pub const DEFAULT_DATABASE: &str = "sqlite_key_value.db";

const DEFAULT_LABEL: &str = "default";

/// The stores of an application by label.
pub(crate) struct Stores(BTreeMap<String, Arc<dyn Store>>);

impl Stores {
    /// Opens every configured store, and `default` in `state_dir` unless it is configured. SQLite files are opened now;
    /// Redis is connected to when it is first used, and again whenever the connection is lost.
    pub(crate) fn open(
        config: &RuntimeConfig,
        state_dir: &Path,
        sync: SqliteSync,
    ) -> Result<Self, Error> {
        let mut stores: BTreeMap<String, Arc<dyn Store>> = BTreeMap::new();
        for (label, config) in &config.key_value_store {
            let opened = open(config, label, sync);
            let store = opened.map_err(|reason| Error::Store {
                label: label.clone(),
                reason,
            })?;
            stores.insert(label.clone(), store);
        }
        if !stores.contains_key(DEFAULT_LABEL) {
            let config = StoreConfig::Spin {
                path: Some(state_dir.join(DEFAULT_DATABASE)),
            };
            let opened = open(&config, DEFAULT_LABEL, sync);
            let store = opened.map_err(|reason| Error::Store {
                label: DEFAULT_LABEL.into(),
                reason,
            })?;
            stores.insert(DEFAULT_LABEL.into(), store);
        }
        Ok(Self(stores))
    }

    /// Writes these pairs into the default store if it is new.
    pub(crate) async fn seed(&self, pairs: &[(String, String)]) -> Result<(), Error> {
        // `open` has made sure that there is one.
        let store = &self.0[DEFAULT_LABEL];
        let pairs = if store.is_new() { pairs } else { &[] };
        for (key, value) in pairs {
            let written = store.set(key, value.as_bytes().to_vec()).await;
            written.map_err(|error| Error::Store {
                label: DEFAULT_LABEL.into(),
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }

    /// The stores that a component may open; a label that no store has is an error.
    pub(crate) fn allowed(
        &self,
        labels: &[String],
    ) -> Result<BTreeMap<String, Arc<dyn Store>>, String> {
        let store = |label: &String| match self.0.get(label) {
            Some(store) => Ok((label.clone(), store.clone())),
            None => Err(format!(
                "the runtime config does not define the store `{label}`"
            )),
        };
        labels.iter().map(store).collect()
    }
}

fn open(config: &StoreConfig, label: &str, sync: SqliteSync) -> Result<Arc<dyn Store>, String> {
    Ok(match config {
        StoreConfig::Spin { path: Some(path) } => Arc::new(
            SqliteStore::open(path, label, sync)
                .map_err(|err| format!("{}: {err}", path.display()))?,
        ),
        StoreConfig::Spin { path: None } => {
            Arc::new(SqliteStore::in_memory(label).map_err(|err| err.to_string())?)
        }
        StoreConfig::Redis { url } => {
            Arc::new(RedisStore::open(url).map_err(|err| err.to_string())?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens the stores, writes a pair into a new one, and answers the keys.
    async fn start(config: &RuntimeConfig, state_dir: &Path) -> Vec<String> {
        let stores = Stores::open(config, state_dir, SqliteSync::Off).unwrap();
        let seed = [("seed".to_owned(), "value".to_owned())];
        stores.seed(&seed).await.unwrap();
        stores.0[DEFAULT_LABEL].keys().await.unwrap()
    }

    #[tokio::test]
    async fn a_seed_goes_into_a_file_that_this_start_made_and_into_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let config = RuntimeConfig::default();
        let first = folder.path().join("first");
        assert_eq!(start(&config, &first).await, ["seed"]);
        let stores = Stores::open(&config, &first, SqliteSync::Off).unwrap();
        stores.0[DEFAULT_LABEL].delete("seed").await.unwrap();
        drop(stores);
        assert!(start(&config, &first).await.is_empty());

        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        std::fs::File::create(empty.join(DEFAULT_DATABASE)).unwrap();
        assert!(start(&config, &empty).await.is_empty());
    }

    #[tokio::test]
    async fn a_store_in_memory_is_new_and_a_redis_never() {
        let store = |config| open(&config, DEFAULT_LABEL, SqliteSync::Off).unwrap();
        assert!(store(StoreConfig::Spin { path: None }).is_new());
        let url = "redis://127.0.0.1:1".to_owned();
        assert!(!store(StoreConfig::Redis { url }).is_new());
    }
}
