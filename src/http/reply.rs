//! Whole responses: everything that is known before it is sent. Answers that grow are [`crate::answer::relay`]'s.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use spin_sdk::wasip3::http::types::{Fields, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::tasks::spawn;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers; `content-length` is added when it is sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A JSON document, not to be stored by caches: everything here is about a moment.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
        // Only a map with keys that are not strings could fail, and there is none here.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Reply::new(status, HeaderValue::from_static("application/json"), body)
    }

    /// A JSON document that is text already.
    pub fn json_text(status: StatusCode, text: &str) -> Reply {
        let body = text.as_bytes().to_vec();
        Reply::new(status, HeaderValue::from_static("application/json"), body)
    }

    /// Nothing but a status.
    pub fn empty(status: StatusCode) -> Reply {
        let headers = HeaderMap::new();
        let body = Vec::new();
        Reply {
            status,
            headers,
            body,
        }
    }

    /// The same with one more header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.insert(name, value);
        self
    }

    /// The response, its body written by a task of its own.
    pub fn into_response(mut self) -> Response {
        if self.status != StatusCode::NO_CONTENT {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let (mut body_writer, body_reader) = wit_stream::new();
        let (trailers_writer, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(
            fields(self.headers),
            (!self.body.is_empty()).then_some(body_reader),
            trailers_reader,
        );
        // A status of `StatusCode` is always valid.
        let _ = response.set_status_code(self.status.as_u16());
        spawn(async move {
            // A client that left before its answer is not an error.
            let _ = body_writer.write_all(self.body).await;
            drop(body_writer);
            drop(trailers_writer);
        });
        response
    }

    fn new(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Reply {
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ]);
        Reply {
            status,
            headers,
            body,
        }
    }
}

/// What a handler gives back.
pub enum Answer {
    /// A whole response; it is logged here.
    Whole(Reply),
    /// A whole response that was logged and counted already.
    Told(Reply),
    /// A response whose body is still being written; its writer logs it when it ends.
    Streamed(Response),
}

/// Headers as the host takes them. What it refuses is left out rather than failing the answer.
pub fn fields(headers: HeaderMap) -> Fields {
    Fields::try_from(headers).unwrap_or_else(|_| Fields::new())
}
