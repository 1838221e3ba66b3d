//! What is measured: a host as a process, before a simulator in this one.

use std::{path::PathBuf, sync::Arc};

use ollama_sim::{Options, Sim};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    common::{Answer, Client, HostProcess, RedisServer, seed, sqlite},
    usage::Usage,
};

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
    /// The same, with connections to upstreams for some hundred streams.
    Wide,
    /// SQLite as Spin has it: each commit waits.
    FullSync,
    /// A Redis that is running.
    Redis(&'a RedisServer),
}

impl Backend<'_> {
    pub fn name(self) -> &'static str {
        match self {
            Self::Default | Self::Wide => "SQLite, the default",
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
            Backend::Wide => {
                seed(&*sqlite(state.path())).await;
                let path = state.path().join("runtime-config.toml");
                std::fs::write(&path, "[outbound_http]\nmax_connections = 256\n")
                    .expect("a file in a folder of our own");
                runtime_config = Some(path);
            }
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
        Usage::of(self.host.pid())
    }
}
