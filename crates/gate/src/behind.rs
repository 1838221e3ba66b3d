//! A request that stands behind the main line: when it may draw there.
//!
//! # How
//!
//! It stands in the batch line, a line like the main one with a capacity of 1. Whoever starts there has the *right*: it draws
//! in the main line once nobody waits there, or once it has been here for so long that it may although others wait. It gives
//! the right back when its ticket of the main line no longer waits. So at most one such request waits in the main line, and
//! whoever comes there finds at most that one before it.
//!
//! # Why nobody starves
//!
//! The batch line is in order and its holder always gets on: after its bounded time it stands in the main line, which is in
//! order too.
//!
//! # What it does not do
//!
//! Safety is the main line's alone. A right that was lost (its holder stalled, the store was away) is a place in order lost: if
//! the draw was made, the ticket stays; if not, the request stands in the batch line anew.

use crate::rule::Rule;
use crate::{Line, Now, Outcome, Phase, Settings};

/// How long the holder of the right rests before it looks at the main line again, in milliseconds.
pub const RIGHT_LOOK_MS: u64 = 50;

/// One request's way from the batch line to the main line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    arrived: Now,
    wait_max_ms: u64,
}

/// What such a request does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Wait until the turn in the batch line says something else.
    Wait,
    /// Look at the main line, and again after [`RIGHT_LOOK_MS`].
    Look,
    /// Draw in the main line.
    Draw,
    /// The right was lost before the draw: stand in the batch line anew.
    Again,
    /// It is over before it came to the main line.
    Over(Outcome),
}

impl Behind {
    /// A request that arrived then, and may draw although others wait after so many milliseconds.
    pub fn new(arrived: Now, wait_max_ms: u64) -> Behind {
        Behind {
            arrived,
            wait_max_ms,
        }
    }

    /// What is next before the draw in the main line, as the turn in the batch line stands. `main`: how the main line stood a
    /// moment ago; `None` if it has not been looked at, or could not be.
    pub fn way(&self, now: Now, settings: &Settings, right: Phase, main: Option<&Line>) -> Way {
        match right {
            Phase::Queued | Phase::Sending | Phase::Closing(_) => Way::Wait,
            Phase::Relaying if self.is_overdue(now, settings) => Way::Draw,
            Phase::Relaying if main.is_some_and(|line| line.queued == 0) => Way::Draw,
            Phase::Relaying => Way::Look,
            Phase::Over(Outcome::Served | Outcome::Stopped(_)) => Way::Again,
            Phase::Over(outcome) => Way::Over(outcome),
        }
    }

    /// Whether the right is given back, as the turn in the main line stands.
    pub fn gives_back(settings: &Settings, main: Phase) -> bool {
        main != Phase::Queued || !settings.keeps(Rule::KeepRight)
    }

    fn is_overdue(&self, now: Now, settings: &Settings) -> bool {
        now.since(self.arrived) >= self.wait_max_ms && settings.keeps(Rule::BatchBound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stop;
    use crate::testing::at;

    fn waiting(queued: u32) -> Line {
        Line {
            queued,
            ..Line::default()
        }
    }

    #[test]
    fn it_draws_when_nobody_waits_or_when_it_has_waited_long_enough_and_never_without_the_right() {
        let settings = Settings::clamped(1, 15_000);
        let behind = Behind::new(at(1_000), 500);
        let way = |ms, phase, line: Option<&Line>| behind.way(at(ms), &settings, phase, line);
        assert_eq!(way(9_000, Phase::Queued, Some(&waiting(0))), Way::Wait);
        assert_eq!(way(1_000, Phase::Relaying, None), Way::Look);
        assert_eq!(way(1_000, Phase::Relaying, Some(&waiting(1))), Way::Look);
        assert_eq!(way(1_000, Phase::Relaying, Some(&waiting(0))), Way::Draw);
        assert_eq!(way(1_500, Phase::Relaying, Some(&waiting(1))), Way::Draw);
    }

    #[test]
    fn a_right_that_was_lost_is_stood_for_again_and_an_end_is_an_end() {
        let settings = Settings::clamped(1, 15_000);
        let way = |phase| Behind::new(at(0), 500).way(at(0), &settings, phase, None);
        let lost = Outcome::Stopped(Stop::Lapsed);
        assert_eq!(way(Phase::Closing(lost)), Way::Wait);
        assert_eq!(way(Phase::Over(lost)), Way::Again);
        for outcome in [Outcome::Left, Outcome::Cancelled, Outcome::StoreUnavailable] {
            assert_eq!(way(Phase::Over(outcome)), Way::Over(outcome));
        }
        assert!(!Behind::gives_back(&settings, Phase::Queued));
        assert!(Behind::gives_back(&settings, Phase::Sending));
    }
}
