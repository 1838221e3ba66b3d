//! The browser tests: what they need on the machine, and what they are started against.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::children::Children;
use crate::paths::Repo;
use crate::servers::{self, HostOptions};
use crate::tally::Tally;
use crate::test::{Browser, Options};
use crate::{debian, node, process};

/// Runs the browser tests against a simulator and a host of their own and adds up their counts.
/// Where something that they need cannot be had, says so and counts them as one skipped, or as one that failed where they are
/// demanded.
pub(crate) fn test(
    repo: &Repo,
    options: &Options,
    children: &mut Children,
    tally: &mut Tally,
) -> Result<()> {
    let node = match node::ensure(repo).and_then(|node| ensure_chromium().map(|()| node)) {
        Ok(node) => node,
        Err(why) if options.browser == Browser::Demanded => {
            println!("The browser tests cannot run: {why}.");
            tally.failed += 1;
            return Ok(());
        }
        Err(why) => {
            println!("The browser tests are skipped: {why}.");
            tally.skipped += 1;
            return Ok(());
        }
    };
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
    let mut command = Command::new(node);
    command.arg("run.mjs").current_dir(repo.browser_tests());
    command.env("SLUICE_URL", address).env("SIM_URL", simulator);
    if options.long {
        command.env("SLUICE_LONG", "1");
    }
    children.start(NODE, &mut command)?;
    let status = children.wait_for_end(NODE, |line| tally.read_node(line))?;
    if !status.success() {
        tally.blame_runner(failed_before);
    }
    Ok(())
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
    let mut npm = Command::new("npm");
    process::run(npm.arg("ci").arg("--prefix").arg(package))
}

const NODE: &str = "node";

const HEADLESS_SHELL: &str = "chromium-headless-shell";
