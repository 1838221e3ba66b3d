//! Who joins the line, where, and who is refused.
//!
//! # Places
//!
//! Whoever comes stands last among those in front, or last among those behind. Only an ask that has waited longer by
//! [`KEEPS_TURN_MS`] than others stands before them: one whose session was over and that asks again, or a place that is
//! resumed. So a place that somebody was told never gets worse among its like but for that reason.

use super::{Class, Decision, Draft, Joined, Refusal, Rules};
use crate::board::{LINE_MAX, Mark, Rank, Unlawful, Waiting};

/// An ask that has waited longer than another by so much stands before it, in milliseconds: more than a round lasts, so that
/// the order in which outboxes are read moves nobody, and less than a time to live.
pub const KEEPS_TURN_MS: u64 = 1_000;

/// Lists all who joined, the longest waited first.
pub(super) fn join(
    draft: &mut Draft<'_>,
    rules: &Rules,
    joined: &[Joined],
) -> Result<(), Unlawful> {
    let mut joined = joined.to_vec();
    joined.sort_by_key(|one| (std::cmp::Reverse(one.waited_ms), one.ask));
    for one in joined {
        if draft.board.knows(one.ask) || draft.board.member(one.ask.session).is_none() {
            continue;
        }
        let mark = refusal(draft, rules, &one).map(Mark::Refused);
        let rank = rank(draft, &one);
        let at = match mark {
            None => place(&draft.board.line, rank, one.waited_ms),
            Some(_) => draft.board.line.len(),
        };
        let waiting = Waiting {
            ask: one.ask,
            class: one.class,
            rank,
            client: one.client,
            guard: one.guard,
            wants: one.wants,
            waited_ms: one.waited_ms,
            mark,
        };
        draft.decide(Decision::List { waiting, at })?;
    }
    Ok(())
}

/// A batch request stands behind, and so does a client's next while one of its requests waits.
fn rank(draft: &Draft<'_>, one: &Joined) -> Rank {
    let waits_already = draft.board.holdings(one.client).queued > 0;
    match one.class {
        Class::Interactive if !waits_already => Rank::Front,
        Class::Interactive | Class::Batch => Rank::Behind,
    }
}

fn refusal(draft: &Draft<'_>, rules: &Rules, one: &Joined) -> Option<Refusal> {
    if draft.board.line.len() >= LINE_MAX {
        return Some(Refusal::QueueFull);
    }
    if one.again {
        return None;
    }
    let held = draft.board.holdings(one.client);
    if one.client != 0 && held.active.saturating_add(held.queued) >= rules.places_per_client {
        return Some(Refusal::PlacesTaken);
    }
    let free = draft.unused();
    let queued = draft.board.count().queued;
    // Those who can wait take half of the places at most, so that the others are never refused because of them alone.
    let half = free.saturating_add(rules.max_queue.div_ceil(2));
    let is_half = one.class == Class::Batch && draft.board.queued_behind() >= half;
    let is_full = queued >= free.saturating_add(rules.max_queue);
    (is_full || is_half).then_some(Refusal::QueueFull)
}

fn place(line: &[Waiting], rank: Rank, waited_ms: u64) -> usize {
    let is_alike =
        |other: &Waiting| other.mark.is_none() && other.rank.is_in_front() == rank.is_in_front();
    let keeps_turn = |other: &Waiting| other.waited_ms.saturating_add(KEEPS_TURN_MS) <= waited_ms;
    let shorter = line
        .iter()
        .position(|other| is_alike(other) && keeps_turn(other));
    let behind_the_last_in_front = || {
        let last = line.iter().rposition(&is_alike);
        last.map_or(0, |last| last + 1)
    };
    match rank.is_in_front() {
        true => shorter.unwrap_or_else(behind_the_last_in_front),
        false => shorter.unwrap_or(line.len()),
    }
}
