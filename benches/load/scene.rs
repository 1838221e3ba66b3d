//! What is measured: a host as a process, before a simulator in this one; and what the host uses of the machine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ollama_sim::{Options, Sim};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::common::{Answer, Client, HostProcess, RedisServer, seed, sqlite};

/// A host before a simulator.
pub struct Scene {
    pub sim: Arc<Sim>,
    pub host: HostProcess,
    _state: TempDir,
}

/// Where the gate's records lie.
#[derive(Clone, Copy)]
pub enum Backend<'a> {
    /// SQLite as `sluice-host` has it by default: a commit does not wait for the disk.
    Default,
    /// SQLite as Spin has it: each commit waits.
    FullSync,
    /// A Redis that is running.
    Redis(&'a RedisServer),
}

impl Backend<'_> {
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "SQLite, the default",
            Self::FullSync => "SQLite, each commit waiting for the disk",
            Self::Redis(_) => "Redis on this machine",
        }
    }
}

impl Scene {
    pub async fn start(backend: Backend<'_>, script: &str, variables: &[(&str, &str)]) -> Self {
        let options = Options {
            script: script.parse().expect("a script"),
            ..Options::default()
        };
        let sim = Sim::start(options).await.expect("a simulator");
        let state = tempfile::tempdir().expect("a folder");
        let mut arguments = Vec::new();
        let mut runtime_config: Option<PathBuf> = None;
        match backend {
            Backend::Default => seed(&*sqlite(state.path())).await,
            Backend::FullSync => {
                seed(&*sqlite(state.path())).await;
                arguments.extend(["--sqlite-sync", "full"]);
            }
            Backend::Redis(redis) => {
                seed(&redis.store()).await;
                runtime_config = Some(redis.runtime_config());
            }
        }
        let upstream = format!("http://{}", sim.addr());
        let mut all = vec![("ollama_host", upstream.as_str())];
        all.extend(variables);
        let config = runtime_config.as_deref();
        let host = HostProcess::start_with(state.path(), config, &all, &arguments).await;
        Self {
            sim: Arc::new(sim),
            host,
            _state: state,
        }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.host.addr()).await
    }

    /// A chat on a connection of its own.
    pub async fn chat(&self, prompt: &str) -> Answer {
        let document = json!({ "prompt": prompt });
        self.client().await.post("/api/chat", &document).await
    }

    /// What the host's process has used so far.
    pub fn usage(&self) -> Usage {
        let file = |name| {
            let path = format!("/proc/{}/{name}", self.host.pid());
            std::fs::read_to_string(path).expect("Linux tells")
        };
        let stat = file("stat");
        // The name, in parentheses, may have spaces in it; user and system time are the 12th and 13th after it.
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let ticks: u64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        let status = file("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.split_whitespace().next());
        Usage {
            at: Instant::now(),
            cpu: Duration::from_millis(ticks * MS_PER_TICK),
            resident_kib: resident.expect("a size").parse().expect("a number"),
        }
    }
}

/// What a process has used.
#[derive(Clone, Copy)]
pub struct Usage {
    at: Instant,
    cpu: Duration,
    pub resident_kib: u64,
}

impl Usage {
    /// Per cent of one core since `before`.
    pub fn cpu_since(&self, before: &Self) -> f64 {
        100.0 * (self.cpu - before.cpu).as_secs_f64() / (self.at - before.at).as_secs_f64()
    }

    /// CPU time since `before`.
    pub fn time_since(&self, before: &Self) -> Duration {
        self.cpu - before.cpu
    }
}

/// Linux counts in hundredths of a second for whoever asks.
const MS_PER_TICK: u64 = 10;
