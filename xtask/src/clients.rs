//! `cargo xtask clients`: clients that people use, as they come from their registries, against a full line.
//!
//! One slot, and every call of a runner at once: all but one get heartbeats before their answer, in each form there is. What
//! a client reads must be the answer and nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::children::Children;
use crate::paths::Repo;
use crate::servers::{self, HostOptions};
use crate::{build, debian, process};

pub(crate) const USAGE: &str = "\
Takes no options. Installs ollama and openai from npm and PyPI into target/clients, starts a simulator and a host with one
slot, and has every client ask in every way at once, streaming and not.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    process::no_arguments(&args)?;
    build::everything(repo)?;
    let cache = repo.target().join("clients");
    std::fs::create_dir_all(&cache)?;
    install_npm(&cache)?;
    install_pypi(&cache)?;

    let mut children = Children::new()?;
    let script = format!("text={WORD} tokens={TOKENS} pace=250ms");
    let simulator = servers::start_simulator(&mut children, repo, &["--script", &script])?;
    let state_dir = cache.join("state");
    if state_dir.exists() {
        std::fs::remove_dir_all(&state_dir)?;
    }
    let host = HostOptions {
        listen: "127.0.0.1:0".to_owned(),
        state_dir,
        variables: vec![
            ("ollama_host", simulator),
            ("max_concurrent", "1".to_owned()),
        ],
        flags: Vec::new(),
    };
    let address = servers::start_host(&mut children, repo, host, &[])?;

    let scripts = repo.root().join("tests/clients");
    let mut npm = Command::new("node");
    npm.current_dir(cache.join("npm"))
        .arg(scripts.join("npm.mjs"));
    let mut pypi = Command::new(cache.join("venv/bin/python"));
    pypi.arg(scripts.join("pypi.py"));
    let mut failed = 0;
    for (name, mut command) in [("npm", npm), ("pypi", pypi)] {
        command
            .env("SLUICE_URL", &address)
            .env("EXPECTED", format!("{WORD}\n\n").repeat(TOKENS));
        children.start(name, &mut command)?;
        let mut waited = 0;
        let status = children.wait_for_end(name, |line| {
            waited += usize::from(line.starts_with("ok "));
        })?;
        println!("{name}: {waited} answers as they should be ({status})");
        failed += usize::from(!status.success());
    }
    drop(children);
    if failed > 0 {
        bail!("{failed} of 2 runners failed");
    }
    Ok(())
}

fn install_npm(cache: &Path) -> Result<()> {
    if process::on_path("npm").is_none() {
        debian::install(&["nodejs", "npm"]).map_err(anyhow::Error::msg)?;
    }
    let folder = cache.join("npm");
    std::fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
    process::run(npm.arg(&folder).args(NPM_PACKAGES))
}

fn install_pypi(cache: &Path) -> Result<()> {
    let venv = cache.join("venv");
    let mut python = Command::new("python3");
    process::run(python.args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet"]);
    process::run(pip.args(PYPI_PACKAGES))
}

/// The versions that this was seen to work with; a newer one is tried by changing these.
const NPM_PACKAGES: [&str; 2] = ["ollama@0.6.4", "openai@7.57.0"];
const PYPI_PACKAGES: [&str; 2] = ["ollama==0.6.3", "openai==3.57.0"];

/// What the simulator says, so many times.
const WORD: &str = "Patience";
const TOKENS: usize = 4;
