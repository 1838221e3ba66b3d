//! An upstream's answer: its head, and its body as it comes.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use spin_sdk::wasip3::http::types::{ErrorCode, Response, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use spin_sdk::wasip3::wit_future;

use super::UpstreamError;

/// The size of the buffer into which an upstream's body is read. A token has some hundred bytes; what is larger comes in
/// several reads.
pub const CHUNK: usize = 16 * 1024;

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct UpstreamResponse {
    /// The status.
    pub status: StatusCode,
    /// The content type, where it is given.
    pub content_type: Option<HeaderValue>,
    /// The coding of the body, where it is given.
    pub coding: Option<HeaderValue>,
    /// The time on its clock, where it is told.
    pub date: Option<HeaderValue>,
    /// How long the upstream asks to wait, where it does so in seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: UpstreamBody,
}

/// The body of an answer. Dropping it closes the connection at once, which makes Ollama stop generating.
#[derive(Debug)]
pub struct UpstreamBody {
    /// What was read before anybody asked for it.
    ahead: Option<Vec<u8>>,
    stream: StreamReader<u8>,
    /// Taken when the stream has ended: they say how.
    trailers: Option<FutureReader<Result<Option<Trailers>, ErrorCode>>>,
    /// Says when dropped that the body was handled; an upstream does not care how.
    _handled: FutureWriter<Result<(), ErrorCode>>,
}

impl UpstreamResponse {
    pub(super) fn new(response: Response) -> UpstreamResponse {
        let first = |name: HeaderName| {
            let value = response
                .get_headers()
                .get(name.as_str())
                .into_iter()
                .next()?;
            HeaderValue::from_bytes(&value).ok()
        };
        let status =
            StatusCode::from_u16(response.get_status_code()).unwrap_or(StatusCode::BAD_GATEWAY);
        let content_type = first(header::CONTENT_TYPE);
        let coding = first(header::CONTENT_ENCODING);
        let date = first(header::DATE);
        let retry_after = first(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let (handled, handled_reader) = wit_future::new(|| Ok(()));
        let (stream, trailers) = Response::consume_body(response, handled_reader);
        UpstreamResponse {
            status,
            content_type,
            coding,
            date,
            retry_after,
            body: UpstreamBody {
                ahead: None,
                stream,
                trailers: Some(trailers),
                _handled: handled,
            },
        }
    }
}

impl UpstreamBody {
    /// Waits for the first bytes and keeps them for [`UpstreamBody::next`].
    ///
    /// # Errors
    /// The body broke off or ended before there were any.
    pub async fn await_first(&mut self) -> Result<(), UpstreamError> {
        let first = self.next(Vec::new()).await?;
        self.ahead = Some(first.ok_or(UpstreamError::Empty)?);
        Ok(())
    }

    /// What was read ahead.
    pub fn begins_with(&self) -> &[u8] {
        self.ahead.as_deref().unwrap_or_default()
    }

    /// Reads what comes next into `buffer`, which is emptied first and grows to [`CHUNK`]; `None`: the body has ended in
    /// good order.
    ///
    /// A call that is dropped before it is done may lose bytes: drop it only to give up the body.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn next(&mut self, mut buffer: Vec<u8>) -> Result<Option<Vec<u8>>, UpstreamError> {
        if let Some(first) = self.ahead.take() {
            return Ok(Some(first));
        }
        buffer.clear();
        buffer.reserve(CHUNK);
        loop {
            let (result, read) = self.stream.read(buffer).await;
            match result {
                StreamResult::Complete(0) => buffer = read,
                StreamResult::Complete(_) => return Ok(Some(read)),
                StreamResult::Dropped | StreamResult::Cancelled => break,
            }
        }
        match self.trailers.take() {
            Some(trailers) => trailers.await.map(|_| None).map_err(UpstreamError::from),
            None => Ok(None),
        }
    }

    /// Reads the whole body, up to `limit` bytes; `None` where it is longer.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn collect(mut self, limit: usize) -> Result<Option<Vec<u8>>, UpstreamError> {
        let mut whole = Vec::new();
        let mut buffer = Vec::new();
        while let Some(chunk) = self.next(buffer).await? {
            if whole.len() + chunk.len() > limit {
                return Ok(None);
            }
            whole.extend_from_slice(&chunk);
            buffer = chunk;
        }
        Ok(Some(whole))
    }
}
