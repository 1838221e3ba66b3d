//! A Redis server of the test's own.

use std::{net::TcpListener, path::PathBuf, process::Stdio};

use sluice_host::store::{RedisStore, Store};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{SECOND, eventually};

/// A `redis-server` on a port of its own, without persistence. Dropping it kills it.
pub struct RedisServer {
    _child: Child,
    folder: TempDir,
    url: String,
}

impl RedisServer {
    /// Starts one and waits until it answers; `None`, said on standard error, where Redis is not installed.
    pub async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let started = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
            ])
            .arg(port.to_string())
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(child) = started else {
            eprintln!("skipped: redis-server is not on the PATH");
            return None;
        };
        let server = Self {
            _child: child,
            folder,
            url: format!("redis://127.0.0.1:{port}/0"),
        };
        let store = server.store();
        eventually(10 * SECOND, "Redis answers", || async {
            store.get("any").await.is_ok()
        })
        .await;
        Some(server)
    }

    /// A runtime configuration with this database as the store.
    pub fn runtime_config(&self) -> PathBuf {
        let path = self.folder.path().join("runtime-config.toml");
        let text = format!(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n",
            self.url
        );
        std::fs::write(&path, text).expect("a file in a folder of our own");
        path
    }

    /// The store, opened beside the hosts.
    pub fn store(&self) -> RedisStore {
        RedisStore::open(&self.url).expect("a URL")
    }
}
