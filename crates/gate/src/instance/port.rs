//! What goes in and out of [`super::Instance::step`].

use std::fmt;
use std::sync::Arc;

use crate::clock::Now;
use crate::models::Models;
use crate::room::Room;
use crate::store::{Found, Key, Op};

/// What the world is like at this step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The two clocks of this process.
    pub now: Now,
    /// How many may relay, in all and at each upstream; 0 for one whose breaker is open.
    pub room: Room,
    /// What is known of models at the upstreams.
    pub models: Arc<Models>,
    /// A random number that was not used before.
    pub random: u64,
    /// How long an operation on the store takes at present, in milliseconds; 0 where that is not known.
    pub op_ms: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A rest is over: its time has come, or something was noted. Also the first event of all.
    Due,
    /// The put or delete was acknowledged.
    Done,
    /// The counter was raised to this number; 0: it is one of terms, and was lost before.
    Added(u64),
    /// The write is known never to have been sent.
    NotDone,
    /// The write failed, or was not answered in time: it may be done, or be done later, or never.
    Unresolved,
    /// What the reads found, in the order of their keys.
    Read(Vec<Found>),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Perform this write, and wait for it no longer than that.
    Write {
        /// The write.
        op: Op,
        /// After so long it is [`Event::Unresolved`].
        patience_ms: u64,
    },
    /// Read these keys, side by side and in any order.
    Read {
        /// The keys; at least one.
        keys: Vec<Key>,
        /// After so long what is missing is [`Found::Failed`].
        patience_ms: u64,
    },
    /// Nothing to do before that time (monotonic), unless something is noted.
    Rest {
        /// The monotonic time of the next [`Event::Due`].
        until_ms: u64,
    },
    /// Nothing to do until something is noted: no session is left, the driver may end.
    Quiet,
}

/// An event that does not belong to what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illegal;

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event does not answer what was asked for")
    }
}

impl std::error::Error for Illegal {}
