//! What lies in `deploy/` agrees with `spin.toml`, with itself, and with the schemas it is written for.
//!
//! No cluster and no container runtime is needed; so what only those could tell is not told here.

mod compose;
mod deployment;
mod image;
mod kubernetes;
mod monitoring;
mod open_webui;
mod profiles;
mod pull;
mod read;
mod setups;
