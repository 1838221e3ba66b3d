//! Refusals: the only place that makes error responses, and the texts of errors in the midst of a stream.
//!
//! A refusal is JSON with `error` (a sentence: Ollama's clients read it), `code` (a word: the page switches on it) and the
//! members of RFC 9457; on `/v1` it is OpenAI's error object. Inside detail (addresses, causes) goes to the log only.
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
use sluice_ollama::request::{Code, Invalid, prefers};

use super::reply::Reply;

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
}

impl Wording {
    /// For a request of this family with this `accept`.
    pub fn of(family: Family, accept: Option<&str>) -> Wording {
        match family {
            Family::OpenAi => Wording::OpenAi,
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
            Refusal::ModelNotAllowed { .. } | Refusal::ModelNotFound { .. } => Some("model"),
            _ => None,
        }
    }

    /// The response, as it is read.
    pub fn reply(&self, wording: Wording) -> Reply {
        let status = self.status();
        if let Some(document) = self.document() {
            return Reply::json(status, document);
        }
        let reply = match wording {
            Wording::Ollama => Reply::json(status, &self.ollama_error()),
            Wording::Problem => Reply::json(status, &self.problem())
                .with(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM)),
            Wording::OpenAi => Reply::json(status, &self.openai_error()),
        };
        self.headers()
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.with(name, value))
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
        let kind = openai_type(self.status());
        json!({
            "error": { "message": self.detail(), "type": kind, "code": self.code(), "param": self.param() },
        })
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
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

/// The word that Anthropic's clients read beside such a status, as Ollama chooses it.
#[cfg_attr(not(test), allow(dead_code, reason = "no route speaks that form yet"))]
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 => "overloaded_error",
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
