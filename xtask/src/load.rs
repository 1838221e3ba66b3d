//! `cargo xtask load`: what the gate costs and how fast it is, on this machine.

use std::ffi::OsString;

use anyhow::Result;

use crate::paths::Repo;
use crate::{build, process};

pub(crate) const USAGE: &str = "\
Takes the names of measurements; without any it does them all, in some twenty minutes:
  handoff makespan waiting waiting-2000 rate polling flood attack bodies writes
Those of `attack` whose names contain a word of SLUICE_ATTACKS (words,with,commas between) can be done alone.

Prints figures beside their aims. Clients, simulator and host share the machine, so it should have nothing else to do.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    build::everything(repo)?;
    let mut command = process::cargo(repo, "test");
    // As a test, so that nothing is compiled for it alone but itself.
    command.args(["--release", "--workspace", "--bench", "load", "--"]);
    process::run(command.args(args))
}
