//! A scriptable, deterministic Ollama for tests and demonstrations.
//!
//! [`Sim::start`] opens a server that speaks Ollama's own routes and OpenAI's under `/v1`, with the shapes of the
//! real one and text of its own. What an answer does (how long, how fast, and how it goes wrong) is a [`Script`].
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
//! byte. [`Counts`] hold exactly how many there are, were at most, and how they ended; [`Recorded`] is one request, in
//! order of arrival. [`Sim::wait_until`] waits on the counts without sleeping.
//!
//! # What it does not do
//!
//! It knows no language, loads no model, and keeps nothing on disk. Operator routes (pull, delete, …) answer 200 and
//! are recorded, so that a test can assert that nothing reached them. It makes no tool calls.

mod answer;
mod body;
mod catalog;
mod control;
mod entry;
mod generate;
mod ledger;
mod options;
mod plan;
mod request;
mod routes;
mod script;
mod server;
mod state;
mod text;
mod tls;
mod wire;

pub use ledger::{Counts, Outcome, Recorded, Streams};
pub use options::{Clock, Options};
pub use script::{BadScript, Fault, Notice, Script};
pub use server::Sim;
pub use text::Text;
pub use tls::Identity;
