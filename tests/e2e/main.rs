//! End to end: the real components in the host, in process, in front of a simulated Ollama. One file per subject.
//!
//! The components must be built (`cargo xtask build`; `cargo xtask test` does all of it). Tests that need Redis start a
//! server of their own and are skipped where it is not installed.

mod affinity;
mod beforehand;
mod browsers;
mod chaos;
mod chat;
mod classes;
mod cli;
mod clients;
mod common;
mod cost;
mod crash;
mod differences;
mod fault_table;
mod faults;
mod giving_up;
mod hardening;
mod host;
mod hosts;
mod imports;
mod in_time;
mod leaving;
mod limits;
mod line;
mod lost;
mod messages;
mod metrics;
mod model;
mod models;
mod openai;
mod operator;
mod outage;
mod proxies;
mod refusals;
mod setups;
mod strangers;
mod tls;
mod turns;
mod upgrade;
mod upstreams;
mod users;
