//! Who asks, and whether as often as it may.

pub mod client;
pub mod limiter;
