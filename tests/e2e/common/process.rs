//! The host as a process, to be killed.

use std::{net::SocketAddr, path::Path, process::Stdio};

use ollama_sim::Sim;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use super::{files, seed, sqlite, within};

/// The host's program, running. Dropping it kills it.
pub struct HostProcess {
    child: Child,
    addr: SocketAddr,
    log: Option<Lines<BufReader<ChildStderr>>>,
}

impl HostProcess {
    /// Starts the program as the command line would, but with no limit per address, and waits until it listens. Its standard
    /// error is the test's.
    pub async fn start(
        state: &Path,
        runtime_config: Option<&Path>,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_with(state, runtime_config, variables, &[]).await
    }

    /// The same with more arguments.
    pub async fn start_with(
        state: &Path,
        runtime_config: Option<&Path>,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(files::host_program());
        command.args(["up", "--quiet"]);
        Self::spawn(command, state, runtime_config, variables, arguments).await
    }

    /// The same before this simulator, in a folder of its own that must outlast it, with the components' log kept for
    /// [`HostProcess::log_line`].
    pub async fn start_logging(sim: &Sim, variables: &[(&str, &str)]) -> (TempDir, Self) {
        let state = tempfile::tempdir().expect("a folder");
        seed(&*sqlite(state.path())).await;
        let mut all = vec![("ollama_host", sim.url())];
        all.extend(variables);
        let mut command = Command::new(files::host_program());
        command.arg("up").stderr(Stdio::piped());
        let host = Self::spawn(command, state.path(), None, &all, &[]).await;
        (state, host)
    }

    /// The same in a process that may have so many file descriptors and no more.
    pub async fn start_with_descriptors(
        state: &Path,
        descriptors: u16,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh"])
            .arg(descriptors.to_string())
            .arg(files::host_program())
            .args(["up", "--quiet"]);
        Self::spawn(command, state, None, variables, &[]).await
    }

    async fn spawn(
        mut command: Command,
        state: &Path,
        runtime_config: Option<&Path>,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        command
            .args(["--listen", "127.0.0.1:0", "--from"])
            .arg(files::manifest())
            .arg("--state-dir")
            .arg(state)
            .arg("--runtime-config-file")
            .arg(runtime_config.map_or_else(files::runtime_config, Path::to_owned))
            .args(arguments);
        for (name, value) in [("rate_limit_address", "0")].iter().chain(variables) {
            command.arg("--variable").arg(format!("{name}={value}"));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the host's program");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let said = within("the host says where it listens", lines.next_line()).await;
        let said = said
            .expect("text")
            .unwrap_or_else(|| panic!("the host ended at once"));
        let addr = said.strip_prefix("Serving http://").map(str::parse);
        let addr = addr
            .unwrap_or_else(|| panic!("it said {said:?}"))
            .expect("an address");
        let log = child.stderr.take();
        let log = log.map(|log| BufReader::new(log).lines());
        Self { child, addr, log }
    }

    /// The next line of the log; `None` when there are no more.
    pub async fn log_line(&mut self) -> Option<String> {
        let line = self.log.as_mut()?.next_line().await;
        line.expect("text")
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// SIGTERM, and the wait for the end.
    pub async fn terminate(mut self) {
        let mut kill = Command::new("kill");
        let sent = kill.arg(self.pid().to_string()).status().await;
        assert!(sent.expect("a shell's command").success());
        let ended = within("the host ends", self.child.wait()).await;
        assert!(ended.expect("it ran").success());
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }
}
