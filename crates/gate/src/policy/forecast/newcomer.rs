//! What one could be told who came now: before it takes a place, or in place of one that it has for another model.

use super::super::{Asks, Joined, Policy};
use super::services::Services;
use super::{Effort, Horizon, Range, dice, range};
use crate::board::{AskId, Board, Mark, Member, Refusal};
use crate::store::SessionNo;

/// How it would go with one who came now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// It would be refused.
    Refused(Refusal),
    /// It would start at once.
    Starts,
    /// It would wait, and start then; `None` while too little was measured, or where it would not start within the horizon.
    Waits(Option<Range>),
}

/// A session that no board lists.
const NOBODY: SessionNo = SessionNo::MAX;

impl Policy<'_> {
    /// How it would go with one who came now; of `one` the ask is not read.
    pub fn foresee_newcomer(&self, board: &Board, one: Joined) -> Newcomer {
        let ask = AskId {
            session: NOBODY,
            k: 0,
        };
        let mut board = board.clone();
        board.members.push(Member {
            session: NOBODY,
            ..Member::default()
        });
        let asks = Asks {
            joined: vec![Joined { ask, ..one }],
            ..Asks::default()
        };
        for decision in self.schedule(&board, &asks).unwrap_or_default() {
            // What is not lawful is not done; a line that is full is one who is not in it.
            let _ = board.apply(&decision, self.room.total());
        }
        if board.grant(ask).is_some() {
            return Newcomer::Starts;
        }
        let place = board.line.iter().find(|waiting| waiting.ask == ask);
        match place.map(|waiting| waiting.mark) {
            Some(Some(Mark::Refused(refusal))) => Newcomer::Refused(refusal),
            Some(Some(Mark::Cancelled)) | None => Newcomer::Waits(None),
            Some(None) => Newcomer::Waits(self.start_of(&board, ask)),
        }
    }

    /// When one who stands on the board starts, if that is within the horizon in each run.
    fn start_of(&self, board: &Board, ask: AskId) -> Option<Range> {
        let effort = Effort::of(board);
        let services = Services::of(board);
        if !services.are_known() || !board.open {
            return None;
        }
        let horizon = Horizon {
            events: effort.events,
            until: Some(ask),
        };
        let mut dice = dice(board);
        let mut times = Vec::new();
        for _ in 0..effort.runs {
            let run = self.run(board, &horizon, |wants, age_ms| {
                services.draw_ms(wants.model, age_ms, &mut dice)
            });
            let start = run.iter().find(|(started, _)| *started == ask);
            times.push(start.map(|(_, at_ms)| *at_ms)?);
        }
        Some(range(&times))
    }
}
