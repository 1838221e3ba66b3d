//! A peer that runs: started before an upstream, ended when dropped.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::Instant,
};

use crate::{
    common::{Answer, Client, HostProcess, SECOND, at_most, free_port, seed, sqlite},
    config::{self, Bounds, MODEL},
    kind::Kind,
    usage::{self, Usage},
};

/// A peer that runs.
pub struct Peer {
    pub kind: Kind,
    pub addr: SocketAddr,
    /// From the start of its program until it answered.
    pub started_in: Duration,
    running: Running,
    _folder: TempDir,
}

enum Running {
    Nothing,
    Host(HostProcess),
    Program(Program),
}

/// Ends with its own children.
struct Program {
    child: Child,
    /// What it writes.
    log: PathBuf,
}

impl Peer {
    /// Starts it before `upstream` and waits until it answers.
    pub async fn start(kind: Kind, upstream: SocketAddr, bounds: Bounds) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let begun = Instant::now();
        let port = free_port();
        let mut addr = SocketAddr::from(([127, 0, 0, 1], port));
        let running = match kind {
            Kind::Direct => {
                addr = upstream;
                Running::Nothing
            }
            Kind::Host => {
                seed(&*sqlite(folder.path())).await;
                let variables = variables(upstream, bounds);
                let variables: Vec<_> = variables
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let runtime = written(folder.path(), "runtime-config.toml", config::runtime());
                let host = HostProcess::start(folder.path(), Some(&runtime), &variables).await;
                addr = host.addr();
                Running::Host(host)
            }
            _ => {
                if kind == Kind::Spin {
                    seed(&*sqlite(folder.path())).await;
                }
                let command = command(kind, folder.path(), port, upstream, bounds);
                Running::Program(Program::start(command, folder.path()))
            }
        };
        let mut peer = Self {
            kind,
            addr,
            started_in: begun.elapsed(),
            running,
            _folder: folder,
        };
        let what = format!("{} answers", kind.name());
        at_most(90 * SECOND, &what, async {
            while !peer.answers().await {
                if let Running::Program(program) = &mut peer.running {
                    program.assert_runs();
                }
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
        peer.started_in = begun.elapsed();
        peer
    }

    /// Sends a chat on a connection of its own and waits for the head.
    pub async fn chat(&self, prompt: &str) -> Answer {
        let mut client = Client::connect(self.addr).await;
        client.post(self.path(), &self.document(prompt)).await
    }

    /// Where it takes chats.
    pub fn path(&self) -> &'static str {
        if self.kind == Kind::Litellm {
            "/v1/chat/completions"
        } else {
            "/api/chat"
        }
    }

    /// A chat as it takes them.
    pub fn document(&self, prompt: &str) -> Value {
        json!({ "model": MODEL, "stream": true, "messages": [{ "role": "user", "content": prompt }] })
    }

    /// What its processes have used so far; `None` where there are none.
    pub fn usage(&self) -> Option<Usage> {
        match &self.running {
            Running::Nothing => None,
            Running::Host(host) => Some(Usage::of(host.pid())),
            Running::Program(program) => program.child.id().map(Usage::of),
        }
    }

    async fn answers(&self) -> bool {
        let path = match self.kind {
            Kind::Direct | Kind::Nginx | Kind::Haproxy => "/api/version",
            Kind::Node => "/api/queue-status",
            Kind::Litellm => "/health/liveliness",
            Kind::Host | Kind::Spin => "/livez",
        };
        let Ok(mut client) = Client::try_connect(self.addr).await else {
            return false;
        };
        let asked = client.send(Method::GET, path, Default::default(), "").await;
        asked.is_ok_and(|answer| answer.status.is_success())
    }
}

impl Program {
    fn start(mut command: Command, folder: &Path) -> Self {
        let log = folder.join("log");
        let file = fs::File::create(&log).expect("a file in a folder of our own");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .expect("its program was found");
        Self { child, log }
    }

    fn assert_runs(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("it ended at once ({status}): {log}");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let Some(id) = self.child.id() else { return };
        let members = usage::members(id);
        // Asked first, as a master that is killed leaves its workers behind.
        kill("-TERM", &[id]);
        let deadline = std::time::Instant::now() + SECOND;
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if std::time::Instant::now() > deadline {
                break;
            }
            std::thread::yield_now();
        }
        kill("-KILL", &members);
    }
}

/// Those that are gone already do not mind.
fn kill(signal: &str, ids: &[u32]) {
    let mut kill = std::process::Command::new("kill");
    kill.arg(signal).args(ids.iter().map(u32::to_string));
    _ = kill.stderr(Stdio::null()).status();
}

/// The settings of Sluice that differ from those it ships with: where the upstream is, the bounds that all peers share, and
/// no limit on how often one address may ask, since all clients here have the same one.
fn variables(upstream: SocketAddr, bounds: Bounds) -> Vec<(&'static str, String)> {
    vec![
        ("ollama_host", format!("http://{upstream}")),
        ("max_concurrent", bounds.slots.to_string()),
        ("max_queue", bounds.queue.to_string()),
        ("rate_limit_address", "0".to_owned()),
        ("queue_timeout", "1h".to_owned()),
    ]
}

fn command(kind: Kind, folder: &Path, port: u16, upstream: SocketAddr, bounds: Bounds) -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let program = kind.program().expect("looked for before");
    let mut command = Command::new(program);
    match kind {
        Kind::Nginx => {
            let text = config::nginx(folder, port, upstream, bounds, &root.join("static"));
            command
                .arg("-p")
                .arg(folder)
                .arg("-e")
                .arg(folder.join("error.log"));
            command.arg("-c").arg(written(folder, "nginx.conf", text));
        }
        Kind::Haproxy => {
            let text = config::haproxy(port, upstream, bounds);
            command
                .arg("-db")
                .arg("-f")
                .arg(written(folder, "haproxy.cfg", text));
        }
        Kind::Node => {
            command
                .arg(root.join("benches/peers/peer/queue.mjs"))
                .env("PORT", port.to_string())
                .env("OLLAMA_HOST", format!("http://{upstream}"))
                .env("MAX_CONCURRENT", bounds.slots.to_string())
                .env("MAX_QUEUED", bounds.queue.to_string());
        }
        Kind::Litellm => {
            let text = config::litellm(upstream, bounds);
            command
                .arg("--config")
                .arg(written(folder, "litellm.yaml", text))
                .args(["--host", "127.0.0.1", "--port"])
                .arg(port.to_string())
                // Its table of prices comes with it; it need not be fetched.
                .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
                .env("LITELLM_LOG", "ERROR")
                // Nobody else has to show who they are either.
                .env(
                    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY",
                    "true",
                )
                .current_dir(folder);
        }
        Kind::Spin => {
            command
                .current_dir(&root)
                .args(["up", "-f", "spin.toml", "--quiet", "--listen"])
                .arg(format!("127.0.0.1:{port}"))
                .arg("--runtime-config-file")
                .arg(written(folder, "runtime-config.toml", config::runtime()))
                .arg("--state-dir")
                .arg(folder);
            for (name, value) in variables(upstream, bounds) {
                command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
            }
        }
        Kind::Direct | Kind::Host => unreachable!("they are not started by a command of ours"),
    }
    command
}

fn written(folder: &Path, name: &str, text: String) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file in a folder of our own");
    path
}

/// Between two looks whether it answers: the error of the time that a start takes.
const LOOK: Duration = Duration::from_millis(2);
