//! Admission: the gate, a scheduler on a fenced board.
//!
//! # Why
//!
//! At most *capacity* answers are relayed at any moment, over all requests, instances and hosts that share one key-value store. Who
//! waits is served in the order that one pure function decides ([`policy`]). Nothing is lost when anybody dies. The store offers get,
//! put and delete of whole keys and one atomic fetch-and-add; there is no compare-and-swap, nothing on a request's way lists keys,
//! and no clocks are compared between hosts.
//!
//! # How
//!
//! One session at a time, the scheduler, writes down the whole state. The safety argument is about who may write it and who may
//! believe it: a board counts only for who read it, then that its term is still the newest, then that the epoch is the same, in this
//! order. So a take-over is safe at any time, and no order has to be kept for safety's sake.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | session | one instance's membership, with one to 128 requests |
//! | outbox | a session's own key: what it asks, and what has ended |
//! | board | the state, written by the scheduler of its term only |
//! | term | a number drawn by fetch-and-add; who drew the newest is the scheduler |
//! | ask | a request that wants to start: the session's number, and which of its requests it is |
//! | grant | its permission, on the board |
//! | fence | board, then term, then epoch, in that order |
//! | passed | a board that was read or put under the fence |
//! | epoch | a random word in every key: a store that was emptied has another one |
//! | lapse | a session that went unrenewed for its time to live |
//! | heir | one who waits and has the next slot that is free, or the one after that |
//! | next | among the first few who wait for their model |
//! | sign of life | another beat in an outbox: it comes before a grant |
//! | away | of a session that was next and gave no sign of life: it is passed over until it does |
//! | condemned | marked on the board as lapsed; removed after one more reading |
//! | open | a board that may hold new grants |
//! | idle | a board whose scheduler has nothing to do and may be replaced |
//! | line | those who wait |
//! | room | how many may relay, in all and at each upstream |
//!
//! # Shape
//!
//! [`instance::Instance`] is one instance's side as one machine: time and what was read come in, store operations go out, one at a
//! time. [`reader::Reader`] is who is no session. [`history`] checks, knowing nothing of all this, what came of it. The component,
//! the simulation and the model check drive the same `step`; there is no second copy of the rules.
//!
//! # What it does not do
//!
//! No I/O, clock, randomness or WASM. It knows nothing of HTTP, names of models or clients' keys: both are numbers here.

pub mod board;
pub mod history;
pub mod instance;
pub mod models;
mod mutant;
pub mod policy;
pub mod reader;
pub mod replay;
pub mod session;
pub mod store;
pub mod term;
pub mod times;

mod clock;
mod room;

#[cfg(test)]
mod explore;

pub use clock::Now;
pub use models::Wants;
pub use room::{Load, MAX_UPSTREAMS, Room};
