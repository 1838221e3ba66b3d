//! `cargo xtask up`: from a clone to a page that answers.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::children::Children;
use crate::manifest::Variables;
use crate::paths::Repo;
use crate::servers::{self, HostOptions};
use crate::upstream::{Probe, Upstream};

pub(crate) const USAGE: &str = "\
  --listen ADDRESS   where to serve (127.0.0.1:3000)
  --ollama ADDRESS   the Ollama to stand before; also OLLAMA_HOST
                     (a path is taken too: https://example.org/ollama/)
  --sim              use the simulator, whatever answers
  --state-dir DIR    where the key-value store lies (.sluice/state)
  -- FLAGS           passed on to sluice-host as they are

Also from the environment: OLLAMA_MODEL, the model to use, and API_KEY, which clients then have to send.";

/// What the command line asked for.
struct Options {
    listen: String,
    ollama: Option<String>,
    simulate: bool,
    state_dir: PathBuf,
    host_flags: Vec<OsString>,
}

/// What the host is to stand before, and what to tell about it.
struct Choice {
    variables: Vec<(&'static str, String)>,
    notes: Vec<String>,
}

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    let options = Options::parse(args)?;
    build::components(repo)?;
    build::programs(repo)?;

    let mut children = Children::new()?;
    let settings = Settings::read(repo, options.ollama)?;
    let choice = choose_upstream(&mut children, repo, &settings, options.simulate)?;
    let host = HostOptions {
        listen: options.listen,
        state_dir: repo.root().join(options.state_dir),
        variables: choice.variables,
        flags: options.host_flags,
    };
    let secrets = env("API_KEY").map(|key| ("SPIN_VARIABLE_API_KEY", key));
    let address = servers::start_host(&mut children, repo, host, secrets.as_slice())?;
    println!();
    for note in choice.notes {
        println!("{note}");
    }
    println!("Sluice serves {address}");
    children.supervise()
}

impl Options {
    fn parse(mut args: Vec<OsString>) -> Result<Self> {
        let host_flags = match args.iter().position(|arg| arg == "--") {
            Some(at) => args.split_off(at).split_off(1),
            None => Vec::new(),
        };
        let mut options = Self {
            listen: "127.0.0.1:3000".to_owned(),
            ollama: None,
            simulate: false,
            state_dir: ".sluice/state".into(),
            host_flags,
        };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                lexopt::Arg::Long("listen") => options.listen = text(parser.value()?)?,
                lexopt::Arg::Long("ollama") => options.ollama = Some(text(parser.value()?)?),
                lexopt::Arg::Long("sim") => options.simulate = true,
                lexopt::Arg::Long("state-dir") => options.state_dir = parser.value()?.into(),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.simulate && options.ollama.is_some() {
            bail!("--ollama and --sim exclude each other");
        }
        Ok(options)
    }
}

/// The upstream and the model, as the manifest and the environment have them.
struct Settings {
    upstream: Upstream,
    /// Whether somebody asked for this upstream, so that nothing else will do.
    upstream_chosen: bool,
    model: String,
    model_chosen: bool,
}

impl Settings {
    fn read(repo: &Repo, ollama: Option<String>) -> Result<Self> {
        let manifest = Variables::read(repo)?;
        let from_spin = || {
            let origin = env("SPIN_VARIABLE_OLLAMA_HOST")?;
            Some(origin + &env("SPIN_VARIABLE_OLLAMA_BASE_PATH").unwrap_or_default())
        };
        let address = ollama.or_else(|| env("OLLAMA_HOST")).or_else(from_spin);
        let model = env("OLLAMA_MODEL").or_else(|| env("SPIN_VARIABLE_OLLAMA_MODEL"));
        let upstream_chosen = address.is_some();
        let address = address.unwrap_or_else(|| {
            manifest.default_of("ollama_host").to_owned() + manifest.default_of("ollama_base_path")
        });
        Ok(Self {
            upstream: address.parse().context("the address of Ollama")?,
            upstream_chosen,
            model_chosen: model.is_some(),
            model: model.unwrap_or_else(|| manifest.default_of("ollama_model").to_owned()),
        })
    }
}

/// Looks whether an Ollama is there. Where none is and none was asked for, the simulator takes its
/// place, and everybody is told.
fn choose_upstream(
    children: &mut Children,
    repo: &Repo,
    settings: &Settings,
    simulate: bool,
) -> Result<Choice> {
    let address = format!(
        "{}{}",
        settings.upstream.origin, settings.upstream.base_path
    );
    if simulate {
        return simulator(children, repo, settings, "asked for by --sim".to_owned());
    }
    let notes = match settings.upstream.probe() {
        Probe::Found { version, models } => {
            let mut notes = vec![format!("Ollama {version} at {address}")];
            notes.extend(model_notes(&settings.model, &models));
            notes
        }
        Probe::NotAsked => vec![format!(
            "Ollama at {address}, not asked yet: see /api/health"
        )],
        Probe::Absent(why) if settings.upstream_chosen => {
            vec![format!(
                "No Ollama answers at {address} ({why}): chats fail until one does"
            )]
        }
        Probe::Absent(why) => {
            let why = format!("no Ollama answers at {address} ({why})");
            return simulator(children, repo, settings, why);
        }
    };
    let Upstream { origin, base_path } = settings.upstream.clone();
    let variables = vec![
        ("ollama_host", origin),
        ("ollama_base_path", base_path),
        ("ollama_model", settings.model.clone()),
    ];
    Ok(Choice { variables, notes })
}

/// Starts the simulator. It has the model that is configured, unless its own list says otherwise.
fn simulator(
    children: &mut Children,
    repo: &Repo,
    settings: &Settings,
    why: String,
) -> Result<Choice> {
    let origin = servers::start_simulator(children, repo)?;
    let upstream = Upstream {
        origin: origin.clone(),
        base_path: String::new(),
    };
    let Probe::Found { models, .. } = upstream.probe() else {
        bail!("the simulator at {origin} does not answer");
    };
    let model = match models.first() {
        Some(first) if !settings.model_chosen && !models.contains(&settings.model) => first.clone(),
        _ => settings.model.clone(),
    };
    let note = format!("A simulator answers with made-up words: {why}.");
    let variables = vec![
        ("ollama_host", origin.clone()),
        ("ollama_base_path", String::new()),
        ("ollama_model", model),
        ("upstream_note", note.clone()),
    ];
    Ok(Choice {
        variables,
        notes: vec![note, format!("Simulator at {origin}")],
    })
}

/// What to tell about the models of an Ollama.
fn model_notes(model: &str, models: &[String]) -> Vec<String> {
    // Ollama takes a name without a tag for its `latest`.
    let latest = format!("{model}:latest");
    if models.iter().any(|name| *name == model || *name == latest) {
        return vec![format!("Model {model}, one of {}", models.len())];
    }
    let advice = match models {
        [] => format!("It has no model yet; run: ollama pull {model}"),
        [first, ..] => format!(
            "It has not the model {model}; pull it, or choose one with OLLAMA_MODEL={first} (there: {})",
            models.join(", ")
        ),
    };
    vec![advice]
}

/// A variable of the environment that is set and not empty.
fn env(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
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
        Options::parse(args.iter().map(OsString::from).collect())
    }

    #[test]
    fn what_follows_two_dashes_is_the_hosts() {
        let options = parse(&["--listen", "[::1]:80", "--", "--quiet", "--sim"]).unwrap();
        assert_eq!(options.listen, "[::1]:80");
        assert!(!options.simulate);
        assert_eq!(options.host_flags, ["--quiet", "--sim"]);
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(parse(&["--port", "80"]).is_err());
        assert!(parse(&["now"]).is_err());
        assert!(parse(&["--sim", "--ollama", "gpu"]).is_err());
    }

    #[test]
    fn a_model_is_found_by_its_name_or_as_latest() {
        let models = ["a:1b".to_owned(), "b:latest".to_owned()];
        assert_eq!(model_notes("a:1b", &models), ["Model a:1b, one of 2"]);
        assert_eq!(model_notes("b", &models), ["Model b, one of 2"]);
    }

    #[test]
    fn a_missing_model_comes_with_advice() {
        let models = ["a:1b".to_owned()];
        assert!(model_notes("c", &models)[0].contains("OLLAMA_MODEL=a:1b"));
        assert!(model_notes("c", &[])[0].contains("ollama pull c"));
    }
}
