//! Running other programs in the foreground: shown, checked, or asked.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::paths::Repo;

/// The cargo that started this program, in the repository, building into its own `target`.
pub(crate) fn cargo(repo: &Repo, subcommand: &str) -> Command {
    cargo_into(repo, subcommand, &repo.target())
}

/// As [`cargo`], building into another folder.
pub(crate) fn cargo_into(repo: &Repo, subcommand: &str, target: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .current_dir(repo.root())
        .env("CARGO_TARGET_DIR", target)
        .arg(subcommand);
    // This program was itself started by `cargo run`. Build scripts that look at these (ring's does) would run anew, and all
    // that depends on them be compiled anew, whenever somebody calls cargo directly in between.
    for (name, _) in std::env::vars_os() {
        if is_about_xtask(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a variable tells about the package that `cargo run` started, and not about how to build.
fn is_about_xtask(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Shows a command line that is about to be run.
pub(crate) fn show(command: &Command) {
    eprintln!("+ {}", line(command));
}

/// Shows a command line, runs it with this terminal as its own, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    show(command);
    let line = line(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Shows a command line and runs it; what it prints is shown only if it fails. For what runs beside something that has the
/// terminal, such as cargo with its progress bar.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    show(command);
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        std::io::stderr().write_all(&output.stderr)?;
        bail!("`{line}` failed ({})", output.status);
    }
    Ok(())
}

/// Waits for something that has no terminal of its own. Who has to wait is told what for: on a terminal on one line, each second
/// anew; else on a line of its own, now and then.
pub(crate) fn tell_until(is_over: impl Fn() -> bool, what: impl Fn() -> String) {
    let begun = Instant::now();
    let is_terminal = std::io::stderr().is_terminal();
    let (interval, end) = if is_terminal {
        (Duration::from_secs(1), "\x1b[K\r")
    } else {
        (Duration::from_secs(15), "\n")
    };
    let mut next = begun + Duration::from_secs(1);
    let mut is_told = false;
    while !is_over() {
        std::thread::park_timeout(GLANCE);
        if Instant::now() >= next {
            eprint!("{} ({} s) …{end}", what(), begun.elapsed().as_secs());
            is_told = true;
            next += interval;
        }
    }
    if is_told && is_terminal {
        eprint!("\x1b[K");
    }
}

/// How often [`tell_until`] looks.
const GLANCE: Duration = Duration::from_millis(100);

/// Whether a command can be started and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// What a command prints on its standard output, without the white space around it.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Refuses what a command without options was given.
pub(crate) fn no_arguments(args: &[OsString]) -> Result<()> {
    match args.first() {
        Some(arg) => bail!("takes no {}; see --help", arg.display()),
        None => Ok(()),
    }
}

/// Where a program lies that a shell would find by its name.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command as one would type it, with the program's folder left out.
fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .display()
        .to_string();
    for arg in command.get_args() {
        let _ = write!(line, " {}", arg.display());
    }
    line
}
