//! What is SQLite's alone: Spin's table in Spin's file, and its log.

use std::time::Duration;

use futures::{
    future::{join, join_all},
    poll,
};
use sluice_host::store::{SqliteStore, SqliteSync, Store};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn a_sqlite_store_lies_in_spins_table_with_spins_counters() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sqlite_key_value.db");
    {
        // As Spin makes it.
        let spin = rusqlite::Connection::open(&path).unwrap();
        spin.execute_batch(
            "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
             PRIMARY KEY (store, key));
             INSERT INTO spin_key_value VALUES ('default', 'text', CAST('value' AS BLOB));
             INSERT INTO spin_key_value VALUES ('default', 'counter', x'0201000000000000');
             INSERT INTO spin_key_value VALUES ('other', 'text', CAST('not mine' AS BLOB));",
        )
        .unwrap();
    }
    {
        let store = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
        assert_eq!(
            store.get("text").await.unwrap().as_deref(),
            Some(&b"value"[..])
        );
        assert_eq!(store.increment("counter", 1).await.unwrap(), 0x103);
        assert_eq!(store.keys().await.unwrap().len(), 2);
    }
    let spin = rusqlite::Connection::open(&path).unwrap();
    let counter: Vec<u8> = spin
        .query_row(
            "SELECT value FROM spin_key_value WHERE store = 'default' AND key = 'counter'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(counter, [3, 1, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_log_of_a_sqlite_store_does_not_grow_without_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
    for n in 0..20_000 {
        store
            .set(&format!("key/{}", n % 50), vec![0; 500])
            .await
            .unwrap();
    }
    let log = std::fs::metadata(folder.path().join("store.db-wal"))
        .unwrap()
        .len();
    assert!(log < 32 << 20, "{log} bytes");
}

#[tokio::test]
async fn a_sqlite_store_survives_its_host() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let first = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
    first.set("key", b"value".into()).await.unwrap();
    // The file as a killed process leaves it: nothing was closed.
    std::mem::forget(first);
    let second = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
    assert_eq!(
        second.get("key").await.unwrap().as_deref(),
        Some(&b"value"[..])
    );
}

/// On a runtime with a single thread: whoever waits on it for another process's lock stops everything.
#[tokio::test]
async fn a_lock_of_another_process_holds_up_the_writer_and_nobody_else() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
    store.set("key", b"before".into()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let mut writing = std::pin::pin!(store.set("key", b"after".into()));
    let mut counting: Vec<_> = (0..9).map(|_| store.increment("counter", 1)).collect();
    let begun = std::time::Instant::now();
    assert!(poll!(&mut writing).is_pending());
    for one in &mut counting {
        assert!(poll!(one).is_pending());
    }
    let read = store.get("key").await.unwrap();
    assert_eq!(read.as_deref(), Some(&b"before"[..]));
    sleep(Duration::from_millis(20)).await;
    // Each would wait for two seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "the thread stood still"
    );

    other.execute_batch("COMMIT").unwrap();
    let all = timeout(Duration::from_secs(60), join(writing, join_all(counting)));
    let (written, counted) = all.await.expect("it hangs");
    written.unwrap();
    let mut counted: Vec<i64> = counted.into_iter().map(Result::unwrap).collect();
    counted.sort_unstable();
    assert_eq!(counted, Vec::from_iter(1..=9));
    let read = store.get("key").await.unwrap();
    assert_eq!(read.as_deref(), Some(&b"after"[..]));
}

#[tokio::test]
async fn a_lock_that_is_not_given_up_is_an_error_within_seconds() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, "default", SqliteSync::Off).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let written = timeout(Duration::from_secs(60), store.set("key", b"value".into())).await;
    written.expect("it hangs").unwrap_err();
}
