//! What a host is started with: the command line's flags as a struct, with the same defaults.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use crate::{instance::Reuse, store::SqliteSync};

/// The settings of one host. Make it with [`Options::new`] and change what differs.
#[derive(Clone)]
pub struct Options {
    /// The `spin.toml`. Paths in it are relative to its folder.
    pub manifest: PathBuf,
    /// Where to listen; port 0 takes a free one ([`crate::Host::addr`] says which).
    pub listen: SocketAddr,
    /// The `runtime-config.toml`. Without it there is one store, `default`, in the state folder.
    pub runtime_config: Option<PathBuf>,
    /// Where SQLite stores lie. Without it: what the runtime config says, else `.spin` beside the manifest.
    pub state_dir: Option<PathBuf>,
    /// Values of application variables; they win over `environment`.
    pub variables: BTreeMap<String, String>,
    /// The environment in which `SPIN_VARIABLE_NAME` gives the value of the variable `name`.
    pub environment: BTreeMap<String, String>,
    /// What is written into the default store at the start if nobody can have used it before: a SQLite file that this start
    /// makes, or a store in memory. A Redis is never known to be new.
    pub seed: Vec<(String, String)>,
    /// Whether a SQLite commit waits for the disk.
    pub sqlite_sync: SqliteSync,
    /// More certificate authorities (PEM) for upstreams, besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// What happens with the components' stdout and stderr.
    pub component_output: ComponentOutput,
    /// Client connections at the same time, or fewer where the process may not have as many file descriptors; one more is
    /// answered 503 and closed.
    pub max_connections: usize,
    /// Bytes of linear memory for one instance of a component; one that wants more is ended.
    pub max_memory: usize,
    /// Bytes of linear memory for all instances together. Close to it no new instance begins, and a request that would need
    /// one is answered 503.
    pub max_total_memory: usize,
    /// How requests share instances. Spin's numbers here, so that tests see what Spin does; the command line has others.
    pub reuse: Reuse,
    /// Whether requests are spread over threads beside those of the runtime.
    pub spread: Spread,
    /// Whether compiled components are kept in wasmtime's cache, in the user's cache folder.
    pub cache: bool,
    /// Seconds by which the components' wall clock is off the machine's: for tests with clocks that disagree.
    pub wall_clock_offset_s: i64,
}

/// Where the components' stdout and stderr go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentOutput {
    /// Line by line to the host's stderr, with the component's id before each line.
    Stderr,
    /// Nowhere (`--quiet`).
    Discard,
}

/// Over how many threads requests are spread beside those of the runtime. Each has instances of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// None.
    Never,
    /// Up to so many, while all before them compute without a pause.
    WhenBusy(usize),
    /// So many from the first request on: for tests.
    Always(usize),
}

impl Options {
    /// The defaults of the command line for this manifest, but for `reuse` and `spread`: `127.0.0.1:3000`, an empty environment, SQLite in
    /// `.spin`.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            runtime_config: None,
            state_dir: None,
            variables: BTreeMap::new(),
            environment: BTreeMap::new(),
            seed: Vec::new(),
            sqlite_sync: SqliteSync::Off,
            ca_file: None,
            component_output: ComponentOutput::Stderr,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_memory: DEFAULT_MAX_MEMORY,
            max_total_memory: DEFAULT_MAX_TOTAL_MEMORY,
            reuse: Reuse::SPIN,
            spread: Spread::Never,
            cache: true,
            wall_clock_offset_s: 0,
        }
    }
}

/// A connection costs a file descriptor and some KiB; a relayed stream needs a second one towards the upstream.
pub const DEFAULT_MAX_CONNECTIONS: usize = 4096;

/// An instance serves up to 128 streams and holds bodies of 192 MiB in all (`bodies_in_flight`), of which one or another is there twice
/// for a moment while it is read; this leaves it room, and a leak an end.
pub const DEFAULT_MAX_MEMORY: usize = 512 << 20;

/// Half of the smallest machine that the deployment files name, so that the host itself has room beside it.
pub const DEFAULT_MAX_TOTAL_MEMORY: usize = 1 << 30;
