//! The policy's properties where there are several models and upstreams, over whole days (see [`crate::replay`]).

use std::collections::BTreeMap;

use super::days::Dice;
use super::*;
use crate::models::{Apart, Models, Places, Wants};
use crate::replay::{Day, Fate, Outcome, Request, Upstream};

const HOUR_MS: u64 = 3_600_000;

const RULES: Rules = Rules {
    max_queue: u32::MAX,
    places_per_client: u32::MAX,
    batch_wait_max_ms: 60_000,
    model_turn_ms: Rules::MODEL_TURN_MS,
    swap_share: Rules::SWAP_SHARE,
};

mod places;
mod turns;

fn request(at_ms: u64, model: u64, busy_ms: u64) -> Request {
    Request {
        at_ms,
        busy_ms,
        wants: Wants {
            model,
            ..Wants::default()
        },
        ..Request::default()
    }
}

/// One upstream that holds one model at a time.
fn day(load_ms: u64, max_concurrent: u32) -> Day {
    let upstreams = vec![Upstream::new(max_concurrent, 1, load_ms)];
    Day {
        rules: RULES,
        max_concurrent,
        models: Models::of(&upstreams, &[1, 2, 3, 4], 1),
        upstreams,
    }
}

fn run(day: &Day, requests: &[Request]) -> Outcome {
    day.run(requests, |_, _| None, |_, _| {})
}

fn wait_ms((request, fate): &(Request, Fate)) -> u64 {
    let (granted_ms, _) = fate.granted.expect("everybody is served");
    granted_ms - request.at_ms
}
