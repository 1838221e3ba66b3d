//! OpenAI's responses in terms of Ollama's own chat, and back.
//!
//! # Why
//! As for chat completions: a body for `/v1/responses` carries no options of the runner, so that relayed it would have Ollama load
//! the model anew. Where such options are set, it goes to `/api/chat`.
//!
//! # Limits
//! What Ollama's own `/v1/responses` reads is translated, and in the same way; what it does not read (`tool_choice`, `store`,
//! `previous_response_id`, `metadata` …) is left out: nothing is stored there or here. A picture must be a `data:` URL. An answer
//! repeats what was asked, members longer than [`MAX_REPEATED`] aside, and at its end all that it has said, up to
//! [`crate::framing::MAX_LINE`]. A namespace of tools holds no other.
//!
//! # Where it differs from Ollama's
//! - A text beside calls is an item of its own; Ollama's own is lost, or shares its number with the first call.
//! - An error is told, as `response.failed` and as `error`; Ollama's stream just ends.
//!
//! An answer that was cut at its limit is `completed`, as there.
//!
//! # What it does not do
//! A search of the web is Ollama's own doing, with its operator's account: a request that asks for it is relayed where it is
//! allowed at all.

mod answer;
mod ask;
mod content;
mod input;
mod repeated;
mod tools;

use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use answer::Writer;
pub(crate) use ask::to_chat;

/// How a response is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// In which way.
    pub way: Way,
    /// What was asked, as the answer repeats it: members of an object, as JSON without its braces.
    pub repeated: Bytes,
}

/// In which way a response is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One document.
    Document,
    /// Typed events.
    Stream,
}

/// The frames of an error in a stream of responses: the end of the response, which typed clients and Codex read, and the error by
/// itself, for clients that look for one in any stream. The first has the number `sequence`.
pub(crate) fn failed(
    mut response: Value,
    code: &str,
    kind: &str,
    message: &str,
    sequence: u64,
) -> String {
    response["status"] = "failed".into();
    response["error"] = json!({ "code": code, "message": message });
    let failed = json!({
        "type": "response.failed", "sequence_number": sequence, "response": response,
    });
    let error = json!({
        "type": "error", "sequence_number": sequence.saturating_add(1), "code": code, "message": message, "param": null,
        "error": { "message": message, "type": kind, "code": code, "param": null },
    });
    format!("event: response.failed\ndata: {failed}\n\nevent: error\ndata: {error}\n\n")
}

/// How long what an answer repeats may be, in bytes as it is written. It is held as long as the answer is relayed, and written three
/// times.
pub const MAX_REPEATED: usize = 256 * 1024;

#[cfg(test)]
mod tests;
