//! What health and metrics tell of an instance.

use super::Instance;
use crate::clock::Now;
use crate::term::Tally;

/// What health and metrics tell of this instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether it is the scheduler, and of which term.
    pub term: Option<u64>,
    /// How long nothing is granted yet since the store was founded or emptied.
    pub settling_ms: Option<u64>,
    /// Plain order is in force, because two takers before left no board or the policy failed.
    pub degraded: bool,
    /// The newest board cannot be read by this version.
    pub unreadable: bool,
    /// The newest board was made with other settings than this instance's.
    pub differs: bool,
    /// Since when, in milliseconds, no operation on the store has succeeded; `None` after one that did.
    pub failing_ms: Option<u64>,
    /// Sums since the instance began.
    pub sums: Sums,
}

/// What an instance has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sums {
    /// Sessions begun.
    pub sessions: u64,
    /// Terms drawn.
    pub terms: u64,
    /// Terms drawn because nothing new was seen for `takeover`.
    pub takeovers: u64,
    /// Boards put that did not pass.
    pub fence_failures: u64,
    /// Boards that passed.
    pub boards: u64,
    /// Bytes of the last board put.
    pub board_bytes: u64,
    /// Sessions that were found lapsed.
    pub lapsed: u64,
    /// Grants that left the board because their session had lapsed, or was silent before it started them.
    pub lost: u64,
    /// Slots times milliseconds in which a slot was free while somebody waited, by cause: nothing was granted yet after the
    /// store was founded or emptied.
    pub idle_settling_ms: u64,
    /// The same: nobody was the scheduler.
    pub idle_takeover_ms: u64,
    /// The same: the grant was decided, and its board on its way.
    pub idle_handoff_ms: u64,
}

impl Sums {
    /// Takes over what a term has counted.
    pub(super) fn take_in(&mut self, tally: &mut Tally) {
        let tally = std::mem::take(tally);
        self.lapsed = self.lapsed.saturating_add(tally.lapsed);
        self.lost = self.lost.saturating_add(tally.lost);
        self.idle_settling_ms = self.idle_settling_ms.saturating_add(tally.settling_ms);
        self.idle_handoff_ms = self.idle_handoff_ms.saturating_add(tally.handoff_ms);
    }
}

impl Instance {
    /// What health and metrics tell.
    pub fn report(&self, now: Now) -> Report {
        let board = self.board(now).map(|(board, _)| board);
        let closed = self.term.as_ref().filter(|term| !term.board.open);
        let settling_ms = match (closed, board) {
            (Some(term), _) => Some(self.left_to_settle_ms(term.closed_since, now)),
            (None, Some(board)) if !board.open => Some(self.times.ttl_ms),
            (None, _) => None,
        };
        let session = self.session.as_ref();
        Report {
            term: self.term.as_ref().map(|term| term.no),
            settling_ms,
            degraded: board.is_some_and(|board| board.degraded),
            unreadable: session.is_some_and(|session| session.unreadable_since.is_some()),
            differs: board.is_some_and(|board| {
                board.settings != 0 && board.settings != self.rules.signature()
            }),
            failing_ms: self
                .failing_since
                .map(|since| now.mono_ms.saturating_sub(since)),
            sums: self.sums,
        }
    }

    fn left_to_settle_ms(&self, since_ms: u64, now: Now) -> u64 {
        let waited_ms = now.mono_ms.saturating_sub(since_ms);
        self.times.ttl_ms.saturating_sub(waited_ms)
    }
}
