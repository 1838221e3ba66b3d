//! The bytes of answers, in the form that was asked for.

mod messages;
mod ollama;
mod openai;
mod responses;

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) use ollama::rfc3339;
pub(crate) use responses::sorted;

use crate::{
    body::{self, Dialect},
    json,
    options::Clock,
    plan::{Channel, DoneReason},
    request::{Ask, Delivery, Form, Said, Usage},
    script::Figures,
};

/// Writes the parts of one answer. What it writes are the pieces of the body, each a chunk of its own.
pub(crate) struct Wire {
    form: Form,
    delivery: Delivery,
    usage: Usage,
    model: String,
    clock: Clock,
    /// The request's number, for ids.
    number: u64,
    prompt_tokens: u32,
    /// Whether each token comes with its probability, and with how many others.
    logprobs: Option<u32>,
    has_context: bool,
    echo: Map<String, Value>,
    calls: u32,
    /// Whether a stream has begun.
    has_begun: bool,
    talk: responses::Talk,
    blocks: messages::Blocks,
    /// One allocation serves many lines.
    buffer: Vec<u8>,
}

/// A piece of an answer, in the terms of every form.
#[derive(Clone, Copy, Default)]
struct Part<'a> {
    content: &'a str,
    thinking: &'a str,
    calls: &'a [Call],
    /// Tokens with their probabilities.
    logprobs: Option<&'a Value>,
    /// On the last part: why it is the last, and what the answer took.
    end: Option<(DoneReason, Spent)>,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// What an answer took, as its script has it: the same in every run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) prompt_tokens: u32,
    pub(crate) tokens: u32,
    /// Until the model was there.
    pub(crate) load: Duration,
    /// Before the first token.
    pub(crate) prompt: Duration,
    pub(crate) answer: Duration,
    pub(crate) figures: Figures,
}

/// What a whole answer came to.
#[derive(Default)]
pub(crate) struct Whole {
    pub(crate) content: String,
    pub(crate) thinking: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) logprobs: Vec<Value>,
    /// Without an end it says that it is not done.
    pub(crate) end: Option<(DoneReason, Spent)>,
}

impl Wire {
    pub(crate) fn new(ask: &Ask, clock: Clock, number: u64) -> Self {
        Self {
            form: ask.form,
            delivery: ask.delivery,
            usage: ask.usage,
            model: ask.model.clone(),
            clock,
            number,
            prompt_tokens: ask.prompt_tokens(),
            logprobs: ask.logprobs,
            has_context: ask.form == Form::Generate
                && matches!(ask.said, Said::Prompt { is_raw: false, .. }),
            echo: ask.echo.clone(),
            calls: 0,
            has_begun: false,
            talk: responses::Talk::default(),
            blocks: messages::Blocks::default(),
            buffer: Vec::new(),
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match (self.delivery, self.form.dialect()) {
            (Delivery::Whole, Dialect::Ollama) => body::JSON_UTF8,
            (Delivery::Whole, _) => body::JSON,
            (Delivery::Streamed, Dialect::Ollama) => "application/x-ndjson",
            (Delivery::Streamed, _) => "text/event-stream",
        }
    }

    /// Adds the headers that go with a stream of this form.
    pub(crate) fn stream_headers(form: Form, delivery: Delivery, headers: &mut HeaderMap) {
        use http::{HeaderValue, header};
        if delivery == Delivery::Streamed && matches!(form, Form::Responses | Form::Messages) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
        }
    }

    /// One token of a stream.
    pub(crate) fn token(&mut self, channel: Channel, text: &str, out: &mut VecDeque<Bytes>) {
        let (content, thinking) = match channel {
            Channel::Content => (text, ""),
            Channel::Thinking => ("", text),
        };
        let logprobs = self.logprob(text).map(|one| json!([one]));
        let part = Part {
            content,
            thinking,
            logprobs: logprobs.as_ref(),
            ..Part::default()
        };
        self.part(&part, out);
    }

    /// A token of a call. With probabilities it is told, although it says nothing.
    pub(crate) fn silent(&mut self, out: &mut VecDeque<Bytes>) {
        if let Some(one) = self.logprob("call") {
            let part = Part {
                logprobs: Some(&json!([one])),
                ..Part::default()
            };
            self.part(&part, out);
        }
    }

    /// A call, which comes whole.
    pub(crate) fn call(&mut self, call: Call, out: &mut VecDeque<Bytes>) {
        let logprobs = self.logprob("call").map(|one| json!([one]));
        let part = Part {
            calls: &[call],
            logprobs: logprobs.as_ref(),
            ..Part::default()
        };
        self.part(&part, out);
    }

    /// The end of a stream.
    pub(crate) fn last(&mut self, reason: DoneReason, spent: Spent, out: &mut VecDeque<Bytes>) {
        let part = Part {
            end: Some((reason, spent)),
            ..Part::default()
        };
        self.part(&part, out);
    }

    /// Half a surrogate pair, which no server written in Go would send.
    pub(crate) fn half(&mut self, out: &mut VecDeque<Bytes>) {
        let before = out.len();
        self.token(Channel::Content, "\u{fffd}", out);
        for piece in out.iter_mut().skip(before) {
            *piece = halved(piece);
        }
    }

    /// What a stream says when the runner has died: under `/v1` nothing that could be taken for an error.
    pub(crate) fn died(&mut self, out: &mut VecDeque<Bytes>) {
        match self.form {
            Form::Chat | Form::Generate => {
                out.push_back(Bytes::from(format!("{{\"error\":{}}}\n", json!(DIED))));
            }
            Form::ChatCompletion | Form::Completion => {
                self.model.clear();
                self.part(&Part::default(), out);
            }
            _ => {}
        }
    }

    /// An error after the head, as Ollama's own API says it; under `/v1` as other servers do.
    pub(crate) fn error(&self) -> Bytes {
        let message = json!(MIDWAY);
        match self.form.dialect() {
            _ if self.form == Form::Responses => Bytes::from(format!(
                "event: error\ndata: {{\"type\":\"error\",\"code\":null,\"message\":{message},\"param\":null}}\n\n"
            )),
            Dialect::Ollama => Bytes::from(format!("{{\"error\":{message}}}\n")),
            Dialect::Anthropic => Bytes::from(format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":{message}}}}}\n\n"
            )),
            Dialect::OpenAi => Bytes::from(format!(
                "data: {{\"error\":{{\"message\":{message},\"type\":\"api_error\",\"param\":null,\"code\":null}}}}\n\n"
            )),
        }
    }

    /// The whole answer as one document.
    pub(crate) fn whole(&mut self, whole: &Whole) -> Vec<u8> {
        let logprobs = (!whole.logprobs.is_empty()).then(|| json!(whole.logprobs));
        self.calls = u32::try_from(whole.calls.len()).unwrap_or(u32::MAX);
        let part = Part {
            content: &whole.content,
            thinking: &whole.thinking,
            calls: &whole.calls,
            logprobs: logprobs.as_ref(),
            end: whole.end,
        };
        let head = self.head();
        match self.form {
            Form::Chat | Form::Generate => body::written(&ollama::Line::new(&head, &part)),
            Form::Messages => with_line_end(body::written(&messages::document(&head, &part))),
            Form::Responses => with_line_end(body::written(&responses::document(&head, &part))),
            _ => with_line_end(body::written(&openai::document(&head, &part))),
        }
    }

    /// A token with its probability, if they were asked for.
    pub(crate) fn logprob(&self, text: &str) -> Option<Value> {
        let others = self.logprobs?;
        let one = |text: &str, rank: u32| {
            let logprob = -0.5 - f64::from(rank);
            json!({ "token": text, "logprob": logprob, "bytes": text.as_bytes() })
        };
        let mut told = one(text, 0);
        if others > 0 {
            told["top_logprobs"] = (0..others).map(|rank| one(text, rank)).collect();
        }
        Some(told)
    }

    fn part(&mut self, part: &Part<'_>, out: &mut VecDeque<Bytes>) {
        self.calls += u32::try_from(part.calls.len()).unwrap_or(0);
        let mut events = Vec::new();
        match self.form {
            Form::Chat | Form::Generate => {
                let mut line = std::mem::take(&mut self.buffer);
                write(&mut line, &ollama::Line::new(&self.head(), part));
                line.push(b'\n');
                out.push_back(escaped(&line));
                line.clear();
                self.buffer = line;
            }
            Form::Messages => {
                let mut blocks = std::mem::take(&mut self.blocks);
                blocks.part(&self.head(), part, &mut events);
                self.blocks = blocks;
            }
            Form::Responses => {
                let mut talk = std::mem::take(&mut self.talk);
                talk.part(&self.head(), part, &mut events);
                self.talk = talk;
            }
            _ => {
                let mut text = std::mem::take(&mut self.buffer);
                openai::chunks(&self.head(), part, self.usage, &mut text);
                out.push_back(escaped(&text));
                text.clear();
                self.buffer = text;
            }
        }
        self.has_begun = true;
        for (name, data) in events {
            let text = format!("event: {name}\ndata: {data}\n\n");
            out.push_back(escaped(text.as_bytes()));
        }
    }

    fn head(&self) -> Head<'_> {
        Head {
            form: self.form,
            model: &self.model,
            at: self.clock.now(),
            number: self.number,
            prompt_tokens: self.prompt_tokens,
            has_begun: self.has_begun,
            has_context: self.has_context,
            calls: self.calls,
            echo: &self.echo,
        }
    }
}

/// What all parts of an answer share.
struct Head<'a> {
    form: Form,
    model: &'a str,
    at: SystemTime,
    number: u64,
    prompt_tokens: u32,
    has_begun: bool,
    has_context: bool,
    /// Calls so far.
    calls: u32,
    echo: &'a Map<String, Value>,
}

impl Head<'_> {
    /// Seconds since 1970.
    fn created(&self) -> u64 {
        let since = self.at.duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}

impl Call {
    /// The id of a call, by the answer's number.
    fn id(&self, number: u64) -> String {
        format!("call_{:08x}", number * 64 + u64::from(self.index))
    }
}

impl Part<'_> {
    fn is_empty(&self) -> bool {
        self.content.is_empty() && self.thinking.is_empty() && self.calls.is_empty()
    }
}

impl Spent {
    fn total(&self) -> Duration {
        self.load
            .saturating_add(self.prompt)
            .saturating_add(self.answer)
    }
}

/// Appends JSON. Plain structures into memory: nothing can fail.
fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "plain structures into memory");
}

fn escaped(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    json::escape(text, &mut out);
    out.into()
}

fn with_line_end(mut text: Vec<u8>) -> Vec<u8> {
    text.push(b'\n');
    text
}

/// Half a surrogate pair in the place of the replacement character.
pub(crate) fn halved(text: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(text);
    Bytes::from(text.replace('\u{fffd}', r"\ud83d"))
}

/// What an error after the head says.
pub(crate) const MIDWAY: &str = "an error was encountered while running the model: simulated";

/// What Ollama says when its runner has died.
pub(crate) const DIED: &str = "an error was encountered while running the model: unexpected EOF";

/// Bytes that are neither JSON nor UTF-8.
pub(crate) const GARBAGE: &[u8] = b"\xff\xfe{]\x00 garbage\n";

/// A piece of the line that never ends.
pub(crate) const ENDLESS: &[u8] = &[b'x'; 256];

#[cfg(test)]
mod tests;
