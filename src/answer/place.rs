//! What a client is told of its place, and of a place that it cannot have.

use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use sluice_gate::Wants;
use sluice_gate::board::Board;
use sluice_gate::policy::{Foreseen, Reason, Service};
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
    let count = board.count();
    let max = breakers::room(&job.config).capacity();
    let is_waiting = place.phase().waits();
    let foreseen = place.foreseen(board);
    let ahead = foreseen.map_or_else(|| place.ahead_in(board), |one| one.ahead);
    let position = if is_waiting { u64::from(ahead) + 1 } else { 0 };
    let plain_ms = || Service::of(board).wait_ms(ahead, count.active, max);
    let start = foreseen.and_then(|one| one.start);
    let eta_ms = start.map_or_else(plain_ms, |start| Some(start.middle_ms));
    let is_behind_last = told.is_some_and(|told| position > told.position);
    Some(Place {
        ticket: ticket.to_string(),
        position,
        queued: u64::from(count.queued).max(position),
        active: u64::from(count.active),
        max: u64::from(max),
        eta_seconds: eta_ms.filter(|_| is_waiting).map(|ms| ms.div_ceil(1_000)),
        reason: reason(&job.config, board, place.wants(), foreseen, is_behind_last)
            .filter(|_| is_waiting),
        model: Some(job.heartbeat.model().to_owned()),
        ahead: is_waiting.then(|| ahead.into()),
        eta_range: start.map(|start| [start.low_ms / 1_000, start.high_ms.div_ceil(1_000)]),
        alternatives: Vec::new(),
        waited: job.waited().filter(|_| !is_waiting),
    })
}

/// Why it waits; where others of its like were put before it, that.
fn reason(
    config: &Config,
    board: &Board,
    wants: Wants,
    foreseen: Option<Foreseen>,
    is_behind_last: bool,
) -> Option<&'static str> {
    if !gate::is_settling(board) && breakers::all_drained(config) {
        return Some("drained");
    }
    let reason = match foreseen {
        Some(one) => Some(one.reason),
        None => gate::is_settling(board).then_some(Reason::Settling),
    };
    match reason {
        None | Some(Reason::Slots | Reason::ModelBusy) if is_behind_last => Some("reordered"),
        Some(Reason::UpstreamDown) if breakers::is_drained_for(config, wants) => Some("drained"),
        reason => reason.map(Reason::word),
    }
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

/// Its model could not be loaded a moment ago, wherever it is.
pub fn no_load() -> Refusal {
    Refusal::Upstreams {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        sentence: "the model cannot be loaded".to_owned(),
        document: None,
    }
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
