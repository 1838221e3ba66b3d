//! `GET /api/queue-status`: the mission's three numbers and no others.

use http::StatusCode;
use serde_json::json;

use crate::config::Config;
use crate::gate;
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::upstreams::breakers;

/// How many relay, wait, and may relay, read from the board.
///
/// # Errors
/// The store cannot be read: that is not an empty board.
pub async fn report(config: &Config) -> Result<Reply, Refusal> {
    let board = gate::board(config, gate::SHOWN_MS)
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    breakers::refresh(config).await;
    let count = board.count();
    let max = breakers::room(config).capacity();
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "activeRequests": count.active,
            "queuedRequests": count.queued,
            "maxConcurrent": max,
        }),
    ))
}
