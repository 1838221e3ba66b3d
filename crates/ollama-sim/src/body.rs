//! Bodies and whole responses.

use std::{convert::Infallible, fmt, io};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde::Serialize;
use serde_json::json;

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

/// Which of the two APIs a request speaks; they differ in how they say an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Ollama,
    OpenAi,
}

/// An error before the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Dialect {
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/v1/") {
            Self::OpenAi
        } else {
            Self::Ollama
        }
    }
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn response(&self, dialect: Dialect) -> Response<Body> {
        let message = &self.message;
        match dialect {
            Dialect::Ollama => json(self.status, &json!({ "error": message })),
            Dialect::OpenAi => {
                let kind = match self.status.as_u16() {
                    400 => "invalid_request_error",
                    404 => "not_found_error",
                    _ => "api_error",
                };
                let error =
                    json!({ "message": message, "type": kind, "param": null, "code": null });
                json(self.status, &json!({ "error": error }))
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

/// A JSON document.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(status, "application/json; charset=utf-8", bytes.into()),
        Err(error) => whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            error.to_string().into(),
        ),
    }
}

/// A body that is there at once.
pub(crate) fn whole(
    status: StatusCode,
    content_type: &'static str,
    bytes: Bytes,
) -> Response<Body> {
    let body = Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    response(status, content_type, body)
}

/// A response of the simulator.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
