//! A load that Sluice sends itself: so it does not die with a client that leaves.
//!
//! It is what a client of that model would send, without anything to work on: the same options, so that nothing loads the model anew,
//! and the operator's `keep_alive`.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::json;
use sluice_ollama::request::Sending;
use sluice_ollama::{Asker, Endpoint, prepare};

use super::number::{self, Named};
use super::{FIT, HAS_LOADED, LOADS, STRANGERS, changed};
use crate::clock::{self, within};
use crate::config::{self, Config};
use crate::counters::{self, ModelCount};
use crate::http::log::Line;
use crate::tasks::spawn;
use crate::upstreams::{Call, Trouble, catalog, judge, send};

/// How long a load may take: Ollama itself gives up after five minutes without progress.
const PATIENCE: Duration = Duration::from_secs(900);

/// The longest answer to a load that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Loads the model with this number at an upstream, unless that is under way or was in vain a short time ago. Nothing is waited for.
/// One that has no name here is left to its requests.
pub fn load_soon(upstream: u8, model: u64) {
    let Some(config) = config::parsed() else {
        return;
    };
    let Some(named) = number::named(model) else {
        take_for_loaded((upstream, model));
        return changed();
    };
    spawn(async move {
        load_there(&config, upstream, model, &named).await;
    });
}

/// The same, and waits for its end.
pub async fn load_there(config: &Config, upstream: u8, model: u64, named: &Named) {
    let place = (upstream, model);
    let begun = clock::now_ms();
    if !LOADS.with_borrow_mut(|loads| loads.begins(place, begun)) {
        return;
    }
    HAS_LOADED.set(true);
    let under_way = UnderWay(place);
    let was_loaded = catalog::loaded_at(config, upstream.into())
        .await
        .is_some_and(|loaded| loaded.iter().any(|loaded| loaded.name == named.name));
    let outcome = ask(config, upstream, named).await;
    let took_ms = clock::now_ms().saturating_sub(begun);
    let line = Line::new("load")
        .with("upstream", upstream)
        .with("model", named.name.to_string())
        .with("duration_ms", took_ms);
    match outcome {
        Ok(()) => {
            let measured = (!was_loaded).then_some(took_ms);
            LOADS.with_borrow_mut(|loads| loads.ended(place, measured));
            if measured.is_some() {
                counters::count_model(&named.name.to_string(), ModelCount::Loads);
            }
            if model == number::of_name(&named.name) {
                take_for_loaded(place);
            }
            line.write();
        }
        Err(Failure {
            sentence,
            is_the_models,
        }) => {
            let now_ms = clock::now_ms();
            if is_the_models {
                LOADS.with_borrow_mut(|loads| loads.failed(place, now_ms));
            }
            if is_about_memory(&sentence) {
                FIT.with_borrow_mut(|fit| fit.has_no_memory(upstream, model, now_ms));
            }
            line.with("error", sentence).write();
        }
    }
    // Another may begin while it is looked what this one came to.
    drop(under_way);
    changed();
    catalog::look_again(config, upstream.into()).await;
    changed();
}

fn take_for_loaded(place: (u8, u64)) {
    let now_ms = clock::now_ms();
    STRANGERS.with_borrow_mut(|strangers| strangers.take(place, now_ms));
}

/// Why a load came to nothing.
struct Failure {
    sentence: String,
    /// It is the model's, or the machine's: tried again at once it would fail again.
    is_the_models: bool,
}

async fn ask(config: &Config, upstream: u8, named: &Named) -> Result<(), Failure> {
    let failure = |sentence: String| Failure {
        sentence,
        is_the_models: false,
    };
    let endpoint = match named.only_embeds {
        true => Endpoint::Embed,
        false => Endpoint::Generate,
    };
    let names = [named.name.clone()];
    let asker = Asker {
        names: &names,
        ..Asker::default()
    };
    let body = json!({ "model": named.name.to_string() }).to_string();
    let prepared = prepare(endpoint, body.into_bytes(), &asker, &config.policy)
        .map_err(|invalid| failure(invalid.message))?;
    let sending = Sending {
        loads: true,
        ..Sending::default()
    };
    let call = Call {
        method: Method::POST,
        path: prepared.path,
        headers: &HeaderMap::new(),
        body: prepared.body.payload(&sending),
        patience: PATIENCE,
    };
    let loading = async {
        let response = send(config, upstream.into(), call).await;
        let mut response = response.map_err(|error| failure(error.to_string()))?;
        if response.status.is_success() {
            let first = response.body.await_first().await;
            first.map_err(|error| failure(error.to_string()))?;
        }
        let response = judge(response, false).await.map_err(|judged| {
            // What is no word of Ollama's, as a proxy's page is none, says nothing of the model.
            let is_ollamas = !matches!(
                judged.trouble,
                Trouble::Busy | Trouble::Credentials(_) | Trouble::Stranger(_)
            );
            let is_the_models = is_ollamas && judged.sentence.is_some();
            let status = || format!("status {}", judged.status.as_u16());
            Failure {
                sentence: judged.sentence.unwrap_or_else(status),
                is_the_models,
            }
        })?;
        let read = response.body.collect(MAX_ANSWER).await;
        read.map(|_| ()).map_err(|error| failure(error.to_string()))
    };
    within(PATIENCE, loading)
        .await
        .unwrap_or_else(|| Err(failure("no end in time".to_owned())))
}

fn is_about_memory(sentence: &str) -> bool {
    let sentence = sentence.to_ascii_lowercase();
    ["memory", "cudamalloc", "unable to allocate"]
        .iter()
        .any(|word| sentence.contains(word))
}

/// A load that is under way until it is dropped.
struct UnderWay(super::loads::Place);

impl Drop for UnderWay {
    fn drop(&mut self) {
        LOADS.with_borrow_mut(|loads| loads.given_up(self.0));
    }
}
