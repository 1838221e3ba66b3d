//! What is compared, and what each of them can do.

use std::path::PathBuf;

/// One way from a client to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing in between.
    Direct,
    Nginx,
    Haproxy,
    /// The queue in one process's memory of `peer/queue.mjs`.
    Node,
    Litellm,
    /// Sluice in `sluice-host`.
    Host,
    /// Sluice on a Spin that is installed.
    Spin,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Direct,
        Self::Nginx,
        Self::Haproxy,
        Self::Node,
        Self::Litellm,
        Self::Host,
        Self::Spin,
    ];

    /// By what it is called on the command line and in the file of figures.
    pub fn key(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Node => "node",
            Self::Litellm => "litellm",
            Self::Host => "host",
            Self::Spin => "spin",
        }
    }

    /// By what it is called in tables and charts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "nothing between",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Node => "Node queue",
            Self::Litellm => "LiteLLM",
            Self::Host => "Sluice",
            Self::Spin => "Sluice on Spin",
        }
    }

    pub fn is_sluice(self) -> bool {
        matches!(self, Self::Host | Self::Spin)
    }

    /// Whether it lets so many through and has the others wait.
    pub fn has_line(self) -> bool {
        matches!(self, Self::Haproxy | Self::Node | Self::Host | Self::Spin)
    }

    /// Whether a page can ask it how its line stands.
    pub fn tells_of_its_line(self) -> bool {
        matches!(self, Self::Node | Self::Host | Self::Spin)
    }

    /// Whether it can refuse whoever is one too many.
    pub fn refuses(self) -> bool {
        self != Self::Direct
    }

    /// Whether it serves files.
    pub fn serves_files(self) -> bool {
        matches!(self, Self::Nginx | Self::Host | Self::Spin)
    }

    /// Whether what the upstream says goes through as it is.
    pub fn passes_frames_on(self) -> bool {
        self != Self::Litellm
    }

    /// Where its program lies; an error says what is missing.
    pub fn program(self) -> Result<PathBuf, String> {
        let name = match self {
            Self::Direct | Self::Host => return Ok(PathBuf::new()),
            Self::Litellm => {
                let program = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                    .join("target/bench/litellm/bin/litellm");
                return if program.is_file() {
                    Ok(program)
                } else {
                    Err("it is not installed in target/bench/litellm".to_owned())
                };
            }
            Self::Nginx | Self::Haproxy | Self::Node | Self::Spin => self.key(),
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            // Where Debian puts servers; not every user's PATH has it.
            .chain(["/usr/sbin".into()])
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
            .ok_or_else(|| format!("{name} is not on the PATH"))
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(key: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.key() == key);
        known.ok_or_else(|| {
            let keys = Self::ALL.map(Self::key).join(",");
            format!("{key} is none of {keys}")
        })
    }
}
