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
    /// `spin.toml` is malformed, or asks for what this host does not do.
    #[error("{path}: {reason}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, with the place where the parser knows it.
        reason: String,
    },
    /// `runtime-config.toml` is malformed or has unknown keys.
    #[error("{path}: {reason}", path = path.display())]
    RuntimeConfig {
        /// The runtime config.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A variable is missing, unknown or malformed.
    #[error("{0}")]
    Variables(String),
    /// An entry of `allowed_outbound_hosts` is malformed.
    #[error("component `{component}`: allowed_outbound_hosts: {reason}")]
    AllowedHosts {
        /// The component's id.
        component: String,
        /// What is wrong, with the entry.
        reason: String,
    },
    /// A file mount cannot be made.
    #[error("component `{component}`: files: {reason}")]
    Files {
        /// The component's id.
        component: String,
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
    /// The extra certificate authorities cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    CaFile {
        /// The PEM file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A component does not compile, imports what this host does not have, or does not export `wasi:http/handler@0.3.0`.
    #[error("component `{component}`: {source:#}")]
    Component {
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
