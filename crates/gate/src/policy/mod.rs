//! Who is served next: one pure function, [`Policy::schedule`].
//!
//! # What it decides, and from what
//!
//! From the board, what was asked since, the rules and the room at this moment: who joins the line and where, who is refused,
//! who starts at which upstream, who moves, who is recalled. It is deterministic and has no clock: how long somebody has waited
//! stands on the board, and how long its model has had its turn. Shares and other orders are added here and nowhere else:
//! `order::next` is the one place that says who is first, `upstream` where it goes, `turns` which model may run there.
//!
//! # What it cannot do
//!
//! Break the gate. Every decision goes through [`Board::apply`], which lets nothing exceed the capacity, and whoever
//! schedules falls back to [`plain::schedule`] if one is not lawful.

#[cfg(test)]
mod away;
mod bound;
mod calibration;
#[cfg(test)]
mod days;
mod estimate;
mod field;
mod figure;
mod forecast;
mod join;
#[cfg(test)]
mod model_days;
mod order;
mod parallel;
pub mod plain;
mod succession;
#[cfg(test)]
mod tests;
mod turns;
mod upstream;

use serde::{Deserialize, Serialize};

pub use bound::{Share, linger_ms, longest_wait_ms, quantum_ms};
pub use calibration::Calibration;
pub use estimate::Service;
pub use field::{Field, Hold, PAST_MAX, Past, Stage, Turn};
pub use figure::Figure;
pub use forecast::{Foreseen, Newcomer, Range, Reason};
pub use parallel::{Answer, Parallel, Spans};
pub use turns::TURNS_MAX;

use crate::board::{AskId, Board, Mark, Rank, Unlawful};
pub use crate::board::{Class, Decision, Refusal};
use crate::models::{Models, Wants};
use crate::room::Room;
use crate::store::SessionNo;

/// The policy's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    /// How many may wait.
    pub max_queue: u32,
    /// How many requests of one client with a key may wait or relay.
    pub places_per_client: u32,
    /// After so long a batch request stands in order with the others.
    pub batch_wait_max_ms: u64,
    /// A model's turn lasts so long where another waits for it to end, or longer: see `swap_share`.
    pub model_turn_ms: u64,
    /// At most this share of an upstream's time goes into changes of models, in per cent.
    pub swap_share: u32,
}

impl Rules {
    /// What [`Rules::model_turn_ms`] and [`Rules::swap_share`] are where nobody says otherwise.
    pub const MODEL_TURN_MS: u64 = 60_000;
    /// See there.
    pub const SWAP_SHARE: u32 = 25;

    /// A number that stands for this policy and its settings: another one where they differ (rule 30). Never 0.
    pub fn signature(&self) -> u32 {
        let words = [
            POLICY,
            u64::from(self.max_queue),
            u64::from(self.places_per_client),
            self.batch_wait_max_ms,
            self.model_turn_ms,
            u64::from(self.swap_share),
        ];
        // FNV-1a, folded: two settings of one deployment must differ, nobody attacks it.
        let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
            (hash ^ word).wrapping_mul(0x0100_0000_01b3)
        });
        u32::try_from((hash >> 32) ^ (hash & 0xffff_ffff))
            .unwrap_or(1)
            .max(1)
    }
}

/// The number of this policy: raised when it decides otherwise than before.
const POLICY: u64 = 5;

/// What was asked since the board was put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asks {
    /// Who wants to start and is not on the board.
    pub joined: Vec<Joined>,
    /// Who is granted and wants another upstream.
    pub moves: Vec<Move>,
    /// What is to be cancelled.
    pub cancels: Vec<Cancel>,
    /// Sessions of which nothing was heard lately, by their number: nothing is granted to them before they give a sign of life.
    pub silent: Vec<SessionNo>,
}

/// One who wants to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Joined {
    /// Whose ask.
    pub ask: AskId,
    /// Its class.
    pub class: Class,
    /// Hash of its client's key; 0 without one.
    pub client: u64,
    /// Hash of its ticket's secret.
    pub guard: u64,
    /// What it says of its model.
    pub wants: Wants,
    /// How long it has waited, in milliseconds.
    pub waited_ms: u64,
    /// Whether it has waited before.
    pub again: Again,
}

/// Whether one who wants to start has waited before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Again {
    /// It comes for the first time.
    #[default]
    No,
    /// It goes on with a place that was lost, which another may have had since.
    Resumed,
    /// Its session was over while it waited: it was let in once and is not refused.
    Rejoined,
}

/// One who is granted and wants another upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Move {
    /// Whose ask.
    pub ask: AskId,
    /// The upstreams it does not want, as bits.
    pub avoid: u8,
    /// The number of this wish.
    pub moves: u8,
}

/// Who cancels a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cancel {
    /// Whoever knows its ticket: the hash of the secret.
    Ticket(u64),
    /// An operator.
    Operator(AskId),
}

/// The policy with its rules and the room at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'a> {
    /// The rules.
    pub rules: Rules,
    /// How many may relay, in all and at each upstream.
    pub room: Room,
    /// What is known of models at the upstreams.
    pub models: &'a Models,
}

impl<'a> Policy<'a> {
    /// What is to be done, in this order.
    ///
    /// # Errors
    /// A decision was not lawful: a bug here, for which nobody has to wait (see [`plain`]).
    pub fn schedule(&self, board: &Board, asks: &Asks) -> Result<Vec<Decision>, Unlawful> {
        let mut draft = Draft::of(self, board, &asks.silent);
        draft.cancel(&asks.cancels)?;
        join::join(&mut draft, &self.rules, &asks.joined)?;
        draft.move_on(&asks.moves)?;
        turns::refuse(&mut draft)?;
        order::promote(&mut draft, &self.rules)?;
        turns::take(&mut draft, &self.rules)?;
        while let Some((ask, upstream)) = order::next(&draft) {
            draft.decide(Decision::Grant { ask, upstream })?;
            order::promote(&mut draft, &self.rules)?;
        }
        Ok(draft.decisions)
    }
}

impl Policy<'_> {
    /// Where one who is granted may go instead, without the upstreams of the set bits, if anywhere at this moment.
    pub fn another(&self, board: &Board, wants: Wants, avoid: u8) -> Option<u8> {
        Draft::of(self, board, &[]).another(wants, avoid)
    }
}

/// The board as it will be when everything so far was done.
struct Draft<'a> {
    board: Board,
    room: Room,
    models: &'a Models,
    silent: &'a [SessionNo],
    decisions: Vec<Decision>,
}

impl<'a> Draft<'a> {
    fn of(policy: &Policy<'a>, board: &Board, silent: &'a [SessionNo]) -> Draft<'a> {
        Draft {
            board: board.clone(),
            room: policy.room,
            models: policy.models,
            silent,
            decisions: Vec::new(),
        }
    }

    fn decide(&mut self, decision: Decision) -> Result<(), Unlawful> {
        self.board.apply(&decision, self.room.total())?;
        self.decisions.push(decision);
        Ok(())
    }

    /// How many slots nobody has: those of a board that is not open are given once it is.
    fn unused(&self) -> u32 {
        let active = u32::try_from(self.board.grants.len()).unwrap_or(u32::MAX);
        self.room.capacity().saturating_sub(active)
    }

    fn cancel(&mut self, cancels: &[Cancel]) -> Result<(), Unlawful> {
        for cancel in cancels {
            let ask = match cancel {
                Cancel::Ticket(guard) => self.board.ask_of(*guard),
                Cancel::Operator(ask) => Some(*ask),
            };
            let Some(ask) = ask else { continue };
            if self.board.grant(ask).is_some_and(|grant| !grant.recall) {
                self.decide(Decision::Recall { ask })?;
            } else if self.board.waiting().any(|waiting| waiting.ask == ask) {
                let mark = Mark::Cancelled;
                self.decide(Decision::Mark { ask, mark })?;
            }
        }
        Ok(())
    }

    fn move_on(&mut self, moves: &[Move]) -> Result<(), Unlawful> {
        for wish in moves {
            let Some(grant) = self.board.grant(wish.ask) else {
                continue;
            };
            if grant.moves == wish.moves {
                continue;
            }
            let stays = grant.upstream;
            let upstream = self.another(grant.wants, wish.avoid).unwrap_or(stays);
            self.decide(Decision::Move {
                ask: wish.ask,
                upstream,
                moves: wish.moves,
            })?;
        }
        Ok(())
    }
}

impl Asks {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.moves.is_empty() && self.cancels.is_empty()
    }
}

impl Rank {
    /// Whether it stands in order with the others.
    pub fn is_in_front(self) -> bool {
        match self {
            Rank::Front | Rank::Promoted => true,
            Rank::Behind => false,
        }
    }
}
