//! The simulator, the demonstration model and the host as children: how each is started, and the line that says it is ready.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::children::Children;
use crate::paths::Repo;

/// How the host is to serve this repository's application.
pub(crate) struct HostOptions {
    /// `address:port`; port 0 takes a free one.
    pub(crate) listen: String,
    /// Where the key-value store lies.
    pub(crate) state_dir: PathBuf,
    /// Application variables. They are seen by whoever lists processes, so no secrets here.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// More flags, as they are.
    pub(crate) flags: Vec<OsString>,
}

/// Starts the simulator on a free port and says its origin.
pub(crate) fn start_simulator(
    children: &mut Children,
    repo: &Repo,
    flags: &[&str],
) -> Result<String> {
    let mut command = Command::new(repo.binary(SIMULATOR));
    command.args(["--listen", "127.0.0.1:0"]).args(flags);
    children.start(SIMULATOR, &mut command)?;
    children.wait_for_line(SIMULATOR, address)
}

/// Starts the demonstration model, which is in the cache, on a free port and says its origin.
pub(crate) fn start_demo_model(
    children: &mut Children,
    repo: &Repo,
    slots: usize,
) -> Result<String> {
    let mut command = Command::new(repo.binary(DEMO_MODEL));
    command.args(["--listen", "127.0.0.1:0", "--slots", &slots.to_string()]);
    children.start(DEMO_MODEL, &mut command)?;
    children.wait_for_line(DEMO_MODEL, address)
}

/// Starts the host and says where it serves. The environment is passed on, `SPIN_VARIABLE_…` with it.
pub(crate) fn start_host(
    children: &mut Children,
    repo: &Repo,
    options: HostOptions,
    environment: &[(&str, String)],
) -> Result<String> {
    let mut command = Command::new(repo.binary(HOST));
    command.current_dir(repo.root());
    command.args([
        "up",
        "-f",
        "spin.toml",
        "--runtime-config-file",
        "runtime-config.toml",
    ]);
    command
        .arg("--listen")
        .arg(options.listen)
        .arg("--state-dir")
        .arg(&options.state_dir);
    command.args(["--seed", NEW]);
    for (name, value) in options.variables {
        command.arg("--variable").arg(format!("{name}={value}"));
    }
    command
        .args(options.flags)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    children.start(HOST, &mut command)?;
    children.wait_for_line(HOST, address)
}

/// What a store is to hold that this start makes; the host knows whether it does. The gate takes a store without an epoch for
/// one that was emptied under running holders and waits for their time to live before it admits anybody; of a store that is
/// only now made it is known that there are none. The gate takes the mark away.
const NEW: &str = "gate/new=1";

/// The names of the children, which are those of their programs.
pub(crate) const SIMULATOR: &str = "ollama-sim";
pub(crate) const DEMO_MODEL: &str = "demo-model";
pub(crate) const HOST: &str = "sluice-host";

/// The address in the line by which a server says that it is ready: `Serving http://…` or
/// `Listening on http://…`.
fn address(line: &str) -> Option<String> {
    let (words, address) = line.split_once("http://")?;
    matches!(words, "Serving " | "Listening on ").then(|| format!("http://{}", address.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_holds_the_address() {
        assert_eq!(
            address("Serving http://127.0.0.1:3000").unwrap(),
            "http://127.0.0.1:3000"
        );
        assert_eq!(
            address("Listening on http://[::1]:80").unwrap(),
            "http://[::1]:80"
        );
        assert_eq!(address("Serving files"), None);
        assert_eq!(address("at http://127.0.0.1:3000"), None);
    }
}
