//! A request's body: read as Ollama reads it, checked, and settled with what is the operator's.
//!
//! # One meaning
//! Ollama is Go: it takes a member of a struct without regard to case, and of two the later. Sluice does not imitate that.
//! Two members of one struct that fold to one name are refused, one in a strange spelling is written canonically, and bytes
//! behind the first value are refused. So what Ollama takes from what Sluice sends is what Sluice took.
//!
//! # Memory
//! The body stays the bytes that came, in any shape; what is dropped is blanked where it lies, and what is added is sent
//! between its pieces. Nothing is read by recursion.
//!
//! # What it does not do
//! It does not ask whether a model exists, nor what a text says. Members that nobody here knows pass byte for byte: a client
//! may use what Ollama learns tomorrow.

mod accept;
mod checking;
mod conversation;
mod draft;
mod duration;
mod fields;
mod invalid;
mod named;
mod needs;
mod prepared;
mod settle;
mod shape;
mod show;

pub use accept::prefers;
pub use checking::{Checked, Checking, Progress};
pub(crate) use draft::Draft;
pub use draft::{Body, Payload, Sending};
pub use duration::duration_ns;
pub use invalid::{Code, Invalid};
pub use needs::Needs;
pub use prepared::{Asker, Prepared, prepare, prepare_checked};
pub(crate) use settle::smaller;
pub use show::{Show, show};

/// The longest name of a model, in bytes. It stands in every line of a waiting client.
pub const MAX_MODEL_NAME: usize = 256;

#[cfg(test)]
mod tests;
