//! Between clients that have keys: which line a request stands in first, and how many places its client may hold.
//!
//! Both are soft. A burst that is spread over several instances may see too little of itself before its draws; whoever has to wait
//! looks again after it.

use std::rc::Rc;
use std::time::Duration;

use sluice_gate::{Lane, Line};
use spin_sdk::time::sleep;

use super::{SHED_MS, place};
use crate::config::Config;
use crate::gate::{self, Stay};
use crate::http::refuse::Refusal;
use crate::request::client::Client;

/// A request that has just ended may stand in its record for a moment: whoever comes after it on the same connection is not
/// refused for that.
const MOMENT: Duration = Duration::from_millis(50);

/// The line in which the next request of a client stands first.
///
/// # Errors
/// The client holds all its places, or the store cannot be read.
pub async fn lane(config: &Config, client: &Client) -> Result<Lane, Refusal> {
    let own = client.lane();
    if client.key.is_none() {
        return Ok(own);
    }
    let number = client.fingerprint();
    // As old as that which the line was judged by; what comes and goes in this instance is known at once.
    let line = gate::cached(gate::SHOWN_MS).unwrap_or_default();
    let mut holdings = gate::holdings(number, &line);
    for pause in [Duration::ZERO, MOMENT] {
        if holdings.places() < config.places_per_client {
            return Ok(holdings.lane(own));
        }
        sleep(pause).await;
        holdings = gate::holdings(number, &*read(0).await?);
    }
    if holdings.places() < config.places_per_client {
        return Ok(holdings.lane(own));
    }
    let line = read(SHED_MS).await?;
    Err(place::places_taken(&line, &holdings))
}

/// Looks again after the draw, for one who waits, in a `line` that was read after it.
///
/// # Errors
/// So many of its client's requests stand before it that it has no place.
pub fn second_look(config: &Config, stay: &Stay, line: &Line) -> Result<(), Refusal> {
    if stay.own_before(line) < config.places_per_client {
        return Ok(());
    }
    let holdings = gate::holdings(stay.client(), line);
    Err(place::places_taken(line, &holdings))
}

async fn read(max_age_ms: u64) -> Result<Rc<Line>, Refusal> {
    let line = gate::line(max_age_ms).await;
    line.map_err(|_| Refusal::StoreUnavailable)
}
