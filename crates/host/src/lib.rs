//! The embedded host: runs a `spin.toml` with no Spin installed, on a bare machine and in tests.
//!
//! It takes Spin's manifest, runtime config and command line, offers a component the interfaces that Sluice's components
//! use (WASI 0.2 and 0.3, `wasi:http@0.3.0`, `spin:key-value@3.0.0`, `wasi:keyvalue@0.2.0-draft2`, `spin:variables@3.0.0`),
//! and serves requests by the machinery that Spin uses, with Spin's numbers. A component that runs here runs on Spin.
//!
//! ```no_run
//! # async fn example() -> Result<(), sluice_host::Error> {
//! use sluice_host::{Host, Options};
//!
//! let host = Host::start(Options::new("spin.toml")).await?;
//! println!("Serving http://{}", host.addr());
//! # Ok(()) }
//! ```
//!
//! # What differs from Spin
//! - A trapped instance's answers break off at once; on Spin they stay open.
//! - Requests may share instances by other numbers ([`Reuse`]), and a burst starts few of them.
//! - More threads have instances of their own only while those before them compute without a pause ([`Spread`]).
//! - Memory is bounded over all instances, not for each alone.
//! - A commit to SQLite need not wait for the disk ([`store::SqliteSync`]).
//! - TCP_NODELAY on both sides; chunks that have arrived together reach a component as one.
//! - Folders are mounted as they are; Spin copies them at start.
//!
//! # What it does not do
//! TLS towards clients, HTTP/2, TLS towards Redis, triggers other than HTTP, components from registries, service chaining,
//! the databases and models that Spin offers. Such a wish in a manifest is an error at start, and so is an unknown import.
//! It puts no limit on a component's computing: one that never waits keeps a thread.

mod bindings;
mod clock;
mod descriptors;
mod error;
mod files;
mod headers;
mod host;
mod instance;
mod keyvalue;
mod logs;
mod manifest;
mod options;
mod outbound;
mod routes;
mod runtime_config;
mod server;
mod stderr;
pub mod store;
mod variables;

pub use self::{
    error::Error,
    host::Host,
    instance::Reuse,
    options::{
        ComponentOutput, DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_MEMORY, DEFAULT_MAX_TOTAL_MEMORY,
        Options, Spread,
    },
    stderr::{flush_stderr, stderr},
};
