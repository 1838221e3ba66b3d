//! Bodies and whole responses.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use crate::wire::Dialect;

/// A body; its error closes the connection without an end.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An error before the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// What was sent cannot be understood, or not be done.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn response(&self, dialect: Dialect) -> Response<Body> {
        let message = &self.message;
        let kind = match self.status {
            StatusCode::BAD_REQUEST => "invalid_request_error",
            StatusCode::NOT_FOUND => "not_found_error",
            _ => "api_error",
        };
        let document = match dialect {
            Dialect::Ollama => json!({ "error": message }),
            Dialect::OpenAi => json!({
                "error": { "message": message, "type": kind, "param": null, "code": null }
            }),
        };
        json(self.status, &document)
    }
}

/// A JSON document.
pub(super) fn json(status: StatusCode, document: &Value) -> Response<Body> {
    whole(status, JSON, document.to_string())
}

/// A body that is there at once.
pub(super) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {});
    response(status, content_type, body.boxed_unsync())
}

/// A body that comes piece by piece.
pub(super) fn streamed(
    content_type: &'static str,
    pieces: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let frames = pieces.map(|piece| piece.map(Frame::data));
    response(
        StatusCode::OK,
        content_type,
        StreamBody::new(frames).boxed_unsync(),
    )
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::SERVER, HeaderValue::from_static("demo-model"));
    response
}

/// The type of documents.
pub(super) const JSON: &str = "application/json; charset=utf-8";
