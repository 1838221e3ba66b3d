//! What the tests of several modules need.

use crate::Now;

/// So many milliseconds on the monotonic clock.
pub(crate) fn at(mono_ms: u64) -> Now {
    Now {
        mono_ms,
        wall_ms: 0,
    }
}
