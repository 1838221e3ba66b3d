//! What a run of the simulation counted, for the report.

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
