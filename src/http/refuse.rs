//! Refusals: the only place that makes error responses, and the texts of errors in the midst of a stream.
//!
//! A refusal is JSON with `error` (a sentence: Ollama's clients read it), `code` (a word: the page switches on it) and the
//! members of RFC 9457; on `/v1` it is OpenAI's error object, on `/v1/messages` Anthropic's. Each says whether asking again may
//! help (`x-should-retry`: the SDKs of both obey it). Inside detail (addresses, causes) goes to the log only.
//! Which there are is one table (`table.rs`).
//!
//! # Why `status` is left out
//! Ollama's own client, and what is written in Go like it, reads an error into a struct whose `Status` is a text, without regard
//! to case: a number there makes it print the whole document as the message. Some in JavaScript read no error that is not
//! called `application/json`. So whoever wants a problem document has to accept one by its name.

mod table;

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sluice_ollama::endpoint::Family;
use sluice_ollama::messages;
use sluice_ollama::request::{Code, Invalid, prefers};

use super::reply::Reply;
use crate::tasks;

pub use table::Refusal;

/// How whoever is refused reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// As Ollama's clients do.
    Ollama,
    /// As a problem document of RFC 9457, which was asked for.
    Problem,
    /// As OpenAI's clients do.
    OpenAi,
    /// As Anthropic's clients do.
    Anthropic,
}

impl Wording {
    /// For a request of this family with this `accept`.
    pub fn of(family: Family, accept: Option<&str>) -> Wording {
        match family {
            Family::OpenAi => Wording::OpenAi,
            Family::Anthropic => Wording::Anthropic,
            Family::Ollama if accept.is_some_and(|accept| prefers(accept, PROBLEM, JSON)) => {
                Wording::Problem
            }
            Family::Ollama => Wording::Ollama,
        }
    }
}

impl Refusal {
    /// All upstreams are left alone, the first of them for so long.
    pub fn upstream_down(retry_after: Duration) -> Refusal {
        Refusal::UpstreamDown {
            retry_after: Some(retry_after),
        }
    }

    /// The member of the request that is at fault, where it is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Refusal::InvalidJson { param, .. }
            | Refusal::InvalidRequest { param, .. }
            | Refusal::InvalidOption { param, .. } => param.as_deref(),
            Refusal::ModelNotAllowed { .. } => Some("model"),
            _ => None,
        }
    }

    /// The response, as it is read.
    pub fn reply(&self, wording: Wording) -> Reply {
        let status = self.status_in(wording);
        if let Some(document) = self.document() {
            return self.with_advice(Reply::json(status, document));
        }
        let reply = match wording {
            Wording::Ollama => Reply::json(status, &self.ollama_error()),
            Wording::Problem => Reply::json(status, &self.problem())
                .with(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM)),
            Wording::OpenAi => Reply::json(status, &self.openai_error()),
            Wording::Anthropic => Reply::json(status, &self.anthropic_error()),
        };
        let headers = self.headers(wording).into_iter();
        self.with_advice(headers.fold(reply, |reply, (name, value)| reply.with(name, value)))
    }

    /// The word for it that clients of this family read beside the sentence.
    pub fn kind(&self, family: Family) -> &'static str {
        match family {
            Family::Ollama | Family::OpenAi => openai_type(self.status()),
            Family::Anthropic => self.anthropic_type(),
        }
    }

    /// The status: Anthropic's clients have one of their own for a service that cannot be had.
    fn status_in(&self, wording: Wording) -> StatusCode {
        match (self, wording) {
            (Refusal::UpstreamDown { .. }, Wording::Anthropic) => {
                StatusCode::from_u16(ANTHROPIC_OVERLOADED).unwrap_or(self.status())
            }
            _ => self.status(),
        }
    }

    fn with_advice(&self, reply: Reply) -> Reply {
        let advice = if self.may_pass() { "true" } else { "false" };
        reply.with(
            HeaderName::from_static("x-should-retry"),
            HeaderValue::from_static(advice),
        )
    }

    /// Whether the same request may be served a little later. What was tried as often as it may be, or takes as long again, is not.
    fn may_pass(&self) -> bool {
        match self {
            Refusal::BodyStalled
            | Refusal::QueueFull { .. }
            | Refusal::RateLimited { .. }
            | Refusal::PlacesTaken { .. }
            | Refusal::IncompleteAnswer
            | Refusal::UpstreamDown { .. }
            | Refusal::UpstreamBusy { .. }
            | Refusal::StoreUnavailable
            | Refusal::Overloaded
            | Refusal::QueueTimeout { .. }
            | Refusal::WaitTooLong { .. } => true,
            Refusal::Upstreams { status, .. } => {
                matches!(
                    *status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                )
            }
            _ => false,
        }
    }

    /// The upstream's own document, where the client is to have that.
    fn document(&self) -> Option<&Value> {
        match self {
            Refusal::Upstreams { document, .. } | Refusal::UpstreamsUnknown { document, .. } => {
                document.as_ref()
            }
            _ => None,
        }
    }

    /// The same in our own form.
    pub fn without_document(self) -> Refusal {
        match self {
            Refusal::Upstreams {
                status, sentence, ..
            } => Refusal::Upstreams {
                status,
                sentence,
                document: None,
            },
            Refusal::UpstreamsUnknown { sentence, .. } => Refusal::UpstreamsUnknown {
                sentence,
                document: None,
            },
            other => other,
        }
    }

    fn ollama_error(&self) -> Value {
        let detail = self.detail();
        let mut error = json!({
            "error": detail,
            "code": self.code(),
            "type": "about:blank",
            "title": self.status().canonical_reason().unwrap_or_default(),
            "detail": detail,
        });
        if let Some(param) = self.param() {
            error["param"] = param.into();
        }
        error
    }

    fn problem(&self) -> Value {
        let mut problem = self.ollama_error();
        problem["status"] = self.status().as_u16().into();
        problem
    }

    fn openai_error(&self) -> Value {
        let kind = self.kind(Family::OpenAi);
        json!({
            "error": { "message": self.detail(), "type": kind, "code": self.code(), "param": self.param() },
        })
    }

    fn anthropic_error(&self) -> Value {
        let kind = self.kind(Family::Anthropic);
        let mut error = messages::error_document(kind, &self.detail());
        if let Some(id) = tasks::request_id() {
            error["request_id"] = (*id).into();
        }
        error
    }

    /// The word that Anthropic's clients read. That of being overloaded is for one thing alone: they wait for it by themselves, and
    /// say nothing.
    fn anthropic_type(&self) -> &'static str {
        match self.status().as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ if matches!(self, Refusal::UpstreamDown { .. }) => "overloaded_error",
            _ => "api_error",
        }
    }

    fn headers(&self, wording: Wording) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if let Refusal::MethodNotAllowed { allow } = self {
            headers.push((header::ALLOW, HeaderValue::from_static(allow)));
        }
        if let Refusal::UnsupportedCoding = self {
            let read = HeaderValue::from_static("gzip, zstd");
            headers.push((header::ACCEPT_ENCODING, read));
        }
        if let Refusal::Unauthorized { .. } = self {
            headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(retry_after) = self.retry_after() {
            // Whole seconds, rounded up: a client that comes a moment early is refused again.
            let seconds = retry_after.as_millis().div_ceil(1000).max(1);
            let seconds = match wording {
                Wording::Ollama | Wording::Problem => seconds,
                Wording::OpenAi | Wording::Anthropic => seconds.min(LONGEST_RETRY_S),
            };
            headers.push((
                header::RETRY_AFTER,
                HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
            ));
        }
        headers
    }
}

/// The type of a problem document.
const PROBLEM: &str = "application/problem+json";

const JSON: &str = "application/json";

/// Beyond this many seconds the SDKs of OpenAI and Anthropic do not wait: they give up, or come back at once.
const LONGEST_RETRY_S: u128 = 60;

/// Anthropic's status for a service that cannot be had at the moment.
const ANTHROPIC_OVERLOADED: u16 = 529;

/// The word that OpenAI's clients read beside such a status.
fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

impl From<Invalid> for Refusal {
    fn from(
        Invalid {
            code,
            param,
            message,
        }: Invalid,
    ) -> Refusal {
        match code {
            Code::InvalidJson => Refusal::InvalidJson { param, message },
            Code::InvalidRequest => Refusal::InvalidRequest { param, message },
            Code::InvalidOption => Refusal::InvalidOption { param, message },
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod written;
