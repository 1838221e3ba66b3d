//! The heir of the next slot that is free (rule 26).

use serde::{Deserialize, Serialize};

use super::{AskId, Board, Grant, Mark};
use crate::room::Room;
use crate::store::SessionNo;

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
    /// It has said that it has started.
    pub started: bool,
}

impl Board {
    /// Whether a slot is free that is the heir's and is to be given to it. Where nobody may start the slot stays free, unless it has
    /// started.
    pub(crate) fn heir_is_due(&self, room: &Room) -> bool {
        let granted = u32::try_from(self.grants.len()).unwrap_or(u32::MAX);
        self.heir.is_some_and(|heir| {
            let may_start = heir.started || room.limit(heir.upstream.into()) > 0;
            may_start && granted < heir.of.max(room.capacity())
        })
    }

    /// The heir has its slot: it may have started. So it is asked neither for a sign of life nor for a mark; one that was cancelled
    /// meanwhile is to be stopped. `is_quick`: its grant is provisional, unless it has said that it has
    /// started.
    pub(crate) fn give_to_heir(&mut self, is_quick: bool) -> Option<AskId> {
        let heir = self.heir.take()?;
        let Heir { ask, upstream, .. } = heir;
        let at = self.line.iter().position(|waiting| waiting.ask == ask)?;
        let waiting = self.line.remove(at);
        let place = self.grants.partition_point(|grant| grant.ask < ask);
        let grant = Grant {
            recall: waiting.mark == Some(Mark::Cancelled),
            provisional: is_quick && !heir.started,
            ..waiting.granted(upstream)
        };
        self.grants.insert(place, grant);
        Some(ask)
    }

    /// Whether the heir is of this session.
    pub(crate) fn is_heir_of(&self, session: SessionNo) -> bool {
        self.heir.is_some_and(|heir| heir.ask.session == session)
    }

    /// This ask says that it has started.
    pub(crate) fn note_started(&mut self, ask: AskId) {
        let heir = self.heir.as_mut().filter(|heir| heir.ask == ask);
        if let Some(heir) = heir {
            heir.started = true;
        }
    }

    /// Whoever does not wait is no heir.
    pub(super) fn forget_heir(&mut self) {
        let line = &self.line;
        self.heir
            .take_if(|heir| !line.iter().any(|waiting| waiting.ask == heir.ask));
    }
}
