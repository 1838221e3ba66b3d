//! Time as the gate uses it: the two clocks of one process.
//!
//! No clocks of two hosts are ever compared. A session counts from before its last good renewal was issued; a scheduler counts, by
//! its own clock, how long it has seen an outbox unchanged.

/// The two clocks of the process that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Now {
    /// Monotonic, in milliseconds from any start; may stand still while the machine is suspended.
    pub mono_ms: u64,
    /// Wall time in milliseconds; may jump.
    pub wall_ms: u64,
}

impl Now {
    /// Milliseconds since `then`, the larger of what the two clocks say: a suspended machine stops the one, a
    /// correction moves the other, and a holder that errs on the long side only stops early.
    pub fn since(&self, then: Now) -> u64 {
        let mono = self.mono_ms.saturating_sub(then.mono_ms);
        mono.max(self.wall_ms.saturating_sub(then.wall_ms))
    }
}
