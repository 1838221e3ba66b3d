//! `cargo xtask clients`: clients that people use, as they come from their registries, against an empty line, a full one, and
//! refusals early and late. `tests/clients/matrix.py` does it; the result is `docs/clients.md`.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::paths::Repo;
use crate::{build, debian, process};

pub(crate) const USAGE: &str = "\
  NAME …   these clients alone; the page is then printed and not written

Installs 24 clients from PyPI, npm and crates.io into target/clients, each in its pinned version (some
gigabytes, the first time), runs every call of each against five hosts, and writes docs/clients.md.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    build::everything(repo)?;
    if process::on_path("npm").is_none() {
        debian::install(&["nodejs", "npm"]).map_err(anyhow::Error::msg)?;
    }
    let mut matrix = Command::new("python3");
    matrix
        .arg(repo.root().join("tests/clients/matrix.py"))
        .arg(repo.root())
        .args(args);
    process::run(&mut matrix)
}
