//! All settings at once, and what follows from several of them.

use serde_json::Map;
use sluice_ollama::Policy;

use super::MAX_UPSTREAMS;
use super::form;
use super::reader::{Lookup, Misconfigured, Reader};
use super::secret::{self, ApiKey};
use super::table::{Config, OPTIONS, UpstreamRows};
use super::upstream::Upstream;

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
        config.warnings = reader.finish()?;
        Ok(config)
    }

    /// Whether a model may be asked for.
    pub fn allows_model(&self, model: &str) -> bool {
        self.allowed_models.is_empty()
            || self
                .allowed_models
                .iter()
                .any(|allowed| same_model(allowed, model))
    }
}

fn upstreams(reader: &mut Reader<'_>, max_concurrent: u32) -> Vec<Upstream> {
    let mut upstreams = Vec::new();
    for number in 1..=MAX_UPSTREAMS {
        let rows = UpstreamRows::read(reader, number);
        match rows.ollama_host {
            Some(origin) => upstreams.push(Upstream {
                origin,
                base_path: rows.ollama_base_path,
                max_concurrent: rows.ollama_max_concurrent.unwrap_or(max_concurrent),
                api_key: rows.ollama_api_key,
            }),
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
        num_predict_cap: config.num_predict_cap.map(u64::from),
        keep_alive: config.keep_alive.clone(),
    }
}

fn keys(reader: &mut Reader<'_>, config: &Config) -> Vec<ApiKey> {
    let single = config.api_key.clone().map(secret::single_key);
    let keys: Vec<ApiKey> = single
        .into_iter()
        .chain(config.api_keys.iter().cloned())
        .collect();
    if let Some(name) = secret::twice(&keys) {
        reader.fault(
            "api_keys",
            format!("names {name:?} twice (api_key is named \"default\")"),
        );
    }
    keys
}

/// `name` and `name:latest` are one model to Ollama.
fn same_model(one: &str, other: &str) -> bool {
    let stem = |name: &str| {
        name.strip_suffix(":latest")
            .unwrap_or(name)
            .to_ascii_lowercase()
    };
    stem(one) == stem(other)
}
