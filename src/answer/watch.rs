//! What a request waits for, seen from the boards that are looked at for it: which answers of others end, and which models are
//! loaded where it could go.
//!
//! # Limits
//! An answer or a load that begins and ends between two looks is not seen: there is a look each second at least.

use sluice_gate::Wants;
use sluice_gate::board::{AskId, Board};
use sluice_gate::policy::Stage;
use sluice_ollama::framing::Waited;

/// A shorter wait is not worth a word, in milliseconds.
const SHORT_MS: u64 = 1_000;

/// The most changes of models that are told.
const MOST: usize = 16;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Watch {
    /// The answers that were being relayed when the board was looked at last.
    relayed: Vec<AskId>,
    /// How many have ended since.
    ended: u32,
    /// What is being loaded: upstream and model, and since when.
    loading: Vec<((u8, u64), u64)>,
    /// How long loads took that have ended, in milliseconds.
    changes: Vec<u64>,
    is_over: bool,
}

impl Watch {
    /// A board is looked at for one who wants this.
    pub fn see(&mut self, board: &Board, wants: Wants, now_ms: u64) {
        if self.is_over {
            return;
        }
        let is_there = |upstream: u8| wants.may_go(upstream);
        let is_relayed = |ask: &AskId| board.grant(*ask).is_some();
        let ended = self.relayed.iter().filter(|ask| !is_relayed(ask)).count();
        let ended = u32::try_from(ended).unwrap_or(u32::MAX);
        self.ended = self.ended.saturating_add(ended);
        let grants = board.grants.iter().filter(|grant| is_there(grant.upstream));
        self.relayed = grants.map(|grant| grant.ask).collect();

        let holds = board
            .policy
            .holds
            .iter()
            .filter(|hold| is_there(hold.upstream));
        let loading: Vec<((u8, u64), u64)> = holds
            .flat_map(|hold| hold.turns.iter().map(|turn| (hold.upstream, turn)))
            .filter(|(_, turn)| turn.stage == Stage::Loading)
            .map(|(upstream, turn)| ((upstream, turn.model), now_ms.saturating_sub(turn.for_ms)))
            .collect();
        for (load, since_ms) in &self.loading {
            let goes_on = loading.iter().any(|(other, _)| other == load);
            if !goes_on && self.changes.len() < MOST {
                self.changes.push(now_ms.saturating_sub(*since_ms));
            }
        }
        let known = |load: &(u8, u64)| self.loading.iter().find(|(other, _)| other == load);
        self.loading = loading
            .iter()
            .map(|(load, since_ms)| {
                (
                    *load,
                    known(load).map_or(*since_ms, |(_, since_ms)| *since_ms),
                )
            })
            .collect();
    }

    /// The wait is over: what ends from now on was not waited for.
    pub fn close(&mut self) {
        self.is_over = true;
    }

    /// What one has waited for who has waited for so long; `None`: for no time worth a word.
    pub fn told(&self, wait_ms: u64) -> Option<Waited> {
        (wait_ms >= SHORT_MS).then(|| Waited {
            ms: wait_ms,
            answers: self.ended,
            changes: self.changes.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use sluice_gate::board::Grant;
    use sluice_gate::policy::{Hold, Turn};

    use super::*;

    fn board(relayed: &[(u64, u8)], loads_for_ms: Option<u64>) -> Board {
        let grants = relayed.iter().map(|(k, upstream)| Grant {
            ask: AskId { session: 1, k: *k },
            upstream: *upstream,
            ..Grant::default()
        });
        let turns = loads_for_ms.map(|for_ms| Turn {
            model: 7,
            stage: Stage::Loading,
            for_ms,
            idle_ms: 0,
        });
        let hold = Hold {
            turns: turns.into_iter().collect(),
            ..Hold::default()
        };
        let mut board = Board {
            grants: grants.collect(),
            ..Board::default()
        };
        board.policy.holds.push(hold);
        board
    }

    #[test]
    fn answers_that_end_and_a_model_that_is_loaded_meanwhile_are_told() {
        let wants = Wants {
            lacks: 0b10,
            ..Wants::default()
        };
        let mut watch = Watch::default();
        watch.see(&board(&[(1, 0), (2, 0), (3, 1)], None), wants, 1_000);
        watch.see(&board(&[(2, 0)], None), wants, 5_000);
        watch.see(&board(&[(2, 0)], Some(2_000)), wants, 10_000);
        watch.see(&board(&[], Some(3_000)), wants, 11_000);
        watch.see(&board(&[(9, 0)], None), wants, 30_000);
        let expected = Waited {
            ms: 29_000,
            answers: 2,
            changes: vec![22_000],
        };
        assert_eq!(
            watch.told(29_000),
            Some(expected.clone()),
            "3 was elsewhere"
        );
        watch.close();
        watch.see(&board(&[], None), wants, 40_000);
        assert_eq!(watch.told(29_000), Some(expected), "the wait was over");
        assert_eq!(watch.told(999), None);
    }
}
