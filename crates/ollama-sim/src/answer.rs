//! One answer on its way: its tokens at their pace, written to the wire and booked.

use std::{collections::VecDeque, future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream, stream::BoxStream};
use http::StatusCode;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    body::{self, Refusal, Reply, Severed},
    entry::Entry,
    generator::{End, Generated},
    ledger::Outcome,
    model::Template,
    plan::{Channel, DoneReason, Plan, Step},
    request::{Delivery, Form},
    script::Notice,
    state::State,
    wire::{Call, DIED, ENDLESS, GARBAGE, MIDWAY, Spent, Whole, Wire, halved},
};

/// An answer whose head is due.
pub(crate) struct Answer {
    source: Source,
    wire: Wire,
    /// Taken when the end is booked.
    entry: Option<Entry>,
    spent: Spent,
    pace: Duration,
    due: Instant,
    died: CancellationToken,
    /// Every call is this one.
    call: Call,
    repeats: Repeats,
    /// Where the prompt is one text, Ollama says nothing while it looks for the tag of thinking, but in lines.
    seeks_tag: bool,
    tokens: u32,
    /// Pieces that are written and not handed over.
    pending: VecDeque<Bytes>,
    end: Option<Ending>,
}

/// Where the tokens come from.
pub(crate) enum Source {
    Script(Plan),
    Model(BoxStream<'static, Generated>),
}

/// How the body ends once what is pending is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    InOrder,
    Cut,
}

/// Tokens that say the same again and again: where Ollama made the prompt, it ends such an answer without a last line.
struct Repeats {
    is_watched: bool,
    last: String,
    count: u32,
}

impl Answer {
    #[allow(
        clippy::too_many_arguments,
        reason = "each is another thing, and there is one caller"
    )]
    pub(crate) fn new(
        source: Source,
        wire: Wire,
        entry: Entry,
        spent: Spent,
        pace: Duration,
        died: CancellationToken,
        call: Call,
        template: Template,
    ) -> Self {
        let seeks_tag = wire.form() == Form::Generate;
        let is_watched = template == Template::Go && matches!(source, Source::Script(_));
        Self {
            source,
            wire,
            entry: Some(entry),
            spent,
            pace,
            due: Instant::now(),
            died,
            call,
            repeats: Repeats {
                is_watched,
                last: String::new(),
                count: 0,
            },
            seeks_tag: is_watched && seeks_tag,
            tokens: 0,
            pending: VecDeque::new(),
            end: None,
        }
    }

    /// The response whose body grows token by token. A model's comes with its first token.
    pub(crate) async fn streamed(mut self, state: &Arc<State>, notice: Notice) -> Reply {
        let (form, content_type) = (self.wire.form(), self.wire.content_type());
        if matches!(self.source, Source::Model(_)) {
            self.write_next().await;
            if self.pending.is_empty() && self.end == Some(Ending::Cut) {
                return Ok(failed(form, "the model has stopped unexpectedly"));
            }
        }
        let frames = stream::unfold(self, async |mut answer| {
            Some((answer.next().await?, answer))
        });
        let mut response = match notice {
            Notice::AtOnce => body::chunked(StatusCode::OK, content_type, frames),
            Notice::Write => body::chunked(StatusCode::OK, content_type, detached(frames, state)),
        };
        Wire::stream_headers(form, Delivery::Streamed, response.headers_mut());
        Ok(response)
    }

    /// The response that comes at once when all tokens are there.
    pub(crate) async fn whole(mut self, state: &Arc<State>, notice: Notice) -> Reply {
        let mut whole = Whole::default();
        let mut has_half = false;
        let reason = loop {
            let step = self.step().await;
            match step {
                Step::Token(channel, text) => {
                    if self.repeats.are_too_many(&text) {
                        break None;
                    }
                    whole.logprobs.extend(self.wire.logprob(&text));
                    match channel {
                        Channel::Content => whole.content.push_str(&text),
                        Channel::Thinking => whole.thinking.push_str(&text),
                    }
                }
                Step::Silent => {}
                Step::Call(index) => whole.calls.push(self.call_of(index)),
                Step::Half => {
                    has_half = true;
                    whole.content.push('\u{fffd}');
                }
                Step::Done(reason) => break Some(reason),
                Step::End => break None,
                Step::Hang => future::pending().await,
                Step::Cut => {
                    self.book(Outcome::Failed);
                    return Err(Severed::Closed);
                }
                Step::Error | Step::Die => {
                    self.book(Outcome::Failed);
                    let message = if step == Step::Die { DIED } else { MIDWAY };
                    return Ok(failed(self.wire.form(), message));
                }
                Step::Garbage => {
                    self.book(Outcome::Failed);
                    let garbage = Bytes::from_static(GARBAGE);
                    let content_type = self.wire.content_type();
                    return Ok(body::whole(StatusCode::OK, content_type, garbage));
                }
                Step::Endless => return self.streamed(state, notice).await,
            }
        };
        whole.end = reason.map(|reason| (reason, self.spent()));
        let mut document = Bytes::from(self.wire.whole(&whole));
        if has_half {
            document = halved(&document);
        }
        self.book(if reason.is_some() {
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

    /// The next piece of the stream; an error closes the connection.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while self.pending.is_empty() && self.end.is_none() {
            self.write_next().await;
        }
        match (self.pending.pop_front(), self.end) {
            (Some(piece), _) => Some(Ok(piece)),
            (None, Some(Ending::Cut)) => {
                self.end = Some(Ending::InOrder);
                Some(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            (None, _) => None,
        }
    }

    /// Writes what the next step says. What follows the last line follows it at once.
    async fn write_next(&mut self) {
        match self.step().await {
            Step::Token(_, text) if self.repeats.are_too_many(&text) => {
                self.finish(Outcome::Failed, Ending::InOrder);
            }
            Step::Token(channel, text) => {
                if self.seeks_tag && channel == Channel::Thinking {
                    self.wire.token(Channel::Content, "", &mut self.pending);
                }
                self.seeks_tag = false;
                self.wire.token(channel, &text, &mut self.pending);
            }
            Step::Silent => self.wire.silent(&mut self.pending),
            Step::Call(index) => {
                let call = self.call_of(index);
                self.wire.call(call, &mut self.pending);
            }
            Step::Half => self.wire.half(&mut self.pending),
            Step::Garbage => self.pending.push_back(Bytes::from_static(GARBAGE)),
            Step::Endless => self.pending.push_back(Bytes::from_static(ENDLESS)),
            Step::Error => {
                self.pending.push_back(self.wire.error());
                self.finish(Outcome::Failed, Ending::InOrder);
            }
            Step::Die => {
                self.wire.died(&mut self.pending);
                self.finish(Outcome::Failed, Ending::InOrder);
            }
            Step::Done(reason) => {
                let spent = self.spent();
                self.wire.last(reason, spent, &mut self.pending);
                self.finish(Outcome::Finished, Ending::InOrder);
            }
            Step::Cut => self.finish(Outcome::Failed, Ending::Cut),
            Step::Hang => future::pending().await,
            Step::End => self.finish(Outcome::Failed, Ending::InOrder),
        }
    }

    /// What comes next, when it is due.
    async fn step(&mut self) -> Step {
        let step = match &mut self.source {
            Source::Script(plan) => {
                if !pause(&mut self.due, self.pace, &self.died).await {
                    return Step::Die;
                }
                let step = plan.next();
                self.tokens = plan.sent();
                step
            }
            Source::Model(stream) => match self.died.run_until_cancelled(stream.next()).await {
                None => Step::Die,
                Some(None) => Step::Cut,
                Some(Some(Generated::Text(text))) => {
                    self.tokens += 1;
                    Step::Token(Channel::Content, text)
                }
                Some(Some(Generated::End(end))) => self.model_ends(end),
            },
        };
        if step == Step::Die {
            self.died.cancel();
        }
        if let Some(entry) = &mut self.entry {
            entry.sent(self.tokens);
        }
        step
    }

    fn model_ends(&mut self, end: End) -> Step {
        self.tokens = end.tokens;
        self.spent = Spent {
            prompt_tokens: end.prompt_tokens,
            load: end.waited,
            prompt: end.prompt_took,
            answer: end.answer_took,
            ..self.spent
        };
        Step::Done(if end.is_cut {
            DoneReason::Length
        } else {
            DoneReason::Stop
        })
    }

    fn finish(&mut self, outcome: Outcome, ending: Ending) {
        self.book(outcome);
        self.end = Some(ending);
    }

    /// Books the end, unless it is booked.
    fn book(&mut self, outcome: Outcome) {
        if let Some(mut entry) = self.entry.take() {
            entry.sent(self.tokens);
            entry.end(outcome);
        }
    }

    fn call_of(&self, index: u32) -> Call {
        Call {
            index,
            ..self.call.clone()
        }
    }

    fn spent(&self) -> Spent {
        let tokens = self.tokens;
        let answer = match self.source {
            Source::Script(_) => self.pace.saturating_mul(tokens),
            Source::Model(_) => self.spent.answer,
        };
        Spent {
            tokens,
            answer,
            ..self.spent
        }
    }
}

impl Repeats {
    /// Whether this token is one too many of the same.
    fn are_too_many(&mut self, token: &str) -> bool {
        if !self.is_watched {
            return false;
        }
        let token = token.trim();
        if token == self.last {
            self.count += 1;
        } else {
            token.clone_into(&mut self.last);
            self.count = 0;
        }
        self.count > MOST_REPEATS
    }
}

/// Waits until the next step is due; `false`: the runner has died. A step that is due already still lets the connection write
/// what it has, so that each token is a write of its own, as it is from Ollama; a timer would end with the next millisecond.
async fn pause(due: &mut Instant, pace: Duration, died: &CancellationToken) -> bool {
    if *due <= Instant::now() {
        tokio::task::yield_now().await;
    } else {
        died.run_until_cancelled(tokio::time::sleep_until(*due))
            .await;
    }
    *due += pace;
    !died.is_cancelled()
}

/// An answer that is not streamed and cannot be ended.
fn failed(form: Form, message: &str) -> http::Response<body::Body> {
    let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message);
    refusal.while_handling().response(form.dialect(), false)
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

/// Ollama's own number, "picked as an arbitrary max token repeat limit".
const MOST_REPEATS: u32 = 30;
