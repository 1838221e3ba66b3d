//! `GET /api/queue`: how the line stands, in detail, in numbers that an autoscaler can read; and
//! `DELETE /api/queue/{ticket}`: gives a place up.

use http::StatusCode;
use serde_json::{Value, json};
use sluice_gate::{Estimate, Lane, Line, Load, Room, estimate};

use crate::config::Config;
use crate::gate::{self, PublicTicket};
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::upstreams::breakers;

/// How the line stands.
///
/// # Errors
/// The store cannot be read.
pub async fn report(config: &Config) -> Result<Reply, Refusal> {
    let line = gate::line(gate::SHOWN_MS)
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    breakers::refresh(config).await;
    let room = breakers::room(config);
    let max = room.capacity();
    let active = u32::try_from(line.active.len())
        .unwrap_or(u32::MAX)
        .min(max);
    let wait_ms = estimate(
        Estimate {
            ahead: line.queued_in_all(),
            active,
            capacity: max,
        },
        &line.ledger,
    );
    let service_s = (line.ledger.measured > 0).then(|| line.ledger.mean_service_us as f64 / 1e6);
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "active": active,
            "queued": line.queued_in_all(),
            "classes": classes(&line),
            "max": max,
            "maxQueue": config.max_queue,
            "upstreams": upstreams(config, &room, &line.load()),
            "exact": line.exact,
            "serviceSeconds": service_s,
            "estimatedWaitSeconds": wait_ms.map(|ms| ms.div_ceil(1_000)),
            "finished": line.ledger.finished,
            "complete": line.ledger.complete,
            "tokens": line.ledger.outputs.sum(),
        }),
    ))
}

/// How many of those who wait and relay came through each line. Of a long line only its front is told apart.
fn classes(line: &Line) -> Value {
    let active = |lane: Lane| {
        line.active
            .iter()
            .filter(|(_, record)| record.via == lane)
            .count()
    };
    let drawn = line
        .waiting
        .iter()
        .filter(|(_, record)| record.via == Lane::Batch);
    let drawn = u32::try_from(drawn.count()).unwrap_or(u32::MAX);
    json!({
        "interactive": {
            "active": active(Lane::Main),
            "queued": line.queued.saturating_sub(drawn),
        },
        "batch": {
            "active": active(Lane::Batch),
            "queued": line.queued_behind().saturating_add(drawn),
        },
    })
}

/// Each upstream's share: how many it relays, how many it may relay now, and why that may be fewer than it takes.
fn upstreams(config: &Config, room: &Room, load: &Load) -> Vec<Value> {
    let upstream = |index: usize| {
        json!({
            "index": index,
            "active": load.at(index),
            "max": room.limit(index),
            "breaker": breakers::state(config, index),
        })
    };
    (0..config.upstreams.len()).map(upstream).collect()
}

/// Gives up the place of a ticket, or stops its stream.
///
/// # Errors
/// There is no such ticket (nothing is written then), or the store failed.
pub async fn give_up(ticket: &str) -> Result<Reply, Refusal> {
    let ticket = PublicTicket::parse(ticket).ok_or(Refusal::UnknownTicket)?;
    match gate::cancel(ticket).await {
        Ok(true) => Ok(Reply::json(StatusCode::OK, &json!({ "cancelled": true }))),
        Ok(false) => Err(Refusal::UnknownTicket),
        Err(_) => Err(Refusal::StoreUnavailable),
    }
}
