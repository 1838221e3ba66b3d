//! Models that are loaded ahead, so that nobody waits for them.
//!
//! # When
//! The first request of any kind that an instance sees begins it, whatever it is for; a host that asks `/readyz` once has them loaded
//! from its start. Afterwards an upstream that is idle and has let one go gets it again, at most once a turn (`model_turn`).
//!
//! # Limits
//! One instance at a time does it, over all hosts, by a counter in the store: whoever raises it by the next one does. It is advice:
//! two that load the same model at one upstream at once cost that upstream one load, since Ollama joins them. What does not fit
//! beside what is loaded is left out.

use std::cell::Cell;
use std::rc::Rc;

use sluice_gate::models::Models;
use sluice_ollama::ModelName;

use crate::clock;
use crate::config::Config;
use crate::gate;
use crate::store;
use crate::tasks::spawn;
use crate::upstreams::runners::{self, Named};
use crate::upstreams::{State, breakers, catalog};

/// The counter of those who took it upon themselves.
const TURNS: &str = "sluice/warm/turns";

/// Has the models loaded that are to be kept warm, if it is time for that. Nothing is waited for.
pub fn tend(config: &Rc<Config>) {
    if config.warm_models.is_empty() {
        return;
    }
    let now_ms = clock::now_ms();
    let is_first = NEXT_MS.get() == 0;
    if now_ms < NEXT_MS.get() {
        return;
    }
    let turn_ms = u64::try_from(config.model_turn.as_millis()).unwrap_or(u64::MAX);
    NEXT_MS.set(now_ms.saturating_add(turn_ms).max(1));
    let config = config.clone();
    spawn(async move {
        let when = match is_first {
            true => When::AtStart,
            false => When::Idle,
        };
        load_all(&config, when).await;
    });
}

/// When an upstream gets a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// At once.
    AtStart,
    /// While it answers nobody.
    Idle,
}

async fn load_all(config: &Config, when: When) {
    breakers::refresh(config).await;
    let missing = missing(config, when).await;
    if missing.is_empty() || !is_ours().await {
        return;
    }
    for (upstream, number, named) in missing {
        // What was loaded before it may have taken its room.
        if fits(&runners::seen(config), upstream, number) {
            runners::load_there(config, upstream, number, &named).await;
        }
    }
}

/// What is not loaded where it could be.
async fn missing(config: &Config, when: When) -> Vec<(u8, u64, Named)> {
    let mut missing = Vec::new();
    let board = gate::board(config, gate::SHOWN_MS).await.ok();
    let load = board.map(|board| board.load());
    for index in 0..config.upstreams.len() {
        let Ok(upstream) = u8::try_from(index) else {
            continue;
        };
        let is_idle = load.is_some_and(|load| load.at(index) == 0);
        let may = when == When::AtStart || is_idle;
        let is_usable = breakers::state(config, index) == State::Closed
            && breakers::room(config).limit(index) > 0;
        if !may || !is_usable {
            continue;
        }
        let Some(loaded) = catalog::loaded_at(config, index).await else {
            continue;
        };
        for name in &config.warm_models {
            if loaded.iter().any(|loaded| loaded.name == *name) {
                continue;
            }
            if let Some((number, named)) = at(config, index, name).await {
                missing.push((upstream, number, named));
            }
        }
    }
    missing
}

/// A model at an upstream that has it; one that runs elsewhere is never loaded.
async fn at(config: &Config, upstream: usize, name: &ModelName) -> Option<(u64, Named)> {
    let known = catalog::known(config, &name.to_string()).await;
    let is_there = known.copies.iter().any(|copy| copy.upstream == upstream);
    let facts = known.facts.as_deref()?;
    if !is_there || facts.runs_elsewhere {
        return None;
    }
    let number = runners::number_of(&config.policy, name, Some(facts));
    let named = Named {
        name: name.clone(),
        only_embeds: facts.only_embeds(),
    };
    Some((number, named))
}

/// Whether a model is not known to be in the way of one that is loaded there.
fn fits(models: &Models, upstream: u8, number: u64) -> bool {
    let loaded = || {
        let at = models.seen.iter().filter(|seen| seen.upstream == upstream);
        at.filter(|seen| seen.is_loaded)
    };
    let has_room = models
        .told(upstream)
        .is_none_or(|told| loaded().count() < told);
    has_room && loaded().all(|seen| !models.are_apart(upstream, seen.model, number))
}

/// Whether it is this instance's turn: nobody has raised the counter since it was read.
async fn is_ours() -> bool {
    let Ok(before) = store::sum(TURNS).await else {
        return false;
    };
    let raised = store::add(TURNS.to_owned(), 1).await;
    raised.is_ok_and(|turn| turn == before + 1)
}

thread_local! {
    static NEXT_MS: Cell<u64> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use sluice_gate::models::{Apart, Seen};

    use super::*;

    #[test]
    fn what_does_not_fit_beside_what_is_loaded_is_left_out() {
        let seen = |upstream, model, is_loaded| Seen {
            upstream,
            model,
            is_loaded,
            ..Seen::default()
        };
        let mut models = Models {
            seen: vec![seen(0, 7, true), seen(0, 9, false), seen(1, 8, true)],
            apart: vec![Apart {
                upstream: 0,
                one: 7,
                other: 8,
            }],
            ..Models::default()
        };
        assert!(!fits(&models, 0, 8), "seen apart");
        assert!(fits(&models, 0, 9) && fits(&models, 1, 7));
        models.at_once[0] = 1;
        assert!(!fits(&models, 0, 9), "no room is told");
        assert!(fits(&models, 2, 9), "nothing is known there");
    }
}
