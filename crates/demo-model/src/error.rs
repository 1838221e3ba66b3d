//! What can go wrong before the server serves.

use std::{io, path::PathBuf};

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a model that this crate runs.
    #[error("the model file is not as expected: {0}")]
    Format(String),
    /// The file in the cache is another one than is known.
    #[error("the model at {0} is damaged: remove it, and `cargo xtask up` fetches it anew")]
    Damaged(PathBuf),
    /// There is no folder for caches: neither `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("there is no folder for the model: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The threads that compute cannot be started.
    #[error("cannot start the threads of the model")]
    Threads(#[source] Box<dyn std::error::Error + Send + Sync>),
}
