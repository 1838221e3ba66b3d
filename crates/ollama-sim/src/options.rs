//! How a simulator is set up.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{Identity, Script};

/// How a simulator is set up. The default: any free port of this machine, no limits, 30 ms between tokens, and a clock
/// that stands still.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A prefix of every path, such as `/ollama`; empty or `/`: none.
    pub base_path: String,
    /// The models there are, with their tags; a request for another is a 404. A name without a tag means `:latest`.
    pub models: Vec<String>,
    /// What an answer does unless told otherwise.
    pub script: Script,
    /// Streams at once per model; more wait silently, as under `OLLAMA_NUM_PARALLEL`. `None`: no limit.
    pub parallel: Option<usize>,
    /// How many may wait there, as under `OLLAMA_MAX_QUEUE`; more are answered 503. `None`: no limit.
    pub max_queue: Option<u64>,
    /// What `created_at` says.
    pub clock: Clock,
    /// Serve HTTPS with this certificate.
    pub tls: Option<Identity>,
}

/// What `created_at` and `created` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time of day.
    System,
    /// Always this moment.
    Fixed(SystemTime),
}

impl Clock {
    pub(crate) fn now(self) -> SystemTime {
        match self {
            #[allow(
                clippy::disallowed_methods,
                reason = "the one place that reads the clock; tests use `Fixed`"
            )]
            Self::System => SystemTime::now(),
            Self::Fixed(moment) => moment,
        }
    }
}

impl Default for Clock {
    /// The first moment of 2026.
    fn default() -> Self {
        Self::Fixed(UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            base_path: String::new(),
            models: DEFAULT_MODELS.map(str::to_owned).to_vec(),
            script: Script {
                pace: Some(Duration::from_millis(30)),
                ..Script::default()
            },
            parallel: None,
            max_queue: None,
            clock: Clock::default(),
            tls: None,
        }
    }
}

const DEFAULT_MODELS: [&str; 3] = ["qwen3:1.7b", "llama3.2:latest", "nomic-embed-text:latest"];
