//! Who is first.
//!
//! # The order
//!
//! The line stands in the order in which it is served: those in front, each where it joined, then those behind. So the first
//! who may start is the next. A batch request and a client's second waiting request stand behind; the first of them steps in
//! front, where it stands, once nobody else waits there or after `batch_wait_max`, but only one at a time: whoever comes to
//! the front finds at most that one more before it.

use super::{Decision, Draft, Rules};
use crate::board::{AskId, Board, Rank, Unlawful, Waiting};

/// Who is served next, if anybody waits who may start.
pub(super) fn next(board: &Board) -> Option<AskId> {
    let mut line = board.waiting();
    line.find(|waiting| board.counts(waiting.ask.session))
        .map(|waiting| waiting.ask)
}

/// Lets the first of those behind step in front, if its turn has come.
pub(super) fn promote(draft: &mut Draft, rules: &Rules) -> Result<(), Unlawful> {
    let waits = |rank: Rank| draft.board.waiting().any(|waiting| waiting.rank == rank);
    if waits(Rank::Promoted) {
        return Ok(());
    }
    let first = draft
        .board
        .waiting()
        .find(|waiting| waiting.rank == Rank::Behind);
    let comes = |first: &Waiting| !waits(Rank::Front) || first.waited_ms >= rules.batch_wait_max_ms;
    if let Some(ask) = first.filter(|first| comes(first)).map(|first| first.ask) {
        draft.decide(Decision::Promote { ask })?;
    }
    Ok(())
}
