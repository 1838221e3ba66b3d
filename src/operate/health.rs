//! `/api/health` and the probes: what works, what does not, and which settings mislead.
//!
//! It tells everybody whether, and an operator why: addresses and causes are shown to an operator's key only.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use sluice_ollama::options::{SAMPLED, Sampling};
use sluice_ollama::request::Payload;

use super::advice::{self, Advice};
use super::advised;
use super::models;
use crate::clock;
use crate::config::{Config, Fault, Misconfigured};
use crate::gate::{self, Standing};
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::orders;
use crate::request::client::Client;
use crate::single_flight::SingleFlight;
use crate::tasks::spawn;
use crate::upstreams::{self, Call, State, UpstreamError, breakers};

/// How long an upstream may take to tell its version before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long what was found is told again, in milliseconds: the route is open to all, and each look is a request to each
/// upstream.
const FRESH_MS: u64 = 1_000;

/// How often advice is looked for unasked while requests come, in milliseconds.
const ADVISED_MS: u64 = 60_000;

/// The largest answer to the question for a version.
const MAX_ANSWER: usize = 4 * 1024;

/// Whether the key-value store can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// It was read just now.
    Usable,
    /// It could not be read.
    Unusable,
}

/// Whether this instance can take requests. The upstream does not count: were it to, a dead Ollama would take away the page
/// that says so.
///
/// # Errors
/// The store cannot be used.
pub fn ready(store: Store) -> Result<Reply, Refusal> {
    match store {
        Store::Usable => Ok(Reply::json(StatusCode::OK, &json!({ "status": "ready" }))),
        Store::Unusable => Err(Refusal::StoreUnavailable),
    }
}

/// The report. `config` are the settings or their faults.
pub async fn report(
    config: Result<&Rc<Config>, &Misconfigured>,
    client: &Client,
    store: Store,
) -> Reply {
    let is_operator = client.is_operator();
    let config = match config {
        Ok(config) => config,
        Err(Misconfigured { faults, .. }) => {
            let told = |fault: &Fault| {
                let mut told = json!({ "variable": fault.variable, "problem": fault.problem });
                if is_operator && let Some(cause) = &fault.cause {
                    told["cause"] = cause.as_str().into();
                }
                told
            };
            let faults: Vec<Value> = faults.iter().map(told).collect();
            let body = json!({ "status": Status::Down, "store": store_word(store), "misconfigured": faults });
            return Reply::json(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
    };
    breakers::refresh(config).await;
    let found = look(config).await;
    let all_closed =
        (0..config.upstreams.len()).all(|index| breakers::state(config, index) == State::Closed);
    let status = Status::of(store, &found, all_closed);
    let upstreams: Vec<Value> = config
        .upstreams
        .iter()
        .zip(found.iter())
        .enumerate()
        .map(|(index, (upstream, found))| {
            let mut entry = json!({
                "index": index,
                "reachable": found.reachable,
                "breaker": breakers::state(config, index),
                "version": found.version,
                "found": found.found,
                "cause": breakers::known(index).cause,
                "maxConcurrent": upstream.max_concurrent,
            });
            if is_operator {
                entry["address"] = upstream.to_string().into();
                entry["error"] = found.error.clone().into();
            }
            entry
        })
        .collect();
    let standing = standing(config).await;
    let mut body = json!({
        "status": status,
        "store": store_word(store),
        "upstreams": upstreams,
        "maxConcurrent": breakers::room(config).capacity(),
        "model": config.policy.model,
        "numCtx": config.policy.options.get("num_ctx"),
        "defaults": defaults(config),
        "pageHistory": config.page_history,
        "gate": gate_state(standing.as_ref()),
        "warnings": warnings(config, &found, standing.as_ref()).await,
    });
    if let Some(notice) = orders::known().notice() {
        body["notice"] = notice.into();
    }
    if !config.upstream_note.is_empty() {
        body["note"] = config.upstream_note.clone().into();
    }
    let code = match status {
        Status::Ok | Status::Degraded => StatusCode::OK,
        Status::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    Reply::json(code, &body)
}

/// What holds where a client sets none: the page shows them beside what one may set.
fn defaults(config: &Config) -> Value {
    const SHOWN: [&str; 5] = ["temperature", "top_p", "top_k", "seed", "num_predict"];
    let of_model = config.policy.sampling == Sampling::Model;
    let options = &config.policy.options;
    SHOWN
        .into_iter()
        .filter(|name| !(of_model && SAMPLED.contains(name)))
        .filter_map(|name| Some((name.to_owned(), options.get(name)?.clone())))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Degraded,
    Down,
}

impl Status {
    fn of(store: Store, found: &[Found], all_closed: bool) -> Status {
        let reachable = found.iter().filter(|found| found.reachable).count();
        if store == Store::Unusable || reachable == 0 {
            Status::Down
        } else if reachable < found.len() || !all_closed {
            Status::Degraded
        } else {
            Status::Ok
        }
    }
}

/// How the gate stands: `null` while the store cannot be read.
fn gate_state(standing: Option<&Standing>) -> Value {
    let Some(standing) = standing else {
        return Value::Null;
    };
    json!({
        // Nothing is granted for one time to live after the store was founded or emptied, or while a chain of tickets is in it.
        "settling": standing.is_settling,
        "upgrading": standing.is_upgrading,
        "degraded": standing.is_degraded,
        "settingsDiffer": standing.settings_differ,
        // The longest that the first request of a model waits for its turn, where models take turns.
        "longestTurnWaitSeconds": standing.longest_turn_wait.map(|wait| wait.as_secs()),
    })
}

fn store_word(store: Store) -> &'static str {
    match store {
        Store::Usable => "ok",
        Store::Unusable => "unavailable",
    }
}

/// What was found about one upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    reachable: bool,
    version: Option<String>,
    /// By how much this host's clock is ahead of its own.
    ahead_ms: Option<i64>,
    /// What stands there in place of an Ollama that answers, in our words: the route is open to all.
    found: Option<&'static str>,
    /// Why there was no answer, in whose words ever: for an operator.
    error: Option<String>,
}

impl Found {
    fn away(error: String) -> Found {
        Found {
            reachable: false,
            version: None,
            ahead_ms: None,
            found: None,
            error: Some(error),
        }
    }
}

/// Asks every upstream for its version, at once: once for all who want to know within `FRESH_MS`.
async fn look(config: &Config) -> Rc<Vec<Found>> {
    let looking = LOOKING.with(Rc::clone);
    looking
        .get(FRESH_MS, clock::now_ms, async || {
            join_all((0..config.upstreams.len()).map(|index| ask(config, index))).await
        })
        .await
}

/// How the gate stands: read once for all who want to know within `FRESH_MS`; `None` while the store cannot be read.
async fn standing(config: &Config) -> Option<Standing> {
    let standing = STANDING.with(Rc::clone);
    let read = async || gate::standing(config).await.ok();
    *standing.get(FRESH_MS, clock::now_ms, read).await
}

/// Whether the store can be used: read once for all who want to know within `FRESH_MS`.
pub async fn store() -> Store {
    let probing = PROBING.with(Rc::clone);
    let probe = async || match gate::probe().await {
        Ok(()) => Store::Usable,
        Err(_) => Store::Unusable,
    };
    *probing.get(FRESH_MS, clock::now_ms, probe).await
}

async fn ask(config: &Config, index: usize) -> Found {
    let call = Call {
        method: Method::GET,
        path: "/api/version",
        headers: &HeaderMap::new(),
        body: Payload::default(),
        patience: PATIENCE,
    };
    let asking = async {
        let mut response = upstreams::send(config, index, call).await?;
        if response.status.is_success() {
            response.body.await_first().await?;
        }
        let date = response.date.as_ref().and_then(|date| date.to_str().ok());
        let ahead_ms = date.and_then(|date| advice::ahead_ms(date, clock::wall_ms()));
        let response = match upstreams::judge(response, false).await {
            Ok(response) => response,
            Err(judged) => {
                let status = judged.status.as_u16();
                let hint = judged.trouble.hint().unwrap_or_default();
                return Ok(Found {
                    found: judged.kind(),
                    ..Found::away(format!("status {status} {hint}").trim().to_owned())
                });
            }
        };
        let body = response.body.collect(MAX_ANSWER).await?;
        let version = body.as_deref().and_then(version_in);
        Ok::<_, UpstreamError>(Found {
            reachable: true,
            found: version.is_none().then_some("an answer without a version"),
            version,
            ahead_ms,
            error: None,
        })
    };
    match crate::clock::within(PATIENCE, asking).await {
        None => Found::away("no answer in time".to_owned()),
        Some(Err(error)) => Found::away(error.to_string()),
        Some(Ok(found)) => found,
    }
}

fn version_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("version")?.as_str()?.chars().take(64).collect())
}

/// Looks for advice that the log does not tell yet, once in `ADVISED_MS` of the monotonic clock. Nothing is waited for.
pub fn advise(config: &Rc<Config>, now_ms: u64) {
    let next_ms = ADVISE_AT_MS.get();
    if next_ms.is_some_and(|next_ms| now_ms < next_ms) {
        return;
    }
    ADVISE_AT_MS.set(Some(now_ms.saturating_add(ADVISED_MS)));
    if next_ms.is_none() {
        return;
    }
    let config = config.clone();
    spawn(async move {
        let found = look(&config).await;
        let standing = standing(&config).await;
        warnings(&config, &found, standing.as_ref()).await;
    });
}

/// What an operator should know although everything works. The log tells it too.
async fn warnings(config: &Config, found: &[Found], standing: Option<&Standing>) -> Vec<Advice> {
    let reachable = found
        .iter()
        .enumerate()
        .filter(|(_, found)| found.reachable);
    let of_models = advice::of_models(config, reachable.map(|(index, _)| index)).await;
    let of_upstreams = found.iter().enumerate().flat_map(|(index, found)| {
        advice::of_upstream(index, found.version.as_deref(), found.ahead_ms)
    });
    let board = gate::board(config, gate::SHOWN_MS).await.ok();
    let of_names = models::advice(config, board.as_deref()).await;
    let advice: Vec<Advice> = advice::of_settings(config)
        .into_iter()
        .chain(of_models)
        .chain(of_names)
        .chain(of_upstreams)
        .chain(standing.and_then(|standing| advice::of_turns(config, standing.longest_turn_wait)))
        .collect();
    advised::write(&advice);
    advice
}

thread_local! {
    static ADVISE_AT_MS: Cell<Option<u64>> = const { Cell::new(None) };
    static LOOKING: Rc<SingleFlight<Vec<Found>>> = Rc::default();
    static PROBING: Rc<SingleFlight<Store>> = Rc::default();
    static STANDING: Rc<SingleFlight<Option<Standing>>> = Rc::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(reachable: bool) -> Found {
        Found {
            reachable,
            version: None,
            ahead_ms: None,
            found: None,
            error: None,
        }
    }

    #[test]
    fn down_means_that_nobody_can_be_served() {
        assert_eq!(
            Status::of(Store::Usable, &[found(true), found(true)], true),
            Status::Ok
        );
        assert_eq!(
            Status::of(Store::Usable, &[found(true), found(false)], true),
            Status::Degraded
        );
        assert_eq!(
            Status::of(Store::Usable, &[found(true)], false),
            Status::Degraded
        );
        assert_eq!(
            Status::of(Store::Usable, &[found(false)], true),
            Status::Down
        );
        assert_eq!(
            Status::of(Store::Unusable, &[found(true)], true),
            Status::Down
        );
    }

    #[test]
    fn a_dead_upstream_does_not_make_an_instance_unready() {
        assert!(ready(Store::Usable).is_ok());
        assert_eq!(
            ready(Store::Unusable).unwrap_err(),
            Refusal::StoreUnavailable
        );
    }
}
