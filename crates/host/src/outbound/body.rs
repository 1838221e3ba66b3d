//! The body of an upstream's answer, as the component reads it.
//!
//! Chunks that have arrived together are handed over as one: each costs the component a wake-up. Nothing is waited for,
//! nothing is merged beyond [`MAX_MERGED`].

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

use super::{
    body_error,
    exchange::Permit,
    pool::{Connection, Pool},
};

/// An answer's body, with the connection that it comes over.
pub(super) struct ResponseBody {
    incoming: Incoming,
    /// Driven from here; None when a task drives it, and once it is closed or back in the pool.
    connection: Option<Connection>,
    pool: Arc<Pool>,
    permit: Permit,
    patience: Patience,
    /// What came after the chunks that were handed over last.
    held: Option<Result<Frame<Bytes>, ErrorCode>>,
    ended: bool,
}

impl ResponseBody {
    pub(super) fn new(
        incoming: Incoming,
        connection: Option<Connection>,
        pool: Arc<Pool>,
        permit: Permit,
        between_bytes: Duration,
    ) -> Self {
        Self {
            incoming,
            connection,
            pool,
            permit,
            patience: Patience::new(between_bytes),
            held: None,
            ended: false,
        }
    }

    /// The next frame, merged with those that are there as well.
    fn poll_merged(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let mut merged = match ready!(self.poll_next(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => Merged::One(data),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            },
            end_or_error => return Poll::Ready(end_or_error),
        };
        while merged.len() < MAX_MERGED {
            match self.poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if merged.len() + data.len() <= MAX_MERGED => {
                        merged = merged.with(data)
                    }
                    Ok(data) => {
                        self.held = Some(Ok(Frame::data(data)));
                        break;
                    }
                    Err(trailers) => {
                        self.held = Some(Ok(trailers));
                        break;
                    }
                },
                Poll::Ready(Some(Err(error))) => {
                    self.held = Some(Err(error));
                    break;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if self.held.is_none() && self.incoming.is_end_stream() {
            // Whoever sees that this was the last frame does not ask again.
            self.end(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(merged.into_bytes()))))
    }

    /// The next frame as it came.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        if let Some(held) = self.held.take() {
            return Poll::Ready(Some(held));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_incoming(cx));
        match frame {
            None => self.end(cx),
            Some(Err(_)) => {
                self.ended = true;
                self.connection = None;
            }
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|error| body_error(&error))))
    }

    /// What has been parsed already comes first; only then is the connection asked for more.
    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.incoming).poll_frame(cx) {
            return ready;
        }
        if let Some(connection) = &mut self.connection
            && Pin::new(&mut connection.driver).poll(cx).is_ready()
        {
            self.connection = None;
        }
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn end(&mut self, cx: &mut Context<'_>) {
        self.ended = true;
        if let Some(connection) = self.connection.take() {
            self.pool.keep(connection, cx);
        }
        self.permit = None;
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let this = self.get_mut();
        match this.poll_merged(cx) {
            Poll::Ready(frame) => {
                this.patience.frame_came();
                Poll::Ready(frame)
            }
            Poll::Pending => {
                ready!(this.patience.poll_lost(cx));
                // The upstream learns at once that nobody waits any more.
                this.connection = None;
                this.ended = true;
                Poll::Ready(Some(Err(ErrorCode::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && (self.ended || self.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.held.is_some() {
            SizeHint::default()
        } else {
            self.incoming.size_hint()
        }
    }
}

/// Chunks on their way to becoming one: a single one is passed on without a copy.
enum Merged {
    One(Bytes),
    Several(BytesMut),
}

impl Merged {
    fn len(&self) -> usize {
        match self {
            Self::One(data) => data.len(),
            Self::Several(data) => data.len(),
        }
    }

    fn with(self, more: Bytes) -> Self {
        let mut all = match self {
            Self::One(first) if first.is_empty() => return Self::One(more),
            Self::One(first) => {
                let mut all = BytesMut::with_capacity(2 * (first.len() + more.len()));
                all.extend_from_slice(&first);
                all
            }
            Self::Several(all) => all,
        };
        all.extend_from_slice(&more);
        Self::Several(all)
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(data) => data,
            Self::Several(data) => data.freeze(),
        }
    }
}

/// The limit on the time between two frames, counted while one is waited for. The timer is set again when it fires rather
/// than with every frame.
struct Patience {
    limit: Duration,
    /// When the current wait is over; None between waits.
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            deadline: None,
            timer: None,
        }
    }

    fn frame_came(&mut self) {
        self.deadline = None;
    }

    /// Ready when the limit has passed since the first call after the last frame.
    fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + limit);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

/// Below the size at which one more copy costs as much as one more wake-up.
const MAX_MERGED: usize = 16 << 10;
