//! The settings: all application variables, parsed together, every fault reported together.
//!
//! This is the only place that reads variables. The defaults stand in `spin.toml` and nowhere else, so a variable that is
//! not defined there is a fault like any other. A variable cannot change under a running instance on most providers, so an
//! instance parses once; faults are not kept, since a provider that was away may be back.

mod parse;
mod reader;
mod secret;
mod upstream;

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use sluice_ollama::Policy;
use spin_sdk::variables;

use crate::http::log::Line;
use crate::http::refuse::Refusal;
pub use parse::Network;
use reader::Reader;
pub use secret::{ApiKey, Class, Secret};
pub use upstream::{Origin, Upstream};

/// The most upstreams that can be configured.
pub const MAX_UPSTREAMS: usize = sluice_gate::MAX_UPSTREAMS;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Ollama is, at least one and at most [`MAX_UPSTREAMS`].
    pub upstreams: Vec<Upstream>,
    /// A sentence about the upstream that whoever runs this has set; `/api/health` shows it.
    pub upstream_note: String,
    /// What is added to requests: the model, the options, the cap.
    pub policy: Policy,
    /// The models that may be asked for; empty: all.
    pub allowed_models: Vec<String>,
    /// How many answers may be relayed at once, at least 1.
    pub max_concurrent: u32,
    /// How many may wait; 0: start now or be refused.
    pub max_queue: u32,
    /// How long one may wait.
    pub queue_timeout: Duration,
    /// How long a request may take from its start, waiting not counted.
    pub request_timeout: Duration,
    /// How long a connection to the upstream may take.
    pub connect_timeout: Duration,
    /// How long an upstream may be silent in the midst of an answer.
    pub between_bytes_timeout: Duration,
    /// How often a request is tried again before its first byte.
    pub retry_attempts: u32,
    /// How long before it is tried again.
    pub retry_delay: Duration,
    /// How long an upstream that failed so often is left alone.
    pub breaker_pause: Duration,
    /// A record's time to live.
    pub record_ttl: Duration,
    /// How many places a client with a key may hold at once.
    pub places_per_client: u32,
    /// How long a batch request waits before it may draw although others wait.
    pub batch_wait_max: Duration,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The keys; empty: nobody needs one.
    pub keys: Vec<ApiKey>,
    /// Requests per client.
    pub rate_limits: RateLimits,
    /// Whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The foreign origins whose pages may ask; `*` for all.
    pub cors_origins: Vec<String>,
}

/// Requests per client: so many a minute, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// A minute, for a key; 0: no limit.
    pub per_key: u32,
    /// At once, for a key.
    pub burst_per_key: u32,
    /// A minute, for an address (a school may stand behind one); 0: no limit.
    pub per_address: u32,
    /// At once, for an address.
    pub burst_per_address: u32,
}

/// A variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it and what was expected; it never quotes a secret.
    pub problem: String,
}

/// Why there are no settings: every fault that was found, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured(pub Vec<Fault>);

impl Config {
    /// Parses the settings from what `lookup` says of each variable: its text, nothing where it is not defined, or why it
    /// could not be read.
    ///
    /// # Errors
    /// Every fault there is, not only the first.
    pub fn parse(
        lookup: &dyn Fn(&str) -> Result<Option<String>, String>,
    ) -> Result<Config, Misconfigured> {
        let mut reader = Reader::new(lookup);
        let config = reader.config();
        reader.finish(config)
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

/// The settings of this instance, once they have been parsed.
pub fn parsed() -> Option<Rc<Config>> {
    CURRENT.with(|cell| cell.get().cloned())
}

/// The settings of this instance.
///
/// # Errors
/// Every fault that was found.
pub async fn current() -> Result<Rc<Config>, Misconfigured> {
    if let Some(config) = parsed() {
        return Ok(config);
    }
    let names = reader::names();
    let values = join_all(names.iter().map(variables::get)).await;
    let found: HashMap<_, _> = names.iter().map(String::as_str).zip(values).collect();
    let parsed = Config::parse(&|name| match found.get(name) {
        Some(Ok(value)) => Ok(Some(value.clone())),
        Some(Err(variables::Error::Undefined(_))) | None => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
    });
    let config = Rc::new(parsed.inspect_err(log_once)?);
    Ok(CURRENT.with(|cell| cell.get_or_init(|| config).clone()))
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", fault.variable, fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Misconfigured {}

impl From<Misconfigured> for Refusal {
    fn from(_: Misconfigured) -> Refusal {
        Refusal::Misconfigured
    }
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

/// Faults go to the log once an instance: every request finds them again.
fn log_once(misconfigured: &Misconfigured) {
    if !LOGGED.replace(true) {
        Line::new("misconfigured")
            .with("problem", misconfigured.to_string())
            .write();
    }
}

thread_local! {
    static CURRENT: OnceCell<Rc<Config>> = const { OnceCell::new() };
    static LOGGED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
pub(crate) mod tests;
