//! Records how a server answers: one [`Transcript`] for each [`Case`].
//!
//! # Why
//! What a real Ollama answered is the specification of this simulator and of the gateway's translations. Requests go over a raw
//! socket, so that the head, the chunks and the end of a body are kept as they were sent.
//!
//! # What it does not do
//! It speaks HTTP/1 without TLS, one connection a request. It compares nothing: the tests do.

mod case;
mod exchange;
mod folder;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use case::{Case, cases};
pub use exchange::{Server, exchange};
pub use folder::Folder;

/// One answer, as it was sent.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Transcript {
    /// The name of the case; behind an `@` those of the settings under which it was recorded.
    pub case: String,
    /// The version that answered.
    pub ollama: String,
    /// Ollama's settings, where they were not those of most transcripts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// The status; 0: there was no head.
    pub status: u16,
    /// The headers, without the date.
    pub headers: Map<String, Value>,
    /// Statuses that came before it, such as 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub informational: Vec<u16>,
    /// The chunks of the body, or the whole of it; `{"cut": …}` for what was left out.
    pub frames: Vec<Value>,
    /// How the body ended.
    pub end: String,
    /// When the head was there, in milliseconds since the request.
    pub head_at_ms: Option<f64>,
    /// When it ended.
    pub end_at_ms: f64,
}

/// Reads transcripts, one a line.
///
/// # Errors
/// A line is none.
pub fn transcripts(lines: &str) -> serde_json::Result<Vec<Transcript>> {
    lines.lines().map(serde_json::from_str).collect()
}

/// Letters of a chunk that a transcript keeps.
pub const LONGEST: usize = 4_000;
