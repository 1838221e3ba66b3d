//! All settings at once, and what follows from several of them.

use std::fmt;
use std::time::Duration;

use serde_json::Map;
use sluice_ollama::{ModelName, Policy};

use crate::budget;

use super::MAX_UPSTREAMS;
use super::form;
use super::models::ModelOptions;
use super::reader::{Fault, Lookup, Reader, name_of};
use super::secret::{self, ApiKey};
use super::table::{Config, OPTIONS, UpstreamRows};
use super::upstream::Upstream;

/// Why there are no settings.
#[derive(Clone, Debug)]
pub struct Misconfigured {
    /// Every fault that was found, at least one.
    pub faults: Vec<Fault>,
    /// The settings as far as they could be read: enough to know an operator by its key.
    pub rest: Box<Config>,
}

impl Config {
    /// Parses the settings from what `lookup` says of each variable: its text, nothing where it is not defined, or why it
    /// could not be read.
    ///
    /// # Errors
    /// Every fault there is, not only the first.
    pub fn parse(lookup: Lookup<'_>) -> Result<Config, Misconfigured> {
        let mut reader = Reader::new(lookup);
        let mut config = Config::read(&mut reader, 1);
        config.upstreams = upstreams(&mut reader, config.max_concurrent);
        config.policy = policy(&mut reader, &config);
        config.keys = keys(&mut reader, &config);
        default_model(&mut reader, &config);
        if config.max_body > config.bodies_in_flight / budget::PARTS {
            let problem = "must be at most a quarter of bodies_in_flight";
            reader.fault("max_body", problem.to_owned());
        }
        config.warnings = match reader.finish() {
            Ok(warnings) => warnings,
            Err(faults) => {
                let rest = Box::new(config);
                return Err(Misconfigured { faults, rest });
            }
        };
        config.warnings.extend(entries_that_are_none(&config));
        Ok(config)
    }

    /// Whether a model may be asked for, by its name as Ollama resolves it.
    pub fn allows_model(&self, model: &str) -> bool {
        self.allowed_models.is_empty() || self.names_model(model)
    }

    /// Whether requests for a model stand as batch, whoever asks.
    pub fn is_batch_model(&self, model: &str) -> bool {
        ModelName::parse(model).is_some_and(|model| self.batch_models.contains(&model))
    }

    /// How long a request for a model may wait.
    pub fn queue_timeout_of(&self, model: &str) -> Duration {
        let own = self.options_of(model);
        own.and_then(|own| own.queue_timeout)
            .unwrap_or(self.queue_timeout)
    }

    /// How long an answer of a model may take.
    pub fn request_timeout_of(&self, model: &str) -> Duration {
        let own = self.options_of(model);
        own.and_then(|own| own.request_timeout)
            .unwrap_or(self.request_timeout)
    }

    fn options_of(&self, model: &str) -> Option<&ModelOptions> {
        let name = ModelName::parse(model).filter(|_| !self.model_options.is_empty())?;
        let mut options = self.model_options.iter();
        options.find(|options| options.own.models.matches(&name))
    }

    /// Whether a model may run where its name says that it does.
    pub fn allows_place_of(&self, model: &str) -> bool {
        self.allow_cloud
            || self.names_model(model)
            || !ModelName::parse(model).is_some_and(|name| name.is_cloud())
    }

    /// Whether `allowed_models` names a model.
    pub fn names_model(&self, model: &str) -> bool {
        ModelName::parse(model).is_some_and(|model| self.allowed_models.contains(&model))
    }
}

/// Requests that name no model must not be refused for the one that they get.
fn default_model(reader: &mut Reader<'_>, config: &Config) {
    let model = config.ollama_model.as_str();
    let model = config.policy.target_of(model, &[]).unwrap_or(model);
    let has_faults = [
        "ollama_model",
        "model_aliases",
        "allowed_models",
        "allow_cloud",
    ]
    .into_iter()
    .any(|name| reader.has_fault(name));
    if has_faults {
        return;
    }
    if !config.allows_model(model) {
        reader.fault("ollama_model", "must be one of allowed_models".to_owned());
    } else if !config.allows_place_of(model) {
        let problem = "runs in the cloud, which allow_cloud or allowed_models must allow";
        reader.fault("ollama_model", problem.to_owned());
    }
}

/// Entries of lists that let nobody in.
fn entries_that_are_none(config: &Config) -> Vec<Fault> {
    let warning = |variable: &str, what: &str, entry: &usize| {
        let problem = format!("has no {what} as entry {entry}, which lets nobody in");
        Fault::new(variable, problem)
    };
    let hosts = config.allowed_hosts.faulty.iter();
    let origins = config.cors_origins.faulty.iter();
    hosts
        .map(|entry| warning("allowed_hosts", "name", entry))
        .chain(origins.map(|entry| warning("cors_origins", "origin", entry)))
        .collect()
}

fn upstreams(reader: &mut Reader<'_>, max_concurrent: u32) -> Vec<Upstream> {
    let mut upstreams = Vec::new();
    for number in 1..=MAX_UPSTREAMS {
        let rows = UpstreamRows::read(reader, number);
        match rows.ollama_host {
            Some(origin) => {
                let index = upstreams.len();
                if index + 1 < number {
                    let problem = format!(
                        "is upstream {index}, since one before it is empty: a drain, a breaker and totals are those of whichever had that number before"
                    );
                    reader.told(name_of("ollama_host", number), problem);
                }
                upstreams.push(Upstream {
                    origin,
                    base_path: rows.ollama_base_path,
                    max_concurrent: rows.ollama_max_concurrent.unwrap_or(max_concurrent),
                    models_at_once: rows
                        .ollama_models_at_once
                        .and_then(|models| u8::try_from(models).ok()),
                    api_key: rows.ollama_api_key,
                });
            }
            None if number == 1 => reader.fault(
                "ollama_host",
                "must be an origin such as http://127.0.0.1:11434".to_owned(),
            ),
            None => {}
        }
    }
    upstreams
}

fn policy(reader: &mut Reader<'_>, config: &Config) -> Policy {
    let mut options = Map::new();
    for row in OPTIONS {
        if let Some(value) = reader.take(&row, 1, &form::option(row.name)) {
            options.insert(row.name.to_owned(), value);
        }
    }
    Policy {
        model: config.ollama_model.clone(),
        options,
        sampling: config.sampling,
        shift: config.shift,
        num_predict_cap: config.num_predict_cap.map(u64::from),
        keep_alive: config.keep_alive.clone(),
        aliases: config.model_aliases.clone(),
        ..Policy::default()
    }
    .with_overrides(
        config
            .model_options
            .iter()
            .map(|options| options.own.clone()),
    )
}

fn keys(reader: &mut Reader<'_>, config: &Config) -> Vec<ApiKey> {
    let single = config.api_key.clone().map(secret::single_key);
    // The single one is the first: the later of two is an entry of the list.
    let before = usize::from(single.is_some());
    let keys: Vec<ApiKey> = single
        .into_iter()
        .chain(config.api_keys.iter().cloned())
        .collect();
    let entry = |place: usize| place + 1 - before;
    if let Some(place) = secret::alike(&keys) {
        let problem = format!("has the secret of another key in entry {}", entry(place));
        reader.fault("api_keys", problem);
    }
    if let Some(place) = secret::twice(&keys) {
        let entry = entry(place);
        let problem =
            format!("has the name of another key in entry {entry} (api_key is named \"default\")");
        reader.fault("api_keys", problem);
    }
    keys
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", fault.variable, fault.problem)?;
            if let Some(cause) = &fault.cause {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Misconfigured {}
