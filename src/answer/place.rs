//! What a client is told of its place, and of a place that it cannot have.

use std::rc::Rc;
use std::time::Duration;

use sluice_gate::board::Board;
use sluice_gate::instance::Phase;
use sluice_gate::policy::Service;
use sluice_ollama::Place;

use super::job::Job;
use crate::config::Config;
use crate::gate;
use crate::http::refuse::Refusal;
use crate::upstreams::breakers;

/// What is told to come back after while nothing was measured, in seconds.
const UNMEASURED_S: u32 = 15;

/// The place of a request as `board` shows it; `None` before it has a ticket. `told`: what its client was told last.
pub fn of(job: &Job, board: &Board, told: Option<&Place>) -> Option<Place> {
    let place = job.place()?;
    let ticket = place.ticket()?;
    let ahead = place.ahead_in(board);
    let count = board.count();
    let max = breakers::room(&job.config).capacity();
    let is_waiting = matches!(place.phase(), Phase::Waiting | Phase::Sending { .. });
    let eta_ms = Service::of(board)
        .wait_ms(ahead, count.active, max)
        .filter(|_| is_waiting && max > 0);
    let position = if is_waiting { u64::from(ahead) + 1 } else { 0 };
    let is_behind_last = told.is_some_and(|told| position > told.position);
    let reason = if is_waiting && gate::is_settling(board) {
        Some("settling")
    } else if is_waiting && breakers::all_drained(&job.config) {
        Some("drained")
    } else if is_behind_last {
        Some("reordered")
    } else {
        None
    };
    Some(Place {
        ticket: ticket.to_string(),
        position,
        queued: u64::from(count.queued).max(position),
        active: u64::from(count.active.min(max)),
        max: u64::from(max),
        eta_seconds: eta_ms.map(|ms| ms.div_ceil(1_000)),
        reason,
    })
}

/// The line is full.
pub fn queue_full(config: &Config) -> Refusal {
    let retry_after = retry_after(config, breakers::room(config).capacity());
    Refusal::QueueFull { retry_after }
}

/// This client holds all its places. One of them is free when one of its own answers ends.
pub fn places_taken(config: &Config, client: u64) -> Refusal {
    let relayed = last_board(config).holdings(client).active;
    let retry_after = retry_after(config, relayed);
    Refusal::PlacesTaken { retry_after }
}

/// The line took too long.
pub fn queue_timeout(config: &Config) -> Refusal {
    let retry_after = retry_after(config, breakers::room(config).capacity());
    Refusal::QueueTimeout { retry_after }
}

fn retry_after(config: &Config, capacity: u32) -> Duration {
    let service = Service::of(&last_board(config));
    Duration::from_secs(service.retry_after_s(capacity, UNMEASURED_S).into())
}

fn last_board(config: &Config) -> Rc<Board> {
    gate::cached(config, u64::MAX).unwrap_or_default()
}
