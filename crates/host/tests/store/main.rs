//! What every store promises, on every backend: SQLite in a file (with and without waiting for the disk), SQLite in memory,
//! and Redis where `redis-server` is installed. One suite: each rule is written once and runs on each of them.

mod concurrent;
mod redis;
mod rules;
mod sqlite;

use std::sync::Arc;

use sluice_host::store::{RedisStore, SqliteStore, SqliteSync, Store};
use tempfile::TempDir;

use self::redis::{RedisServer, free_port};

/// One store, opened twice, as by two hosts. A store in memory is one host's alone: there the two are the same.
struct Subject {
    store: Arc<dyn Store>,
    other: Arc<dyn Store>,
}

/// A store, and what must live as long as it does.
struct Backend {
    subject: Subject,
    _folder: Option<TempDir>,
    _server: Option<RedisServer>,
}

impl Backend {
    fn sqlite_file(sync: SqliteSync) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("folder/store.db");
        let open = || Arc::new(SqliteStore::open(&path, "default", sync).unwrap());
        let (store, other) = (open(), open());
        Some(Self {
            subject: Subject { store, other },
            _folder: Some(folder),
            _server: None,
        })
    }

    fn sqlite_memory() -> Option<Self> {
        let store = Arc::new(SqliteStore::in_memory("default").unwrap());
        let other = store.clone();
        Some(Self {
            subject: Subject { store, other },
            _folder: None,
            _server: None,
        })
    }

    fn redis() -> Option<Self> {
        let server = RedisServer::start(free_port())?;
        let open = || Arc::new(RedisStore::open(&server.url()).unwrap());
        let (store, other) = (open(), open());
        Some(Self {
            subject: Subject { store, other },
            _folder: None,
            _server: Some(server),
        })
    }
}

macro_rules! every_store {
    ($($module:ident::$rule:ident)*) => {
        every_store! { @backend sqlite_file(Backend::sqlite_file(SqliteSync::Off)) $($module::$rule)* }
        every_store! { @backend sqlite_file_full(Backend::sqlite_file(SqliteSync::Full)) $($module::$rule)* }
        every_store! { @backend sqlite_memory(Backend::sqlite_memory()) $($module::$rule)* }
        every_store! { @backend redis_server(Backend::redis()) $($module::$rule)* }
    };
    (@backend $name:ident($backend:expr) $($module:ident::$rule:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let Some(backend) = $backend else {
                        return;
                    };
                    let Backend { subject, _folder, _server } = backend;
                    super::$module::$rule(subject).await;
                }
            )*
        }
    };
}

every_store! {
    rules::an_absent_key_is_none_and_not_an_error
    rules::what_was_written_is_read_and_the_last_write_stands
    rules::an_empty_value_is_there
    rules::several_keys_are_read_in_their_order
    rules::values_and_keys_may_be_any_bytes_and_any_text
    rules::a_deleted_key_is_absent
    rules::every_key_is_listed_once
    rules::a_counter_begins_at_zero_and_adds_up
    rules::a_counter_is_read_without_adding_to_it
    rules::a_counter_that_cannot_be_added_to_stays_as_it_is
    concurrent::no_increment_is_lost_or_seen_twice
    concurrent::an_operation_does_not_wait_for_those_that_nobody_polls
    concurrent::what_one_host_wrote_or_deleted_the_other_sees_at_once
    concurrent::of_two_writers_one_wins_and_no_reader_sees_a_mixture
    concurrent::writers_of_different_keys_do_not_disturb_one_another
    concurrent::a_key_that_is_there_throughout_is_listed_once_whatever_comes_and_goes
}
