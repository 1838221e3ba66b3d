//! An answer is looked at before it is passed on: whether it is one, and if not, what is told and what counts.

use std::time::Duration;

use http::StatusCode;

use super::breaker::Cause;
use super::trouble::{self, Seen, Trouble};
use super::{UpstreamError, UpstreamResponse};
use crate::clock::within;
use crate::http::log::Line;
use crate::http::refuse::Refusal;

/// The most of a failure that is read, in bytes: Ollama's sentences are short.
const FAILURE_MAX: usize = 4 * 1024;

/// The most of a client's own mistake that is read, in bytes: it may quote the request.
const MISTAKE_MAX: usize = 64 * 1024;

/// How long an error may take to come whole.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer that is none, with what it said of itself.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its status.
    pub status: StatusCode,
    /// What it means.
    pub trouble: Trouble,
    /// Its sentence, where it had one: for the log and the operator.
    pub sentence: Option<String>,
    /// How long the upstream asks to wait.
    pub retry_after: Option<Duration>,
}

/// How an answer that is none counts for the breaker of its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The upstream is well.
    Well,
    /// It says nothing of the upstream.
    None,
    /// It may be the request's own doing: it counts once another upstream has answered the same request.
    Doubted,
    /// It counts at once.
    Full(Cause),
}

/// Looks at an answer whose head is there, and of a success the first bytes. `is_cloud`: its model is served elsewhere.
///
/// # Errors
/// It is none that can be passed on.
pub async fn judge(response: UpstreamResponse, is_cloud: bool) -> Result<UpstreamResponse, Judged> {
    let (status, retry_after) = (response.status, response.retry_after);
    let text = |value: &Option<http::HeaderValue>| Some(value.as_ref()?.to_str().ok()?.to_owned());
    let (kind, code) = (text(&response.content_type), text(&response.coding));
    let seen = |body: &[u8]| {
        let seen = Seen {
            status,
            content_type: kind.as_deref(),
            coding: code.as_deref(),
            body,
        };
        seen.trouble(is_cloud)
    };
    if status.is_success() {
        return match seen(response.body.begins_with()) {
            None => Ok(response),
            Some(trouble) => Err(Judged {
                status,
                trouble,
                sentence: None,
                retry_after,
            }),
        };
    }
    let limit = if status.is_client_error() {
        MISTAKE_MAX
    } else {
        FAILURE_MAX
    };
    // What is too long or breaks off has no sentence.
    let document = match within(PATIENCE, response.body.collect(limit)).await {
        Some(Ok(Some(document))) => document,
        _ => Vec::new(),
    };
    let sentence = serde_json::from_slice(&document)
        .ok()
        .and_then(|document| trouble::sentence(&document));
    Err(Judged {
        status,
        trouble: seen(&document).unwrap_or(Trouble::Failed),
        sentence,
        retry_after,
    })
}

impl Judged {
    /// What stands there in place of an Ollama that answers, in our words: nothing that it has said.
    pub fn kind(&self) -> Option<&'static str> {
        match self.trouble {
            Trouble::Credentials(_) => {
                Some("it refuses Sluice itself: ollama_api_key is missing or wrong")
            }
            Trouble::Stranger(_) => Some("something that is no Ollama"),
            _ => None,
        }
    }

    /// What the client is told.
    pub fn refusal(&self) -> Refusal {
        let upstreams = |status, sentence: &str, document| Refusal::Upstreams {
            status,
            sentence: sentence.to_owned(),
            document,
        };
        match &self.trouble {
            Trouble::Clients { status, document } => {
                let sentence = self.sentence.as_deref().unwrap_or_default();
                let document = Some(document.clone());
                if *status == StatusCode::NOT_FOUND {
                    Refusal::UpstreamsUnknown {
                        sentence: sentence.to_owned(),
                        document,
                    }
                } else {
                    upstreams(*status, sentence, document)
                }
            }
            Trouble::Unservable { status, sentence } => upstreams(*status, sentence, None),
            Trouble::Cloud(sentence) => upstreams(StatusCode::BAD_GATEWAY, sentence, None),
            Trouble::Busy => Refusal::UpstreamBusy {
                retry_after: self.retry_after,
            },
            Trouble::Credentials(_) | Trouble::Failed | Trouble::Stranger(_) => {
                Refusal::UpstreamError
            }
        }
    }

    /// How it counts for the breaker.
    pub fn weight(&self) -> Weight {
        match &self.trouble {
            Trouble::Clients { .. } => Weight::Well,
            Trouble::Unservable { .. } | Trouble::Cloud(_) => Weight::None,
            Trouble::Busy | Trouble::Failed => Weight::Doubted,
            // A path or a body that whatever stands before the upstream does not take.
            Trouble::Stranger(_) if self.status.is_client_error() => Weight::Doubted,
            Trouble::Stranger(_) => Weight::Full(Cause::Stranger),
            Trouble::Credentials(_) => Weight::Full(Cause::Credentials),
        }
    }

    /// Whether another try could go better, here or elsewhere.
    pub fn is_worth_a_retry(&self) -> bool {
        !matches!(
            self.trouble,
            Trouble::Clients { .. } | Trouble::Unservable { .. } | Trouble::Cloud(_)
        )
    }

    /// Whether the same upstream would say the same again, at least for `delay`.
    pub fn is_settled_here(&self, delay: Duration) -> bool {
        match self.trouble {
            Trouble::Credentials(_) | Trouble::Stranger(_) => true,
            _ => self.retry_after.is_some_and(|after| after > delay),
        }
    }

    /// Says in the log what came, unless it is the client's own affair.
    pub fn log(&self, upstream: usize) {
        if matches!(self.trouble, Trouble::Clients { .. }) {
            return;
        }
        Line::new("upstream_error")
            .with("upstream", upstream)
            .with("upstream_status", self.status.as_u16())
            .with("upstream_error", self.sentence.as_deref())
            .with("error", self.trouble.hint())
            .write();
    }
}

impl From<&UpstreamError> for Cause {
    fn from(error: &UpstreamError) -> Cause {
        match error {
            UpstreamError::Unreachable(_) | UpstreamError::OwnLimit | UpstreamError::Denied => {
                Cause::Unreachable
            }
            UpstreamError::TimedOut(_) => Cause::TimedOut,
            UpstreamError::Broken(_) | UpstreamError::Empty | UpstreamError::LineTooLong(_) => {
                Cause::Broken
            }
        }
    }
}
