//! One request to one upstream, sent once.
//!
//! # What goes out
//! Only headers from a short list, so that nothing of the client's (`authorization`, `cookie`, `origin`, `spin-…`, anything
//! hop by hop) can pass. Where the host sets no TCP_NODELAY (Spin) a second segment waits for the acknowledgement of the first,
//! which takes a quiet peer 40 ms. So the body has a `content-length` and is written as soon as the request is sent, in slices as
//! large as may be, which mostly puts both into one segment; and `expect: 100-continue` makes the peer answer at once a head that
//! came alone.
//!
//! # What it does not do
//! It does not choose an upstream, retry, or judge a status.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sluice_ollama::request::Payload;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{Request, RequestOptions, Scheme};
use spin_sdk::wasip3::{wit_future, wit_stream};

use super::{UpstreamError, UpstreamResponse};
use crate::config::{Config, Upstream};
use crate::http::reply::fields;

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
    pub body: Payload,
    /// How long until the answer's head, as a time-out of the host's. A host may know none: whoever sends has a clock of its own for
    /// all of the exchange.
    pub patience: Duration,
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
        fields(&headers(upstream, &call)),
        (!call.body.is_empty()).then_some(body_reader),
        trailers_reader,
        Some(options(config, call.patience)),
    );
    address(&request, upstream, &call).map_err(|()| UpstreamError::Denied)?;
    let slices = call.body.clone().slices(SLICE);
    let writing = async move {
        for slice in slices {
            // An upstream that does not want the rest has answered already, or will not.
            if !body_writer.write_all(slice).await.is_empty() {
                break;
            }
        }
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

/// How much of a body is handed to the host at once, in bytes: each slice is a copy.
const SLICE: usize = 64 * 1024;

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
    // An answer is looked at on its way: a proxy before the upstream must not code it.
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
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
