//! What is Redis' alone: a server that is away, and comes back.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sluice_host::store::{RedisStore, Store, StoreError};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt},
    time::timeout,
};

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_within_seconds_and_not_an_empty_store() {
    let store = RedisStore::open(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let read = timeout(Duration::from_secs(60), store.get("key"))
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

/// A Redis that closes the connection on every command of these names, and counts them; it has no keys, and agrees to all else.
async fn breaking_redis(names: [&'static str; 3]) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = counter.clone();
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = tokio::io::BufReader::new(read).lines();
                // A command is `*n` and then, n times, `$length` and the word on a line of its own.
                while let Ok(Some(head)) = lines.next_line().await {
                    let Some(count) = head.strip_prefix('*') else {
                        continue;
                    };
                    let mut words = Vec::new();
                    for _ in 0..count.parse().unwrap() {
                        lines.next_line().await.unwrap();
                        words.push(lines.next_line().await.unwrap().unwrap_or_default());
                    }
                    if names.contains(&words[0].as_str()) {
                        counter.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    let answer = if words[0] == "GET" {
                        "$-1\r\n"
                    } else {
                        "+OK\r\n"
                    };
                    write.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, seen)
}

/// The gate's proof needs it: a put that lands twice, the second time over a newer one, breaks it.
#[tokio::test]
async fn a_write_whose_connection_breaks_is_never_sent_again() {
    let (url, seen) = breaking_redis(["SET", "DEL", "INCRBY"]).await;
    let store = RedisStore::open(&url).unwrap();
    let deadline = Duration::from_secs(60);
    for sent in 1..=3 {
        let written = async {
            match sent {
                1 => store.set("key", b"value".into()).await,
                2 => store.delete("key").await,
                _ => store.increment("key", 1).await.map(drop),
            }
        };
        let written = timeout(deadline, written).await.expect("the store hangs");
        assert!(matches!(written, Err(StoreError::Redis(_))), "{written:?}");
        // It has connected anew meanwhile, and whatever it would send again it has sent.
        timeout(deadline, store.get("other"))
            .await
            .expect("the store hangs")
            .unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), sent);
    }
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
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
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
