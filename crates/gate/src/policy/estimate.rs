//! How long it may take: the measured service time, which stands in the policy's field, and what follows from it.

use serde::{Deserialize, Serialize};

use crate::board::Board;

/// The mean service time of late. Advice: it may roll back to the last board, and is lost with an emptied store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Service {
    /// How many answers the mean knows, up to [`Self::MEMORY`].
    pub measured: u64,
    /// Decaying mean in microseconds; 0 before the first.
    pub mean_us: u64,
}

impl Service {
    /// How many answers the mean looks back on.
    pub const MEMORY: u64 = 16;

    /// What the board says.
    pub fn of(board: &Board) -> Service {
        board.policy.service
    }

    /// Adds one that took so long, and writes it to the board.
    pub(crate) fn note(board: &mut Board, service_ms: u64) {
        let service = &mut board.policy.service;
        service.measured = service.measured.saturating_add(1).min(Self::MEMORY);
        let weight = u128::from(service.measured);
        let old = u128::from(service.mean_us) * weight.saturating_sub(1);
        let mean = (old + u128::from(service_ms) * 1_000) / weight.max(1);
        service.mean_us = u64::try_from(mean).unwrap_or(u64::MAX);
    }

    /// The time in milliseconds until one is started who has `ahead` before it, while `active` of `capacity` relay: each slot
    /// is free once in a mean service time, so with all of them busy it waits for `ahead + 1` of them. `None` before the first
    /// answer was measured, and without any slot: nobody knows when there will be one.
    pub fn wait_ms(&self, ahead: u32, active: u32, capacity: u32) -> Option<u64> {
        if self.measured == 0 || capacity == 0 {
            return None;
        }
        let free = capacity.saturating_sub(active);
        if ahead < free {
            return Some(0);
        }
        let turns = u64::from(ahead - free) + 1;
        Some(turns.saturating_mul(self.mean_us) / u64::from(capacity) / 1_000)
    }

    /// The time in milliseconds from one start to the next while all slots are taken; 0 before the first answer was measured.
    pub(crate) fn gap_ms(&self, capacity: u32) -> u64 {
        self.mean_us / u64::from(capacity.max(1)) / 1_000
    }

    /// For one who is refused because the line is full: the seconds until a place in it is free, at least 1. Before anything
    /// was measured, a guess of `unknown_s`.
    pub fn retry_after_s(&self, capacity: u32, unknown_s: u32) -> u32 {
        if self.measured == 0 {
            return unknown_s.max(1);
        }
        let drain_us = self.mean_us / u64::from(capacity.max(1));
        let seconds = u32::try_from(drain_us.div_ceil(1_000_000));
        seconds.unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(service_ms: u64) -> Service {
        let mut board = Board::default();
        Service::note(&mut board, service_ms);
        Service::of(&board)
    }

    #[test]
    fn nothing_is_estimated_before_it_was_measured() {
        assert_eq!(Service::default().wait_ms(3, 4, 4), None);
        assert_eq!(Service::default().retry_after_s(4, 15), 15);
    }

    #[test]
    fn nothing_is_estimated_while_nobody_can_start() {
        assert_eq!(measured(8_000).wait_ms(3, 0, 0), None);
    }

    #[test]
    fn a_free_slot_is_no_wait_and_each_place_is_a_share_of_the_service_time() {
        let service = measured(8_000);
        let wait = |ahead, active| service.wait_ms(ahead, active, 4);
        assert_eq!(
            [wait(0, 3), wait(0, 4), wait(5, 4)],
            [Some(0), Some(2_000), Some(12_000)]
        );
        assert_eq!(service.retry_after_s(4, 15), 2);
        assert_eq!(measured(10).retry_after_s(4, 15), 1, "never at once");
    }

    #[test]
    fn the_mean_forgets_and_cannot_overflow() {
        let mut board = Board::default();
        for service_ms in [100, 300].into_iter().chain([1_000; 200]) {
            Service::note(&mut board, service_ms);
        }
        let mean_us = Service::of(&board).mean_us;
        assert!((990_000..=1_000_000).contains(&mean_us), "{mean_us}");
        for _ in 0..3 {
            Service::note(&mut board, u64::MAX);
        }
        assert!(Service::of(&board).wait_ms(u32::MAX, 4, 4).is_some());
    }
}
