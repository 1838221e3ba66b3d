//! What those who wait are told: who starts before them, why they wait, and when they start, by running the policy itself forward.
//!
//! # How
//!
//! The board is copied and the policy decides about the copy again and again, as if nobody else came: an answer ends once its
//! service time is over, a load once it has taken as long as loads take. Once with mean service times: the order in which they start
//! is the order that is told. Then [`Effort::runs`] times with service times drawn from those that were measured, for one that runs
//! from those that are longer than it has run already: a tenth, half and nine tenths of the starts come before what is told.
//!
//! # Limits
//!
//! Nothing is estimated before [`super::Figure::TOO_FEW`] answers and one more were measured. A long line is not run to its end
//! ([`Effort`]): who is not reached stands where the line has it, without an estimate.

mod newcomer;
mod services;

pub use newcomer::Newcomer;

use super::bound::{linger_ms, quantum_ms};
use super::upstream::{Openings, upstreams};
use super::{Asks, Decision, Draft, Hold, Policy, Stage};
use crate::board::{AskId, Board, Waiting};
use crate::models::{Models, Seen, Wants};
use services::{Dice, Services};

/// What one who waits can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Who.
    pub ask: AskId,
    /// How many of those who wait now start before it.
    pub ahead: u32,
    /// Why it waits.
    pub reason: Reason,
    /// When it starts; `None` while too little was measured.
    pub start: Option<Range>,
}

/// When something happens, in milliseconds from now: of ten times it is once before the first and once after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Once of ten times before this.
    pub low_ms: u64,
    /// As often before as after this.
    pub middle_ms: u64,
    /// Nine times of ten before this.
    pub high_ms: u64,
}

/// Why one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// As many relay as may.
    Slots,
    /// As many of its model relay as may.
    ModelBusy,
    /// Its model is being loaded.
    ModelLoading,
    /// Another model has its turn.
    ModelTurn,
    /// No upstream that has its model can be used.
    UpstreamDown,
    /// Nothing is granted yet, since the store was founded or emptied a moment ago.
    Settling,
}

impl Reason {
    /// The word for it on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Slots => "slots",
            Reason::ModelBusy => "model_busy",
            Reason::ModelLoading => "model_loading",
            Reason::ModelTurn => "model_turn",
            Reason::UpstreamDown => "upstream_down",
            Reason::Settling => "settling",
        }
    }
}

/// How far a run goes.
struct Horizon {
    /// So many starts and ends.
    events: usize,
    /// Not beyond the start of this one.
    until: Option<AskId>,
}

/// How much is run: bounded, since whoever relays shares the processor with it.
struct Effort {
    runs: usize,
    events: usize,
}

impl Effort {
    fn of(board: &Board) -> Effort {
        let size = board.line.len() + board.grants.len() + 1;
        Effort {
            runs: (1_024 / size).clamp(4, 24),
            events: (20_000 / size).clamp(16, 256),
        }
    }
}

impl Policy<'_> {
    /// What each who waits can be told, in the order of the line.
    pub fn foresee(&self, board: &Board) -> Vec<Foreseen> {
        let reasons = self.reasons(board);
        let mut open = board.clone();
        open.open = true;
        let effort = Effort::of(board);
        let horizon = Horizon {
            events: effort.events,
            until: None,
        };
        let services = Services::of(board);
        let mut dice = dice(board);
        let order = self.run(&open, &horizon, |wants, age_ms| {
            services.mean_ms(wants.model, age_ms)
        });
        let mut starts: Vec<(AskId, Vec<u64>)> = Vec::new();
        if services.are_known() && board.open {
            for _ in 0..effort.runs {
                let run = self.run(&open, &horizon, |wants, age_ms| {
                    services.draw_ms(wants.model, age_ms, &mut dice)
                });
                for (ask, at_ms) in run {
                    match starts.iter_mut().find(|(other, _)| *other == ask) {
                        Some((_, times)) => times.push(at_ms),
                        None => starts.push((ask, vec![at_ms])),
                    }
                }
            }
        }
        let mut rest = order.len();
        let mut foreseen = Vec::new();
        for (waiting, reason) in board.waiting().zip(reasons) {
            let place = order.iter().position(|(ask, _)| *ask == waiting.ask);
            let ahead = place.unwrap_or_else(|| {
                rest += 1;
                rest - 1
            });
            let times = starts.iter().find(|(ask, _)| *ask == waiting.ask);
            foreseen.push(Foreseen {
                ask: waiting.ask,
                ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
                reason,
                start: times
                    .filter(|(_, times)| times.len() == effort.runs)
                    .map(|(_, times)| range(times)),
            });
        }
        foreseen
    }

    /// Why each who waits does, in the order of the line.
    fn reasons(&self, board: &Board) -> Vec<Reason> {
        let draft = Draft::of(self, board, &[]);
        let openings = Openings::of(&draft);
        board
            .waiting()
            .map(|waiting| reason(&draft, &openings, waiting))
            .collect()
    }

    /// Who starts and when, in this order, where `service_ms` says how long a request goes on that has run for so long.
    fn run(
        &self,
        board: &Board,
        horizon: &Horizon,
        mut service_ms: impl FnMut(Wants, u64) -> u64,
    ) -> Vec<(AskId, u64)> {
        let mut models = self.models.clone();
        let mut board = board.clone();
        let grants = board.grants.iter();
        let mut ends: Vec<(AskId, u64)> = grants
            .map(|grant| (grant.ask, service_ms(grant.wants, grant.granted_ms)))
            .collect();
        let mut started = Vec::new();
        let mut now_ms = 0_u64;
        for _ in 0..horizon.events {
            let policy = Policy {
                models: &models,
                ..*self
            };
            let decisions = policy
                .schedule(&board, &Asks::default())
                .unwrap_or_default();
            for decision in &decisions {
                let starts = match decision {
                    Decision::Grant { ask, .. } => {
                        let found = board.waiting().find(|waiting| waiting.ask == *ask);
                        found.map(|waiting| (waiting.ask, waiting.wants))
                    }
                    _ => None,
                };
                let is_done = board.apply(decision, self.room.total()).is_ok();
                if let Some((ask, wants)) = starts.filter(|_| is_done) {
                    started.push((ask, now_ms));
                    ends.push((ask, now_ms.saturating_add(service_ms(wants, 0))));
                }
            }
            let is_reached = started.iter().any(|(ask, _)| Some(*ask) == horizon.until);
            if is_reached || board.waiting().next().is_none() {
                break;
            }
            let next_end = ends.iter().map(|(_, end_ms)| *end_ms).min();
            let next_turn = self
                .next_turn_ms(&board, &models)
                .map(|in_ms| now_ms.saturating_add(in_ms));
            let Some(then_ms) = next_end.into_iter().chain(next_turn).min() else {
                break;
            };
            let passed_ms = then_ms.saturating_sub(now_ms);
            board.age(passed_ms);
            now_ms = now_ms.max(then_ms);
            end_loads(&board, &mut models);
            ends.retain(|(ask, end_ms)| {
                let goes_on = *end_ms > now_ms;
                if !goes_on {
                    board.remove_ask(*ask);
                }
                goes_on
            });
        }
        started
    }

    /// In how many milliseconds something happens to a turn by time alone: a load ends, or a turn may end.
    fn next_turn_ms(&self, board: &Board, models: &Models) -> Option<u64> {
        let holds = board.policy.holds.iter();
        let moments = holds.flat_map(|hold| {
            hold.turns.iter().filter_map(|turn| {
                let load_ms = models.load_ms(hold.upstream, turn.model);
                match turn.stage {
                    Stage::Loading => {
                        let left_ms = guessed(load_ms).saturating_sub(turn.for_ms);
                        Some(left_ms.max(1))
                    }
                    Stage::Running => {
                        let quantum_ms =
                            quantum_ms(&self.rules, load_ms.unwrap_or(0), hold.drain_ms);
                        let ends = quantum_ms.saturating_sub(turn.for_ms);
                        let lingers = linger_ms(load_ms).saturating_sub(turn.idle_ms);
                        [ends, lingers].into_iter().filter(|ms| *ms > 0).min()
                    }
                    Stage::Draining => None,
                }
            })
        });
        moments.min()
    }
}

/// Loads that have taken as long as they take are taken to have ended.
fn end_loads(board: &Board, models: &mut Models) {
    for hold in &board.policy.holds {
        for turn in hold
            .turns
            .iter()
            .filter(|turn| turn.stage == Stage::Loading)
        {
            let load_ms = models.load_ms(hold.upstream, turn.model);
            if turn.for_ms >= guessed(load_ms) {
                let is_it =
                    |seen: &Seen| (seen.upstream, seen.model) == (hold.upstream, turn.model);
                models.seen.retain(|seen| !is_it(seen));
                models.seen.push(Seen {
                    upstream: hold.upstream,
                    model: turn.model,
                    is_loaded: true,
                    load_ms,
                    barred_ms: 0,
                });
                make_room(hold, turn.model, models);
            }
        }
    }
}

/// What does not fit beside a model that was loaded has gone from memory, unless it has its own turn there.
fn make_room(hold: &Hold, model: u64, models: &mut Models) {
    let upstream = hold.upstream;
    let is_told = models.told(upstream).is_some();
    let gone: Vec<u64> = models
        .seen
        .iter()
        .filter(|seen| seen.upstream == upstream && hold.turn(seen.model).is_none())
        .map(|seen| seen.model)
        .filter(|other| is_told || models.are_apart(upstream, model, *other))
        .collect();
    let seen = models.seen.iter_mut();
    for seen in seen.filter(|seen| seen.upstream == upstream && gone.contains(&seen.model)) {
        seen.is_loaded = false;
    }
}

/// The same board is told the same by everybody.
fn dice(board: &Board) -> Dice {
    Dice(board.put.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

fn guessed(load_ms: Option<u64>) -> u64 {
    load_ms.unwrap_or(super::upstream::LOAD_GUESS_MS)
}

fn reason(draft: &Draft<'_>, openings: &Openings<'_>, waiting: &Waiting) -> Reason {
    if !draft.board.open {
        return Reason::Settling;
    }
    let wants = waiting.wants;
    let usable: Vec<u8> = upstreams()
        .filter(|upstream| draft.may_go(*upstream, wants))
        .collect();
    if usable.is_empty() {
        return Reason::UpstreamDown;
    }
    let stage = |upstream: u8| {
        let hold = draft.board.policy.hold(upstream);
        hold.and_then(|hold| hold.turn(wants.model))
            .map(|turn| turn.stage)
    };
    let with_turn: Vec<u8> = usable
        .iter()
        .copied()
        .filter(|upstream| draft.has_turn(*upstream, wants.model))
        .collect();
    if with_turn.is_empty() {
        let loads = usable
            .iter()
            .any(|upstream| stage(*upstream) == Some(Stage::Loading));
        return if loads {
            Reason::ModelLoading
        } else {
            Reason::ModelTurn
        };
    }
    let is_full =
        |upstream: &u8| draft.active(*upstream, wants.model) >= draft.places(*upstream, wants);
    let has_slot = openings.any()
        && with_turn
            .iter()
            .any(|upstream| openings.has_place(*upstream));
    match has_slot && with_turn.iter().all(is_full) {
        true => Reason::ModelBusy,
        false => Reason::Slots,
    }
}

fn range(times: &[u64]) -> Range {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |tenths: usize| {
        let last = sorted.len().saturating_sub(1);
        sorted.get((last * tenths + 5) / 10).copied().unwrap_or(0)
    };
    Range {
        low_ms: at(1),
        middle_ms: at(5),
        high_ms: at(9),
    }
}

#[cfg(test)]
mod tests;
