//! The bodies of answers.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Full, combinators::UnsyncBoxBody};

use crate::instance::Placement;

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// The host's own words.
    Host(Full<Bytes>),
    /// What a component writes.
    Component(ComponentBody),
}

/// What a component writes. An instance that dies takes its end of the stream with it, which looks like an end of the body:
/// it is made an error, so that the client sees an incomplete answer.
pub(crate) struct ComponentBody {
    body: UnsyncBoxBody<Bytes, wasmtime::Error>,
    placement: Placement,
}

impl ComponentBody {
    pub(crate) fn new(body: UnsyncBoxBody<Bytes, wasmtime::Error>, placement: Placement) -> Self {
        Self { body, placement }
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
            Self::Component(body) => body.body.is_end_stream() && !body.placement.is_dead(),
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
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            None if self.placement.is_dead() => {
                Some(Err(wasmtime::format_err!("the instance died")))
            }
            frame => frame,
        })
    }
}
