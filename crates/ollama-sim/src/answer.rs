//! One answer on its way: the plan at its pace, written to the wire and booked.

use std::{future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    body::{self, Body, Reply, Severed},
    entry::Entry,
    ledger::Outcome,
    plan::{Channel, Plan, Step},
    script::Notice,
    state::State,
    wire::{ENDLESS, GARBAGE, MIDWAY, Spent, Wire},
};

/// An answer whose head is due.
pub(crate) struct Answer {
    pub(crate) plan: Plan,
    pub(crate) wire: Wire,
    /// Taken when the end is booked.
    pub(crate) entry: Option<Entry>,
    pub(crate) prompt_tokens: u32,
    pub(crate) first: Duration,
    pub(crate) pace: Duration,
    pub(crate) due: Instant,
}

impl Answer {
    /// The response whose body grows token by token.
    pub(crate) fn streamed(self, state: &Arc<State>, notice: Notice) -> Response<Body> {
        let content_type = self.wire.content_type();
        let frames = stream::unfold(self, async |mut answer| {
            Some((answer.next().await?, answer))
        });
        let body = match notice {
            Notice::AtOnce => boxed(frames),
            Notice::Write => boxed(detached(frames, state)),
        };
        body::response(StatusCode::OK, content_type, body)
    }

    /// The response that comes at once when all tokens are there.
    pub(crate) async fn whole(mut self, state: &Arc<State>, notice: Notice) -> Reply {
        let (mut content, mut thinking) = (String::new(), String::new());
        let reason = loop {
            match self.plan.next() {
                Step::Token(Channel::Content, text) => content.push_str(text),
                Step::Token(Channel::Thinking, text) => thinking.push_str(text),
                Step::Done(reason) => break Some(reason),
                Step::End => break None,
                Step::Hang => future::pending().await,
                Step::Cut => {
                    self.end(Outcome::Failed);
                    return Err(Severed::Closed);
                }
                Step::Error => {
                    self.end(Outcome::Failed);
                    let refusal = body::Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, MIDWAY);
                    return Ok(refusal.response(self.wire.dialect()));
                }
                Step::Garbage => {
                    self.end(Outcome::Failed);
                    return Ok(body::whole(
                        StatusCode::OK,
                        self.wire.content_type(),
                        Bytes::from_static(GARBAGE),
                    ));
                }
                Step::Endless => return Ok(self.streamed(state, notice)),
            }
            self.pause().await;
        };
        let end = reason.map(|reason| (reason, self.spent()));
        let document = self.wire.whole(&content, &thinking, end);
        self.end(if reason.is_some() {
            Outcome::Finished
        } else {
            Outcome::Failed
        });
        Ok(body::whole(
            StatusCode::OK,
            self.wire.content_type(),
            document,
        ))
    }

    /// The next bytes of the stream; an error closes the connection. What follows the last line follows it at once.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.entry.is_some() {
            self.pause().await;
        }
        let bytes = match self.plan.next() {
            Step::Token(channel, text) => self.wire.token(channel, text),
            Step::Garbage => Bytes::from_static(GARBAGE),
            Step::Endless => Bytes::from_static(ENDLESS),
            Step::Error => {
                self.end(Outcome::Failed);
                self.wire.error()
            }
            Step::Done(reason) => {
                let last = self.wire.last(reason, self.spent());
                self.end(Outcome::Finished);
                last
            }
            Step::Cut => {
                self.end(Outcome::Failed);
                return Some(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            Step::Hang => future::pending().await,
            Step::End => {
                self.end(Outcome::Failed);
                return None;
            }
        };
        if let Some(entry) = &mut self.entry {
            entry.sent(self.plan.sent());
        }
        Some(Ok(bytes))
    }

    /// Waits until the next step is due. One that is due already still lets the connection write what it has, so that each
    /// token is a write of its own, as it is from Ollama; a timer would end with the next millisecond.
    async fn pause(&mut self) {
        if self.due <= Instant::now() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep_until(self.due).await;
        }
        self.due += self.pace;
    }

    /// Books the end, unless it is booked.
    fn end(&mut self, outcome: Outcome) {
        if let Some(mut entry) = self.entry.take() {
            entry.sent(self.plan.sent());
            entry.end(outcome);
        }
    }

    fn spent(&self) -> Spent {
        let &Self {
            prompt_tokens,
            first,
            pace,
            ..
        } = self;
        Spent {
            prompt_tokens,
            tokens: self.plan.sent(),
            first,
            pace,
        }
    }
}

/// Moves an answer to a task of its own, which learns that the client left when it hands over the next bytes.
fn detached(
    frames: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    state: &Arc<State>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(1);
    let stopping = state.stopping.clone();
    tokio::spawn(stopping.run_until_cancelled_owned(async move {
        let mut frames = std::pin::pin!(frames);
        while let Some(frame) = frames.next().await {
            if sender.send(frame).await.is_err() {
                break;
            }
        }
    }));
    stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    })
}

fn boxed(frames: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(frames.map(|bytes| bytes.map(Frame::data))).boxed_unsync()
}
