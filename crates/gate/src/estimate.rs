//! How long it may take: from the measured service time to seconds.

use crate::Ledger;

/// What is known when somebody asks how long it will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// How many wait before the one who asks.
    pub ahead: u32,
    /// How many relay.
    pub active: u32,
    /// How many may.
    pub capacity: u32,
}

/// The time until the one who asks is started, in milliseconds: each slot frees up once in a mean service time, so
/// with all of them busy the one with `ahead` before it waits for `ahead + 1` of them. `None` before the first answer
/// was measured.
pub fn estimate(asked: Estimate, ledger: &Ledger) -> Option<u64> {
    if ledger.measured == 0 {
        return None;
    }
    let free = asked.capacity.saturating_sub(asked.active);
    if asked.ahead < free {
        return Some(0);
    }
    let turns = u64::from(asked.ahead - free) + 1;
    Some(turns.saturating_mul(ledger.mean_service_us) / u64::from(asked.capacity.max(1)) / 1_000)
}

/// For one who is refused because `max_queue` wait: the seconds until a place in the line is free, at least 1.
/// Before anything was measured, a guess of `unknown_s`.
pub fn retry_after_s(ledger: &Ledger, capacity: u32, unknown_s: u32) -> u32 {
    if ledger.measured == 0 {
        return unknown_s.max(1);
    }
    let drain_us = ledger.mean_service_us / u64::from(capacity.max(1));
    u32::try_from(drain_us.div_ceil(1_000_000))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figures;

    fn measured(service_ms: u64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add(&Figures {
            service_ms,
            ..Figures::default()
        });
        ledger
    }

    #[test]
    fn nothing_is_estimated_before_it_was_measured() {
        assert_eq!(
            estimate(
                Estimate {
                    ahead: 3,
                    active: 4,
                    capacity: 4
                },
                &Ledger::default()
            ),
            None
        );
        assert_eq!(retry_after_s(&Ledger::default(), 4, 15), 15);
    }

    #[test]
    fn a_free_slot_is_no_wait_and_each_place_is_a_share_of_the_service_time() {
        let ledger = measured(8_000);
        assert_eq!(
            estimate(
                Estimate {
                    ahead: 0,
                    active: 3,
                    capacity: 4
                },
                &ledger
            ),
            Some(0)
        );
        assert_eq!(
            estimate(
                Estimate {
                    ahead: 0,
                    active: 4,
                    capacity: 4
                },
                &ledger
            ),
            Some(2_000)
        );
        assert_eq!(
            estimate(
                Estimate {
                    ahead: 5,
                    active: 4,
                    capacity: 4
                },
                &ledger
            ),
            Some(12_000)
        );
        assert_eq!(retry_after_s(&ledger, 4, 15), 2);
        assert_eq!(retry_after_s(&measured(10), 4, 15), 1, "never at once");
    }
}
