//! Ollama's wire forms, pure: what a request may say, what the operator adds to it, how an answer is framed and what a
//! waiting client is told meanwhile. No I/O, no clock, no WASM: bytes come in, bytes and verdicts go out.

mod by_model;
pub mod endpoint;
pub mod framing;
pub mod heartbeat;
pub mod json;
pub mod messages;
pub mod names;
pub mod openai;
pub mod options;
pub mod request;
pub mod responses;
pub mod translation;

pub use by_model::{Alias, ForModels, Override};
pub use endpoint::{Endpoint, Form};
pub use framing::{AnswerWatch, Passage, Verdict};
pub use heartbeat::{Alternative, Heartbeat, Place};
pub use names::{ModelName, ModelPattern};
pub use options::Policy;
pub use request::{Asker, Invalid, Prepared, prepare, prepare_checked};
pub use translation::{Delivery, Translation};
