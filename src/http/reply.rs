//! Whole responses: everything that is known before it is sent. Answers that grow are [`crate::answer::relay`]'s.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::clock::within;
use crate::tasks::{self, spawn};

/// How long a client may take nothing: a phone in a tunnel comes back sooner, and its slot is wanted.
pub const STALL: Duration = Duration::from_secs(30);

/// The number of a request: taken over or given, in every answer and every line of the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much is written at once: so much has to be taken within [`STALL`].
const SLICE: usize = 16 * 1024;

/// Writes bytes by `write` at most so many at a time, and gives an emptied buffer back, as `write` does.
///
/// # Errors
/// Those of `write`.
pub async fn in_slices<E>(
    bytes: Vec<u8>,
    mut write: impl AsyncFnMut(Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    if bytes.len() <= SLICE {
        return write(bytes).await;
    }
    let mut buffer = Vec::with_capacity(SLICE);
    for slice in bytes.chunks(SLICE) {
        buffer.clear();
        buffer.extend_from_slice(slice);
        buffer = write(buffer).await?;
    }
    Ok(buffer)
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers; `content-length` is added when it is sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A JSON document, not to be stored by caches: everything here is about a moment.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
        // Only a map with keys that are not strings could fail, and there is none here.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Reply::new(status, HeaderValue::from_static("application/json"), body)
    }

    /// A JSON document that is text already.
    pub fn json_text(status: StatusCode, text: &'static str) -> Reply {
        Reply::new(status, HeaderValue::from_static("application/json"), text)
    }

    /// Nothing but a status.
    pub fn empty(status: StatusCode) -> Reply {
        let headers = HeaderMap::new();
        Reply {
            status,
            headers,
            body: Bytes::new(),
        }
    }

    /// The same with one more header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.insert(name, value);
        self
    }

    /// The response, its body written by a task of its own. A client that takes nothing for [`STALL`] is taken for gone; a body
    /// of one slice is the host's as soon as it has the head, so no timer is begun for that.
    pub fn into_response(mut self) -> Response {
        if self.status != StatusCode::NO_CONTENT {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let (mut writer, reader) = wit_stream::new();
        let (end, end_reader) = wit_future::new(|| Err(ErrorCode::ConnectionTerminated));
        let (response, _sent) = Response::new(
            answer_fields(self.headers),
            (!self.body.is_empty()).then_some(reader),
            end_reader,
        );
        // A status of `StatusCode` is always valid.
        let _ = response.set_status_code(self.status.as_u16());
        let body = self.body;
        spawn(async move {
            let is_small = body.len() <= SLICE;
            for slice in body.chunks(SLICE) {
                let writing = writer.write_all(slice.to_vec());
                let written = match is_small {
                    true => Some(writing.await),
                    false => within(STALL, writing).await,
                };
                // A client that left before its answer is not an error.
                match written {
                    Some(rest) if rest.is_empty() => {}
                    _ => return,
                }
            }
            drop(writer);
            let _ = end.write(Ok(None)).await;
        });
        response
    }

    /// A body of this type, not to be stored by caches.
    pub fn new(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ]);
        Reply {
            status,
            headers,
            body: body.into(),
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

/// The headers of an answer: those given, and the number of its request.
pub fn answer_fields(mut headers: HeaderMap) -> Fields {
    if let Some(id) = tasks::request_id()
        && let Ok(id) = HeaderValue::from_str(&id)
    {
        headers.insert(REQUEST_ID, id);
    }
    fields(&headers)
}

/// Headers as the host takes them: all at once, or each that it does not refuse, rather than failing the answer for one.
pub fn fields(headers: &HeaderMap) -> Fields {
    let entries: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&entries).unwrap_or_else(|_| {
        let fields = Fields::new();
        for (name, value) in &entries {
            let _ = fields.append(name, value);
        }
        fields
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn however_much_is_written_a_little_of_it_has_to_be_taken_at_a_time() {
        for length in [0, 1, SLICE, SLICE + 1, 4 << 20] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut taken = Vec::new();
            let writing = in_slices(bytes.clone(), async |mut slice| {
                assert!(slice.len() <= SLICE, "{}", slice.len());
                taken.extend_from_slice(&slice);
                slice.clear();
                Ok::<_, ()>(slice)
            });
            let emptied = block_on(writing).unwrap();
            assert!(emptied.is_empty() && emptied.capacity() <= SLICE.max(length.min(SLICE)));
            assert_eq!(taken, bytes);
        }
        let gone = in_slices(vec![0; 3 * SLICE], async |_| Err("gone"));
        assert_eq!(block_on(gone), Err("gone"));
    }
}
