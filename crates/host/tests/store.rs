//! What every store promises, on every backend: SQLite in a file (with and without waiting for the disk), SQLite in memory,
//! and Redis where `redis-server` is installed.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use sluice_host::store::{RedisStore, SqliteStore, SqliteSync, Store, StoreError};
use tempfile::TempDir;
use tokio::time::timeout;

type Subject = Arc<dyn Store>;

async fn an_absent_key_is_none_and_not_an_error(store: Subject) {
    assert_eq!(store.get("absent").await.unwrap(), None);
    assert!(!store.exists("absent").await.unwrap());
    store.delete("absent").await.unwrap();
    assert_eq!(store.keys().await.unwrap(), Vec::<String>::new());
}

async fn what_was_written_is_read_and_the_last_write_stands(store: Subject) {
    store.set("key", b"one".into()).await.unwrap();
    store.set("key", b"two".into()).await.unwrap();
    assert_eq!(
        store.get("key").await.unwrap().as_deref(),
        Some(&b"two"[..])
    );
    assert!(store.exists("key").await.unwrap());
}

async fn an_empty_value_is_there(store: Subject) {
    store.set("key", Vec::new()).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), Some(Vec::new()));
    assert!(store.exists("key").await.unwrap());
}

async fn values_and_keys_may_be_any_bytes_and_any_text(store: Subject) {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for key in ["", "a b", "ü:/?*", "'; DROP TABLE spin_key_value; --"] {
        store.set(key, value.clone()).await.unwrap();
        assert_eq!(
            store.get(key).await.unwrap().as_ref(),
            Some(&value),
            "{key:?}"
        );
    }
}

async fn a_deleted_key_is_absent(store: Subject) {
    store.set("key", b"value".into()).await.unwrap();
    store.delete("key").await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap(), Vec::<String>::new());
}

async fn every_key_is_listed_once(store: Subject) {
    let keys: BTreeSet<String> = (0..2500).map(|n| format!("key/{n}")).collect();
    for key in &keys {
        store.set(key, b"value".into()).await.unwrap();
    }
    let listed = store.keys().await.unwrap();
    assert_eq!(listed.len(), keys.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), keys);
}

async fn a_counter_begins_at_zero_and_adds_up(store: Subject) {
    assert_eq!(store.increment("counter", 0).await.unwrap(), 0);
    assert_eq!(store.increment("counter", 5).await.unwrap(), 5);
    assert_eq!(store.increment("counter", -7).await.unwrap(), -2);
    assert_eq!(store.increment("counter", 0).await.unwrap(), -2);
    assert_eq!(store.keys().await.unwrap(), ["counter"]);
}

async fn no_increment_is_lost_or_seen_twice(store: Subject) {
    const TASKS: i64 = 8;
    const EACH: i64 = 50;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..EACH {
                seen.push(store.increment("counter", 1).await.unwrap());
            }
            seen
        });
    }
    let seen: BTreeSet<i64> = tasks.join_all().await.concat().into_iter().collect();
    assert_eq!(seen, (1..=TASKS * EACH).collect());
}

async fn a_counter_that_cannot_be_added_to_stays_as_it_is(store: Subject) {
    store.set("text", b"no number".into()).await.unwrap();
    store.increment("text", 1).await.unwrap_err();
    assert_eq!(
        store.get("text").await.unwrap().as_deref(),
        Some(&b"no number"[..])
    );
    store.increment("full", i64::MAX).await.unwrap();
    store.increment("full", 1).await.unwrap_err();
    assert_eq!(store.increment("full", 0).await.unwrap(), i64::MAX);
}

/// An instance in a synchronous call polls nothing else, however many operations it has begun.
async fn an_operation_does_not_wait_for_those_that_nobody_polls(store: Subject) {
    let mut begun: Vec<_> = (0..500).map(|_| store.get("key")).collect();
    for operation in &mut begun {
        _ = futures::poll!(operation);
    }
    let counted = timeout(Duration::from_secs(10), store.increment("counter", 1)).await;
    assert_eq!(counted.expect("it waits").unwrap(), 1);
}

/// A store, and what must live as long as it does.
struct Backend {
    store: Subject,
    _folder: Option<TempDir>,
    _server: Option<RedisServer>,
}

impl Backend {
    fn sqlite_file(sync: SqliteSync) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let store =
            SqliteStore::open(&folder.path().join("folder/store.db"), "default", sync).unwrap();
        Some(Self {
            store: Arc::new(store),
            _folder: Some(folder),
            _server: None,
        })
    }

    fn sqlite_memory() -> Option<Self> {
        let store = SqliteStore::in_memory("default").unwrap();
        Some(Self {
            store: Arc::new(store),
            _folder: None,
            _server: None,
        })
    }

    fn redis() -> Option<Self> {
        let server = RedisServer::start(free_port())?;
        let store = RedisStore::open(&server.url()).unwrap();
        Some(Self {
            store: Arc::new(store),
            _folder: None,
            _server: Some(server),
        })
    }
}

macro_rules! every_store {
    ($($rule:ident)*) => {
        every_store! { @backend sqlite_file(Backend::sqlite_file(SqliteSync::Off)) $($rule)* }
        every_store! { @backend sqlite_file_full(Backend::sqlite_file(SqliteSync::Full)) $($rule)* }
        every_store! { @backend sqlite_memory(Backend::sqlite_memory()) $($rule)* }
        every_store! { @backend redis(Backend::redis()) $($rule)* }
    };
    (@backend $name:ident($backend:expr) $($rule:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    if let Some(backend) = $backend {
                        super::$rule(backend.store.clone()).await;
                    }
                }
            )*
        }
    };
}

every_store! {
    an_absent_key_is_none_and_not_an_error
    what_was_written_is_read_and_the_last_write_stands
    an_empty_value_is_there
    values_and_keys_may_be_any_bytes_and_any_text
    a_deleted_key_is_absent
    every_key_is_listed_once
    a_counter_begins_at_zero_and_adds_up
    no_increment_is_lost_or_seen_twice
    a_counter_that_cannot_be_added_to_stays_as_it_is
    an_operation_does_not_wait_for_those_that_nobody_polls
}

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

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_within_seconds_and_not_an_empty_store() {
    let store = RedisStore::open(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let read = timeout(Duration::from_secs(10), store.get("key"))
        .await
        .expect("the store hangs");
    assert!(matches!(read, Err(StoreError::Redis(_))), "{read:?}");
}

#[tokio::test]
async fn a_redis_that_was_restarted_is_found_again() {
    let port = free_port();
    let Some(server) = RedisServer::start(port) else {
        return;
    };
    let store = RedisStore::open(&server.url()).unwrap();
    store.set("key", b"value".into()).await.unwrap();
    drop(server);
    let _server = RedisServer::start(port).unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);
    store.set("key", b"value".into()).await.unwrap();
}

/// A Redis of the test's own, without persistence.
struct RedisServer {
    process: Child,
    port: u16,
}

impl RedisServer {
    /// None, with a word about it, where Redis is not installed.
    fn start(port: u16) -> Option<Self> {
        let spawned = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = spawned else {
            println!("skipped: there is no redis-server");
            return None;
        };
        let server = Self { process, port };
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                std::time::Instant::now() < deadline,
                "redis-server does not listen"
            );
            std::thread::yield_now();
        }
        Some(server)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A port that nothing listens on, for servers that cannot take port 0.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
