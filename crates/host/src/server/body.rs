//! The bodies of answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Full, combinators::UnsyncBoxBody};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::instance::Fate;

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// The host's own words.
    Host(Full<Bytes>),
    /// What a component writes.
    Component(ComponentBody),
}

/// What a component writes, for as long as its instance lives. When the instance dies the body fails, so that the client
/// sees an incomplete answer and not one that has ended.
pub(crate) struct ComponentBody {
    body: UnsyncBoxBody<Bytes, wasmtime::Error>,
    fate: Fate,
    died: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl ComponentBody {
    pub(crate) fn new(body: UnsyncBoxBody<Bytes, wasmtime::Error>, fate: Fate) -> Self {
        let died = Box::pin(fate.clone().cancelled_owned());
        Self { body, fate, died }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = wasmtime::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, wasmtime::Error>>> {
        match self.get_mut() {
            Self::Host(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Component(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Host(body) => body.is_end_stream(),
            Self::Component(body) => body.body.is_end_stream() && !body.fate.is_cancelled(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Host(body) => body.size_hint(),
            Self::Component(body) => body.body.size_hint(),
        }
    }
}

impl ComponentBody {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, wasmtime::Error>>> {
        if self.died.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(wasmtime::format_err!("the instance died"))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}
