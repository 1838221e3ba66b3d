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
//! refused once is remembered, by the model's digest, for [`REMEMBERED_MS`]: another version of Ollama may do it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use sluice_ollama::Endpoint;

use super::job::Job;
use crate::clock::{self, within};
use crate::http::refuse::Refusal;
use crate::upstreams::Judged;
use crate::upstreams::catalog::{self, Known};

/// How long it is waited for what is known of a model.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it is remembered that a model does not embed, in milliseconds.
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
    if !job.outgoing.needs.embeds() || EMBEDS_NOT.with_borrow(HashMap::is_empty) {
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
    let is_that = judged.status.is_server_error()
        && judged
            .sentence
            .as_deref()
            .is_some_and(|sentence| sentence.contains(NO_EMBEDDINGS));
    if !job.outgoing.needs.embeds() || !is_that {
        return;
    }
    let copies = known(job).await.into_iter().flat_map(|known| known.copies);
    for copy in copies.filter(|copy| copy.upstream == usize::from(upstream)) {
        let now_ms = clock::now().mono_ms;
        EMBEDS_NOT.with_borrow_mut(|seen| {
            seen.retain(|_, since_ms| now_ms.saturating_sub(*since_ms) < REMEMBERED_MS);
            if seen.len() < MOST {
                seen.insert((copy.upstream, copy.entry.digest), now_ms);
            }
        });
    }
}

/// Whether each upstream that has a model has said that it does not embed.
fn embeds_nowhere(known: &Known) -> bool {
    let now_ms = clock::now().mono_ms;
    let refuses = |copy: &catalog::Copy| {
        let key = (copy.upstream, copy.entry.digest.clone());
        EMBEDS_NOT.with_borrow(|seen| {
            let since_ms = seen.get(&key);
            since_ms.is_some_and(|since_ms| now_ms.saturating_sub(*since_ms) < REMEMBERED_MS)
        })
    };
    !known.copies.is_empty() && known.silent.is_empty() && known.copies.iter().all(refuses)
}

/// As Ollama says it: the older route has another status.
fn no_embeddings(endpoint: Endpoint) -> Refusal {
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
    /// The upstream and the digest, and when it was said.
    static EMBEDS_NOT: RefCell<HashMap<(usize, String), u64>> = RefCell::default();
}
