//! How long turns last, and what follows from it: the longest that the first of a model's requests waits.

use super::upstream::{LOAD_GUESS_MS, upstreams};
use super::{Policy, Rules};
use crate::board::Board;

/// How long a turn lasts at least while another model waits, in milliseconds: so long that loading and draining take at most
/// `swap_share` of the upstream's time.
pub fn quantum_ms(rules: &Rules, load_ms: u64, drain_ms: u64) -> u64 {
    let share = u64::from(rules.swap_share.clamp(1, 99));
    let lost_ms = load_ms.saturating_add(drain_ms);
    let worth_ms = lost_ms.saturating_mul(100 - share) / share;
    rules.model_turn_ms.max(worth_ms)
}

/// How long a model keeps its turn that nobody wants, in milliseconds.
pub fn linger_ms(load_ms: Option<u64>) -> u64 {
    load_ms.unwrap_or(LINGER_MS).min(LINGER_MS)
}

/// What bounds the first request of each model: the model's own load, and of each other model its turn and its load. In
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How long it takes to load it.
    pub load_ms: u64,
    /// How long its turn lasts.
    pub quantum_ms: u64,
}

/// The longest that the first of a model's requests waits at an upstream, in milliseconds, where an answer takes at most
/// `request_ms`: each other model has its turn once, is drained and was loaded, then its own is loaded.
pub fn longest_wait_ms(own: Share, others: &[Share], request_ms: u64) -> u64 {
    let turn_ms = |other: &Share| {
        other
            .quantum_ms
            .saturating_add(request_ms)
            .saturating_add(other.load_ms)
    };
    let others_ms = others.iter().map(turn_ms).fold(0, u64::saturating_add);
    others_ms
        .saturating_add(own.load_ms)
        .saturating_add(LINGER_MS)
}

impl Policy<'_> {
    /// The longest that the first request of a model waits for its turn, in milliseconds, of all models that are known to be in use
    /// where models take turns; `None` where none do. An answer takes at most `request_ms`, a load that was never measured ten
    /// seconds.
    pub fn longest_turn_wait_ms(&self, board: &Board, request_ms: u64) -> Option<u64> {
        let with_turns = upstreams().filter(|upstream| self.models.has_turns(*upstream));
        let waits = with_turns.filter_map(|upstream| {
            let shares = self.shares(board, upstream);
            let others = |at: usize| {
                let (before, rest) = shares.split_at(at);
                [before, rest.get(1..).unwrap_or_default()].concat()
            };
            let waits = shares.iter().enumerate();
            waits
                .map(|(at, own)| longest_wait_ms(*own, &others(at), request_ms))
                .max()
        });
        waits.max()
    }

    /// What each model that is in use at an upstream may take. That an answer of it was once measured is no use: a model may have been
    /// measured by its name, and is known by its file since another came beside it.
    fn shares(&self, board: &Board, upstream: u8) -> Vec<Share> {
        let hold = board.policy.hold(upstream);
        let turns = hold.into_iter().flat_map(|hold| {
            let past = hold.past.iter().map(|past| past.model);
            hold.turns.iter().map(|turn| turn.model).chain(past)
        });
        let seen = self.models.seen.iter();
        let seen = seen.filter(|seen| seen.upstream == upstream);
        let apart = self.models.apart.iter();
        let apart = apart.filter(|pair| pair.upstream == upstream);
        let waiting = board.waiting().map(|waiting| waiting.wants);
        let mut models: Vec<u64> = turns
            .chain(seen.map(|seen| seen.model))
            .chain(apart.flat_map(|pair| [pair.one, pair.other]))
            .chain(
                waiting
                    .filter(|wants| wants.may_go(upstream))
                    .map(|wants| wants.model),
            )
            .filter(|model| *model != 0)
            .collect();
        models.sort_unstable();
        models.dedup();
        let drain_ms = hold.map_or(0, |hold| hold.drain_ms);
        let share = |model: u64| {
            let load_ms = self.models.load_ms(upstream, model);
            let load_ms = load_ms.unwrap_or(LOAD_GUESS_MS);
            Share {
                load_ms,
                quantum_ms: quantum_ms(&self.rules, load_ms, drain_ms),
            }
        };
        models.into_iter().map(share).collect()
    }
}

/// A model with nobody waiting or running gives way at once after so long, in milliseconds, or after its load's time if that is less.
const LINGER_MS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Apart, Models, Seen};
    use crate::room::Room;

    #[test]
    fn a_turn_is_long_enough_that_loads_and_drains_take_their_share_and_no_more() {
        let rules = Rules {
            model_turn_ms: 60_000,
            swap_share: 25,
            ..Rules::default()
        };
        assert_eq!(quantum_ms(&rules, 10_000, 2_000), 60_000, "short loads");
        assert_eq!(
            quantum_ms(&rules, 40_000, 5_000),
            135_000,
            "three times both"
        );
        let all = Rules {
            swap_share: 0,
            ..rules
        };
        assert_eq!(
            quantum_ms(&all, 1_000, 0),
            99_000,
            "a share of nothing is one of 1 %"
        );
        assert_eq!(
            [
                linger_ms(Some(900)),
                linger_ms(Some(60_000)),
                linger_ms(None)
            ],
            [900, 5_000, 5_000]
        );
    }

    #[test]
    fn the_bound_is_a_turn_an_answer_and_a_load_of_each_other_model_and_the_own_load() {
        let share = |load_ms| Share {
            load_ms,
            quantum_ms: 60_000,
        };
        assert_eq!(longest_wait_ms(share(20_000), &[], 300_000), 25_000);
        let others = [share(10_000), share(30_000)];
        let bound_ms = longest_wait_ms(share(20_000), &others, 300_000);
        assert_eq!(bound_ms, 370_000 + 390_000 + 20_000 + 5_000);
    }

    #[test]
    fn the_longest_wait_is_that_of_the_upstream_where_most_models_take_turns() {
        let mut models = Models::NONE;
        let seen = |upstream, model, load_ms| Seen {
            upstream,
            model,
            load_ms,
            ..Seen::default()
        };
        models.seen = vec![
            seen(0, 7, Some(20_000)),
            seen(0, 8, None),
            seen(1, 7, Some(20_000)),
        ];
        let wait_ms =
            |models: &Models| policy_over(models).longest_turn_wait_ms(&Board::default(), 300_000);
        assert_eq!(wait_ms(&models), None, "all fit");
        models.at_once[1] = 1;
        assert_eq!(wait_ms(&models), Some(25_000));
        models.at_once[0] = 1;
        // That of the second: the first one's turn, an answer, its load and the own.
        let expected = 60_000 + 300_000 + 20_000 + LOAD_GUESS_MS + LINGER_MS;
        assert_eq!(wait_ms(&models), Some(expected));
    }

    fn policy_over(models: &Models) -> Policy<'_> {
        Policy {
            rules: Rules {
                model_turn_ms: 60_000,
                swap_share: 25,
                ..Rules::default()
            },
            room: Room::one(4),
            models,
        }
    }

    #[test]
    fn a_model_that_was_measured_by_its_name_and_is_known_by_its_file_counts_once() {
        let mut models = Models::NONE;
        models.apart.push(Apart {
            upstream: 0,
            one: 7,
            other: 8,
        });
        let mut board = Board::default();
        for model in [7, 8, 9] {
            board.policy.measure(0, model, |figure| figure.note(1_000));
        }
        let policy = policy_over(&models);
        let turn_ms = 60_000 + 600_000 + LOAD_GUESS_MS;
        let wait_ms = policy.longest_turn_wait_ms(&board, 600_000);
        assert_eq!(wait_ms, Some(turn_ms + LOAD_GUESS_MS + LINGER_MS));
    }
}
