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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::timeout;

    use super::*;
    use crate::instance::Fate;

    const DEADLINE: Duration = Duration::from_secs(60);

    /// A body as the instance of a component writes it, which has the other end.
    fn component_body(
        fate: &Fate,
    ) -> (
        futures::channel::mpsc::UnboundedSender<Result<Frame<Bytes>, wasmtime::Error>>,
        ReplyBody,
    ) {
        let (sender, frames) = futures::channel::mpsc::unbounded();
        let body = StreamBody::new(frames).boxed_unsync();
        let placement = Placement::in_an_instance(fate.clone());
        (
            sender,
            ReplyBody::Component(ComponentBody::new(body, placement)),
        )
    }

    #[tokio::test]
    async fn the_body_of_an_instance_that_dies_fails_behind_what_was_written() {
        let fate = Fate::default();
        let (sender, mut body) = component_body(&fate);
        sender.unbounded_send(Ok(Frame::data("a".into()))).unwrap();
        let waiting = tokio::spawn(async move {
            let first = body.frame().await.unwrap().unwrap();
            (
                first.into_data().unwrap(),
                body.frame().await.unwrap().is_err(),
            )
        });
        tokio::task::yield_now().await;
        fate.die();
        drop(sender);
        let read = timeout(DEADLINE, waiting)
            .await
            .expect("the body still waits");
        assert_eq!(read.unwrap(), ("a".into(), true));
    }

    #[tokio::test]
    async fn the_body_of_an_instance_that_lives_ends() {
        let (sender, mut body) = component_body(&Fate::default());
        drop(sender);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_dead_instance_has_no_finished_bodies() {
        let fate = Fate::default();
        let empty = StreamBody::new(futures::stream::empty()).boxed_unsync();
        let placement = Placement::in_an_instance(fate.clone());
        let mut body = ReplyBody::Component(ComponentBody::new(empty, placement));
        fate.die();
        assert!(!body.is_end_stream());
        assert!(body.frame().await.unwrap().is_err());
    }
}
