//! The board: the whole state of the gate as its scheduler writes it down.
//!
//! One session at a time, the scheduler of the newest term, puts it; everybody else believes it only under the fence
//! (board, then term, then epoch). It is small: 128 KiB at most, see [`codec`].

mod change;
pub mod codec;
mod heir;
mod view;

pub use change::{Decision, Unlawful};
pub use heir::{HEIRS_MAX, Heir};
pub use view::Count;

use serde::{Deserialize, Serialize};

use crate::models::Wants;
use crate::policy::Field;
use crate::store::SessionNo;

/// An ask: request `k` of session `session`. `k` is never used twice in a session.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct AskId {
    /// The session.
    pub session: SessionNo,
    /// Its number in the session.
    pub k: u64,
}

/// The most who stand in the line.
pub const LINE_MAX: usize = 1_024;

/// The most members that are listed at once.
pub const MEMBERS_MAX: usize = 768;

/// The state of the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Board {
    /// Raised with every put: tells two boards of one term apart.
    pub put: u64,
    /// Hash of the policy and settings of the scheduler that put it.
    pub settings: u32,
    /// How many may relay, as that scheduler has it.
    pub capacity: u32,
    /// It may hold new grants: whoever relayed before the epoch was founded has stopped.
    pub open: bool,
    /// Its scheduler has nothing to do and may be replaced.
    pub idle: bool,
    /// Plain order is in force.
    pub degraded: bool,
    /// The highest session number that this line of boards has taken notice of.
    pub top: SessionNo,
    /// The oldest term whose board may still be in the store.
    pub oldest: u64,
    /// The sessions, by their number.
    pub members: Vec<Member>,
    /// The grants, by their ask.
    pub grants: Vec<Grant>,
    /// Who waits, in the order in which the policy lists them.
    pub line: Vec<Waiting>,
    /// Who of them have the next slots that are free, in their order.
    pub heirs: Vec<Heir>,
    /// The policy's own field.
    pub policy: Field,
}

/// A session as the board knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub session: SessionNo,
    /// Its random name; 0 before its outbox was read.
    pub name: u64,
    /// The highest beat whose content was taken in.
    pub seen: u64,
    /// The beat that was in its outbox when that was last read; lower than `seen` after a late write.
    pub last: u64,
    /// How long its outbox is known not to have changed, in milliseconds.
    pub quiet_ms: u64,
    /// It has lapsed: nothing new is granted to it, and it is removed after one more reading.
    pub condemned: bool,
    /// It was next and gave no sign of life: it is passed over until it does.
    pub away: bool,
    /// It has been silent for so long that its provisional grants go to others, after one more reading: it may start none of them.
    pub doubted: bool,
}

/// A permission to relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Whose.
    pub ask: AskId,
    /// Where.
    pub upstream: u8,
    /// Its class.
    pub class: Class,
    /// Hash of its client's key; 0 without one.
    #[serde(with = "postcard::fixint::le")]
    pub client: u64,
    /// Hash of its ticket's secret.
    #[serde(with = "postcard::fixint::le")]
    pub guard: u64,
    /// What it says of its model.
    pub wants: Wants,
    /// How long it has been granted, in milliseconds, when the board was put.
    pub granted_ms: u64,
    /// How many of its wishes to move were decided.
    pub moves: u8,
    /// Its owner is to stop it.
    pub recall: bool,
    /// The number of the ask of the same session that starts in its place when it ends; 0: none.
    pub successor: u64,
    /// Its owner has not said yet that it has started: the slot goes to another if nothing is heard of its session.
    pub provisional: bool,
}

/// One who waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Waiting {
    /// Whose ask.
    pub ask: AskId,
    /// Its class.
    pub class: Class,
    /// How it is ordered.
    pub rank: Rank,
    /// Hash of its client's key; 0 without one.
    #[serde(with = "postcard::fixint::le")]
    pub client: u64,
    /// Hash of its ticket's secret.
    #[serde(with = "postcard::fixint::le")]
    pub guard: u64,
    /// What it says of its model.
    pub wants: Wants,
    /// How long it has waited, in milliseconds, when the board was put.
    pub waited_ms: u64,
    /// What was decided instead of a grant; its owner takes it out by saying *ended*.
    pub mark: Option<Mark>,
}

impl Board {
    /// Those who wait: whoever was refused or cancelled and has not said *ended* is left out.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.line.iter().filter(|waiting| waiting.mark.is_none())
    }
}

/// A request's class.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Class {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// It can wait: it is served when nobody else waits, or after `batch_wait_max`.
    Batch,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// As many wait as may.
    QueueFull,
    /// Its client has as many places as it may have.
    PlacesTaken,
    /// No upstream could load its model a moment ago.
    NoLoad,
}

/// Whether one who waits stands in front or behind.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Rank {
    /// In order with the others.
    #[default]
    Front,
    /// A batch request that has waited for its longest time, or whose turn had come: in order with the others.
    Promoted,
    /// Behind all others: a batch request, or a client's second.
    Behind,
}

/// What was decided about one who waits, instead of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// Somebody who may cancelled it.
    Cancelled,
    /// The policy refused it.
    Refused(Refusal),
}
