//! Admission: the gate and its line.
//!
//! # Why
//!
//! At most *capacity* answers are relayed at any moment, over all requests, instances and hosts that share one
//! key-value store; the rest wait in strict order of arrival, and nothing leaks when somebody dies. The store offers
//! one atomic counter and keys that only their owner writes: there is no compare-and-swap, and nothing on a request's
//! way lists keys.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | gate | the whole |
//! | line | those who wait |
//! | ticket | a request's number, drawn from the counter |
//! | record | the ticket's own key, written by that request only, renewed by its holder |
//! | view | the tickets that were active when this one started, and where each relays; it stands in the record |
//! | capacity | how many may relay at once: `max_concurrent`, or what the upstreams take together if that is less |
//! | room | the capacity, and each upstream's share of it |
//! | start | become active |
//! | shed | be refused because the line is full |
//! | lapse | let a record go unrenewed for its time to live |
//! | pass over, strike | take a lapsed one for gone, before it started, after it started |
//! | verdict | the key in which that judgement is written down |
//! | grace | how long an absent first record is waited for |
//! | epoch | a random word in every key: a store that was emptied has another one |
//! | main line, batch line | the line whose tickets start requests; the one behind it, whose tickets grant the right |
//! | right | what one request of the batch line has at a time: to draw in the main line |
//! | places | what one client with a key has at the gate, waiting or relayed |
//!
//! # Shape
//!
//! [`Turn`] is one request's way through the gate, [`Census`] a reading of the whole line, [`Sweep`] the rare search
//! for strays. All three are state machines: time and what was read come in, store operations go out, one at a time.
//! The component, the simulation and the model checker drive the same `step`; there is no second copy of the rules.
//!
//! # What it does not do
//!
//! No I/O, clock, randomness or WASM. It knows nothing of HTTP, models or clients' keys.

pub mod board;
pub mod history;
pub mod instance;
mod mutant;
pub mod policy;
pub mod reader;
pub mod session;
pub mod store;
pub mod term;
pub mod times;

mod behind;
mod census;
mod clock;
mod counts;
mod estimate;
mod fairness;
mod key;
mod lane;
mod ledger;
mod line;
mod record;
mod room;
mod rule;
mod settings;
mod sweep;
#[cfg(test)]
mod testing;
mod turn;
mod upkeep;

#[cfg(test)]
mod check;
#[cfg(test)]
mod explore;

pub use behind::{Behind, RIGHT_LOOK_MS, Way};
pub use census::{Census, CensusStep, WALK_MAX};
pub use clock::{Now, Sightings};
pub use counts::{Counts, Spread};
pub use estimate::{Estimate, estimate, retry_after_s};
pub use fairness::Holdings;
pub use key::{Epoch, Key, Op, Ticket, Value};
pub use lane::Lane;
pub use ledger::{Figures, Ledger};
pub use line::Line;
pub use record::{Record, Standing, Unreadable};
pub use room::{Held, Load, MAX_UPSTREAMS, Room};
pub use settings::{Settings, SettingsError};
pub use sweep::{Sweep, SweepStep, VERDICT_KEPT_MS};

pub use turn::{Effect, Errand, Event, Identity, Illegal, Outcome, Phase, Stop, Turn};
pub use upkeep::{Call, Next, PAUSE_MS, Upkeep};
