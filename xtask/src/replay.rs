//! `cargo xtask replay`: the requests of a log under the pure policy, with other limits.

use std::ffi::OsString;

use anyhow::Result;

use crate::paths::Repo;
use crate::process;

pub(crate) const USAGE: &str = "\
  LOG                a log of Sluice's: lines of JSON, others are skipped
  --max N            how many relay at each upstream (4)
  --upstreams N      how many upstreams there are, all alike (1)
  --at-once N        how many models fit at an upstream; 0: all of them (0)
  --load SECONDS     how long a load takes (10)
  --limit N          how many of one model relay at an upstream; 0: as many as the upstream takes (0)
  --turn SECONDS     how long a model's turn lasts at least (60)
  --share PERCENT    at most this share of an upstream's time goes into changes of models (25)
  --queue N          how many may wait (64)

Every line with the event `request` and a service time is one request. What is told: loads, when the last answer ended, and how
long those of each model waited, beside the bound.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    let mut command = process::cargo(repo, "run");
    command.args(["--release", "--package", "sluice-gate"]);
    command.args(["--example", "replay", "--"]).args(args);
    process::run(&mut command)
}
