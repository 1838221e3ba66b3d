//! HTTP as every route needs it: requests taken apart, routes, whole replies, refusals, the log.

pub mod body;
mod coding;
pub mod head;
mod hold;
pub mod hosts;
pub mod log;
pub mod origin;
pub mod origins;
pub mod outlet;
pub mod refuse;
pub mod reply;
pub mod routes;
