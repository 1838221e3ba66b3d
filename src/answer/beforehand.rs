//! What Ollama would refuse at once is refused before the wait, as Ollama refuses it.
//!
//! # Why
//! Before a line the same refusal would come in the midst of an answer whose status is out, where many clients do not see it; and
//! they would have waited for nothing.
//!
//! # What it does not do
//! It asks nobody for a request that need not wait, and holds up none: where nobody can say in time, the request goes on.
//!
//! # Embeddings
//! Whether a model embeds is not told by its capabilities: a model for chats is refused by its runner. So what an upstream has
//! said once is remembered, by the model's digest, for [`REMEMBERED_MS`]: another version of Ollama may do it. A route that carries no
//! options would have the model loaded anew to say it, and again for the next chat: there it is tried on another first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use sluice_ollama::request::Sending;
use sluice_ollama::{Asker, Endpoint, ModelName, prepare};

use super::job::Job;
use crate::clock::{self, within};
use crate::http::refuse::Refusal;
use crate::upstreams::catalog::{self, Known};
use crate::upstreams::{self, Call, Judged};

/// How long it is waited for what is known of a model.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it is remembered whether a model embeds, in milliseconds.
const REMEMBERED_MS: u64 = 600_000;

/// Of how many models that is remembered.
const MOST: usize = 256;

/// Why a request that has to wait would be refused in the end; `None`: nothing is known against it.
pub async fn refusal(job: &Job) -> Option<Refusal> {
    let known = known(job).await?;
    let needs = &job.outgoing.needs;
    let asked = job.heartbeat.model();
    if known.is_nowhere() && !job.model().is_empty() {
        return Some(Refusal::UpstreamsUnknown {
            sentence: needs.unknown(asked),
            document: None,
        });
    }
    let sentence = needs.refused_by(asked, |capability| known.can(capability))?;
    Some(Refusal::Upstreams {
        status: StatusCode::BAD_REQUEST,
        sentence,
        document: None,
    })
}

/// The same for an embedding of a model that has refused one before. It need not wait for that: it would have the model loaded anew.
pub async fn refused_embedding(job: &Job) -> Option<Refusal> {
    if !job.outgoing.needs.embeds() || EMBEDS.with_borrow(HashMap::is_empty) {
        return None;
    }
    let is_refused = embeds_nowhere(&known(job).await?);
    is_refused.then(|| no_embeddings(job.endpoint))
}

async fn known(job: &Job) -> Option<Known> {
    within(PATIENCE, catalog::known(&job.config, job.model())).await
}

/// Remembers what an upstream has said, where it is that a model does not embed.
pub async fn note(job: &Job, upstream: u8, judged: &Judged) {
    if job.outgoing.needs.embeds() && is_no_embeddings(judged) {
        remember(job, upstream, false).await;
    }
}

/// Whether this upstream says that a model for chats does not embed, asked with the options of its chats before a request that
/// cannot carry them. Where that was asked before, or nobody knows the model, it is not asked.
pub async fn is_refused_on_trial(job: &Job, upstream: u8, sending: &Sending) -> bool {
    let is_due = job.endpoint == Endpoint::OpenAiEmbeddings && sending.completes == Some(true);
    if !is_due || !job.outgoing.needs.embeds() {
        return false;
    }
    let copies = known(job).await.map_or_else(Vec::new, |known| known.copies);
    let mut there = copies
        .iter()
        .filter(|copy| copy.upstream == usize::from(upstream));
    if !there.any(|copy| said(copy).is_none()) {
        return false;
    }
    let Some(embeds) = try_embedding(job, upstream, sending).await else {
        return false;
    };
    remember(job, upstream, embeds).await;
    !embeds
}

/// Tries an embedding; `None`: it failed for another reason.
async fn try_embedding(job: &Job, upstream: u8, sending: &Sending) -> Option<bool> {
    let names: Vec<ModelName> = ModelName::parse(job.model()).into_iter().collect();
    let asker = Asker {
        names: &names,
        ..Asker::default()
    };
    let body = json!({ "model": job.model(), "input": "x" }).to_string();
    let policy = &job.config.policy;
    let prepared = prepare(Endpoint::Embed, body.into_bytes(), &asker, policy).ok()?;
    let call = Call {
        method: Method::POST,
        path: prepared.path,
        headers: &job.headers,
        body: prepared.body.payload(sending),
        patience: job.time_left(),
    };
    let asking = async {
        let response = upstreams::send(&job.config, upstream.into(), call).await;
        match upstreams::judge(response.ok()?, job.is_cloud()).await {
            Ok(_) => Some(true),
            Err(judged) => is_no_embeddings(&judged).then_some(false),
        }
    };
    within(job.time_left(), asking).await.flatten()
}

fn is_no_embeddings(judged: &Judged) -> bool {
    let sentence = judged.sentence.as_deref().unwrap_or_default();
    judged.status.is_server_error() && sentence.contains(NO_EMBEDDINGS)
}

async fn remember(job: &Job, upstream: u8, embeds: bool) {
    let copies = known(job).await.into_iter().flat_map(|known| known.copies);
    for copy in copies.filter(|copy| copy.upstream == usize::from(upstream)) {
        let now_ms = clock::now_ms();
        EMBEDS.with_borrow_mut(|seen| {
            seen.retain(|_, (since_ms, _)| now_ms.saturating_sub(*since_ms) < REMEMBERED_MS);
            if seen.len() < MOST {
                seen.insert((copy.upstream, copy.entry.digest), (now_ms, embeds));
            }
        });
    }
}

/// Whether a model embeds, as its upstream has said of late.
fn said(copy: &catalog::Copy) -> Option<bool> {
    let now_ms = clock::now_ms();
    let key = (copy.upstream, copy.entry.digest.clone());
    let (since_ms, embeds) = EMBEDS.with_borrow(|seen| seen.get(&key).copied())?;
    (now_ms.saturating_sub(since_ms) < REMEMBERED_MS).then_some(embeds)
}

/// Whether each upstream that has a model has said that it does not embed.
fn embeds_nowhere(known: &Known) -> bool {
    let mut copies = known.copies.iter();
    !known.copies.is_empty()
        && known.silent.is_empty()
        && copies.all(|copy| said(copy) == Some(false))
}

/// As Ollama says it: the older route has another status.
pub fn no_embeddings(endpoint: Endpoint) -> Refusal {
    let status = match endpoint {
        Endpoint::Embeddings => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::NOT_IMPLEMENTED,
    };
    Refusal::Upstreams {
        status,
        sentence: format!("{NO_EMBEDDINGS}. Start it with `--embeddings`"),
        document: None,
    }
}

/// What a runner says that was started for a chat.
const NO_EMBEDDINGS: &str = "This server does not support embeddings";

thread_local! {
    /// The upstream and the digest; when it was said, and whether the model embeds.
    static EMBEDS: RefCell<HashMap<(usize, String), (u64, bool)>> = RefCell::default();
}
