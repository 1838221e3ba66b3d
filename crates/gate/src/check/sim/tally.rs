//! What a run of the simulation counted, and what its requests remember, for the report.

/// What a run counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) requests: u64,
    /// Of these, those that stood behind the main line, and those whose client had no place left.
    pub(super) behind: u64,
    pub(super) refused: u64,
    pub(super) served: u64,
    pub(super) left: u64,
    pub(super) stopped: u64,
    pub(super) unavailable: u64,
    pub(super) starts: u64,
    pub(super) most_at_once: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.events += other.events;
        self.requests += other.requests;
        self.behind += other.behind;
        self.refused += other.refused;
        self.served += other.served;
        self.left += other.left;
        self.stopped += other.stopped;
        self.unavailable += other.unavailable;
        self.starts += other.starts;
        self.most_at_once = self.most_at_once.max(other.most_at_once);
    }
}

/// What a request was told of its wait first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) at_us: u64,
    /// After how many answers.
    pub(super) finished: u64,
    pub(super) ahead: u32,
    pub(super) estimate_ms: Option<u64>,
}

/// When a request came, drew in the line of its turn, and started first, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) came_us: u64,
    pub(super) drew_us: Option<u64>,
    pub(super) started_us: Option<u64>,
}
