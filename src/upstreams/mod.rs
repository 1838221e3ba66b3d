//! The upstreams: one or several Ollamas, which of them can be used, and what is sent to them.
//!
//! # Who does what
//!
//! The gate chooses where a request goes, since whoever schedules sees the load of every upstream on the board
//! ([`sluice_gate::Room`]). What it may choose from is said here: each upstream has a circuit breaker (`breaker`, pure),
//! whose state all instances share through the store ([`breakers`]). [`send`] sends one request once; retries are
//! [`crate::answer`]'s, which knows whether a byte was relayed. Which upstream has which model is in the [`catalog`], what runs
//! there in [`runners`].
//!
//! # What it does not do
//!
//! Nothing here asks an upstream how it is: a generation that goes well or ill is all that a breaker knows of it. Questions
//! ([`readings`]) neither heal nor harm it.

mod answer;
mod breaker;
pub mod breakers;
pub mod catalog;
mod error;
mod judge;
pub mod readings;
pub mod runners;
mod send;
mod trouble;

pub use answer::{CHUNK, UpstreamBody, UpstreamResponse};
pub use breaker::{Breaker, Cause, State};
pub use error::UpstreamError;
pub use judge::{Judged, Weight, judge};
pub use send::{Call, send};
pub use trouble::Trouble;
