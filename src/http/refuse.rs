//! Refusals: the only place that makes error responses, and the texts of errors in the midst of a stream.
//!
//! A refusal is JSON with `error` (a sentence: Ollama's clients read it), `code` (a word: the page switches on it) and the
//! members of RFC 9457; on `/v1` it is OpenAI's error object. Inside detail (addresses, causes) goes to the log only.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sluice_ollama::endpoint::Family;
use sluice_ollama::request::Invalid;

use crate::http::reply::Reply;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the body is not a request that the endpoint understands.
    Invalid(Invalid),
    /// 400: the path is not one that is relayed (dots, encoded slashes, control characters).
    InvalidPath,
    /// 400: the body broke off, or its framing is wrong.
    BodyBroken,
    /// 401: keys are set and none matched.
    Unauthorized,
    /// 403: a route of Ollama's that is its operator's alone.
    NotExposed,
    /// 403: a page of another origin asks.
    ForeignOrigin,
    /// 403: a model that is not among the allowed ones.
    ModelNotAllowed {
        /// The model asked for.
        model: String,
    },
    /// 404: no such route.
    NotFound,
    /// 404: no such ticket.
    UnknownTicket,
    /// 404: the upstream has no such model.
    ModelNotFound {
        /// The model asked for.
        model: String,
    },
    /// 405: the route has other methods.
    MethodNotAllowed {
        /// The methods that it has, as the header `allow` lists them.
        allow: &'static str,
    },
    /// 408: the body stopped coming.
    BodyStalled,
    /// 413: the body is larger than allowed.
    BodyTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// 415: the body is no JSON, and does not say that it is.
    UnsupportedMediaType,
    /// 429: the line is full.
    QueueFull {
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// 429: this client asks too often.
    RateLimited {
        /// When it may ask again.
        retry_after: Duration,
    },
    /// 429: this client, known by its key, holds all the places that it may.
    PlacesTaken {
        /// When one of them is likely to be free.
        retry_after: Duration,
    },
    /// 431: more headers than any client needs.
    TooManyHeaders,
    /// 409: the request was given up by its ticket.
    Cancelled,
    /// 502: the upstream failed or spoke nonsense.
    UpstreamError,
    /// 502: the answer ended before it was complete.
    IncompleteAnswer,
    /// The upstream's own word on a request that the client got wrong.
    Upstreams {
        /// Its status.
        status: StatusCode,
        /// Its sentence.
        sentence: String,
    },
    /// 503: no upstream can be reached.
    UpstreamDown {
        /// When one is tried again, where all of them are left alone until then.
        retry_after: Option<Duration>,
    },
    /// 503: the upstream's own line is full.
    UpstreamBusy,
    /// 503: the key-value store cannot be used.
    StoreUnavailable,
    /// 503: too many bodies are being read at once.
    Overloaded,
    /// 503: variables are at fault.
    Misconfigured,
    /// 503: waited for `queue_timeout`.
    QueueTimeout {
        /// When a place is likely to be free.
        retry_after: Duration,
    },
    /// 504: the upstream did not answer in time.
    UpstreamTimeout,
}

impl Refusal {
    /// All upstreams are left alone, the first of them for so long.
    pub fn upstream_down(retry_after: Duration) -> Refusal {
        Refusal::UpstreamDown {
            retry_after: Some(retry_after),
        }
    }
    /// Every word that [`Refusal::code`] answers.
    pub const CODES: [&str; 30] = [
        "body_broken",
        "invalid_json",
        "invalid_request",
        "invalid_option",
        "invalid_path",
        "unauthorized",
        "not_exposed",
        "foreign_origin",
        "model_not_allowed",
        "not_found",
        "unknown_ticket",
        "model_not_found",
        "method_not_allowed",
        "body_stalled",
        "body_too_large",
        "unsupported_media_type",
        "queue_full",
        "rate_limited",
        "too_many_headers",
        "cancelled",
        "upstream_error",
        "incomplete_answer",
        "upstream_refused",
        "upstream_down",
        "upstream_busy",
        "store_unavailable",
        "overloaded",
        "misconfigured",
        "queue_timeout",
        "upstream_timeout",
    ];

    /// The status.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Invalid(_) | Refusal::InvalidPath | Refusal::BodyBroken => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
            Refusal::NotExposed | Refusal::ForeignOrigin | Refusal::ModelNotAllowed { .. } => {
                StatusCode::FORBIDDEN
            }
            Refusal::NotFound | Refusal::UnknownTicket | Refusal::ModelNotFound { .. } => {
                StatusCode::NOT_FOUND
            }
            Refusal::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyStalled => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::QueueFull { .. }
            | Refusal::RateLimited { .. }
            | Refusal::PlacesTaken { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::Cancelled => StatusCode::CONFLICT,
            Refusal::UpstreamError | Refusal::IncompleteAnswer => StatusCode::BAD_GATEWAY,
            Refusal::Upstreams { status, .. } => *status,
            Refusal::UpstreamDown { .. }
            | Refusal::UpstreamBusy
            | Refusal::StoreUnavailable
            | Refusal::Overloaded
            | Refusal::Misconfigured
            | Refusal::QueueTimeout { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Invalid(invalid) => invalid.code.as_str(),
            Refusal::InvalidPath => "invalid_path",
            Refusal::BodyBroken => "body_broken",
            Refusal::Unauthorized => "unauthorized",
            Refusal::NotExposed => "not_exposed",
            Refusal::ForeignOrigin => "foreign_origin",
            Refusal::ModelNotAllowed { .. } => "model_not_allowed",
            Refusal::NotFound => "not_found",
            Refusal::UnknownTicket => "unknown_ticket",
            Refusal::ModelNotFound { .. } => "model_not_found",
            Refusal::MethodNotAllowed { .. } => "method_not_allowed",
            Refusal::BodyStalled => "body_stalled",
            Refusal::BodyTooLarge { .. } => "body_too_large",
            Refusal::UnsupportedMediaType => "unsupported_media_type",
            Refusal::QueueFull { .. } => "queue_full",
            Refusal::RateLimited { .. } | Refusal::PlacesTaken { .. } => "rate_limited",
            Refusal::TooManyHeaders => "too_many_headers",
            Refusal::Cancelled => "cancelled",
            Refusal::UpstreamError => "upstream_error",
            Refusal::IncompleteAnswer => "incomplete_answer",
            Refusal::Upstreams { .. } => "upstream_refused",
            Refusal::UpstreamDown { .. } => "upstream_down",
            Refusal::UpstreamBusy => "upstream_busy",
            Refusal::StoreUnavailable => "store_unavailable",
            Refusal::Overloaded => "overloaded",
            Refusal::Misconfigured => "misconfigured",
            Refusal::QueueTimeout { .. } => "queue_timeout",
            Refusal::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The sentence for people, without a full stop. It is also the text of an error in the midst of a stream.
    pub fn detail(&self) -> String {
        match self {
            Refusal::Invalid(invalid) => invalid.message.clone(),
            Refusal::ModelNotAllowed { model } => {
                format!("the model {model:?} is not offered here")
            }
            Refusal::ModelNotFound { model } => format!("model {model:?} not found"),
            Refusal::MethodNotAllowed { allow } => format!("this route takes {allow}"),
            Refusal::Upstreams { sentence, .. } => sentence.clone(),
            Refusal::BodyTooLarge { limit } => format!("the body is larger than {limit} bytes"),
            other => other.sentence().to_owned(),
        }
    }

    /// How long to wait before asking again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::QueueFull { retry_after }
            | Refusal::RateLimited { retry_after }
            | Refusal::PlacesTaken { retry_after }
            | Refusal::QueueTimeout { retry_after } => Some(*retry_after),
            Refusal::StoreUnavailable => Some(STORE_RETRY),
            Refusal::UpstreamDown { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// The member of the request that is at fault, where it is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Refusal::Invalid(invalid) => invalid.param.as_deref(),
            Refusal::ModelNotAllowed { .. } | Refusal::ModelNotFound { .. } => Some("model"),
            _ => None,
        }
    }

    /// The response, in the form of the family that was spoken to.
    pub fn reply(&self, family: Family) -> Reply {
        let status = self.status();
        let reply = match family {
            Family::Ollama => Reply::json(status, &self.problem()).with(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            ),
            Family::OpenAi => Reply::json(status, &self.openai_error()),
        };
        self.headers()
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.with(name, value))
    }

    fn problem(&self) -> Value {
        let status = self.status();
        let detail = self.detail();
        let mut problem = json!({
            "error": detail,
            "code": self.code(),
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": detail,
        });
        if let Some(param) = self.param() {
            problem["param"] = param.into();
        }
        problem
    }

    fn openai_error(&self) -> Value {
        let kind = match self.status().as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        json!({
            "error": { "message": self.detail(), "type": kind, "code": self.code(), "param": self.param() },
        })
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if let Refusal::MethodNotAllowed { allow } = self {
            headers.push((header::ALLOW, HeaderValue::from_static(allow)));
        }
        if let Refusal::Unauthorized = self {
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

    fn sentence(&self) -> &'static str {
        match self {
            Refusal::InvalidPath => {
                "this path is not relayed: no dots, encoded slashes or control characters"
            }
            Refusal::Unauthorized => "an API key is needed: authorization: Bearer …, or x-api-key",
            Refusal::NotExposed => {
                "this route of Ollama's is its operator's alone and is not reachable from here"
            }
            Refusal::ForeignOrigin => "pages of other origins may not ask here",
            Refusal::NotFound => "there is no such route",
            Refusal::UnknownTicket => "there is no such ticket",
            Refusal::BodyBroken => "the body broke off",
            Refusal::BodyStalled => "the body stopped coming",
            Refusal::UnsupportedMediaType => "the body must be JSON",
            Refusal::QueueFull { .. } => "the line is full, please try again",
            Refusal::RateLimited { .. } => "too many requests from this client",
            Refusal::PlacesTaken { .. } => "this client has as many requests here as it may",
            Refusal::TooManyHeaders => "the request has too many headers",
            Refusal::Cancelled => "the request was given up",
            Refusal::UpstreamError => "the model server failed",
            Refusal::IncompleteAnswer => "the answer ended before it was complete",
            Refusal::UpstreamDown { .. } => "the model server cannot be reached",
            Refusal::UpstreamBusy => "the model server is busy, please try again",
            Refusal::StoreUnavailable => {
                "the line cannot be read or written at the moment, please try again"
            }
            Refusal::Overloaded => "too many large requests at once, please try again",
            Refusal::Misconfigured => {
                "this server is not configured correctly; /api/health says what is wrong"
            }
            Refusal::QueueTimeout { .. } => "waited too long for a place, please try again",
            Refusal::UpstreamTimeout => "the model server did not answer in time",
            // These have sentences of their own with what they carry.
            Refusal::Invalid(_)
            | Refusal::ModelNotAllowed { .. }
            | Refusal::ModelNotFound { .. }
            | Refusal::MethodNotAllowed { .. }
            | Refusal::Upstreams { .. }
            | Refusal::BodyTooLarge { .. } => "the request cannot be served",
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Refusal {
        Refusal::Invalid(invalid)
    }
}

/// For one who is refused because the store is away: longer than a restart of it takes, shorter than people's patience.
const STORE_RETRY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
