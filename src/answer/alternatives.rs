//! Other models that would begin much sooner than the one that a request waits for.
//!
//! # Which
//! Those that are loaded, that its client may ask for, and that can do what it asks. Nothing is told to what can wait, nor of an
//! embedding: vectors of two models do not go together.
//!
//! # Cost
//! The policy is run forward once for each of [`MOST`] models, at most twice a second for all who wait here, and for nobody while
//! one model alone is in use.

use std::rc::Rc;

use sluice_gate::board::Board;
use sluice_gate::policy::{Joined, Newcomer};
use sluice_ollama::{Alternative, Place};

use super::job::Job;
use crate::clock;
use crate::config::Config;
use crate::gate;
use crate::single_flight::SingleFlight;
use crate::upstreams::catalog::{self, Known};
use crate::upstreams::runners;

/// How many models are looked at.
const MOST: usize = 4;

/// How long what was foreseen is told, in milliseconds.
const FRESH_MS: u64 = 500;

/// Much sooner is sooner by so much at least, in seconds, and in less than half of the time.
const SOONER_S: u64 = 15;

/// What would begin much sooner than `place`, the soonest first.
pub async fn of(job: &Job, board: &Board, place: &Place) -> Vec<Alternative> {
    let is_apt = !job.is_batch() && !job.outgoing.needs.embeds();
    let Some(own_s) = place
        .eta_seconds
        .filter(|own_s| is_apt && *own_s >= SOONER_S)
    else {
        return Vec::new();
    };
    let Some(own) = job.place().map(|place| place.wants().model) else {
        return Vec::new();
    };
    let looking = CANDIDATES.with(Rc::clone);
    let look = async || candidates(&job.config, board).await;
    let candidates = looking.get(FRESH_MS, clock::now_ms, look).await;
    let fits = |candidate: &&Candidate| {
        let can = |capability: &str| candidate.known.can(capability);
        let refused = job.outgoing.needs.refused_by(&candidate.name, can);
        candidate.model != own && is_much_sooner(candidate.eta_s, own_s) && refused.is_none()
    };
    let fitting = candidates.iter().filter(fits);
    let mut told: Vec<Alternative> = fitting
        .map(|candidate| Alternative {
            model: candidate.name.clone(),
            eta_seconds: candidate.eta_s,
        })
        .collect();
    told.sort_by_key(|one| one.eta_seconds);
    told
}

fn is_much_sooner(other_s: u64, own_s: u64) -> bool {
    other_s.saturating_mul(2) < own_s && other_s.saturating_add(SOONER_S) <= own_s
}

/// A model that is loaded, and when one who came now would begin with it.
#[derive(Debug)]
struct Candidate {
    model: u64,
    name: String,
    known: Known,
    eta_s: u64,
}

async fn candidates(config: &Config, board: &Board) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for named in runners::loaded(config) {
        let name = named.to_string();
        if candidates.len() == MOST {
            break;
        }
        if !config.allows_model(&name) || !config.allows_place_of(&name) {
            continue;
        }
        let known = catalog::known(config, &name).await;
        let is_elsewhere = known
            .facts
            .as_ref()
            .is_some_and(|facts| facts.runs_elsewhere);
        if known.can("completion") != Some(true) || is_elsewhere {
            continue;
        }
        let wants = runners::unasked(config, &named, &known);
        let one = Joined {
            wants,
            ..Joined::default()
        };
        let start_ms = match gate::foresee_newcomer(config, board, one) {
            Newcomer::Starts => 0,
            Newcomer::Waits(Some(range)) => range.middle_ms,
            Newcomer::Waits(None) | Newcomer::Refused(_) => continue,
        };
        candidates.push(Candidate {
            model: wants.model,
            name,
            known,
            eta_s: start_ms.div_ceil(1_000),
        });
    }
    candidates
}

thread_local! {
    static CANDIDATES: Rc<SingleFlight<Vec<Candidate>>> = Rc::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_sooner_is_less_than_half_of_the_time_and_a_quarter_of_a_minute() {
        let sooner = |own_s| [0, 4, 14, 29].map(|other_s| is_much_sooner(other_s, own_s));
        assert_eq!(sooner(14), [false; 4]);
        assert_eq!(sooner(15), [true, false, false, false]);
        assert_eq!(sooner(29), [true, true, true, false]);
        assert_eq!(sooner(60), [true; 4]);
    }
}
