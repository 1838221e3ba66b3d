//! OpenAI's completions in terms of Ollama's own routes, and back: those of a chat, and the older ones of a text. Its responses are in
//! [`crate::responses`].
//!
//! # Why
//! A `/v1` body carries no options, so `/api/chat` with the operator's runner options and `/v1/chat/completions` without
//! would have Ollama load the model anew again and again. Where such options are set, both go to `/api/chat`, and
//! `/v1/completions` to `/api/generate`.
//!
//! # Limits
//! What Ollama's own `/v1` reads is translated, and in the same way; what it does not read (`n`, `tool_choice`, `user` …) is
//! left out. A picture must be a `data:` URL, as there: nothing is fetched for a client.

mod answer;
mod ask;
mod message;
mod text;

use serde_json::{Value, json};

pub(crate) use answer::{Writer as ChatWriter, add_told, arguments};
pub(crate) use ask::{effort, schema_bytes, think, to_chat};
pub(crate) use message::picture;
pub(crate) use text::{Writer as TextWriter, to_generate};

/// How a completion is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One document.
    Document,
    /// Events.
    Stream,
    /// Events, and one more before the end with the tokens that were used.
    StreamWithUsage,
}

/// OpenAI's error object for the sentence of one of Ollama's.
pub(crate) fn error_document(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "api_error", "param": null, "code": null } })
}

#[cfg(test)]
mod tests;
