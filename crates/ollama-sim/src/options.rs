//! How a simulator is set up.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{Identity, Model, Script};

/// How a simulator is set up. The default: any free port of this machine, no limits, 30 ms between tokens, and a clock
/// that stands still.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A prefix of every path, such as `/ollama`; empty or `/`: none.
    pub base_path: String,
    /// The models there are; a request for another is a 404.
    pub models: Vec<Model>,
    /// What an answer does unless told otherwise.
    pub script: Script,
    /// Answers at once of each runner; more wait silently (`OLLAMA_NUM_PARALLEL`). `None`: no limit, so that a test sees how
    /// many came.
    pub parallel: Option<usize>,
    /// How many requests may wait for a load; more are answered 503 (`OLLAMA_MAX_QUEUE`). `None`: no limit.
    pub max_queue: Option<u64>,
    /// Models loaded at once (`OLLAMA_MAX_LOADED_MODELS`). `None`: all of them.
    pub max_loaded: Option<usize>,
    /// How long a model stays that nobody uses (`OLLAMA_KEEP_ALIVE`).
    pub keep_alive: Duration,
    /// How long a load may take (`OLLAMA_LOAD_TIMEOUT`).
    pub load_timeout: Duration,
    /// Tokens of the longest text, where neither request nor model says (`OLLAMA_CONTEXT_LENGTH`).
    pub context_length: u32,
    /// Origins of pages that are let in beside the usual ones (`OLLAMA_ORIGINS`).
    pub origins: Vec<String>,
    /// Whether names of cloud models are refused (`OLLAMA_NO_CLOUD`) or tried, without success.
    pub no_cloud: bool,
    /// The member of `/api/version` by which a gateway recognises what this is.
    pub mark: &'static str,
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
            models: DEFAULT_MODELS.map(Model::from).to_vec(),
            script: Script {
                pace: Some(Duration::from_millis(30)),
                ..Script::default()
            },
            parallel: None,
            max_queue: None,
            max_loaded: None,
            keep_alive: Duration::from_secs(300),
            load_timeout: Duration::from_secs(300),
            context_length: 4_096,
            origins: Vec::new(),
            no_cloud: false,
            mark: "simulator",
            clock: Clock::default(),
            tls: None,
        }
    }
}

const DEFAULT_MODELS: [&str; 3] = ["qwen3:1.7b", "llama3.2:latest", "nomic-embed-text:latest"];
