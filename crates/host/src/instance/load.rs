//! When requests are spread over more threads: the rule, without clock or threads.
//!
//! # Why not always
//! One instance on one thread serves best while it keeps up: requests that wait share its memory and its place at the gate, and
//! no thread wakes another. Bursts are over in some tenths of a second. Only where the process has computed without a pause for
//! longer, and had a processor for it, is another thread worth its instance.

use std::time::Duration;

/// What the clock says, and how long the process has computed since it began.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) at: Duration,
    pub(super) computed: Duration,
}

/// What has been read of late.
pub(super) struct Load {
    /// Threads that are always there.
    threads: usize,
    /// Of those beside them, as many as there may be, and as many as are wanted.
    most: usize,
    wanted: usize,
    last: Option<Reading>,
    /// How long all threads have been busy by now, and how long one could have been missed.
    full: Duration,
    light: Duration,
}

impl Load {
    pub(super) fn new(threads: usize, most: usize) -> Self {
        Self {
            threads: threads.max(1),
            most,
            wanted: 0,
            last: None,
            full: Duration::ZERO,
            light: Duration::ZERO,
        }
    }

    /// Whether it is time for another reading.
    pub(super) fn is_due(&self, at: Duration) -> bool {
        self.last
            .is_none_or(|last| at.saturating_sub(last.at) >= WINDOW)
    }

    /// How many threads are wanted beside those that are always there.
    pub(super) fn look(&mut self, now: Reading) -> usize {
        let Some(last) = self.last.replace(now) else {
            return self.wanted;
        };
        let time = now.at.saturating_sub(last.at);
        let computed = now.computed.saturating_sub(last.computed);
        let threads = self.threads + self.wanted;
        self.full = match computed >= part(time, FULL, threads) {
            true => self.full + time,
            false => Duration::ZERO,
        };
        self.light = match computed < part(time, LIGHT, threads - 1) {
            true => self.light + time,
            false => Duration::ZERO,
        };
        if self.full >= BEFORE_MORE && self.wanted < self.most {
            self.wanted += 1;
            self.full = Duration::ZERO;
        } else if self.light >= BEFORE_LESS && self.wanted > 0 {
            self.wanted -= 1;
            self.light = Duration::ZERO;
        }
        self.wanted
    }
}

/// So many percent of what so many threads compute in this time.
fn part(time: Duration, percent: u32, threads: usize) -> Duration {
    let threads = u32::try_from(threads).unwrap_or(u32::MAX);
    time.saturating_mul(threads).saturating_mul(percent) / 100
}

/// The time of one reading.
const WINDOW: Duration = Duration::from_millis(100);

/// The part of all threads' time, in percent, from which on they are taken to be busy without a pause. One that shares its processor with
/// another program does not come to it: then no processor is free for another thread either.
const FULL: u32 = 80;

/// The part of the time of all threads but one, in percent, below which that one is not needed.
const LIGHT: u32 = 60;

/// Longer than a burst of some hundred requests.
const BEFORE_MORE: Duration = Duration::from_millis(500);

/// Long enough that a load that comes and goes does not start threads over and over.
const BEFORE_LESS: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of a process, one each window.
    struct Process {
        load: Load,
        now: Reading,
    }

    impl Process {
        fn new(threads: usize, most: usize) -> Self {
            let now = Reading {
                at: Duration::from_secs(1),
                computed: Duration::ZERO,
            };
            let mut load = Load::new(threads, most);
            assert_eq!(load.look(now), 0);
            Self { load, now }
        }

        /// So many windows in which so many percent of a processor are used; what is wanted then.
        fn computes(&mut self, percent: u32, windows: u32) -> usize {
            (0..windows).fold(0, |_, _| {
                self.now.at += WINDOW;
                self.now.computed += WINDOW * percent / 100;
                assert!(self.load.is_due(self.now.at));
                self.load.look(self.now)
            })
        }
    }

    #[test]
    fn another_thread_is_wanted_when_all_have_computed_for_half_a_second_without_a_pause() {
        let mut process = Process::new(1, 1);
        assert_eq!(process.computes(80, 4), 0);
        assert_eq!(process.computes(100, 1), 1);
        assert_eq!(process.computes(200, 50), 1, "no more than there may be");
    }

    #[test]
    fn a_burst_and_a_busy_gate_want_none() {
        let mut process = Process::new(1, 1);
        for _ in 0..20 {
            assert_eq!(process.computes(100, 4), 0);
            assert_eq!(process.computes(70, 1), 0);
        }
        assert_eq!(process.computes(79, 100), 0);
    }

    #[test]
    fn each_further_one_is_wanted_when_those_before_it_are_busy_as_well() {
        let mut process = Process::new(2, 2);
        assert_eq!(process.computes(159, 100), 0);
        assert_eq!(process.computes(160, 5), 1);
        assert_eq!(process.computes(239, 100), 1);
        assert_eq!(process.computes(240, 5), 2);
    }

    #[test]
    fn one_that_could_have_been_missed_for_ten_seconds_is_wanted_no_more() {
        let mut process = Process::new(1, 1);
        assert_eq!(process.computes(100, 5), 1);
        assert_eq!(process.computes(59, 99), 1);
        assert_eq!(process.computes(60, 1), 1, "it was needed again");
        assert_eq!(process.computes(59, 99), 1);
        assert_eq!(process.computes(59, 1), 0);
    }

    #[test]
    fn one_reading_after_a_long_silence_says_as_much_as_many() {
        let mut process = Process::new(1, 1);
        assert_eq!(process.computes(100, 5), 1);
        process.now.at += Duration::from_secs(60);
        assert_eq!(process.load.look(process.now), 0);
    }

    #[test]
    fn it_is_read_once_in_a_window() {
        let process = Process::new(1, 1);
        let at = process.now.at;
        assert!(!process.load.is_due(at + WINDOW - Duration::from_nanos(1)));
        assert!(process.load.is_due(at + WINDOW));
    }
}
