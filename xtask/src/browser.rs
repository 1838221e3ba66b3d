//! The browser tests: what they need on the machine, and what they are started against.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::children::Children;
use crate::paths::Repo;
use crate::servers::{self, HostOptions};
use crate::tally::Tally;
use crate::test::Options;
use crate::{debian, process};

/// Runs the browser tests against a simulator and a host of their own and adds up their counts.
/// Where something that they need cannot be had, says so and counts them as one skipped.
pub(crate) fn test(
    repo: &Repo,
    options: &Options,
    children: &mut Children,
    tally: &mut Tally,
) -> Result<()> {
    if let Err(why) = ensure_programs() {
        println!("The browser tests are skipped: {why}.");
        tally.skipped += 1;
        return Ok(());
    }
    install_packages(&repo.browser_tests())?;

    let simulator = servers::start_simulator(children, repo, &[])?;
    let state_dir = repo.target().join("browser-state");
    if state_dir.exists() {
        std::fs::remove_dir_all(&state_dir)?;
    }
    let host = HostOptions {
        listen: "127.0.0.1:0".to_owned(),
        state_dir,
        variables: vec![("ollama_host", simulator.clone())],
        flags: Vec::new(),
    };
    let address = servers::start_host(children, repo, host, &[])?;
    let failed_before = tally.failed;
    let mut command = npm("test", &repo.browser_tests());
    command.env("SLUICE_URL", address).env("SIM_URL", simulator);
    if options.long {
        command.env("SLUICE_LONG", "1");
    }
    children.start(NPM, &mut command)?;
    let status = children.wait_for_end(NPM, |line| tally.read_node(line))?;
    if !status.success() {
        tally.blame_runner(failed_before);
    }
    Ok(())
}

/// Makes sure of Node, npm and Chromium; says what is missing where they cannot be had.
fn ensure_programs() -> Result<(), String> {
    if process::on_path("node").is_none() || process::on_path(NPM).is_none() {
        debian::install(&["nodejs", "npm"])?;
    }
    let version = process::output(Command::new("node").arg("--version"));
    let version = version.map_err(|error| error.to_string())?;
    if !is_recent(&version) {
        return Err(format!(
            "Node {OLDEST_NODE} or newer is needed, and this is {version}"
        ));
    }
    ensure_chromium()
}

/// Makes sure of a Chromium. Its headless shell has no windows of its own, which halves the time of the tests; a whole
/// Chromium does where the shell cannot be had.
fn ensure_chromium() -> Result<(), String> {
    if process::on_path(HEADLESS_SHELL).is_some() {
        return Ok(());
    }
    let installed = debian::install(&[HEADLESS_SHELL]);
    if process::on_path("chromium").is_some() {
        return Ok(());
    }
    installed
}

/// Whether Node, by what it prints as its version (`v20.11.0`), can run the tests.
fn is_recent(version: &str) -> bool {
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST_NODE)
}

/// Installs the packages that the lock file names, unless that was done since it last changed.
fn install_packages(package: &Path) -> Result<()> {
    let modified = |path: &str| -> Option<SystemTime> {
        package
            .join(path)
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    // npm writes this file at the end of an installation.
    if modified("node_modules/.package-lock.json") >= modified("package-lock.json") {
        return Ok(());
    }
    process::run(&mut npm("ci", package))
}

fn npm(subcommand: &str, package: &Path) -> Command {
    let mut command = Command::new(NPM);
    command.arg(subcommand).arg("--prefix").arg(package);
    command
}

const NPM: &str = "npm";

const HEADLESS_SHELL: &str = "chromium-headless-shell";

/// The tests use `import.meta.dirname` and a test runner that ends with a summary.
const OLDEST_NODE: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_not_recent() {
        assert!(is_recent("v20.20.2"));
        assert!(is_recent("v24.0.0"));
        assert!(!is_recent("v18.20.4"));
        assert!(!is_recent(""));
    }
}
