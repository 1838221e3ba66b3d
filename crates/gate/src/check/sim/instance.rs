//! An instance: its clocks, its one connection to the store, and what it shares among the requests that it serves.

use std::collections::VecDeque;

use super::plan::Stillness;
use crate::turn::Event;
use crate::{Census, Epoch, Lane, Line, Now, Op, Sightings, Sweep, Upkeep};

/// One running copy of the component.
pub(super) struct Instance {
    pub(super) is_alive: bool,
    pub(super) capacity: u32,
    clocks: Clocks,
    /// Until when it stands still.
    pub(super) still_until_us: Option<u64>,
    /// What fell due meanwhile.
    pub(super) missed: Vec<super::agenda::Item>,
    /// The operation under way, and those that wait for it.
    pub(super) under_way: Option<Call>,
    pub(super) calls: VecDeque<Call>,
    pub(super) counts_patience: bool,
    pub(super) epoch_seen: Option<(Epoch, Now)>,
    /// The requests that it serves.
    pub(super) desks: Vec<usize>,
    pub(super) reads_on: bool,
    lanes: [Seen; 2],
}

/// What an instance knows of a line, and does for it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) sightings: Sightings,
    pub(super) last: Option<Line>,
    pub(super) read_at: Option<Now>,
    pub(super) reading: Option<Census>,
    /// Whether the upkeep waits for a reading.
    pub(super) upkeep_asks: bool,
    pub(super) upkeep: Upkeep,
    pub(super) sweep: Option<Sweep>,
}

/// An operation, and who asked for it.
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) caller: Caller,
    pub(super) op: Op,
    pub(super) since_us: u64,
    pub(super) outcome: Option<Event>,
    /// Whether its caller has been told that it failed: it goes on by itself.
    pub(super) is_given_up: bool,
    /// Whether the store has it.
    pub(super) is_sent: bool,
    pub(super) is_reported_failed: bool,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Turn(usize),
    Reader(Lane),
    Sweep(Lane),
}

struct Clocks {
    from_us: u64,
    mono_us: u64,
    wall_us: u64,
    drift_ppm: i64,
    stillness: Option<Stillness>,
}

impl Instance {
    pub(super) fn new(
        at_us: u64,
        capacity: u32,
        mono_us: u64,
        wall_us: u64,
        drift_ppm: i64,
    ) -> Instance {
        Instance {
            is_alive: true,
            capacity,
            clocks: Clocks {
                from_us: at_us,
                mono_us,
                wall_us,
                drift_ppm,
                stillness: None,
            },
            still_until_us: None,
            missed: Vec::new(),
            under_way: None,
            calls: VecDeque::new(),
            counts_patience: false,
            epoch_seen: None,
            desks: Vec::new(),
            reads_on: false,
            lanes: Default::default(),
        }
    }

    /// What it knows of a line.
    pub(super) fn seen(&mut self, lane: Lane) -> &mut Seen {
        &mut self.lanes[lane as usize]
    }

    /// What its clocks say.
    pub(super) fn now(&self, at_us: u64) -> Now {
        let (mono_us, wall_us) = self.clocks.read(at_us);
        Now {
            mono_ms: mono_us / 1_000,
            wall_ms: wall_us / 1_000,
        }
    }

    /// When its monotonic clock will say `mono_ms`, if nothing stops it.
    pub(super) fn due_us(&self, at_us: u64, mono_ms: u64) -> u64 {
        let (mono_us, _) = self.clocks.read(at_us);
        let left_us = (mono_ms * 1_000).saturating_sub(mono_us);
        // A clock that is behind by a hundredth needs that much longer.
        let scaled = u128::from(left_us) * 1_000_000
            / u128::from(1_000_000_u64.saturating_add_signed(self.clocks.drift_ppm));
        at_us + u64::try_from(scaled).unwrap_or(u64::MAX / 2)
    }

    pub(super) fn stand_still(&mut self, at_us: u64, until_us: u64, stillness: Stillness) {
        self.clocks.set(at_us, Some(stillness));
        self.still_until_us = Some(until_us);
    }

    pub(super) fn go_on(&mut self, at_us: u64) {
        self.clocks.set(at_us, None);
        self.still_until_us = None;
    }

    pub(super) fn jump(&mut self, at_us: u64, ms: i64) {
        self.clocks.set(at_us, self.clocks.stillness);
        self.clocks.wall_us = self.clocks.wall_us.saturating_add_signed(ms * 1_000);
    }
}

impl Clocks {
    fn read(&self, at_us: u64) -> (u64, u64) {
        let passed = at_us - self.from_us;
        let drift = i128::from(passed) * i128::from(self.drift_ppm) / 1_000_000;
        let passed = passed.saturating_add_signed(i64::try_from(drift).expect("a short run"));
        match self.stillness {
            None | Some(Stillness::Stall) => (self.mono_us + passed, self.wall_us + passed),
            Some(Stillness::Suspend) => (self.mono_us, self.wall_us + passed),
            Some(Stillness::Freeze) => (self.mono_us, self.wall_us),
        }
    }

    fn set(&mut self, at_us: u64, stillness: Option<Stillness>) {
        (self.mono_us, self.wall_us) = self.read(at_us);
        (self.from_us, self.stillness) = (at_us, stillness);
    }
}
