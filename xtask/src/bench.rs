//! `cargo xtask bench`: Sluice beside others, as figures, a table and charts.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::paths::Repo;
use crate::{build, debian, process};

pub(crate) const USAGE: &str = "\
Takes the names of measurements; without any it does them all, in some fifteen minutes:
  first-token full-speed paced handoff makespan waiting refusals polling files start instance

  --peers=A,B   these alone: direct nginx haproxy node litellm host spin
  --quick       to see that it works: a minute or two, and nothing is written

Writes docs/benchmarks.md (the table) and docs/benchmarks/ (figures and charts). Everything shares the machine, so it should
have nothing else to do. nginx and HAProxy are unpacked from Debian's packages into target/debian, Node is installed where that
may be done, LiteLLM from PyPI into target/bench; what is missing is left out and named. Spin takes part if there is a `spin` on the PATH.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    build::everything(repo)?;
    let is_wanted = |peer: &str| {
        let lists = args
            .iter()
            .filter_map(|arg| arg.to_str()?.strip_prefix("--peers="));
        let mut lists = lists.peekable();
        lists.peek().is_none() || lists.any(|list| list.split(',').any(|one| one == peer))
    };
    let mut servers = Vec::new();
    for peer in ["nginx", "haproxy"] {
        let is_here = process::on_path(peer).is_some() || is_in_sbin(peer);
        if is_wanted(peer) && !is_here {
            match debian::unpack(repo, peer, peer) {
                Ok(folder) => servers.push(folder),
                Err(why) => println!("{peer} cannot be had: {why:#}."),
            }
        }
    }
    if is_wanted("node")
        && process::on_path("node").is_none()
        && let Err(why) = debian::install(&["nodejs"])
    {
        println!("node cannot be installed: {why}.");
    }
    if is_wanted("litellm")
        && let Err(why) = install_litellm(repo)
    {
        println!("LiteLLM cannot be installed: {why:#}.");
    }
    let mut command = process::cargo(repo, "test");
    debian::add_to_path(&mut command, &servers);
    // As a test, so that nothing is compiled for it alone but itself.
    command.args(["--release", "--workspace", "--bench", "peers", "--"]);
    process::run(command.args(args))
}

/// Debian puts servers where not every user's PATH leads.
fn is_in_sbin(program: &str) -> bool {
    std::path::Path::new("/usr/sbin").join(program).is_file()
}

fn install_litellm(repo: &Repo) -> Result<()> {
    let venv = repo.target().join("bench/litellm");
    if venv.join("bin/litellm").is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(repo.target().join("bench"))?;
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    process::run(pip.args(["-m", "pip", "install", "--quiet", LITELLM]))
}

/// The version that this was seen to work with. (1.107.0 was a compromised release.)
const LITELLM: &str = "litellm[proxy]==1.108.7";
