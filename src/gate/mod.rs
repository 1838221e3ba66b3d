//! The gate's adapter: it turns the effects of [`sluice_gate`] into key-value calls and timers, and nothing else.
//!
//! # Who does what
//!
//! [`Stay`] is a request's place, from before its draw to after its end: dropping it leaves the line or frees the slot. A
//! task of its own drives the turn behind it, so that no write is given up half-way when a client goes away. What one
//! instance has read is shared within it ([`fn@line`]); the store stays the truth. A request that stands behind the main line has
//! a second turn, for the right to draw there.

mod account;
mod bell;
mod keeper;
mod line;
mod right;
mod stay;
mod store;
mod ticket;
mod tidying;
mod timing;

pub use account::{Account, Ending};
pub use bell::{holdings, is_empty_here};
pub use line::{SHOWN_MS, cached, line, whole_line};
pub use stay::{Newcomer, Stay};
pub use store::probe;
pub use ticket::{PublicTicket, cancel};

use sluice_gate::Settings;

use crate::config::Config;
use crate::upstreams::breakers;

/// The gate's settings; the configuration has checked their ranges.
fn settings(config: &Config) -> Settings {
    let ttl_ms = u32::try_from(config.record_ttl.as_millis()).unwrap_or(Settings::TTL_MAX_MS);
    Settings {
        room: breakers::room(config),
        ..Settings::clamped(config.max_concurrent, ttl_ms)
    }
}

/// A fault that is nobody's answer: it goes to the log.
fn fault(error: &dyn std::error::Error) {
    crate::http::log::Line::new("gate")
        .with("error", error.to_string())
        .write();
}
