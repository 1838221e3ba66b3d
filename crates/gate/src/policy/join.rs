//! Who joins the line, where, and who is refused.
//!
//! # Places
//!
//! Whoever comes stands last among those in front, or last among those behind. Only an ask that has waited longer by
//! [`KEEPS_TURN_MS`] than others stands before them: one whose session was over and that asks again, or a place that is
//! resumed. So a place that somebody was told never gets worse among its like but for that reason, and one that is resumed is
//! no worse than it was, whatever else its client has in line.
//!
//! # Bounds
//! A lost place may have been filled since, so one that is resumed may stand beside the one that has it now: there is room for each
//! place twice, and no more. Whoever cuts and resumes again and again gains nothing by it. One whose session was over was let in
//! once, without a doing of its own, and is held to [`LINE_MAX`] alone.

use super::{Again, Class, Decision, Draft, Joined, Refusal, Rules};
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
        let (rank, stood_ms) = standing(draft, rules, &one);
        let at = match mark {
            None => place(&draft.board.line, rank, stood_ms),
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

/// How it stands, and how long it has stood so. A batch request stands behind, and so does a client's next while one of its requests
/// waits. What comes again goes on where it stood: of several of a client the oldest in front, and one that had stepped in front there.
fn standing(draft: &Draft<'_>, rules: &Rules, one: &Joined) -> (Rank, u64) {
    let is_again = one.again != Again::No;
    let goes_before = |other: &Waiting| {
        let latest_ms = one.waited_ms.saturating_add(KEEPS_TURN_MS);
        is_again && other.rank != Rank::Front && other.waited_ms <= latest_ms
    };
    let is_next = one.client != 0
        && draft
            .board
            .waiting()
            .any(|other| other.client == one.client && !goes_before(other));
    let is_promoted = || {
        let mut line = draft.board.present();
        line.any(|other| other.rank == Rank::Promoted)
    };
    let since_due_ms = one.waited_ms.checked_sub(rules.batch_wait_max_ms);
    match (one.class, since_due_ms) {
        (Class::Interactive, _) if !is_next => (Rank::Front, one.waited_ms),
        (_, Some(stood_ms)) if is_again && !is_promoted() => (Rank::Promoted, stood_ms),
        (Class::Interactive | Class::Batch, _) => (Rank::Behind, one.waited_ms),
    }
}

fn refusal(draft: &Draft<'_>, rules: &Rules, one: &Joined) -> Option<Refusal> {
    if draft.board.line.len() >= LINE_MAX {
        return Some(Refusal::QueueFull);
    }
    let (own_most, queue_most) = match one.again {
        Again::No => (rules.places_per_client, rules.max_queue),
        Again::Resumed => (twice(rules.places_per_client), most_resumed(draft, rules)),
        Again::Rejoined => return None,
    };
    let held = draft.board.holdings(one.client);
    if one.client != 0 && held.active.saturating_add(held.queued) >= own_most {
        return Some(Refusal::PlacesTaken);
    }
    let free = draft.unused();
    let queued = draft.board.count().queued;
    // Those who can wait take half of the places at most, so that the others are never refused because of them alone.
    let half = free.saturating_add(queue_most.div_ceil(2));
    let is_half = one.class == Class::Batch && draft.board.queued_behind() >= half;
    let is_full = queued >= free.saturating_add(queue_most);
    (is_full || is_half).then_some(Refusal::QueueFull)
}

/// How many wait at most where one is resumed: it may have been lost by one who was being served.
pub(super) fn most_resumed(draft: &Draft<'_>, rules: &Rules) -> u32 {
    twice(rules.max_queue).saturating_add(draft.room.capacity())
}

fn twice(places: u32) -> u32 {
    places.saturating_mul(2)
}

fn place(line: &[Waiting], rank: Rank, stood_ms: u64) -> usize {
    let is_alike =
        |other: &Waiting| other.mark.is_none() && other.rank.is_in_front() == rank.is_in_front();
    let keeps_turn = |other: &Waiting| other.waited_ms.saturating_add(KEEPS_TURN_MS) <= stood_ms;
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

#[cfg(test)]
mod tests {
    use super::super::tests::Day;
    use super::*;
    use crate::room::Room;
    use Class::{Batch, Interactive};

    fn line(day: &Day) -> Vec<u64> {
        day.board.waiting().map(|waiting| waiting.ask.k).collect()
    }

    /// The one with this number is cut; what asks the same again comes behind all, and then with the age of the place that was lost.
    fn cut_and_ask_again(day: &mut Day, k: u64, class: Class, client: u64, waited_ms: u64) -> u64 {
        let again = day.come_one(class, client);
        day.end(k);
        let mut resumed = day.asks(class, client, waited_ms);
        resumed.again = Again::Resumed;
        day.end(again);
        day.come(&[resumed]);
        resumed.ask.k
    }

    #[test]
    fn whoever_is_cut_and_asks_again_stands_where_it_stood_whatever_else_it_asks() {
        let mut day = Day::new(Room::one(1));
        day.come_one(Interactive, 0);
        let before = day.come_one(Interactive, 1);
        day.wait(2_000);
        let first = day.come_one(Interactive, 7);
        day.wait(500);
        let second = day.come_one(Interactive, 7);
        day.wait(2_000);
        let early = day.come_one(Interactive, 2);
        assert_eq!(line(&day), [before, first, early, second]);
        day.wait(60_000);
        day.come(&[]);
        let late = day.come_one(Interactive, 3);
        assert_eq!(line(&day), [before, first, early, second, late]);
        day.wait(240_000);
        let first = cut_and_ask_again(&mut day, first, Interactive, 7, 302_500);
        assert_eq!(line(&day), [before, first, early, second, late]);
        let second = cut_and_ask_again(&mut day, second, Interactive, 7, 302_000);
        assert_eq!(line(&day), [before, first, early, second, late]);
    }

    /// All of a client's that wait are cut, as many new ones come in their stead, and what was cut is asked for again.
    fn cut_all_and_fill_and_resume(day: &mut Day, client: u64, new: usize) {
        let own = |waiting: &&Waiting| waiting.client == client;
        let cut: Vec<Waiting> = day.board.waiting().filter(own).cloned().collect();
        cut.iter().for_each(|waiting| drop(day.end(waiting.ask.k)));
        for _ in 0..new {
            day.come_one(Interactive, client);
        }
        day.wait(6_000);
        for _ in &cut {
            let resumed = day.asks(Interactive, client, 60_000);
            day.come(&[resumed]);
        }
    }

    #[test]
    fn places_that_were_lost_and_filled_since_are_taken_up_once_and_not_without_end() {
        let mut day = Day::new(Room::one(1));
        (
            day.policy.rules.places_per_client,
            day.policy.rules.max_queue,
        ) = (2, 6);
        day.come_one(Interactive, 8);
        for queued in [2, 4, 4, 4, 4] {
            cut_all_and_fill_and_resume(&mut day, 7, 2);
            assert_eq!(day.board.holdings(7).queued, queued);
        }
        let mut day = Day::new(Room::one(1));
        day.policy.rules.max_queue = 3;
        day.come_one(Interactive, 0);
        for queued in [3, 6, 7, 7, 7] {
            cut_all_and_fill_and_resume(&mut day, 0, 3);
            assert_eq!(day.board.count().queued, queued);
        }
        let mut rejoined = day.asks(Interactive, 0, 60_000);
        rejoined.again = Again::Rejoined;
        day.come(&[rejoined]);
        assert_eq!(day.board.count().queued, 8, "its session was over");
    }

    #[test]
    fn a_client_that_cuts_and_asks_again_has_no_second_in_front() {
        let mut day = Day::new(Room::one(1));
        day.come_one(Interactive, 0);
        let first = day.come_one(Interactive, 7);
        let second = day.come_one(Interactive, 7);
        day.wait(5_000);
        let other = day.come_one(Interactive, 8);
        let second = cut_and_ask_again(&mut day, second, Interactive, 7, 5_000);
        assert_eq!(line(&day), [first, other, second]);
    }

    #[test]
    fn a_batch_request_that_is_cut_stands_behind_until_it_would_have_stepped_in_front() {
        let mut day = Day::new(Room::one(1));
        day.come_one(Interactive, 0);
        let early = day.come_one(Interactive, 0);
        let batch = day.come_one(Batch, 0);
        day.wait(30_000);
        let late = day.come_one(Interactive, 0);
        let batch = cut_and_ask_again(&mut day, batch, Batch, 0, 30_000);
        assert_eq!(line(&day), [early, late, batch]);
        day.wait(60_000);
        day.come(&[]);
        let last = day.come_one(Interactive, 0);
        day.wait(5_000);
        let batch = cut_and_ask_again(&mut day, batch, Batch, 0, 95_000);
        assert_eq!(line(&day), [early, late, batch, last]);
    }
}
