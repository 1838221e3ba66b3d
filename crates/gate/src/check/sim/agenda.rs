//! The agenda of a simulated world: what falls due, and in which order.

use super::plan::Fault;
use crate::{Lane, Op};

/// What falls due.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Arrive,
    /// The store does the operation that this instance has under way.
    Effect(usize, u64),
    /// Its outcome comes back.
    Answer(usize, u64),
    /// The rest of a request is over, if it is still the same.
    Due(usize, u32),
    Hangup(usize),
    /// The answer of a request has ended, if its start still stands.
    Served(usize, u32),
    /// Somebody in this instance is to be shown the line.
    Read(usize),
    /// The upkeep of this instance has rested.
    Upkeep(usize, Lane),
    /// A request that stands behind the main line sees how it stands.
    Usher(usize),
    /// Calls of this instance may have waited for too long.
    Patience(usize),
    Fault(Fault),
    Wake(usize),
    /// A write arrives that was reported as failed.
    Land(Op),
}

/// When it falls due, in microseconds; how many were noted before it, which decides between equals; and what it is.
pub(super) struct Entry(pub(super) u64, pub(super) u64, pub(super) Item);

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
