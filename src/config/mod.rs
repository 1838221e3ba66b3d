//! The settings: all application variables, parsed together, every fault reported together.
//!
//! This is the only place that reads variables. They are one table (`table.rs`), from which the manifest and the operator's
//! page are written. A variable that the manifest does not define has its default and is named among the warnings: whoever has
//! a copy of an older manifest goes on. A variable cannot change under a running instance on most providers, so an instance
//! parses once; faults are not kept, since a provider that was away may be back.

mod current;
mod form;
mod models;
mod page;
mod parse;
mod reader;
mod secret;
mod table;
mod upstream;
#[cfg(test)]
mod written;

pub use current::{current, parsed};
pub use form::read_duration as duration;
pub use models::{ModelLimit, ModelOptions};
pub use page::PageHistory;
pub use parse::Misconfigured;
pub use reader::Fault;
pub use secret::{ApiKey, Class, Secret};
pub use table::Config;
pub use upstream::{Origin, Upstream};

/// The most upstreams that can be configured.
pub const MAX_UPSTREAMS: usize = sluice_gate::MAX_UPSTREAMS;

#[cfg(test)]
pub(crate) mod tests;
