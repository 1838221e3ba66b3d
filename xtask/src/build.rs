//! `cargo xtask build`: the components for WebAssembly, the host and the simulator for this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths::Repo;
use crate::{debian, process};

pub(crate) const USAGE: &str = "\
  --trap   also the chat component that panics when a test asks it to

Builds into the repository's own target folder.";

/// What the components are built for.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The packages that are components, as options of cargo.
pub(crate) const COMPONENTS: [&str; 4] = ["-p", "sluice", "-p", "sluice-fileserver"];

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    match args.as_slice() {
        [] => everything(repo),
        [option] if option == "--trap" => everything_for_tests(repo),
        [other, ..] => bail!("takes no {}; see --help", other.display()),
    }
}

/// Builds the components that `spin.toml` names, the host and the simulator.
pub(crate) fn everything(repo: &Repo) -> Result<()> {
    beside_programs(repo, components)
}

/// As [`everything`], and the component that panics when a test asks it to.
pub(crate) fn everything_for_tests(repo: &Repo) -> Result<()> {
    beside_programs(repo, |repo| {
        trap_component(repo)?;
        components(repo)
    })
}

/// Builds the programs and, at the same time, the components: the host's largest crates keep one core busy for minutes and
/// leave the other to them.
fn beside_programs(repo: &Repo, components: impl Fn(&Repo) -> Result<()> + Send) -> Result<()> {
    ensure_wasm_target(repo)?;
    std::thread::scope(|scope| {
        let components = scope.spawn(move || components(repo));
        let programs = programs(repo);
        let components = components
            .join()
            .unwrap_or_else(|_| bail!("building the components panicked"));
        programs.and(components)
    })
}

/// Builds the two components, and puts them where `spin.toml` looks for them.
fn components(repo: &Repo) -> Result<()> {
    compile_components(repo, &[])?;
    std::fs::create_dir_all(repo.components())?;
    for file in ["sluice.wasm", "sluice_fileserver.wasm"] {
        copy(&compiled(repo, file), &repo.components().join(file))?;
    }
    Ok(())
}

/// Builds the chat component that panics when a test asks it to. It shares all but its own crate with what is shipped.
fn trap_component(repo: &Repo) -> Result<()> {
    compile_components(repo, &["--features", "sluice/test-trap"])?;
    copy(&compiled(repo, "sluice.wasm"), &repo.trap_component())
}

fn compile_components(repo: &Repo, options: &[&str]) -> Result<()> {
    let mut command = process::cargo_into(repo, "build", &repo.component_target());
    command.args(["--release", "--target", WASM]);
    process::run_quietly(command.args(COMPONENTS).args(options))
}

/// What [`compile_components`] has made.
fn compiled(repo: &Repo, file: &str) -> PathBuf {
    let profile = repo.component_target().join(WASM).join("release");
    profile.join(file)
}

/// Copies a file that has changed. What is as it was keeps its time, by which others see that nothing is new.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let content = std::fs::read(from).with_context(|| from.display().to_string())?;
    if std::fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(to, content).with_context(|| to.display().to_string())
}

/// Builds the host and the simulator.
///
/// `--workspace --examples` adds nothing to build, as there are no examples. It makes cargo choose the
/// features of dependencies as `cargo test --workspace` does, so that wasmtime, minutes of work, is
/// compiled once for both.
fn programs(repo: &Repo) -> Result<()> {
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
