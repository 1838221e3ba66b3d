//! Requests to an upstream, and the bodies of its answers.
//!
//! # What goes out
//! Only headers from a short list, so that nothing of the client's (`authorization`, `cookie`, `origin`, `spin-…`, anything
//! hop by hop) can pass. The body has a `content-length` and is ready before the request is sent: chunked on a pooled
//! connection it would go out in several segments, and the peer's delayed ACK costs 40 ms before the first token.
//!
//! # What it does not do
//! It does not choose an upstream, retry, or judge a status: it sends one request once.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sluice_ollama::framing::LineTooLong;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{
    ErrorCode, Request, RequestOptions, Response, Scheme, Trailers,
};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::config::{Config, Upstream};
use crate::reply::fields;

/// The size of the buffer into which an upstream's body is read. A token has some hundred bytes; what is larger comes in
/// several reads.
pub const CHUNK: usize = 16 * 1024;

/// One request to an upstream.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The path as Ollama knows it, such as `/api/chat`; the upstream's base path is put before it.
    pub path: &'a str,
    /// The client's headers, of which a few are passed on.
    pub headers: &'a HeaderMap,
    /// The body; empty: none.
    pub body: Bytes,
    /// How long until the answer's head.
    pub patience: Duration,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct UpstreamResponse {
    /// The status.
    pub status: StatusCode,
    /// The content type, where it is given.
    pub content_type: Option<HeaderValue>,
    /// How long the upstream asks to wait, where it does.
    pub retry_after: Option<HeaderValue>,
    /// The body.
    pub body: UpstreamBody,
}

/// The body of an answer. Dropping it closes the connection at once, which makes Ollama stop generating.
#[derive(Debug)]
pub struct UpstreamBody {
    stream: StreamReader<u8>,
    /// What was read ahead by [`UpstreamBody::wait`].
    ahead: Option<Vec<u8>>,
    /// Taken when the stream has ended: they say how.
    trailers: Option<FutureReader<Result<Option<Trailers>, ErrorCode>>>,
    /// Says when dropped that the body was handled; an upstream does not care how.
    _handled: FutureWriter<Result<(), ErrorCode>>,
}

/// Why an upstream gave no answer, or not the whole one. The codes are for the log.
#[derive(Clone, Debug)]
pub enum UpstreamError {
    /// No connection: nothing was sent.
    Unreachable(ErrorCode),
    /// Nothing came within a time-out.
    TimedOut(ErrorCode),
    /// The host does not allow this address, or there is no such upstream.
    Denied,
    /// The connection broke, or what came was not HTTP.
    Broken(ErrorCode),
    /// What came was no stream of lines.
    LineTooLong(LineTooLong),
}

/// Sends one request to the upstream with this index and waits for the head of its answer.
///
/// Dropping the future gives the request up and closes the connection.
///
/// # Errors
/// There is no answer. An answer with any status at all is not an error here.
pub async fn send(
    config: &Config,
    index: usize,
    call: Call<'_>,
) -> Result<UpstreamResponse, UpstreamError> {
    let upstream = config.upstreams.get(index).ok_or(UpstreamError::Denied)?;
    let (mut body_writer, body_reader) = wit_stream::new();
    let (trailers_writer, trailers_reader) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(
        fields(headers(upstream, &call)),
        (!call.body.is_empty()).then_some(body_reader),
        trailers_reader,
        Some(options(config, call.patience)),
    );
    address(&request, upstream, &call).map_err(|()| UpstreamError::Denied)?;
    let body = call.body.to_vec();
    let writing = async move {
        // An upstream that does not want the rest has answered already, or will not.
        let _ = body_writer.write_all(body).await;
        drop(body_writer);
        drop(trailers_writer);
    };
    // The sending is polled first: what is written to a body that the host has taken up is handed on within the write. Written
    // before, it is fetched later than the head goes out, and where the host sets no TCP_NODELAY (Spin) a body that comes
    // after its head waits 40 ms for the upstream's acknowledgement.
    let response = match select(pin!(client::send(request)), pin!(writing)).await {
        Either::Left((response, _)) => response,
        Either::Right(((), sending)) => sending.await,
    };
    response
        .map_err(UpstreamError::from)
        .map(UpstreamResponse::new)
}

impl UpstreamResponse {
    fn new(response: Response) -> UpstreamResponse {
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
        let (content_type, retry_after) = (first(header::CONTENT_TYPE), first(header::RETRY_AFTER));
        let (handled, handled_reader) = wit_future::new(|| Ok(()));
        let (stream, trailers) = Response::consume_body(response, handled_reader);
        UpstreamResponse {
            status,
            content_type,
            retry_after,
            body: UpstreamBody {
                stream,
                ahead: None,
                trailers: Some(trailers),
                _handled: handled,
            },
        }
    }
}

impl UpstreamBody {
    /// Reads what comes next into `buffer`, which is emptied first and grows to [`CHUNK`]; `None`: the body has ended in
    /// good order.
    ///
    /// A call that is dropped before it is done may lose bytes: drop it only to give up the body.
    ///
    /// # Errors
    /// The body broke off.
    pub async fn next(&mut self, mut buffer: Vec<u8>) -> Result<Option<Vec<u8>>, UpstreamError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
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

    /// Waits until the first bytes are there, or the body has ended, and keeps them for [`UpstreamBody::next`].
    ///
    /// # Errors
    /// The body broke off before its first byte.
    pub async fn wait(&mut self) -> Result<(), UpstreamError> {
        if self.ahead.is_none() {
            self.ahead = self.next(Vec::new()).await?;
        }
        Ok(())
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

    /// Hands the body on unread: the host forwards it without waking this instance.
    pub fn splice(self, status: StatusCode, headers: HeaderMap) -> Response {
        let trailers = self
            .trailers
            .unwrap_or_else(|| wit_future::new(|| Ok(None)).1);
        let (response, _sent) = Response::new(fields(headers), Some(self.stream), trailers);
        let _ = response.set_status_code(status.as_u16());
        response
    }
}

impl UpstreamError {
    /// Whether another try could go better, given that no byte was relayed.
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            UpstreamError::Unreachable(_) | UpstreamError::Broken(_) => true,
            UpstreamError::TimedOut(_) | UpstreamError::Denied | UpstreamError::LineTooLong(_) => {
                false
            }
        }
    }
}

impl From<ErrorCode> for UpstreamError {
    fn from(code: ErrorCode) -> UpstreamError {
        match code {
            ErrorCode::DnsTimeout
            | ErrorCode::DnsError(_)
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationUnavailable
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionLimitReached
            | ErrorCode::TlsProtocolError
            | ErrorCode::TlsCertificateError
            | ErrorCode::TlsAlertReceived(_) => UpstreamError::Unreachable(code),
            ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => UpstreamError::TimedOut(code),
            ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
                UpstreamError::Denied
            }
            _ => UpstreamError::Broken(code),
        }
    }
}

impl From<LineTooLong> for UpstreamError {
    fn from(error: LineTooLong) -> UpstreamError {
        UpstreamError::LineTooLong(error)
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::Unreachable(code) => write!(f, "no connection: {code}"),
            UpstreamError::TimedOut(code) => write!(f, "no answer in time: {code}"),
            UpstreamError::Denied => f.write_str("the host does not allow this upstream"),
            UpstreamError::Broken(code) => write!(f, "the answer broke off: {code}"),
            UpstreamError::LineTooLong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UpstreamError {}

/// Which of a client's headers an upstream gets to see.
const PASSED_ON: [HeaderName; 3] = [
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

fn headers(upstream: &Upstream, call: &Call<'_>) -> HeaderMap {
    let passed_on = PASSED_ON
        .into_iter()
        .filter_map(|name| call.headers.get(&name).map(|value| (name, value.clone())));
    let mut headers = HeaderMap::from_iter(passed_on);
    if !call.body.is_empty() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        // A host that sets no TCP_NODELAY (Spin) may send the body after its head, and then only when the head is acknowledged,
        // which takes a quiet peer 40 ms. Asked so, the peer answers the head at once.
        headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    }
    if let Some(key) = &upstream.api_key
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {}", key.expose()))
    {
        headers.insert(header::AUTHORIZATION, value);
    }
    headers
}

fn options(config: &Config, patience: Duration) -> RequestOptions {
    let nanoseconds =
        |duration: Duration| Some(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    // A host that knows no such time-out has its own, and the request's own limit holds in any case.
    let _ = options.set_connect_timeout(nanoseconds(config.connect_timeout));
    let _ = options.set_first_byte_timeout(nanoseconds(patience));
    let _ = options.set_between_bytes_timeout(nanoseconds(config.between_bytes_timeout));
    options
}

fn address(request: &Request, upstream: &Upstream, call: &Call<'_>) -> Result<(), ()> {
    let scheme = Scheme::from(&upstream.origin.scheme);
    request.set_method(&call.method.clone().into())?;
    request.set_scheme(Some(&scheme))?;
    request.set_authority(Some(upstream.origin.authority.as_str()))?;
    request.set_path_with_query(Some(&format!("{}{}", upstream.base_path, call.path)))
}
