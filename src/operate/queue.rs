//! `GET /api/queue`: how the line stands, in detail, in numbers that an autoscaler can read; and
//! `DELETE /api/queue/{ticket}`: gives a place up.

use http::StatusCode;
use serde_json::{Value, json};
use sluice_gate::board::Board;
use sluice_gate::policy::{Class, Service};
use sluice_gate::{Load, Room};

use super::models;
use crate::config::Config;
use crate::counters::{self, Histogram, Tallied};
use crate::gate::{self, PublicTicket};
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::orders;
use crate::store::StoreError;
use crate::upstreams::breakers;

/// How the line stands.
///
/// # Errors
/// The store cannot be read.
pub async fn report(config: &Config) -> Result<Reply, Refusal> {
    let unavailable = |_| Refusal::StoreUnavailable;
    let board = gate::board(config, gate::SHOWN_MS)
        .await
        .map_err(unavailable)?;
    breakers::refresh(config).await;
    let totals = counters::totals(counters::FRESH_MS)
        .await
        .map_err(unavailable)?;
    let room = breakers::room(config);
    let max = room.capacity();
    let count = board.count();
    let service = Service::of(&board);
    let wait_ms = service.wait_ms(count.queued, count.active, max);
    let service_s = (service.measured > 0).then(|| service.mean_us as f64 / 1e6);
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "notice": orders::known().notice(),
            "active": count.active,
            "queued": count.queued,
            "classes": classes(&board),
            "max": max,
            "maxQueue": config.max_queue,
            "upstreams": upstreams(config, &room, &board.load()),
            "models": models::report(config, &board),
            "settling": gate::is_settling(&board),
            "serviceSeconds": service_s,
            "estimatedWaitSeconds": wait_ms.map(|ms| ms.div_ceil(1_000)),
            "finished": totals.finished(),
            "complete": totals.of(Tallied::Admitted("complete")),
            "tokens": totals.of(Tallied::Sum(Histogram::Outputs)),
        }),
    ))
}

/// How many of those who wait and relay are of each class.
fn classes(board: &Board) -> Value {
    let of = |class| {
        let count = board.count_of(class);
        json!({ "active": count.active, "queued": count.queued })
    };
    json!({ "interactive": of(Class::Interactive), "batch": of(Class::Batch) })
}

/// Each upstream's share: how many it relays, how many it may relay now, and why that may be fewer than it takes.
pub(super) fn upstreams(config: &Config, room: &Room, load: &Load) -> Vec<Value> {
    let orders = orders::known();
    let upstream = |index: usize| {
        json!({
            "index": index,
            "active": load.at(index),
            "max": room.limit(index),
            "breaker": breakers::state(config, index),
            "drained": orders.drains(index),
        })
    };
    (0..config.upstreams.len()).map(upstream).collect()
}

/// Gives up the place of a ticket, or stops its stream.
///
/// # Errors
/// There is no such ticket (nothing is written then), or the store failed.
pub async fn give_up(config: &Config, ticket: &str) -> Result<Reply, Refusal> {
    let ticket = PublicTicket::parse(ticket).ok_or(Refusal::UnknownTicket)?;
    cancelled(gate::cancel(config, ticket).await)
}

/// What is told of a request that was to be ended, once it is known whether there was one.
pub(super) fn cancelled(was_there: Result<bool, StoreError>) -> Result<Reply, Refusal> {
    match was_there {
        Ok(true) => Ok(Reply::json(StatusCode::OK, &json!({ "cancelled": true }))),
        Ok(false) => Err(Refusal::UnknownTicket),
        Err(_) => Err(Refusal::StoreUnavailable),
    }
}
