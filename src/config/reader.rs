//! Reads the variables one by one and gathers their faults.

use std::time::Duration;

use serde_json::{Map, Value};
use sluice_ollama::Policy;
use sluice_ollama::options::PINNED;

use super::parse::{self, Parsed};
use super::secret::{self, ApiKey};
use super::upstream::{self, Upstream};
use super::{Config, Fault, MAX_UPSTREAMS, Misconfigured, RateLimits};

/// Options of Ollama's that are variables of the same name, besides the pinned ones.
const SAMPLING: [&str; 4] = ["temperature", "top_p", "repeat_penalty", "seed"];

/// The other variables, besides those that each upstream has.
const SINGLE: [&str; 26] = [
    "upstream_note",
    "ollama_model",
    "allowed_models",
    "keep_alive",
    "num_predict_cap",
    "max_concurrent",
    "max_queue",
    "queue_timeout",
    "request_timeout",
    "connect_timeout",
    "between_bytes_timeout",
    "retry_attempts",
    "retry_delay",
    "breaker_pause",
    "record_ttl",
    "places_per_client",
    "batch_wait_max",
    "max_body",
    "api_key",
    "api_keys",
    "rate_limit",
    "rate_limit_burst",
    "rate_limit_address",
    "rate_limit_address_burst",
    "trusted_proxies",
    "cors_origins",
];

/// Above this a wait is a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The most answers at once; beyond it the view that each record carries grows too large.
const MAX_CONCURRENT: u32 = 256;

/// The longest line: each waiting request is an open connection of 25 to 220 KiB.
const MAX_QUEUE: u32 = 100_000;

/// A body may not be larger than all bodies in flight of one instance together.
const MAX_BODY: usize = crate::http::body::MAX_IN_FLIGHT;

/// The names of all variables.
pub(super) fn names() -> Vec<String> {
    let of_upstreams = (1..=MAX_UPSTREAMS).flat_map(upstream::names);
    let single = SINGLE.into_iter().chain(option_names()).map(str::to_owned);
    of_upstreams.chain(single).collect()
}

/// The names of Ollama's options that are variables too; an empty one is not sent.
fn option_names() -> impl Iterator<Item = &'static str> {
    PINNED.into_iter().chain(SAMPLING)
}

pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Result<Option<String>, String>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Result<Option<String>, String>) -> Reader<'a> {
        Reader {
            lookup,
            faults: Vec::new(),
        }
    }

    pub(super) fn finish(self, config: Config) -> Result<Config, Misconfigured> {
        if self.faults.is_empty() {
            Ok(config)
        } else {
            Err(Misconfigured(self.faults))
        }
    }

    /// Everything; where a variable is at fault the value is a default that nobody will see.
    pub(super) fn config(&mut self) -> Config {
        let max_concurrent = self.take("max_concurrent", |text| {
            parse::count(text, 1, MAX_CONCURRENT)
        });
        Config {
            upstreams: self.upstreams(max_concurrent),
            upstream_note: self.take("upstream_note", parse::text),
            policy: self.policy(),
            allowed_models: self.take("allowed_models", parse::list),
            max_concurrent,
            max_queue: self.take("max_queue", |text| parse::count(text, 0, MAX_QUEUE)),
            queue_timeout: self.duration("queue_timeout", SECOND, LONGEST),
            request_timeout: self.duration("request_timeout", SECOND, LONGEST),
            connect_timeout: self.duration("connect_timeout", MILLISECOND, LONGEST),
            between_bytes_timeout: self.duration("between_bytes_timeout", SECOND, LONGEST),
            retry_attempts: self.take("retry_attempts", |text| parse::count(text, 0, 10)),
            retry_delay: self.duration("retry_delay", MILLISECOND, Duration::from_secs(60)),
            breaker_pause: self.duration("breaker_pause", MILLISECOND, LONGEST),
            // Below a second a slow commit would condemn a holder; above thirty a dead one would hold up the line.
            record_ttl: self.duration("record_ttl", SECOND, Duration::from_secs(30)),
            places_per_client: self
                .take("places_per_client", |text| parse::count(text, 1, MAX_QUEUE)),
            batch_wait_max: self.duration("batch_wait_max", Duration::ZERO, LONGEST),
            max_body: self.take("max_body", |text| parse::size(text, MAX_BODY)),
            keys: self.keys(),
            rate_limits: RateLimits {
                per_key: self.take("rate_limit", rate),
                burst_per_key: self.take("rate_limit_burst", burst),
                per_address: self.take("rate_limit_address", rate),
                burst_per_address: self.take("rate_limit_address_burst", burst),
            },
            trusted_proxies: self.take("trusted_proxies", parse::networks),
            cors_origins: self.take("cors_origins", parse::origins),
        }
    }

    fn upstreams(&mut self, max_concurrent: u32) -> Vec<Upstream> {
        let mut upstreams = Vec::new();
        for number in 1..=MAX_UPSTREAMS {
            let [host, base_path, limit, key] = upstream::names(number);
            let origin = self.take(&host, upstream::origin);
            let base_path = self.take(&base_path, upstream::base_path);
            let limit = self.take(&limit, |text| {
                parse::optional(text, |text| parse::count(text, 1, MAX_CONCURRENT))
            });
            let api_key = self.take(&key, secret::bearer);
            match origin {
                Some(origin) => upstreams.push(Upstream {
                    origin,
                    base_path,
                    max_concurrent: limit.unwrap_or(max_concurrent),
                    api_key,
                }),
                None if number == 1 => self.fault(
                    &host,
                    "must be an origin such as http://127.0.0.1:11434".to_owned(),
                ),
                None => {}
            }
        }
        upstreams
    }

    fn policy(&mut self) -> Policy {
        let mut options = Map::new();
        for name in option_names() {
            if let Some(value) = self.take(name, |text| {
                parse::optional(text, |text| parse::option(name, text))
            }) {
                options.insert(name.to_owned(), value);
            }
        }
        Policy {
            model: self.take("ollama_model", parse::model),
            options,
            num_predict_cap: self.take("num_predict_cap", |text| {
                parse::optional(text, |text| parse::count(text, 1, u32::MAX).map(u64::from))
            }),
            keep_alive: self.take("keep_alive", |text| parse::optional(text, keep_alive)),
        }
    }

    fn keys(&mut self) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = self
            .take("api_key", secret::single_key)
            .into_iter()
            .collect();
        let named = self.take("api_keys", secret::named_keys);
        keys.extend(named);
        if let Some(name) = secret::twice(&keys) {
            self.fault(
                "api_keys",
                format!("names {name:?} twice (api_key is named \"default\")"),
            );
        }
        keys
    }

    fn duration(&mut self, name: &str, least: Duration, most: Duration) -> Duration {
        self.take(name, |text| parse::duration(text, least, most))
    }

    fn take<T: Default>(&mut self, name: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> T {
        let problem = match (self.lookup)(name) {
            Ok(Some(text)) => match parse(text.trim()) {
                Ok(value) => return value,
                Err(problem) => problem,
            },
            Ok(None) => "is not defined; the manifest must give it a default".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        self.fault(name, problem);
        T::default()
    }

    fn fault(&mut self, variable: &str, problem: String) {
        // A variable that could not be read is not also reported for what follows from that.
        if self.faults.iter().all(|fault| fault.variable != variable) {
            self.faults.push(Fault {
                variable: variable.to_owned(),
                problem,
            });
        }
    }
}

fn rate(text: &str) -> Parsed<u32> {
    parse::count(text, 0, 1_000_000)
}

fn burst(text: &str) -> Parsed<u32> {
    parse::count(text, 1, 1_000_000)
}

/// Ollama takes a number of seconds, or a text with a unit; either may be negative for "for ever".
fn keep_alive(text: &str) -> Parsed<Value> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds.into());
    }
    let shape = text.strip_prefix('-').unwrap_or(text);
    let fits = shape.starts_with(|c: char| c.is_ascii_digit()) && shape.ends_with(['s', 'm', 'h']);
    if fits && shape.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
        return Ok(text.into());
    }
    Err("must be a number of seconds or a duration such as 5m".to_owned())
}
