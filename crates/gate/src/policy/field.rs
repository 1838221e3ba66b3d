//! The policy's own field on the board: what it has measured, and which models have their turn where.
//!
//! All of it is durations and counts. It may roll back to the last board, and is lost with an emptied store: advice, like
//! everything in here.

use serde::{Deserialize, Serialize};

use super::estimate::Service;
use super::figure::Figure;
use crate::board::Board;

/// The policy's own field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The mean service time of late, of all answers.
    pub service: Service,
    /// What was measured of each model at each upstream, the latest first.
    pub figures: Vec<Figure>,
    /// Who has its turn at the upstreams at which models take turns.
    pub holds: Vec<Hold>,
}

/// Which models have their turn at one upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// The upstream's index.
    pub upstream: u8,
    /// The models that have their turn, in the order in which they came.
    pub turns: Vec<Turn>,
    /// The model for which others drain; 0 while none does.
    #[serde(with = "postcard::fixint::le")]
    pub next: u64,
    /// For how long they have been draining, in milliseconds.
    pub draining_ms: u64,
    /// How long that takes: a decaying mean, in milliseconds.
    pub drain_ms: u64,
    /// The models whose turn is over, and how long ago it ended; the latest last, at most [`PAST_MAX`].
    pub past: Vec<Past>,
}

/// A model's turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// The model.
    #[serde(with = "postcard::fixint::le")]
    pub model: u64,
    /// How far it is.
    pub stage: Stage,
    /// How long it has been loading, or how long its turn has run since then, in milliseconds.
    pub for_ms: u64,
    /// How long nobody has waited for it or been relayed from it here, in milliseconds.
    pub idle_ms: u64,
}

/// How far a turn is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// It is being loaded: nobody is sent there for it yet.
    #[default]
    Loading,
    /// It is loaded, and requests for it are sent.
    Running,
    /// It makes room for another: nobody is sent there for it any more.
    Draining,
}

/// A turn that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Past {
    /// The model.
    #[serde(with = "postcard::fixint::le")]
    pub model: u64,
    /// How long ago it ended, in milliseconds.
    pub ago_ms: u64,
}

/// How many turns that are over are remembered for one upstream.
pub const PAST_MAX: usize = 16;

impl Field {
    /// Who has its turn at an upstream, if anybody ever had.
    pub fn hold(&self, upstream: u8) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.upstream == upstream)
    }

    /// Whether models take turns at any upstream.
    pub fn has_turns(&self) -> bool {
        self.holds.iter().any(|hold| !hold.turns.is_empty())
    }

    /// What was measured of a model at an upstream.
    pub fn figure(&self, upstream: u8, model: u64) -> Option<&Figure> {
        let mut figures = self.figures.iter();
        figures.find(|figure| figure.upstream == upstream && figure.model == model)
    }
}

impl Hold {
    /// The turn of a model.
    pub fn turn(&self, model: u64) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.model == model)
    }
}

impl Board {
    /// So much time has passed: brings every age up to date.
    pub fn age(&mut self, passed_ms: u64) {
        let add = |ms: &mut u64| *ms = ms.saturating_add(passed_ms);
        self.line
            .iter_mut()
            .for_each(|waiting| add(&mut waiting.waited_ms));
        self.grants
            .iter_mut()
            .for_each(|grant| add(&mut grant.granted_ms));
        let mut holds = std::mem::take(&mut self.policy.holds);
        for hold in &mut holds {
            if hold.next != 0 {
                add(&mut hold.draining_ms);
            }
            hold.past.iter_mut().for_each(|past| add(&mut past.ago_ms));
            for turn in &mut hold.turns {
                add(&mut turn.for_ms);
                match self.is_wanted(hold.upstream, turn.model) {
                    true => turn.idle_ms = 0,
                    false => add(&mut turn.idle_ms),
                }
            }
        }
        self.policy.holds = holds;
    }

    /// Whether anybody is relayed from this model at this upstream, or waits for it and may go there.
    pub fn is_wanted(&self, upstream: u8, model: u64) -> bool {
        let mut grants = self.grants.iter();
        let is_there =
            |grant: &crate::board::Grant| grant.upstream == upstream && grant.wants.model == model;
        grants.any(is_there)
            || self
                .present()
                .any(|waiting| waiting.wants.model == model && waiting.wants.may_go(upstream))
    }
}
