//! `cargo xtask record`: the transcripts again, before an Ollama that somebody has.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::paths::Repo;
use crate::process;

pub(crate) const USAGE: &str = "\
  URL                where the Ollama is, such as http://127.0.0.1:11434
  FOLDER             where the transcripts are put, one file for each group of cases, each as soon as it is there
  PREFIX …           only the cases whose names begin so

The cases are crates/ollama-sim/tests/transcripts/cases.jsonl; they name the models that have to be there. The version that
answers stands in each transcript. Cases of the cloud are sent only if they are asked for.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    if args.len() < 2 {
        bail!("an URL and a folder are needed:\n{USAGE}");
    }
    let mut command = process::cargo(repo, "run");
    command.args(["--release", "--package", "ollama-sim"]);
    command.args(["--bin", "ollama-record", "--"]).args(args);
    process::run(&mut command)
}
