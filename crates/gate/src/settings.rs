//! What the gate is told: how many may relay, and how long things live.

use std::fmt;

use crate::{Lane, Room};

/// The gate's settings, in milliseconds where a unit is meant. All derived times are methods here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How many may relay at once, and where.
    pub room: Room,
    /// Which line it is for.
    pub lane: Lane,
    /// A record's time to live.
    pub ttl_ms: u32,
    /// How long an absent first record is waited for.
    pub grace_ms: u32,
    /// How much earlier than a reader a holder takes its own record for lapsed.
    pub margin_ms: u32,
    /// How often a record is renewed.
    pub renew_ms: u32,
    /// How often a holder looks whether it was asked to stop.
    pub cancel_ms: u32,
    /// How long after a look the front of the line looks again.
    pub look_ms: u32,
    /// How long a store that failed is left alone.
    pub pause_ms: u32,
    #[cfg(test)]
    pub(crate) broken: Option<crate::rule::Rule>,
}

/// Why settings were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// A capacity of none would never start anybody.
    Capacity,
    /// The time to live is not within [`Settings::TTL_MIN_MS`] and [`Settings::TTL_MAX_MS`].
    Ttl,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Capacity => f.write_str("the capacity must be at least 1"),
            SettingsError::Ttl => write!(
                f,
                "the time to live must be between {} and {} ms",
                Settings::TTL_MIN_MS,
                Settings::TTL_MAX_MS
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Below this a holder would spend its time renewing, and a slow commit would condemn it.
    pub const TTL_MIN_MS: u32 = 1_000;
    /// Above this a dead waiter would hold up the line for longer than "free again after a crash" allows.
    pub const TTL_MAX_MS: u32 = 30_000;

    /// Settings for a capacity and a record's time to live in milliseconds.
    ///
    /// # Errors
    /// A capacity of 0, or a time to live outside 1 s to 30 s.
    pub fn new(capacity: u32, ttl_ms: u32) -> Result<Settings, SettingsError> {
        if capacity == 0 {
            return Err(SettingsError::Capacity);
        }
        if !(Self::TTL_MIN_MS..=Self::TTL_MAX_MS).contains(&ttl_ms) {
            return Err(SettingsError::Ttl);
        }
        Ok(Self::clamped(capacity, ttl_ms))
    }

    /// The same, with what is out of range brought into it.
    pub fn clamped(capacity: u32, ttl_ms: u32) -> Settings {
        let ttl_ms = ttl_ms.clamp(Self::TTL_MIN_MS, Self::TTL_MAX_MS);
        Settings {
            room: Room::one(capacity.max(1)),
            lane: Lane::Main,
            ttl_ms,
            // As long as a record lives: under a store whose commits take tens of milliseconds, a burst of draws needs
            // seconds until the last of them has made its first write.
            grace_ms: ttl_ms,
            margin_ms: ttl_ms / 8,
            renew_ms: ttl_ms / 5 * 2,
            cancel_ms: 500,
            look_ms: 2,
            pause_ms: 100,
            #[cfg(test)]
            broken: None,
        }
    }

    /// The same for the batch line: one at a time has the right.
    #[must_use]
    pub fn behind(self) -> Settings {
        Settings {
            room: Room::one(1),
            lane: Lane::Batch,
            ..self
        }
    }

    /// How many may relay at once.
    pub fn capacity(&self) -> u32 {
        self.room.capacity()
    }

    /// How long a holder may go on after its last acknowledged renewal was issued.
    pub(crate) fn own_limit_ms(&self) -> u64 {
        u64::from(self.ttl_ms - self.margin_ms)
    }

    /// How long after its draw began a ticket may make its first write: less than the grace, so that whoever is
    /// passed over for silence has given up before.
    pub(crate) fn first_write_limit_ms(&self) -> u64 {
        u64::from(self.grace_ms - self.margin_ms)
    }
}
