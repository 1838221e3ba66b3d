//! The heirs of the next slots that are free (rule 26).

use serde::{Deserialize, Serialize};

use super::{AskId, Board, Grant, Mark};
use crate::room::Room;
use crate::store::SessionNo;

/// The most heirs at a time. While the first takes its slot another answer may end, and the board that says so takes several operations.
pub const HEIRS_MAX: usize = 2;

/// One who waits and has one of the next slots that are free, whatever is decided afterwards: the first heir may start as soon as it
/// knows that a grant of this board has ended, the second as soon as two have (rule 26).
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
    /// Gives each heir its slot that is free: it may have started. So it is asked neither for a sign of life nor for a mark; one that was
    /// cancelled meanwhile is to be stopped. Where nobody may start the slot stays free, unless its heir has started. `is_quick`: their
    /// grants are provisional, unless they have said that they have started. How many they were.
    pub(crate) fn give_to_heirs(&mut self, room: &Room, is_quick: bool) -> u64 {
        let mut given = 0;
        while let Some(at) = self.heir_that_is_due(room) {
            let heir = self.heirs.remove(at);
            given += u64::from(self.give_to_heir(heir, is_quick).is_some());
        }
        given
    }

    /// The first heir whose slot is free and is to be given to it: those before it have one each.
    fn heir_that_is_due(&self, room: &Room) -> Option<usize> {
        let mut heirs = self.heirs.iter().enumerate();
        let due = heirs.find(|(at, heir)| {
            let may_start = heir.started || room.limit(heir.upstream.into()) > 0;
            let slots = usize::try_from(heir.of.max(room.capacity())).unwrap_or(usize::MAX);
            may_start && self.grants.len().saturating_add(*at) < slots
        });
        due.map(|(at, _)| at)
    }

    fn give_to_heir(&mut self, heir: Heir, is_quick: bool) -> Option<AskId> {
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

    /// Whether an heir is of this session.
    pub(crate) fn has_heir_of(&self, session: SessionNo) -> bool {
        self.heirs.iter().any(|heir| heir.ask.session == session)
    }

    /// Whether this ask is an heir.
    pub(crate) fn is_heir(&self, ask: AskId) -> bool {
        self.heirs.iter().any(|heir| heir.ask == ask)
    }

    /// This ask says that it has started.
    pub(crate) fn note_started(&mut self, ask: AskId) {
        for heir in self.heirs.iter_mut().filter(|heir| heir.ask == ask) {
            heir.started = true;
        }
    }

    /// Whoever does not wait is no heir.
    pub(super) fn forget_heirs(&mut self) {
        let line = &self.line;
        self.heirs
            .retain(|heir| line.iter().any(|waiting| waiting.ask == heir.ask));
    }
}
