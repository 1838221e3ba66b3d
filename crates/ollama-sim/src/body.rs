//! Bodies and whole responses.

use std::{convert::Infallible, fmt, io};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use serde::Serialize;
use serde_json::{Value, json};

use crate::json;

/// A body; its error closes the connection without an end.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A response, or a connection to be severed in its place.
pub(crate) type Reply = Result<Response<Body>, Severed>;

/// How a connection ends without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severed {
    /// Closed.
    Closed,
    /// Reset (TCP RST).
    Reset,
}

/// Which API a request speaks; they differ in how they say an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Ollama,
    OpenAi,
    Anthropic,
}

/// An error before the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    message: String,
    stage: Stage,
}

/// Where in Ollama an error arises, which shows in its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// While the request is read.
    Reading,
    /// In the handler, before anything is generated.
    Handling,
    /// From the runner, in place of the first token.
    Running,
}

impl Dialect {
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/v1/messages") {
            Self::Anthropic
        } else if path.starts_with("/v1/") {
            Self::OpenAi
        } else {
            Self::Ollama
        }
    }
}

impl Refusal {
    /// An error while the request is read.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            stage: Stage::Reading,
        }
    }

    /// What was sent cannot be understood, or not be done.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error, found by the handler.
    pub(crate) fn while_handling(mut self) -> Self {
        self.stage = Stage::Handling;
        self
    }

    /// The same error, in place of the first token.
    pub fn while_running(mut self) -> Self {
        self.stage = Stage::Running;
        self
    }

    pub(crate) fn is_from_the_handler(&self) -> bool {
        self.stage != Stage::Reading
    }

    /// The response; `is_stream`: to a request for a stream.
    pub(crate) fn response(&self, dialect: Dialect, is_stream: bool) -> Response<Body> {
        let document = self.document(dialect);
        match (dialect, self.stage) {
            (Dialect::Ollama, Stage::Running) if is_stream => {
                let text = Bytes::from(written(&document));
                chunked(self.status, JSON, stream::iter([Ok(text)]))
            }
            (Dialect::Ollama, _) | (_, Stage::Reading) => json(self.status, &document),
            _ => line(self.status, &document),
        }
    }

    fn document(&self, dialect: Dialect) -> Value {
        let message = &self.message;
        let status = self.status.as_u16();
        match dialect {
            Dialect::Ollama => json!({ "error": message }),
            Dialect::OpenAi => {
                let kind = match status {
                    400 => "invalid_request_error",
                    404 => "not_found_error",
                    _ => "api_error",
                };
                json!({ "error": { "message": message, "type": kind, "param": null, "code": null } })
            }
            Dialect::Anthropic => {
                let kind = match status {
                    400 => "invalid_request_error",
                    401 => "authentication_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    429 => "rate_limit_error",
                    503 | 529 => "overloaded_error",
                    _ => "api_error",
                };
                json!({
                    "type": "error",
                    "error": { "type": kind, "message": message },
                    "request_id": "req_000000000000000000000000",
                })
            }
        }
    }
}

impl fmt::Display for Severed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("severed by the script")
    }
}

impl std::error::Error for Severed {}

/// A JSON document of Ollama's own API.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    whole(status, JSON_UTF8, written(value))
}

/// A JSON document of `/v1`: with a line end.
pub(crate) fn line(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut text = written(value);
    text.push(b'\n');
    whole(status, JSON, text)
}

/// JSON as Go writes it.
pub(crate) fn written(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    // Plain structures into memory: nothing can fail, and if it did, an empty text would show it.
    json::escape(&serde_json::to_vec(value).unwrap_or_default(), &mut out);
    out
}

/// A body that is there at once. Its length is told if it is small, as by Go's server.
pub(crate) fn whole(
    status: StatusCode,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let bytes = bytes.into();
    if bytes.len() > TOLD_LENGTH {
        return chunked(status, content_type, stream::iter([Ok(bytes)]));
    }
    let body = Full::new(bytes).map_err(|never: Infallible| match never {});
    response(status, content_type, body.boxed_unsync())
}

/// A body that comes piece by piece.
pub(crate) fn chunked(
    status: StatusCode,
    content_type: &'static str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
    response(status, content_type, body.boxed_unsync())
}

/// No body and no type.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let body = Full::default().map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if !content_type.is_empty() {
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// The type of documents on Ollama's own routes.
pub(crate) const JSON_UTF8: &str = "application/json; charset=utf-8";

/// The type of documents under `/v1`, and of what a handler writes by itself.
pub(crate) const JSON: &str = "application/json";

/// Up to here Go's server knows how long a body is before it is sent.
const TOLD_LENGTH: usize = 2_048;
