//! The heir of the next slot that is free (rule 26).

use serde::{Deserialize, Serialize};

use super::{AskId, Board, Grant};

/// One who waits and has the next slot that is free, whatever is decided afterwards: it may start as soon as it reads that a grant of
/// this board has ended (rule 26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heir {
    /// Whose ask.
    pub ask: AskId,
    /// Where.
    pub upstream: u8,
    /// How many grants there were when it was named: one less is a slot that is free.
    pub of: u32,
}

impl Board {
    /// Whether a slot is free that is the heir's, where so many may relay.
    pub(crate) fn heir_is_due(&self, capacity: u32) -> bool {
        let granted = u32::try_from(self.grants.len()).unwrap_or(u32::MAX);
        self.heir
            .is_some_and(|heir| granted < heir.of.max(capacity))
    }

    /// The heir has its slot: it may have started. So it is asked neither for a sign of life nor for a mark; one that was told that it
    /// does not start is to be stopped.
    pub(crate) fn give_to_heir(&mut self) -> Option<AskId> {
        let Heir { ask, upstream, .. } = self.heir.take()?;
        let at = self.line.iter().position(|waiting| waiting.ask == ask)?;
        let waiting = self.line.remove(at);
        let place = self.grants.partition_point(|grant| grant.ask < ask);
        let grant = Grant {
            recall: waiting.mark.is_some(),
            ..waiting.granted(upstream)
        };
        self.grants.insert(place, grant);
        Some(ask)
    }

    /// Whoever does not wait is no heir.
    pub(super) fn forget_heir(&mut self) {
        let line = &self.line;
        self.heir
            .take_if(|heir| !line.iter().any(|waiting| waiting.ask == heir.ask));
    }
}
