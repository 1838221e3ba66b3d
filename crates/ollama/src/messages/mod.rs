//! Anthropic's messages in terms of Ollama's own chat, and back.
//!
//! # Why
//! Ollama serves `/v1/messages`, but its body carries no options of the runner and no `truncate`: relayed it would have Ollama
//! load the model anew, and a prompt that does not fit would be cut without a word. So it goes to `/api/chat`.
//!
//! # Limits
//! What Ollama's own `/v1/messages` reads is translated, and in the same way. Whatever else comes (`cache_control`,
//! `context_management`, `tool_reference`, a block or a beta that nobody here knows) is left out and refuses nothing: the clients
//! of this dialect send more with each version. A picture must be in base64: nothing is fetched for a client.
//!
//! # Where it differs from Ollama's
//! - The end tells `stop_sequence`, as Anthropic's does: typed clients want it. It is null, since Ollama does not say which it was.
//! - Calls that were cut at the limit end with `max_tokens`: a client must know that something may be missing.
//! - Thinking that comes after a text is a block of its own; Ollama's loses it.
//! - An error is told, as `event: error`; Ollama's stream just ends.
//!
//! # What it does not do
//! A search of the web is Ollama's own doing, with its operator's account: a request that asks for it is relayed where it is
//! allowed at all.

mod answer;
mod ask;
mod content;
mod models;

use serde_json::{Value, json};

pub(crate) use answer::Writer;
pub(crate) use ask::{Think, to_chat};
pub use models::models;

/// How a message is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One document.
    Document,
    /// Events.
    Stream {
        /// How many tokens the prompt may have: what is told before anybody has counted them.
        prompt_tokens: u64,
    },
}

/// Anthropic's error document, with the word for its kind.
pub fn error_document(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}

#[cfg(test)]
mod tests;
