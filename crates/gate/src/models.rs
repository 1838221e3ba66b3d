//! What is known of models: what an ask says of its own, and what whoever schedules has seen at the upstreams.
//!
//! # Advice
//!
//! What was seen has an age and may be wrong: no bound on how many relay depends on it. It holds durations only. Where nothing was
//! seen and nothing is said, every request may go anywhere and nothing takes turns, as if all were for one model.

use serde::{Deserialize, Serialize};

use crate::room::MAX_UPSTREAMS;

/// What an ask says of its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wants {
    /// The number of what Ollama runs for it: a hash of the model's name as Ollama resolves it, the same for names that share a
    /// runner; 0 where it is not known.
    #[serde(with = "postcard::fixint::le")]
    pub model: u64,
    /// The upstreams that are known not to have it, as bits.
    pub lacks: u8,
    /// It completes nothing: a model for embeddings.
    pub is_auxiliary: bool,
    /// How many of its model may relay at one upstream.
    pub places: Places,
    /// A fold of the hash of its conversation: those with the same go to the same upstream where that costs nobody anything; 0
    /// without one.
    pub hint: u16,
}

/// How many requests of one model may relay at one upstream, as the ask's own instance has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Places {
    /// What is measured; as many as the upstream takes before that.
    #[default]
    Unknown,
    /// What is measured; so many before that.
    Guessed(u8),
    /// So many, by the settings; with 0 as many as the upstream takes.
    Told(u8),
}

impl Places {
    /// The limit that follows, where `measured` is what was seen to run at once; `None` for none but the upstream's own.
    pub fn limit(self, measured: Option<u8>) -> Option<u8> {
        match self {
            Places::Unknown => measured,
            Places::Guessed(guess) => measured.or(Some(guess)),
            Places::Told(0) => None,
            Places::Told(limit) => Some(limit),
        }
    }
}

impl Wants {
    /// Whether this upstream may have its model.
    pub fn may_go(&self, upstream: u8) -> bool {
        1_u8.checked_shl(upstream.into())
            .is_none_or(|bit| self.lacks & bit == 0)
    }
}

/// What whoever schedules has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Models {
    /// Models at upstreams.
    pub seen: Vec<Seen>,
    /// Pairs that were seen not to fit together.
    pub apart: Vec<Apart>,
    /// How many models fit at each upstream, by the settings; 0 where they do not say.
    pub at_once: [u8; MAX_UPSTREAMS],
    /// The upstreams of which it is known what is in memory, as bits: what was not seen there is not.
    pub looked: u8,
}

/// A model at an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The upstream's index.
    pub upstream: u8,
    /// The model's number.
    pub model: u64,
    /// It is in memory.
    pub is_loaded: bool,
    /// How long it takes to load, in milliseconds, where that was measured.
    pub load_ms: Option<u64>,
    /// Its load failed: for so long it is not tried again, in milliseconds; 0 where it may be.
    pub barred_ms: u64,
}

/// Two models that do not fit together at an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Apart {
    /// The upstream's index.
    pub upstream: u8,
    /// One of them.
    pub one: u64,
    /// The other.
    pub other: u64,
}

impl Models {
    /// Nothing is known.
    pub const NONE: Models = Models {
        seen: Vec::new(),
        apart: Vec::new(),
        at_once: [0; MAX_UPSTREAMS],
        looked: 0,
    };

    /// What was seen of a model at an upstream.
    pub fn at(&self, upstream: u8, model: u64) -> Option<&Seen> {
        let mut seen = self.seen.iter();
        seen.find(|seen| seen.upstream == upstream && seen.model == model)
    }

    /// Whether a model is in memory there; `None` where nobody knows.
    pub fn is_loaded(&self, upstream: u8, model: u64) -> Option<bool> {
        let bit = 1_u8.checked_shl(upstream.into()).unwrap_or(0);
        let is_known = self.looked & bit != 0;
        let seen = self.at(upstream, model).map(|seen| seen.is_loaded);
        seen.or(is_known.then_some(false))
    }

    /// How long the model takes to load there, in milliseconds, where that was measured.
    pub fn load_ms(&self, upstream: u8, model: u64) -> Option<u64> {
        self.at(upstream, model)?.load_ms
    }

    /// Whether models have to take turns at this upstream, as far as is known.
    pub fn has_turns(&self, upstream: u8) -> bool {
        self.told(upstream).is_some() || self.apart.iter().any(|pair| pair.upstream == upstream)
    }

    /// How many models fit there, where the settings say.
    pub fn told(&self, upstream: u8) -> Option<usize> {
        let told = self.at_once.get(usize::from(upstream))?;
        (*told > 0).then_some(usize::from(*told))
    }

    /// Whether these two were seen not to fit together there.
    pub fn are_apart(&self, upstream: u8, one: u64, other: u64) -> bool {
        let is_pair = |pair: &Apart| {
            pair.upstream == upstream
                && (pair.one == one && pair.other == other
                    || pair.one == other && pair.other == one)
        };
        self.apart.iter().any(is_pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_settings_say_goes_before_what_is_measured_and_that_before_a_guess() {
        let limits = |places: Places| [places.limit(None), places.limit(Some(3))];
        assert_eq!(limits(Places::Unknown), [None, Some(3)]);
        assert_eq!(limits(Places::Guessed(1)), [Some(1), Some(3)]);
        assert_eq!(limits(Places::Told(2)), [Some(2), Some(2)]);
        assert_eq!(limits(Places::Told(0)), [None, None]);
    }

    #[test]
    fn an_upstream_is_left_out_only_if_it_is_known_not_to_have_the_model() {
        let wants = Wants {
            lacks: 0b10,
            ..Wants::default()
        };
        assert_eq!(
            [0, 1, 2, 200].map(|upstream| wants.may_go(upstream)),
            [true, false, true, true]
        );
    }

    #[test]
    fn what_was_not_seen_is_not_loaded_where_somebody_looked_and_unknown_elsewhere() {
        let models = Models {
            seen: vec![Seen {
                upstream: 1,
                model: 7,
                is_loaded: true,
                ..Seen::default()
            }],
            looked: 0b10,
            ..Models::default()
        };
        let of = |upstream, model| models.is_loaded(upstream, model);
        assert_eq!(
            [of(1, 7), of(1, 8), of(0, 7)],
            [Some(true), Some(false), None]
        );
    }

    #[test]
    fn a_pair_is_apart_in_either_order_and_at_its_own_upstream_alone() {
        let models = Models {
            apart: vec![Apart {
                upstream: 1,
                one: 7,
                other: 8,
            }],
            ..Models::default()
        };
        assert!(models.are_apart(1, 8, 7) && models.are_apart(1, 7, 8));
        assert!(!models.are_apart(0, 7, 8) && !models.are_apart(1, 7, 7));
        assert_eq!([0, 1].map(|at| models.has_turns(at)), [false, true]);
    }
}
