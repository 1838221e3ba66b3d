//! How long turns last, and what follows from it: the longest that the first of a model's requests waits.

use super::Rules;

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

/// A model with nobody waiting or running gives way at once after so long, in milliseconds, or after its load's time if that is less.
const LINGER_MS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

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
}
