//! A store in a SQLite file: Spin's table in Spin's file, so that a store can be taken from one host to the other.
//!
//! # Two connections
//! In WAL mode without waiting for the disk an operation takes about 10 µs, less than a thread switch there and back. So it is
//! done where it is asked for, on a connection that never waits. What may take long runs on the blocking pool, on a connection
//! of its own: an operation that met another process's lock, a commit with [`SqliteSync::Full`] (or where the file system has
//! no WAL), a listing, and the checkpoint, which moves the log into the database once it has grown.
//!
//! # What is lost in a crash
//! Of the process: nothing. Of the machine: with [`SqliteSync::Off`] the last commits, never the database.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

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
    /// For what is done at once: it does not wait for locks.
    quick: Mutex<Connection>,
    /// For what may take long. None for a database in memory, which has a single connection and no log.
    patient: Option<Patient>,
    sync: SqliteSync,
    /// Whether this value made the file.
    is_new: bool,
    writes_since_checkpoint: AtomicU32,
}

struct Patient {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the database file at `path`, made with its folder where it is not there, for the rows of `label`.
    pub fn open(path: &Path, label: &str, sync: SqliteSync) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            // Where this fails opening the file fails too, with a message of SQLite's that names the cause.
            _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        }
        // An empty file is an empty database, and only one process can make it.
        let is_new = File::create_new(path).is_ok();
        let (patient, _) = connect(path, sync)?;
        patient.execute(CREATE, [])?;
        let (quick, mode) = connect(path, sync)?;
        quick.busy_timeout(Duration::ZERO)?;
        let sync = if mode == "wal" {
            sync
        } else {
            tracing::warn!(path = %path.display(), mode, "the key-value store has no write-ahead log: each write waits for the disk");
            SqliteSync::Full
        };
        let patient = Patient {
            connection: Mutex::new(patient),
            path: path.to_owned(),
        };
        Ok(Self::new(quick, label, Some(patient), sync, is_new))
    }

    /// A store that lives in memory, as long as the value and its clones.
    pub fn in_memory(label: &str) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory()?;
        connection.execute(CREATE, [])?;
        Ok(Self::new(connection, label, None, SqliteSync::Off, true))
    }

    fn new(
        quick: Connection,
        label: &str,
        patient: Option<Patient>,
        sync: SqliteSync,
        is_new: bool,
    ) -> Self {
        let shared = Shared {
            label: label.to_owned(),
            quick: Mutex::new(quick),
            patient,
            sync,
            is_new,
            writes_since_checkpoint: AtomicU32::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Runs an operation here and now, or, if it would have to wait for another process, where it may.
    async fn at_once<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = work(&mut lock(&self.shared.quick), &self.shared.label);
        match done {
            Err(StoreError::Sqlite(error)) if is_busy(&error) => self.patiently(work).await,
            done => done,
        }
    }

    /// Runs an operation where it may take as long as it does.
    async fn patiently<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let work = move || {
            let patient = shared.patient.as_ref();
            let connection = patient.map_or(&shared.quick, |patient| &patient.connection);
            work(&mut lock(connection), &shared.label)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or(Err(StoreError::Ending))
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.shared.sync {
            SqliteSync::Off => {
                let done = self.at_once(work).await;
                self.checkpoint_when_due();
                done
            }
            SqliteSync::Full => self.patiently(work).await,
        }
    }

    fn checkpoint_when_due(&self) {
        let Some(patient) = &self.shared.patient else {
            return;
        };
        let writes = self
            .shared
            .writes_since_checkpoint
            .fetch_add(1, Ordering::Relaxed)
            + 1;
        if writes == WRITES_PER_CHECKPOINT {
            let (shared, path) = (self.shared.clone(), patient.path.clone());
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
        let key = key.to_owned();
        self.at_once(move |connection, label| value(connection, label, &key))
            .await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let keys = keys.to_owned();
        self.at_once(move |connection, label| {
            let values = keys.iter().map(|key| value(connection, label, key));
            values.collect()
        })
        .await
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |connection, label| put(connection, label, &key, &value))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |connection, label| {
            connection
                .prepare_cached(DELETE)?
                .execute(params![label, key])?;
            Ok(())
        })
        .await
    }

    async fn keys(&self) -> Result<Vec<String>, StoreError> {
        self.patiently(|connection, label| keys(connection, label))
            .await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let key = key.to_owned();
        self.write(move |connection, label| increment(connection, label, &key, delta))
            .await
    }

    fn is_new(&self) -> bool {
        self.shared.is_new
    }
}

/// A connection to the database at `path`, and the journal mode that it came to.
fn connect(path: &Path, sync: SqliteSync) -> Result<(Connection, String), StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    let level = match sync {
        SqliteSync::Off => "normal",
        SqliteSync::Full => "full",
    };
    connection.pragma_update(None, "synchronous", level)?;
    if sync == SqliteSync::Off {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    Ok((connection, mode))
}

/// A panic while the lock was held left no half-done work behind: SQLite rolls an open transaction back.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether another connection was in the way.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn value(connection: &Connection, label: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    Ok(statement
        .query_row(params![label, key], |row| row.get(0))
        .optional()?)
}

fn put(connection: &Connection, label: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
    connection
        .prepare_cached(SET)?
        .execute(params![label, key, value])?;
    Ok(())
}

fn keys(connection: &Connection, label: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(KEYS)?;
    let mut rows = statement.query(params![label])?;
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

/// A counter is Spin's: 8 bytes, little endian. Adding 0 reads it, and writes nothing where it is there.
fn increment(
    connection: &mut Connection,
    label: &str,
    key: &str,
    delta: i64,
) -> Result<i64, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = match value(&transaction, label, key)? {
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
        put(&transaction, label, key, &sum.to_le_bytes())?;
    }
    transaction.commit()?;
    Ok(sum)
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
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";

/// Another process may have the file open for a moment (a backup, a second host); it is waited for, not failed on.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A write adds two or three pages of 4 KiB to the log, so it stays below about 12 MiB.
const WRITES_PER_CHECKPOINT: u32 = 1000;
