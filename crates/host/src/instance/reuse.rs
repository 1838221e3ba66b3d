//! How requests share instances.

use std::time::Duration;

/// How many requests an instance takes, and how long it is kept. What a component may rely on is [`Reuse::SPIN`]: there its
/// tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// Requests of one instance whose response head is not out yet.
    pub max_concurrent: usize,
    /// Requests of one instance that are not answered to their end, those whose head is out included.
    pub max_open: usize,
    /// Requests of one instance in all.
    pub max_requests: usize,
    /// How long an instance without requests is kept.
    pub idle: Duration,
}

impl Reuse {
    /// Spin's numbers. It does not count answers that have begun; they are bounded by the requests in all.
    pub const SPIN: Self = Self {
        max_concurrent: 16,
        max_open: 128,
        max_requests: 128,
        idle: Duration::from_secs(1),
    };

    /// For a gateway whose requests mostly wait: an instance costs as much memory as ten of them, so a burst is to make few
    /// instances, and pages that poll are not to wear one out every half second. As many answers share the fate of an
    /// instance as on Spin.
    pub const WAITING: Self = Self {
        max_concurrent: 128,
        max_open: 128,
        max_requests: 10_000,
        idle: Duration::from_secs(30),
    };
}
