//! A Redis server of the test's own, to be killed, started again and emptied.

use std::{
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
};

use sluice_host::store::{RedisStore, Store};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

use super::{eventually, within};

/// A `redis-server` on a port of its own. Dropping it kills it.
pub struct RedisServer {
    process: Option<Child>,
    keeping: Keeping,
    folder: TempDir,
    port: u16,
}

/// What a server that was killed still knows when it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nothing: no persistence at all.
    Nothing,
    /// Everything that it has acknowledged: `appendfsync always`.
    Everything,
}

impl RedisServer {
    /// Starts one and waits until it answers; `None`, said on standard error, where Redis is not installed.
    pub async fn start(keeping: Keeping) -> Option<Self> {
        let mut server = Self {
            process: None,
            keeping,
            folder: tempfile::tempdir().expect("a folder"),
            port: free_port(),
        };
        server.process = server.launch();
        if server.process.is_none() {
            eprintln!("skipped: redis-server is not on the PATH");
            return None;
        }
        server.answers().await;
        Some(server)
    }

    /// `kill -STOP`: it keeps its connections and answers no more.
    pub fn stop(&self) {
        let pid = self.process.as_ref().and_then(Child::id);
        let pid = pid.expect("it runs");
        // The shell has a `kill` of its own; the program is not everywhere.
        let stopped = std::process::Command::new("sh")
            .args(["-c", &format!("kill -STOP {pid}")])
            .status();
        assert!(stopped.expect("a shell").success());
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().await.expect("it runs");
    }

    /// Starts the killed server again, where it was, and waits until it answers.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        self.process = self.launch();
        self.answers().await;
    }

    /// Removes every key.
    pub async fn empty(&self) {
        assert_eq!(self.command("FLUSHALL").await, "+OK\r\n");
    }

    /// How often the server has done a command: one of `get`, `set`, `del`, `incrby`, `scan`.
    pub async fn calls_of(&self, command: &str) -> u64 {
        let stats = self.command("INFO commandstats").await;
        let prefix = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&prefix));
        let calls = line.and_then(|line| line.split(',').next());
        calls.map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// A runtime configuration with this database as the store.
    pub fn runtime_config(&self) -> PathBuf {
        let path = self.folder.path().join("runtime-config.toml");
        let text = format!(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n",
            self.url()
        );
        std::fs::write(&path, text).expect("a file in a folder of our own");
        path
    }

    /// The store, opened beside the hosts.
    pub fn store(&self) -> RedisStore {
        RedisStore::open(&self.url()).expect("a URL")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn launch(&self) -> Option<Child> {
        let log: &[&str] = match self.keeping {
            Keeping::Nothing => &["--appendonly", "no"],
            Keeping::Everything => &["--appendonly", "yes", "--appendfsync", "always"],
        };
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(self.port.to_string())
            .args(log)
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()
    }

    async fn answers(&self) {
        let store = self.store();
        eventually("Redis answers", || async { store.get("any").await.is_ok() }).await;
    }

    /// Sends a command that has a single line or a single string for an answer.
    async fn command(&self, words: &str) -> String {
        let asking = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            // The server closes after QUIT, so what comes is read to its end.
            let text = format!("{words}\r\nQUIT\r\n");
            stream.write_all(text.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = within("Redis answers", asking).await;
        let answer = answer.expect("an answer");
        answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned()
    }
}

/// A port that nobody listens on and that nobody gets by chance while the server is down: the system hands out ports above
/// these.
pub fn free_port() -> u16 {
    loop {
        let chance = RandomState::new().hash_one(0);
        let port = FIRST_PORT + u16::try_from(chance % PORTS).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

const FIRST_PORT: u16 = 10_000;
const PORTS: u64 = 20_000;
