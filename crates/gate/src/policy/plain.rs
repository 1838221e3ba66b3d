//! Plain order: what a scheduler falls back to when the policy failed, or when two takers died on one board (rule 30).
//!
//! Everybody in the order of the line, newcomers last, within the limits; no classes, no shares, no turns of models. Nothing of
//! the policy's own field is read.

use super::{Again, Asks, Decision, Draft, Field, Policy, join, order};
use crate::board::{Board, LINE_MAX, Mark, Rank, Unlawful, Waiting};
use crate::models::Models;
use crate::policy::Refusal;

/// What is to be done, in this order.
///
/// # Errors
/// A decision was not lawful; nothing is to be done then.
pub fn schedule(
    policy: &Policy<'_>,
    board: &Board,
    asks: &Asks,
) -> Result<Vec<Decision>, Unlawful> {
    let policy = &Policy {
        models: &Models::NONE,
        ..*policy
    };
    let mut draft = Draft::of(policy, board, &asks.silent);
    draft.board.policy = Field::default();
    draft.cancel(&asks.cancels)?;
    for one in &asks.joined {
        if draft.board.knows(one.ask) || draft.board.member(one.ask.session).is_none() {
            continue;
        }
        let queued = draft.board.count().queued;
        let most = match one.again {
            Again::No => policy.rules.max_queue,
            Again::Resumed => join::most_resumed(&draft, &policy.rules),
            Again::Rejoined => u32::MAX,
        };
        let most = draft.unused().saturating_add(most);
        let is_full = draft.board.line.len() >= LINE_MAX || queued >= most;
        let waiting = Waiting {
            ask: one.ask,
            class: one.class,
            rank: Rank::Front,
            client: one.client,
            guard: one.guard,
            wants: one.wants,
            waited_ms: one.waited_ms,
            mark: is_full.then_some(Mark::Refused(Refusal::QueueFull)),
        };
        let at = draft.board.line.len();
        draft.decide(Decision::List { waiting, at })?;
    }
    draft.move_on(&asks.moves)?;
    while let Some((ask, upstream)) = order::next(&draft) {
        draft.decide(Decision::Grant { ask, upstream })?;
    }
    Ok(draft.decisions)
}
