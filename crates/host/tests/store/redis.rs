//! What is Redis' alone: a server that is away, and comes back.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sluice_host::store::{RedisStore, Store, StoreError};
use tokio::time::timeout;

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
pub(crate) struct RedisServer {
    process: Child,
    port: u16,
}

impl RedisServer {
    /// None, with a word about it, where Redis is not installed.
    pub(crate) fn start(port: u16) -> Option<Self> {
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

    pub(crate) fn url(&self) -> String {
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
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
