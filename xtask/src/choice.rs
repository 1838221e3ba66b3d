//! Which Ollama and which model a run uses, and what to tell about them.

use anyhow::{Context, Result};

use crate::build::Prepared;
use crate::children::{Children, Interrupted};
use crate::manifest::Variables;
use crate::model;
use crate::paths::Repo;
use crate::servers;
use crate::upstream::{Probe, Upstream};

/// When the simulator takes the place of an Ollama.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Simulator {
    Always,
    /// When none answers and none was asked for, and the demonstration model is not to be had.
    WithoutAnOllama,
}

/// What the host is to stand before, and what to tell about it.
pub(crate) struct Choice {
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Lines for the terminal.
    pub(crate) notes: Vec<String>,
}

/// The upstream and the model, as the manifest and the environment have them.
pub(crate) struct Settings {
    upstream: Upstream,
    /// Whether somebody asked for this upstream, so that nothing else will do.
    upstream_chosen: bool,
    model: String,
    /// How many answers there may be at once.
    max_concurrent: String,
}

impl Settings {
    pub(crate) fn read(repo: &Repo, ollama: Option<String>) -> Result<Self> {
        let manifest = Variables::read(repo)?;
        let from_spin = || {
            let origin = environment("SPIN_VARIABLE_OLLAMA_HOST")?;
            Some(origin + &environment("SPIN_VARIABLE_OLLAMA_BASE_PATH").unwrap_or_default())
        };
        let address = ollama
            .or_else(|| environment(OLLAMA_HOST))
            .or_else(from_spin);
        let model = environment(OLLAMA_MODEL).or_else(|| environment("SPIN_VARIABLE_OLLAMA_MODEL"));
        let upstream_chosen = address.is_some();
        let address = address.unwrap_or_else(|| {
            manifest.default_of("ollama_host").to_owned() + manifest.default_of("ollama_base_path")
        });
        Ok(Self {
            upstream: address.parse().context("the address of Ollama")?,
            upstream_chosen,
            model: model.unwrap_or_else(|| manifest.default_of("ollama_model").to_owned()),
            max_concurrent: environment("SPIN_VARIABLE_MAX_CONCURRENT")
                .unwrap_or_else(|| manifest.default_of("max_concurrent").to_owned()),
        })
    }

    /// The program that will have to answer in place of an Ollama, as it seems before anything is built.
    pub(crate) fn answering(&self, simulator: Simulator) -> Option<&'static str> {
        match simulator {
            Simulator::Always => Some(servers::SIMULATOR),
            Simulator::WithoutAnOllama if self.upstream_chosen => None,
            Simulator::WithoutAnOllama => match self.upstream.probe() {
                Probe::Absent(_) => Some(servers::DEMO_MODEL),
                Probe::Found { .. } | Probe::NotAsked => None,
            },
        }
    }
}

/// Looks whether an Ollama is there. Where none is and none was asked for, the demonstration model
/// takes its place, or where that cannot be had the simulator, and everybody is told.
pub(crate) fn choose(
    children: &mut Children,
    repo: &Repo,
    settings: &Settings,
    simulator: Simulator,
    mut prepared: Prepared,
) -> Result<Choice> {
    let address = format!(
        "{}{}",
        settings.upstream.origin, settings.upstream.base_path
    );
    if simulator == Simulator::Always {
        let why = "asked for by --sim".to_owned();
        return simulate(children, repo, settings, &prepared, why);
    }
    let notes = match settings.upstream.probe() {
        Probe::Found { version, models } => {
            vec![
                format!("Ollama {version} at {address}"),
                model_note(&settings.model, &models),
            ]
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
            return demonstrate(children, repo, settings, &mut prepared, why);
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

/// Starts the demonstration model, whatever model is configured: it is the only one there.
fn demonstrate(
    children: &mut Children,
    repo: &Repo,
    settings: &Settings,
    prepared: &mut Prepared,
    why: String,
) -> Result<Choice> {
    let ready = prepared.demo_model(repo);
    let origin = match ready.and_then(|()| model::start(children, repo, &settings.max_concurrent)) {
        Ok(origin) => origin,
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => {
            let why = format!("{why}, and a small real model is not to be had ({error:#})");
            return simulate(children, repo, settings, prepared, why);
        }
    };
    let note = format!("{} answers: {why}.", model::WHAT);
    let notes = vec![note.clone(), format!("Model {} at {origin}", model::NAME)];
    let variables = in_place_of_ollama(origin, model::NAME.to_owned(), note);
    Ok(Choice { variables, notes })
}

/// Starts the simulator, with the model that is configured.
fn simulate(
    children: &mut Children,
    repo: &Repo,
    settings: &Settings,
    prepared: &Prepared,
    why: String,
) -> Result<Choice> {
    prepared.program(repo, servers::SIMULATOR)?;
    let model = settings.model.clone();
    let origin = servers::start_simulator(children, repo, &["--model", &model])?;
    let note = format!("A simulator answers with made-up words: {why}.");
    let notes = vec![note.clone(), format!("Simulator at {origin}")];
    let variables = in_place_of_ollama(origin, model, note);
    Ok(Choice { variables, notes })
}

/// What is no Ollama has no use for the options of its runner, and nobody for what `/api/health` advises about them.
fn in_place_of_ollama(origin: String, model: String, note: String) -> Vec<(&'static str, String)> {
    vec![
        ("ollama_host", origin),
        ("ollama_base_path", String::new()),
        ("ollama_model", model),
        ("upstream_note", note),
        ("num_gpu", String::new()),
        ("num_parallel", String::new()),
    ]
}

/// What to tell about the models of an Ollama.
fn model_note(model: &str, models: &[String]) -> String {
    // Ollama takes a name without a tag for its `latest`.
    let latest = format!("{model}:latest");
    match models {
        [] => format!("It has no model yet; run: ollama pull {model}"),
        models if models.iter().any(|name| *name == model || *name == latest) => {
            format!("Model {model}, one of {}", models.len())
        }
        [first, ..] => format!(
            "The model {model} is not there; pull it, or choose one with OLLAMA_MODEL={first} (it has {})",
            models.join(", ")
        ),
    }
}

/// The mission's names in the environment, besides Spin's.
#[cfg(test)]
pub(crate) const ENVIRONMENT: [&str; 3] = [OLLAMA_HOST, OLLAMA_MODEL, API_KEY];

/// The address of Ollama, its path included.
const OLLAMA_HOST: &str = "OLLAMA_HOST";

/// The model of a request that names none.
const OLLAMA_MODEL: &str = "OLLAMA_MODEL";

/// The key that clients have to show.
pub(crate) const API_KEY: &str = "API_KEY";

/// A variable of the environment that is set and not empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_name_or_as_latest() {
        let models = ["a:1b".to_owned(), "b:latest".to_owned()];
        assert_eq!(model_note("a:1b", &models), "Model a:1b, one of 2");
        assert_eq!(model_note("b", &models), "Model b, one of 2");
    }

    #[test]
    fn a_missing_model_comes_with_advice() {
        let models = ["a:1b".to_owned()];
        assert!(model_note("c", &models).contains("OLLAMA_MODEL=a:1b"));
        assert!(model_note("c", &[]).contains("ollama pull c"));
    }
}
