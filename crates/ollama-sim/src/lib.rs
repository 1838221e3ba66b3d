//! A scriptable, deterministic Ollama for tests and demonstrations, and the HTTP face of the demonstration model.
//!
//! [`Sim::start`] opens a server that speaks Ollama's own routes, and OpenAI's and Anthropic's under `/v1`, as Ollama 0.32.15
//! does: it reads JSON as Go does, knows names, capabilities and runners, and refuses in the same words at the same place.
//! Recordings of a real Ollama are its specification (`tests/transcripts/`). Text is its own. What an answer does (how long,
//! how fast, and how it goes wrong) is a [`Script`]; or a [`Generator`] answers ([`Sim::serve`]).
//!
//! # Where a script comes from
//!
//! Three places, the later winning member by member: the server's default, the front of a queue that the test fills
//! ([`Sim::push`], `POST /sim/script`), and a directive in the last message of the user,
//! `[[sim tokens=20 pace=10ms cut_at=3]]`. [`script`](Script) lists the words.
//!
//! # What it counts
//!
//! A *stream* is a request that generates: from the moment it is taken up (after the line of `parallel`) to its last
//! byte. [`Counts`] hold exactly how many there are, were at most, and how they ended, and how often a model was loaded;
//! [`Recorded`] is one request, in order of arrival. [`Sim::wait_until`] waits on the counts without sleeping.
//!
//! # What it does not do
//!
//! It knows no language and keeps nothing on disk. A token is a word. Operator routes (pull, delete, …) answer as Ollama does,
//! change nothing, and are recorded, so that a test can assert that nothing reached them.

mod answer;
mod body;
mod control;
mod embedding;
mod entry;
mod face;
mod generate;
mod generator;
mod json;
mod ledger;
mod model;
mod options;
mod plan;
pub mod record;
mod request;
mod runner;
mod schema;
mod script;
mod server;
mod state;
mod text;
mod tls;
mod wire;

pub use body::Refusal;
pub use generator::{End, Generated, Generator, Prompt, PromptText};
pub use ledger::{Counts, Outcome, Recorded, Streams};
pub use model::{Capability, Model, Template};
pub use options::{Clock, Options};
pub use request::{Message, Options as Asked};
pub use script::{BadScript, Fault, Figures, Notice, Script};
pub use server::Sim;
pub use text::Text;
pub use tls::Identity;
