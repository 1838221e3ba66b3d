//! The wall clock that components see: the machine's, or one that is off by so much, so that a test can have hosts whose
//! clocks disagree. Nothing else goes by it: timers and the monotonic clock are always the machine's.

use std::time::Duration;

use wasmtime_wasi::{HostWallClock, clocks::wall_clock};

/// A wall clock that is off the machine's by so many seconds.
pub(crate) struct WallClock {
    machine: Box<dyn HostWallClock + Send>,
    offset_s: i64,
}

impl WallClock {
    pub(crate) fn off_by(offset_s: i64) -> Self {
        Self {
            machine: wall_clock(),
            offset_s,
        }
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        self.machine.resolution()
    }

    /// Not before 1970: a clock that would be is at its start.
    fn now(&self) -> Duration {
        let offset = Duration::from_secs(self.offset_s.unsigned_abs());
        let now = self.machine.now();
        if self.offset_s < 0 {
            now.saturating_sub(offset)
        } else {
            now.saturating_add(offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(u64);

    impl HostWallClock for At {
        fn resolution(&self) -> Duration {
            Duration::from_nanos(1)
        }

        fn now(&self) -> Duration {
            Duration::from_secs(self.0)
        }
    }

    #[test]
    fn it_is_off_by_what_it_was_told_and_never_before_its_start() {
        for (offset_s, expected_s) in [(0, 1_000), (780, 1_780), (-420, 580), (-2_000, 0)] {
            let clock = WallClock {
                machine: Box::new(At(1_000)),
                offset_s,
            };
            assert_eq!(clock.now(), Duration::from_secs(expected_s), "{offset_s}");
        }
    }
}
