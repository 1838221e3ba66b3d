//! File descriptors: how many this process may have, and how many connections of clients that bears.
//!
//! A process is usually started with a soft limit of 1,024 and may raise it itself to a hard limit that is many times higher.
//! Whoever runs out of descriptors can no longer reach an upstream, which then looks down though it is well. So clients get a
//! part of them only.

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Raises this process's limit as far as it may by itself, and answers it. `None`: there is no limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors stays at {:?}", limit.current);
            limit.current
        }
    }
}

/// What clients may have of this process's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Connections that are served.
    pub(crate) connections: usize,
    /// Connections that are refused with a word.
    pub(crate) refusals: usize,
}

impl Shares {
    /// At most `wanted` connections, and so many that three quarters of what the host does not need itself are theirs. What
    /// is left is for upstreams, and half of that at most for refusals.
    pub(crate) fn of(limit: Option<u64>, wanted: usize) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let shared = limit.saturating_sub(OWN);
        let connections = wanted.min(shared / 4 * 3).max(1);
        Self {
            connections,
            refusals: MAX_REFUSALS.min(shared.saturating_sub(connections) / 2),
        }
    }
}

/// Whether an error says that this process or this machine has reached a limit of its own.
pub(crate) fn is_own_limit(error: &std::io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        // Too many files of the process, of the machine; no memory for a socket; no free port towards that address.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::ADDRNOTAVAIL)
    )
}

/// Whether not a single file can be opened any more.
pub(crate) fn are_used_up() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_own_limit(&error))
}

/// What the host opens for itself: standard streams, the runtime's, stores with their logs, files of the page.
const OWN: usize = 32;

/// A refusal is short; beyond this a connection is closed without a word.
const MAX_REFUSALS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_descriptors_for_upstreams() {
        for (limit, wanted, connections, refusals) in [
            (None, 4096, 4096, 64),
            (Some(1 << 19), 4096, 4096, 64),
            (Some(1024), 4096, 744, 64),
            (Some(1024), 100, 100, 64),
            (Some(64), 4096, 24, 4),
            (Some(8), 4096, 1, 0),
        ] {
            let expected = Shares {
                connections,
                refusals,
            };
            assert_eq!(Shares::of(limit, wanted), expected, "{limit:?}");
        }
    }

    #[test]
    fn the_limit_is_as_high_as_it_may_be() {
        let limit = raise_limit();
        assert_eq!(limit, getrlimit(Resource::Nofile).current);
        assert_eq!(limit, getrlimit(Resource::Nofile).maximum);
    }

    #[test]
    fn running_out_is_not_taken_for_something_else() {
        let error = |errno: Errno| std::io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(is_own_limit(&error(Errno::MFILE)));
        assert!(!is_own_limit(&error(Errno::CONNREFUSED)));
        assert!(!is_own_limit(&std::io::ErrorKind::TimedOut.into()));
    }
}
