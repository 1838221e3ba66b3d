//! `cargo xtask build`: the components for WebAssembly, the host and the simulator for this machine.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::paths::Repo;
use crate::{debian, process};

pub(crate) const USAGE: &str = "Takes no options. Builds into the repository's own target folder.";

/// What the components are built for.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The packages that are components, as options of cargo.
pub(crate) const COMPONENTS: [&str; 4] = ["-p", "sluice", "-p", "sluice-fileserver"];

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    process::no_arguments(&args)?;
    components(repo)?;
    programs(repo)
}

/// Builds the two components that `spin.toml` names.
pub(crate) fn components(repo: &Repo) -> Result<()> {
    ensure_wasm_target(repo)?;
    let mut command = process::cargo(repo, "build");
    process::run(
        command
            .args(["--release", "--target", WASM])
            .args(COMPONENTS),
    )
}

/// Builds the host and the simulator.
///
/// `--workspace --examples` adds nothing to build, as there are no examples. It makes cargo choose the
/// features of dependencies as `cargo test --workspace` does, so that wasmtime, minutes of work, is
/// compiled once for both.
pub(crate) fn programs(repo: &Repo) -> Result<()> {
    ensure_c_compiler()?;
    let mut command = process::cargo(repo, "build");
    command.args(["--release", "--bin", "sluice-host", "--bin", "ollama-sim"]);
    process::run(command.args(["--workspace", "--examples"]))
}

/// Builds the demonstration model, with the features that everything else has.
pub(crate) fn demo_model(repo: &Repo) -> Result<()> {
    let mut command = process::cargo(repo, "build");
    command.args(["--release", "--bin", "demo-model"]);
    process::run(command.args(["--workspace", "--examples"]))
}

/// Makes sure that Rust can build for WebAssembly.
pub(crate) fn ensure_wasm_target(repo: &Repo) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc
        .current_dir(repo.root())
        .args(["--print", "target-libdir", "--target", WASM]);
    if process::output(&mut rustc).is_ok_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    if process::on_path("rustup").is_none() {
        bail!(
            "this Rust cannot build for {WASM} and there is no rustup to add it: install the target as you installed Rust"
        );
    }
    let mut rustup = Command::new("rustup");
    rustup
        .current_dir(repo.root())
        .args(["target", "add", WASM]);
    if let Err(error) = process::run(&mut rustup) {
        bail!("{error:#}; once the network is there, run: rustup target add {WASM}");
    }
    Ok(())
}

/// Makes sure that the host's C parts (SQLite, TLS) can be compiled. Rust itself mostly links with
/// the same program, but need not.
fn ensure_c_compiler() -> Result<()> {
    if std::env::var_os("CC").is_some() || process::on_path("cc").is_some() {
        return Ok(());
    }
    eprintln!("There is no C compiler (cc), which SQLite and TLS need.");
    debian::install(&["build-essential"]).map_err(anyhow::Error::msg)
}
