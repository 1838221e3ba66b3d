//! Connections to upstreams, and those that wait for their next request.
//!
//! # Why there is no task per connection
//! A connection is driven by whoever waits for its bytes: the request while the head is awaited, the body afterwards. So a
//! chunk that arrives wakes the component once, not a task of the client that then wakes the component, and all chunks that
//! have arrived are seen at the same time and can go on as one.
//!
//! # What follows from it
//! An idle connection is looked at only when it is taken out: one that the upstream has closed is found out then.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Uri;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::{AcquireError, Semaphore};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

use super::{
    connect::{Connector, Transport},
    exchange::Permit,
};

/// A connection to an upstream: at most one request at a time.
pub(super) struct Connection {
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Moves the bytes. It must be polled for the sender and the bodies to get on.
    pub(super) driver: http1::Connection<TokioIo<Box<dyn Transport>>, RequestBody>,
    origin: Origin,
}

/// Scheme and authority.
type Origin = (String, String);

/// The connections to all upstreams of an application.
pub(super) struct Pool {
    connector: Connector,
    /// Whether connections are kept.
    keep: bool,
    /// Connections in use at the same time; None: any number. Idle ones do not count, so that none keeps a request
    /// waiting.
    limit: Option<Arc<Semaphore>>,
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(super) fn new(connector: Connector, keep: bool, max_connections: Option<usize>) -> Self {
        let limit =
            max_connections.map(|max| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))));
        Self {
            connector,
            keep,
            limit,
            idle: Mutex::default(),
        }
    }

    /// An idle connection to the origin of `uri` that is still open.
    pub(super) fn take(&self, uri: &Uri, cx: &mut Context<'_>) -> Option<Connection> {
        let origin = origin(uri)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(&origin)?;
        while let Some(Idle {
            mut connection,
            since,
        }) = kept.pop()
        {
            let open = Pin::new(&mut connection.driver).poll(cx).is_pending()
                && connection.sender.is_ready();
            if open && since.elapsed() < MAX_IDLE {
                return Some(connection);
            }
        }
        None
    }

    /// A new connection to the origin of `uri`.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<Connection, ErrorCode> {
        let origin = origin(uri).ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let transport = self.connector.connect(uri).await?;
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_BUFFER)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(|_| ErrorCode::HttpProtocolError)?;
        Ok(Connection {
            sender,
            driver,
            origin,
        })
    }

    /// Keeps a connection for the next request, if its answer has been read to the end and both sides agree.
    pub(super) fn keep(&self, mut connection: Connection, cx: &mut Context<'_>) {
        let open =
            Pin::new(&mut connection.driver).poll(cx).is_pending() && connection.sender.is_ready();
        if !open || !self.keep {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, kept| {
            kept.retain(|idle| idle.since.elapsed() < MAX_IDLE);
            !kept.is_empty()
        });
        let kept = idle.entry(connection.origin.clone()).or_default();
        if kept.len() < MAX_IDLE_PER_ORIGIN {
            kept.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    /// The right to have one more connection in use, once the limit has room for it.
    pub(super) async fn permit(&self) -> Result<Permit, ErrorCode> {
        match &self.limit {
            Some(limit) => Ok(Some(limit.clone().acquire_owned().await.map_err(closed)?)),
            None => Ok(None),
        }
    }
}

fn closed(_: AcquireError) -> ErrorCode {
    ErrorCode::ConnectionLimitReached
}

fn origin(uri: &Uri) -> Option<Origin> {
    Some((
        uri.scheme_str()?.to_owned(),
        uri.authority()?.as_str().to_owned(),
    ))
}

/// The body of a request, which says when it has been sent.
pub(super) struct RequestBody {
    body: UnsyncBoxBody<Bytes, ErrorCode>,
    sent: Arc<AtomicBool>,
}

impl RequestBody {
    pub(super) fn new(body: UnsyncBoxBody<Bytes, ErrorCode>) -> Self {
        Self {
            body,
            sent: Arc::default(),
        }
    }

    /// Set when the connection has taken all of the body.
    pub(super) fn sent(&self) -> Arc<AtomicBool> {
        self.sent.clone()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.sent.store(true, Ordering::Release);
    }
}

/// Below the 75 s after which common servers close an idle connection themselves.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// More than the streams that an upstream serves at the same time.
const MAX_IDLE_PER_ORIGIN: usize = 64;

/// What is read at once, and the bound on a response head.
const MAX_BUFFER: usize = 64 << 10;
