//! Who is served next: one pure function, [`Policy::schedule`].
//!
//! # What it decides, and from what
//!
//! From the board, what was asked since, the rules and the room at this moment: who joins the line and where, who is refused,
//! who starts at which upstream, who moves, who is recalled. It is deterministic and has no clock: how long somebody has waited
//! stands on the board. Models, shares and other orders are added here and nowhere else; `order::next` is the one place that
//! says who is first.
//!
//! # What it cannot do
//!
//! Break the gate. Every decision goes through [`Board::apply`], which lets nothing exceed the capacity, and whoever
//! schedules falls back to [`plain::schedule`] if one is not lawful.

#[cfg(test)]
mod days;
mod estimate;
mod join;
mod order;
pub mod plain;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use estimate::Service;

use crate::board::{AskId, Board, Mark, Rank, Unlawful};
pub use crate::board::{Class, Decision, Refusal};
use crate::room::Room;

/// The policy's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// How many may wait.
    pub max_queue: u32,
    /// How many requests of one client with a key may wait or relay.
    pub places_per_client: u32,
    /// After so long a batch request stands in order with the others.
    pub batch_wait_max_ms: u64,
}

impl Rules {
    /// A number that stands for this policy and its settings: another one where they differ (rule 30). Never 0.
    pub fn signature(&self) -> u32 {
        let words = [
            POLICY,
            u64::from(self.max_queue),
            u64::from(self.places_per_client),
            self.batch_wait_max_ms,
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
const POLICY: u64 = 1;

/// What was asked since the board was put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asks {
    /// Who wants to start and is not on the board.
    pub joined: Vec<Joined>,
    /// Who is granted and wants another upstream.
    pub moves: Vec<Move>,
    /// What is to be cancelled.
    pub cancels: Vec<Cancel>,
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
    /// How long it has waited, in milliseconds.
    pub waited_ms: u64,
    /// It waited in another session before: it was let in once and is not refused.
    pub again: bool,
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
pub struct Policy {
    /// The rules.
    pub rules: Rules,
    /// How many may relay, in all and at each upstream.
    pub room: Room,
}

impl Policy {
    /// What is to be done, in this order.
    ///
    /// # Errors
    /// A decision was not lawful: a bug here, for which nobody has to wait (see [`plain`]).
    pub fn schedule(&self, board: &Board, asks: &Asks) -> Result<Vec<Decision>, Unlawful> {
        let mut draft = Draft::of(self, board);
        draft.cancel(&asks.cancels)?;
        join::join(&mut draft, &self.rules, &asks.joined)?;
        draft.move_on(&asks.moves)?;
        order::promote(&mut draft, &self.rules)?;
        while let Some(ask) = order::next(&draft.board) {
            let Some(upstream) = draft.upstream(0) else {
                break;
            };
            draft.decide(Decision::Grant { ask, upstream })?;
            order::promote(&mut draft, &self.rules)?;
        }
        Ok(draft.decisions)
    }
}

/// The board as it will be when everything so far was done.
struct Draft {
    board: Board,
    room: Room,
    decisions: Vec<Decision>,
}

impl Draft {
    fn of(policy: &Policy, board: &Board) -> Draft {
        Draft {
            board: board.clone(),
            room: policy.room,
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

    /// The least loaded upstream with room for one more, without those of the set bits.
    fn upstream(&self, avoid: u8) -> Option<u8> {
        let load = self.board.load();
        let is_free = self.board.open && load.all() < self.room.total();
        is_free.then(|| avoiding(self.room, avoid).choose_to_move(&load))?
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
            let others = avoiding(self.room, wish.avoid);
            let upstream = others
                .choose_to_move(&self.board.load())
                .unwrap_or(grant.upstream);
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

fn avoiding(room: Room, avoid: u8) -> Room {
    (0..8)
        .filter(|upstream| avoid >> upstream & 1 == 1)
        .fold(room, Room::without)
}
