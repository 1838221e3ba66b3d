//! Why the host did not start. Once it runs, errors belong to one request or one connection and go to the log.

use std::{io, net::SocketAddr, path::PathBuf};

/// A failure to start. The text names the file, variable, component or import concerned, and what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that was named in the options cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file (the manifest, the runtime config, the certificates) is malformed, or asks for what this host does not do.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place where the parser knows it.
        reason: String,
    },
    /// A variable is missing, unknown or malformed.
    #[error("{0}")]
    Variables(String),
    /// A part of a component's table in the manifest cannot be done.
    #[error("component `{component}`: {part}: {reason}")]
    Component {
        /// The component's id.
        component: String,
        /// The key in the table.
        part: &'static str,
        /// What is wrong, with the entry.
        reason: String,
    },
    /// A key-value store cannot be set up.
    #[error("key-value store `{label}`: {reason}")]
    Store {
        /// The store's label.
        label: String,
        /// What is wrong.
        reason: String,
    },
    /// A component does not compile, imports what this host does not have, or does not export `wasi:http/handler@0.3.0`.
    #[error("component `{component}`: {source:#}")]
    Code {
        /// The component's id.
        component: String,
        /// What wasmtime said; an unknown import is named.
        source: wasmtime::Error,
    },
    /// The WebAssembly engine cannot be set up on this machine.
    #[error("cannot set up the engine: {0:#}")]
    Engine(wasmtime::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}
