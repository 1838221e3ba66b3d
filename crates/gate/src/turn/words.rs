//! What a turn is told, what it asks for, where it stands and how it ends.

use std::fmt;

use crate::{Figures, Op, Ticket, Value};

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// To relay an answer.
    Serve,
    /// To strike and delete what the dead and the leavers left, in one ordinary start and finish without a request.
    Tidy,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The turn begins.
    Begin,
    /// Answer to [`Op::Draw`].
    Drawn(Ticket),
    /// Answer to [`Op::Get`].
    Got(Option<Value>),
    /// Answer to [`Op::Put`] and [`Op::Delete`].
    Done,
    /// The operation failed, or took too long: done or not done, nobody knows.
    Failed,
    /// The rest is over, or there is reason to look before it is.
    Due,
    /// The answer ended. Only while it relays.
    Served(Figures),
    /// The client left or waited too long, or something else ends this turn.
    Leave,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// One operation on the store. Its outcome is the next event.
    Store(Op),
    /// Nothing until then (on the monotonic clock), or until [`Event::Served`] or [`Event::Leave`].
    Rest {
        /// When [`Event::Due`] is due, in milliseconds of the monotonic clock.
        until_ms: u64,
    },
    /// The turn is over; [`Turn::phase`](crate::Turn::phase) says how.
    Over,
}

/// Where a turn stands, for those who serve the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No ticket yet, or in line.
    Queued,
    /// The request may be sent upstream; nothing may be relayed yet. A turn can fall back to [`Phase::Queued`]: then
    /// what was sent is dropped.
    Sending,
    /// The answer may be relayed, as long as [`Turn::lapsed`](crate::Turn::lapsed) says no.
    Relaying,
    /// Nothing may be relayed any more; the record is being closed.
    Closing(Outcome),
    /// The turn is over.
    Over(Outcome),
}

impl Phase {
    /// Whether the turn holds a place, and then whether it waits; `None`: it is over, or as good as that.
    pub fn holds_a_place(&self) -> Option<bool> {
        match self {
            Phase::Queued => Some(true),
            Phase::Sending | Phase::Relaying => Some(false),
            Phase::Closing(_) | Phase::Over(_) => None,
        }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The answer ended.
    Served,
    /// It left, waiting or relaying.
    Left,
    /// Somebody who knows the ticket asked it to stop.
    Cancelled,
    /// It was relaying and had to stop.
    Stopped(Stop),
    /// The store could not be reached for too long.
    StoreUnavailable,
}

/// Why a holder had to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// It could not renew its record in time.
    Lapsed,
    /// Others took it for dead.
    Condemned,
    /// The store was emptied.
    EpochGone,
}

/// That event does not belong to that state: a fault of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal {
    pub(super) state: String,
    pub(super) event: String,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} does not belong to the state {}",
            self.event, self.state
        )
    }
}

impl std::error::Error for Illegal {}
