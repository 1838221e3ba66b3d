//! What those who wait here are told: the policy run forward from a board, at most twice a second for all of them, and corrected by
//! what became of earlier estimates.

use std::cell::{Cell, RefCell};

use sluice_gate::Room;
use sluice_gate::board::{AskId, Board};
use sluice_gate::policy::{Calibration, Foreseen, Joined, Newcomer, Range};

/// How long what was foreseen is told, in milliseconds, as long as the room is the same.
const TOLD_MS: u64 = 500;

/// One who is not among them yet is told after this at the latest, in milliseconds.
const NEW_MS: u64 = 100;

/// For how many of those who come it is remembered what they could be told.
const NEWCOMERS: usize = 16;

/// What was foreseen last, and how true it has come.
#[derive(Default)]
pub(super) struct Foresight {
    last: RefCell<Option<Last>>,
    newcomers: RefCell<Vec<Asked>>,
    calibration: Cell<Calibration>,
    score: Cell<Score>,
}

/// What was foreseen last for those who wait.
struct Last {
    /// When it was, of the monotonic clock.
    at_ms: u64,
    room: Room,
    all: Vec<Foreseen>,
}

/// One who came, and what it could be told.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at_ms: u64,
    board: Glance,
    one: Joined,
    told: Newcomer,
}

/// A board at a glance: what differs from one that is put to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Glance {
    put: u64,
    waiting: usize,
    relayed: usize,
}

/// The first estimate that one was told, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstTold {
    pub(super) range: Range,
    /// What departures per second alone would have told.
    pub(super) plain_ms: u64,
    pub(super) at_ms: u64,
}

/// How true first estimates have come, since the instance began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// How many who were told one have started.
    pub told: u64,
    /// How many of them within their range.
    pub within: u64,
    /// The widths of the ranges, in milliseconds.
    pub width_ms: u64,
    /// By how much their middles were off, in milliseconds.
    pub error_ms: u64,
    /// By how much the plain estimate was off, in milliseconds.
    pub plain_error_ms: u64,
}

impl Foresight {
    /// What can be told to one who waits, `run` running the policy forward where that is due; `None` if it does not wait, or came a
    /// moment ago. What was foreseen for another room is not told: nobody waits for an upstream that is back.
    pub(super) fn of(
        &self,
        ask: AskId,
        room: Room,
        now_ms: u64,
        run: impl FnOnce() -> Vec<Foreseen>,
    ) -> Option<Foreseen> {
        let find = |all: &[Foreseen]| all.iter().find(|one| one.ask == ask).copied();
        let mut found = None;
        if let Some(last) = self.last.borrow().as_ref().filter(|last| last.room == room) {
            let age_ms = now_ms.saturating_sub(last.at_ms);
            found = find(&last.all).filter(|_| age_ms < TOLD_MS);
            if found.is_none() && age_ms < NEW_MS {
                return None;
            }
        }
        if found.is_none() {
            let all = run();
            found = find(&all);
            self.last.replace(Some(Last {
                at_ms: now_ms,
                room,
                all,
            }));
        }
        found.map(|one| Foreseen {
            start: one.start.map(|range| self.calibrated(range)),
            ..one
        })
    }

    /// What could be told to one who came now, `run` running the policy forward where it was not for its like by the same board: whoever
    /// asks again and again costs no more than one.
    pub(super) fn of_newcomer(
        &self,
        board: &Board,
        one: Joined,
        now_ms: u64,
        run: impl FnOnce() -> Newcomer,
    ) -> Newcomer {
        let glance = Glance {
            put: board.put,
            waiting: board.line.len(),
            relayed: board.grants.len(),
        };
        let mut newcomers = self.newcomers.borrow_mut();
        newcomers.retain(|asked| now_ms.saturating_sub(asked.at_ms) < TOLD_MS);
        let known = newcomers
            .iter()
            .find(|asked| asked.board == glance && asked.one == one);
        let told = known.map(|asked| asked.told).unwrap_or_else(|| {
            let told = run();
            if newcomers.len() >= NEWCOMERS {
                newcomers.remove(0);
            }
            newcomers.push(Asked {
                at_ms: now_ms,
                board: glance,
                one,
                told,
            });
            told
        });
        match told {
            Newcomer::Waits(Some(range)) => Newcomer::Waits(Some(self.calibrated(range))),
            told => told,
        }
    }

    /// The range as it is told, by what became of earlier ones.
    fn calibrated(&self, range: Range) -> Range {
        self.calibration.get().told(range)
    }

    /// One who was told this has started.
    pub(super) fn came_true(&self, told: FirstTold, now_ms: u64) {
        let waited_ms = now_ms.saturating_sub(told.at_ms);
        let mut calibration = self.calibration.get();
        calibration.note(told.range, waited_ms);
        self.calibration.set(calibration);
        let range = told.range;
        let mut score = self.score.get();
        score.told += 1;
        score.within += u64::from((range.low_ms..=range.high_ms).contains(&waited_ms));
        // What a board from elsewhere says may be of any size.
        let add = |sum: &mut u64, ms: u64| *sum = sum.saturating_add(ms);
        add(
            &mut score.width_ms,
            range.high_ms.saturating_sub(range.low_ms),
        );
        add(&mut score.error_ms, range.middle_ms.abs_diff(waited_ms));
        add(&mut score.plain_error_ms, told.plain_ms.abs_diff(waited_ms));
        self.score.set(score);
    }

    /// How true estimates have come here.
    pub(super) fn score(&self) -> Score {
        self.score.get()
    }
}

#[cfg(test)]
mod tests {
    use sluice_gate::policy::Reason;

    use super::*;

    fn foreseen(k: u64) -> Foreseen {
        Foreseen {
            ask: AskId { session: 1, k },
            ahead: 0,
            reason: Reason::Slots,
            start: None,
        }
    }

    #[test]
    fn the_policy_is_run_twice_a_second_at_most_whoever_asks_and_sooner_for_who_is_new() {
        let foresight = Foresight::default();
        let runs = Cell::new(0);
        let ask = |k: u64, now_ms: u64, known: u64| {
            let run = || {
                runs.set(runs.get() + 1);
                (0..known).map(foreseen).collect()
            };
            let ask = AskId { session: 1, k };
            foresight.of(ask, Room::one(4), now_ms, run).is_some()
        };
        assert!(ask(0, 1_000, 2) && ask(1, 1_400, 2) && ask(0, 1_499, 2));
        assert_eq!(runs.get(), 1);
        assert!(!ask(2, 1_050, 3), "it came a moment ago");
        assert!(ask(2, 1_500, 3) && ask(0, 1_600, 3));
        assert_eq!(runs.get(), 2);
    }

    #[test]
    fn what_was_foreseen_before_an_upstream_came_back_is_not_told_after_it() {
        let foresight = Foresight::default();
        let ask = |room: Room, reason: Reason| {
            let run = || {
                let one = foreseen(0);
                vec![Foreseen { reason, ..one }]
            };
            let ask = AskId { session: 1, k: 0 };
            foresight.of(ask, room, 1_000, run).map(|one| one.reason)
        };
        let (up, down) = (Room::one(4), Room::one(4).without(0));
        assert_eq!(ask(down, Reason::UpstreamDown), Some(Reason::UpstreamDown));
        assert_eq!(ask(up, Reason::Slots), Some(Reason::Slots));
        assert_eq!(ask(down, Reason::UpstreamDown), Some(Reason::UpstreamDown));
    }

    #[test]
    fn whoever_comes_again_by_the_same_board_costs_one_run() {
        let foresight = Foresight::default();
        let runs = Cell::new(0);
        let ask = |put: u64, client: u64, now_ms: u64| {
            let board = Board {
                put,
                ..Board::default()
            };
            let one = Joined {
                client,
                ..Joined::default()
            };
            let run = || {
                runs.set(runs.get() + 1);
                Newcomer::Starts
            };
            foresight.of_newcomer(&board, one, now_ms, run)
        };
        (0..100).for_each(|n| assert_eq!(ask(1, 7, 1_000 + n), Newcomer::Starts));
        assert_eq!(runs.get(), 1);
        ask(1, 8, 1_100);
        ask(2, 7, 1_100);
        ask(2, 7, 1_100 + TOLD_MS);
        assert_eq!(runs.get(), 4, "another client, another board, another time");
    }

    #[test]
    fn what_came_true_is_scored_once_for_each_who_was_told() {
        let foresight = Foresight::default();
        let told = FirstTold {
            range: Range {
                low_ms: 1_000,
                middle_ms: 2_000,
                high_ms: 4_000,
            },
            plain_ms: 5_000,
            at_ms: 10_000,
        };
        foresight.came_true(told, 13_000);
        foresight.came_true(told, 15_000);
        let score = Score {
            told: 2,
            within: 1,
            width_ms: 6_000,
            error_ms: 4_000,
            plain_error_ms: 2_000,
        };
        assert_eq!(foresight.score(), score);
    }
}
