//! What a client is told of its place, and of a place that it cannot have.

use std::time::Duration;

use sluice_gate::{Estimate, Holdings, Line, Phase, estimate, retry_after_s};
use sluice_ollama::Place;

use super::job::Job;
use crate::config::Config;
use crate::gate;
use crate::http::refuse::Refusal;
use crate::upstreams::breakers;

/// What is told to come back after while nothing was measured, in seconds.
const UNMEASURED_S: u32 = 15;

/// The place of a request as `line` shows it; `None` before its draw.
pub fn of(job: &Job, line: &Line) -> Option<Place> {
    let stay = job.stay()?;
    let ticket = stay.ticket()?;
    let ahead = stay.ahead_in(line);
    let active = u32::try_from(line.active.len()).unwrap_or(u32::MAX);
    let max = breakers::room(&job.config).capacity();
    let is_waiting = stay.phase() == Phase::Queued;
    let eta_ms = estimate(
        Estimate {
            ahead,
            active,
            capacity: max,
        },
        &line.ledger,
    )
    .filter(|_| is_waiting);
    Some(Place {
        ticket: ticket.to_string(),
        position: if is_waiting { u64::from(ahead) + 1 } else { 0 },
        queued: u64::from(line.queued_in_all()).max(if is_waiting {
            u64::from(ahead) + 1
        } else {
            0
        }),
        active: u64::from(active.min(max)),
        max: u64::from(max),
        eta_seconds: eta_ms.map(|ms| ms.div_ceil(1_000)),
    })
}

/// The line is full.
pub fn queue_full(config: &Config, line: &Line) -> Refusal {
    let seconds = retry_after_s(
        &line.ledger,
        breakers::room(config).capacity(),
        UNMEASURED_S,
    );
    Refusal::QueueFull {
        retry_after: Duration::from_secs(u64::from(seconds)),
    }
}

/// This client holds all its places. One of them is free when one of its own answers ends.
pub fn places_taken(line: &Line, holdings: &Holdings) -> Refusal {
    let seconds = retry_after_s(&line.ledger, holdings.relayed(), UNMEASURED_S);
    Refusal::PlacesTaken {
        retry_after: Duration::from_secs(u64::from(seconds)),
    }
}

/// The line took too long.
pub fn queue_timeout(config: &Config) -> Refusal {
    let ledger = gate::cached(u64::MAX)
        .map(|line| line.ledger.clone())
        .unwrap_or_default();
    let seconds = retry_after_s(&ledger, breakers::room(config).capacity(), UNMEASURED_S);
    Refusal::QueueTimeout {
        retry_after: Duration::from_secs(u64::from(seconds)),
    }
}
