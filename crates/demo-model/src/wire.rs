//! The forms of answers: Ollama's lines, which are also its documents, and OpenAI's as Ollama serves them under `/v1`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    MODEL,
    engine::{Done, Reason},
};

/// Which of the two APIs a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Ollama,
    OpenAi,
}

/// The form of a request for an answer, and so of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/api/chat`
    Chat,
    /// `/api/generate`
    Generate,
    /// `/v1/chat/completions`
    ChatCompletion,
}

/// Whether an answer comes token by token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Streamed,
    Whole,
}

/// Whether `stream_options.include_usage` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Included,
    Off,
}

/// Writes the parts of one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) form: Form,
    pub(crate) delivery: Delivery,
    pub(crate) usage: Usage,
    /// For OpenAI's ids.
    pub(crate) number: u64,
}

impl Form {
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Generate => Dialect::Ollama,
            Self::ChatCompletion => Dialect::OpenAi,
        }
    }
}

impl Wire {
    pub(crate) fn content_type(&self) -> &'static str {
        match (self.delivery, self.form.dialect()) {
            (Delivery::Whole, _) => "application/json; charset=utf-8",
            (Delivery::Streamed, Dialect::Ollama) => "application/x-ndjson",
            (Delivery::Streamed, Dialect::OpenAi) => "text/event-stream",
        }
    }

    /// One piece of a stream.
    pub(crate) fn token(&self, text: &str) -> Bytes {
        match self.form.dialect() {
            Dialect::Ollama => line(&self.ollama(text, None)),
            Dialect::OpenAi => event(&self.chunk(text, None)).into(),
        }
    }

    /// The end of a stream.
    pub(crate) fn last(&self, done: Done) -> Bytes {
        if self.form.dialect() == Dialect::Ollama {
            return line(&self.ollama("", Some(done)));
        }
        let mut text = event(&self.chunk("", Some(done.reason)));
        if self.usage == Usage::Included {
            let mut chunk = self.head("chat.completion.chunk", json!([]));
            chunk.insert("usage".to_owned(), usage(done));
            text += &event(&chunk);
        }
        text += "data: [DONE]\n\n";
        text.into()
    }

    /// The whole answer as one document.
    pub(crate) fn whole(&self, text: &str, done: Done) -> Bytes {
        let document = match self.form.dialect() {
            Dialect::Ollama => self.ollama(text, Some(done)),
            Dialect::OpenAi => {
                let choice = json!({
                    "index": 0,
                    "message": { "role": "assistant", "content": text },
                    "finish_reason": word(done.reason),
                });
                let mut document = self.head("chat.completion", json!([choice]));
                document.insert("usage".to_owned(), usage(done));
                document
            }
        };
        Value::Object(document).to_string().into()
    }

    /// What is answered to a request that says nothing: the model is loaded.
    pub(crate) fn loaded(&self) -> Bytes {
        let mut document = self.ollama("", None);
        document.insert("done".to_owned(), true.into());
        document.insert("done_reason".to_owned(), "load".into());
        line(&document)
    }

    fn ollama(&self, text: &str, done: Option<Done>) -> Map<String, Value> {
        let created = humantime::format_rfc3339_nanos(now()).to_string();
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("model", MODEL.into());
        put("created_at", created.into());
        match self.form {
            Form::Generate => put("response", text.into()),
            _ => put("message", json!({ "role": "assistant", "content": text })),
        };
        put("done", done.is_some().into());
        if let Some(done) = done {
            put("done_reason", word(done.reason).into());
            put(
                "total_duration",
                nanos(done.waited + done.prompt_took + done.answer_took),
            );
            put("load_duration", nanos(done.waited));
            put("prompt_eval_count", done.prompt_tokens.into());
            put("prompt_eval_duration", nanos(done.prompt_took));
            put("eval_count", done.tokens.into());
            put("eval_duration", nanos(done.answer_took));
        }
        line
    }

    fn chunk(&self, text: &str, reason: Option<Reason>) -> Map<String, Value> {
        let choice = json!({
            "index": 0,
            "delta": { "role": "assistant", "content": text },
            "finish_reason": reason.map(word),
        });
        self.head("chat.completion.chunk", json!([choice]))
    }

    fn head(&self, object: &str, choices: Value) -> Map<String, Value> {
        let created = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let members = [
            ("id", json!(format!("chatcmpl-{}", self.number))),
            ("object", object.into()),
            ("created", created.as_secs().into()),
            ("model", MODEL.into()),
            ("system_fingerprint", "fp_ollama".into()),
            ("choices", choices),
        ];
        members
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

fn usage(done: Done) -> Value {
    json!({
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.tokens,
        "total_tokens": done.prompt_tokens + done.tokens,
    })
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Stop => "stop",
        Reason::Length => "length",
    }
}

fn line(document: &Map<String, Value>) -> Bytes {
    let mut line = json!(document).to_string();
    line.push('\n');
    line.into()
}

fn event(document: &Map<String, Value>) -> String {
    format!("data: {}\n\n", json!(document))
}

/// A duration in whole nanoseconds.
fn nanos(duration: Duration) -> Value {
    u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX)
        .into()
}

#[allow(
    clippy::disallowed_methods,
    reason = "an answer says when it was made; nothing depends on it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
