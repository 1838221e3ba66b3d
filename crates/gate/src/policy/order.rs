//! Who is first.
//!
//! # The order
//!
//! The line stands in the order in which it is served: those in front, each where it joined, then those behind. So the first
//! who may start is the next: one whose model has no place holds up those of that model and nobody else. A batch request and a
//! client's second waiting request stand behind; the first of them steps in front, where it stands, once nobody else waits there
//! or after `batch_wait_max`, but only one at a time: whoever comes to the front finds at most that one more before it.

use super::upstream::Openings;
use super::{Decision, Draft, Rules};
use crate::board::{AskId, Rank, Unlawful, Waiting};

/// Who is served next and where, if anybody waits who may start. Whoever cannot start holds up those of its own model alone.
pub(super) fn next(draft: &Draft<'_>) -> Option<(AskId, u8)> {
    let openings = Openings::of(draft);
    if !openings.any() {
        return None;
    }
    let mut held_up: Vec<u64> = Vec::new();
    let board = &draft.board;
    let mut line = board
        .waiting()
        .filter(|waiting| board.is_there(waiting.ask.session));
    line.find_map(|waiting| {
        let model = waiting.wants.model;
        if held_up.contains(&model) {
            return None;
        }
        let is_silent = draft.silent.binary_search(&waiting.ask.session).is_ok();
        let upstream = openings.choose(waiting.wants, 0).filter(|_| !is_silent);
        if upstream.is_none() {
            held_up.push(model);
        }
        upstream.map(|upstream| (waiting.ask, upstream))
    })
}

/// Lets the first of those behind step in front, if its turn has come.
pub(super) fn promote(draft: &mut Draft<'_>, rules: &Rules) -> Result<(), Unlawful> {
    let waits = |rank: Rank| draft.board.present().any(|waiting| waiting.rank == rank);
    if waits(Rank::Promoted) {
        return Ok(());
    }
    let first = draft
        .board
        .present()
        .find(|waiting| waiting.rank == Rank::Behind);
    let comes = |first: &Waiting| !waits(Rank::Front) || first.waited_ms >= rules.batch_wait_max_ms;
    if let Some(ask) = first.filter(|first| comes(first)).map(|first| first.ask) {
        draft.decide(Decision::Promote { ask })?;
    }
    Ok(())
}
