//! Randomness, from the host.

use spin_sdk::wasip3::random::random::get_random_u64;

/// A random number.
pub fn number() -> u64 {
    get_random_u64()
}

/// A random number below `most`; 0 where that is 0. For spreading things out: the lower numbers come a trace more often.
pub fn below(most: u64) -> u64 {
    number().checked_rem(most).unwrap_or(0)
}
