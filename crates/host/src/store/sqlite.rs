//! A store in a SQLite file: Spin's table in Spin's file, so that a store can be taken from one host to the other.
//!
//! # Why the calls are not handed to another thread
//! In WAL mode without waiting for the disk an operation takes about 10 µs, less than a thread switch there and back.
//! What does wait for the disk runs on the blocking pool: a commit with [`SqliteSync::Full`], and the checkpoint, which
//! moves the log into the database once it has grown.
//!
//! # What is lost in a crash
//! Of the process: nothing. Of the machine: with [`SqliteSync::Off`] the last commits, never the database.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{MAX_KEYS_BYTES, Store, StoreError};

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteSync {
    /// A commit returns at once; the disk is waited for at checkpoints, in the background.
    Off,
    /// Each commit waits, as on Spin.
    Full,
}

/// One label's rows in a SQLite database.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    label: String,
    connection: Mutex<Connection>,
    sync: SqliteSync,
    /// None for a database in memory, which has no log.
    path: Option<PathBuf>,
    writes_since_checkpoint: AtomicU32,
}

impl SqliteStore {
    /// Opens the database file at `path`, made with its folder where it is not there, for the rows of `label`.
    pub fn open(path: &Path, label: &str, sync: SqliteSync) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            // Where this fails opening the file fails too, with a message of SQLite's that names the cause.
            _ = std::fs::create_dir_all(folder);
        }
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        let level = match sync {
            SqliteSync::Off => "normal",
            SqliteSync::Full => "full",
        };
        connection.pragma_update(None, "synchronous", level)?;
        if sync == SqliteSync::Off {
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        Self::new(connection, label, sync, Some(path.to_owned()))
    }

    /// A store that lives in memory, as long as the value and its clones.
    pub fn in_memory(label: &str) -> Result<Self, StoreError> {
        Self::new(Connection::open_in_memory()?, label, SqliteSync::Off, None)
    }

    fn new(
        connection: Connection,
        label: &str,
        sync: SqliteSync,
        path: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute(CREATE, [])?;
        let shared = Shared {
            label: label.to_owned(),
            connection: Mutex::new(connection),
            sync,
            path,
            writes_since_checkpoint: AtomicU32::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Runs a write where it may take as long as it does.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.shared.sync {
            SqliteSync::Off => {
                let result = work(&self.shared);
                self.checkpoint_when_due();
                result
            }
            SqliteSync::Full => {
                let shared = self.shared.clone();
                let work = tokio::task::spawn_blocking(move || work(&shared));
                work.await.unwrap_or(Err(StoreError::Ending))
            }
        }
    }

    fn checkpoint_when_due(&self) {
        let Some(path) = &self.shared.path else {
            return;
        };
        let writes = self
            .shared
            .writes_since_checkpoint
            .fetch_add(1, Ordering::Relaxed)
            + 1;
        if writes == WRITES_PER_CHECKPOINT {
            let (shared, path) = (self.shared.clone(), path.clone());
            tokio::task::spawn_blocking(move || {
                if let Err(error) = checkpoint(&path) {
                    tracing::warn!(%error, "the key-value store's log was not moved into the database");
                }
                shared.writes_since_checkpoint.store(0, Ordering::Relaxed);
            });
        }
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.value(&self.shared.lock(), key)
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |shared| shared.put(&shared.lock(), &key, &value))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |shared| {
            shared
                .lock()
                .prepare_cached(DELETE)?
                .execute(params![shared.label, key])?;
            Ok(())
        })
        .await
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self
            .shared
            .lock()
            .prepare_cached(EXISTS)?
            .exists(params![self.shared.label, key])?)
    }

    async fn keys(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.shared.lock();
        let mut statement = connection.prepare_cached(KEYS)?;
        let mut rows = statement.query(params![self.shared.label])?;
        let mut keys = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            bytes += key.len();
            if bytes > MAX_KEYS_BYTES {
                return Err(StoreError::TooManyKeys);
            }
            keys.push(key);
        }
        Ok(keys)
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let key = key.to_owned();
        self.write(move |shared| shared.increment(&key, delta))
            .await
    }
}

impl Shared {
    /// A panic while the lock was held left no half-done work behind: SQLite rolls an open transaction back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = connection.prepare_cached(GET)?;
        Ok(statement
            .query_row(params![self.label, key], |row| row.get(0))
            .optional()?)
    }

    fn put(&self, connection: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
        connection
            .prepare_cached(SET)?
            .execute(params![self.label, key, value])?;
        Ok(())
    }

    /// A counter is Spin's: 8 bytes, little endian. Adding 0 reads it, and writes nothing where it is there.
    fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = match self.value(&transaction, key)? {
            Some(value) => {
                let bytes = value
                    .try_into()
                    .map_err(|_| StoreError::NotACounter(key.to_owned()))?;
                Some(i64::from_le_bytes(bytes))
            }
            None => None,
        };
        let sum = before
            .unwrap_or(0)
            .checked_add(delta)
            .ok_or_else(|| StoreError::Overflow(key.to_owned()))?;
        if before != Some(sum) {
            self.put(&transaction, key, &sum.to_le_bytes())?;
        }
        transaction.commit()?;
        Ok(sum)
    }
}

/// On a connection of its own, so that nobody waits for it; readers and writers go on meanwhile.
fn checkpoint(path: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";

/// Another process may have the file open for a moment (a backup, a second host); it is waited for, not failed on.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A write adds two or three pages of 4 KiB to the log, so it stays below about 12 MiB.
const WRITES_PER_CHECKPOINT: u32 = 1000;
