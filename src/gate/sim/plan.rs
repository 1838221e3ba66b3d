//! What a seed decides: how many come, how the store behaves, and what goes wrong and when.

use super::dice::Dice;

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) capacity: u32,
    /// Some instances go by this capacity instead: a roll-out is under way.
    pub(super) other_capacity: Option<u32>,
    pub(super) ttl_ms: u32,
    pub(super) instances: usize,
    pub(super) requests: u64,
    /// Mean time from start to end.
    pub(super) service_us: u64,
    /// Mean time between two arrivals.
    pub(super) gap_us: u64,
    /// Up to how many arrive at once.
    pub(super) burst: u64,
    pub(super) read_us: (u64, u64),
    pub(super) write_us: (u64, u64),
    /// Counters stand in the store as decimal digits, as in Redis; else in 8 bytes, as in SQLite.
    pub(super) is_decimal: bool,
    /// Several keys are read by one operation.
    pub(super) reads_many: bool,
    /// How much faster or slower clocks run, in millionths.
    pub(super) drift_ppm: u64,
    pub(super) odds: Odds,
    /// How many clients with keys there are; 0: nobody has one.
    pub(super) clients: u64,
    /// How many places each has.
    pub(super) places: u32,
    /// How many requests can wait, in millionths.
    pub(super) batch: u64,
    /// Whoever hangs up gives its ticket up instead, and goes when its request has ended.
    pub(super) gives_up: bool,
    /// What happens when, in microseconds.
    pub(super) faults: Vec<(u64, Fault)>,
}

/// How often an operation or a client does what it should not, in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odds {
    /// An operation is reported as failed and was not done.
    pub(super) undone: u64,
    /// An operation is reported as failed and was done.
    pub(super) unheard: u64,
    /// A write is reported as failed and takes effect later.
    pub(super) late: u64,
    /// An operation takes seconds.
    pub(super) slow: u64,
    /// A client hangs up, waiting or served.
    pub(super) hangup: u64,
}

/// What goes wrong with an instance or the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An instance dies; another comes up.
    Crash,
    /// An instance stands still for so many microseconds.
    Pause(Stillness, u64),
    /// A task of an instance is dropped: that of a client, or that which drives its gate.
    DropTask,
    /// The store fails for so many microseconds.
    Outage(u64),
    /// The store is emptied.
    Empty,
    /// An instance's wall clock jumps by so many milliseconds.
    Jump(i64),
}

/// Which clocks of an instance that stands still go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stillness {
    /// Both: a process that gets no CPU.
    Stall,
    /// The wall clock: a machine that is suspended.
    Suspend,
    /// None: a virtual machine that is paused.
    Freeze,
}

impl Plan {
    pub(super) fn of(dice: &mut Dice) -> Plan {
        let capacity = dice.one_of(&[1, 1, 2, 4, 8]);
        let (read_us, write_us) = dice.one_of(&[
            ((5, 20), (900, 2_500)),
            ((40, 120), (40, 120)),
            ((400, 900), (400, 900)),
            ((1_000, 10_000), (5_000, 40_000)),
            // A store that is busy, or far away.
            ((20_000, 150_000), (20_000, 150_000)),
        ]);
        let ttl_ms = dice.one_of(&[2_000, 2_000, 5_000, 15_000]);
        let service_us = 1_000 * u64::from(ttl_ms) / dice.one_of(&[400, 60, 15, 4]);
        let requests = dice.one_of(&[8, 20, 60, 150]);
        // From a line that is always there to one that seldom is.
        let load = dice.one_of(&[60, 90, 130, 300]);
        let burst = dice.one_of(&[1, 3, 20, 80]);
        let mut plan = Plan {
            capacity,
            other_capacity: None,
            ttl_ms,
            instances: dice.one_of(&[1, 2, 3, 5]),
            requests,
            service_us,
            gap_us: service_us * (burst + 1) / 2 * 100 / (u64::from(capacity) * load),
            burst,
            read_us,
            write_us,
            is_decimal: dice.coin(),
            reads_many: dice.coin(),
            drift_ppm: dice.one_of(&[0, 200, 10_000]),
            odds: Odds::default(),
            clients: dice.one_of(&[0, 0, 2, 5, 1_000]),
            places: dice.one_of(&[2, 8, 1_000]),
            batch: dice.one_of(&[0, 100_000, 500_000]),
            gives_up: false,
            faults: Vec::new(),
        };
        plan.go_wrong(dice);
        plan
    }

    /// Whether nothing goes wrong but that clients hang up.
    pub(super) fn is_faultless(&self) -> bool {
        let Odds {
            undone,
            unheard,
            late,
            slow,
            ..
        } = self.odds;
        self.faults.is_empty()
            && self.other_capacity.is_none()
            && undone + unheard + late + slow == 0
    }

    /// Whether a session outlives a renewal in whose middle a term begins, if each operation takes as long as it may: one that is
    /// under way, the put, two boards and two fences, the older board, the new one once more.
    pub(super) fn renews_in_time(&self) -> bool {
        let times = super::times(self);
        let longest_us = 7 * self.read_us.1 + self.write_us.1;
        1_000 * times.renewal_ms + longest_us <= 1_000 * times.own_limit_ms
    }

    /// Whether an instance stands still at some time.
    pub(super) fn has_pauses(&self) -> bool {
        let is_pause = |(_, fault): &(u64, Fault)| matches!(fault, Fault::Pause(..));
        self.faults.iter().any(is_pause)
    }

    /// Until when something may go wrong.
    pub(super) fn span_us(&self) -> u64 {
        let arrivals = self.requests * 2 / (self.burst + 1);
        let busy = self.requests * self.service_us / u64::from(self.capacity);
        (arrivals * self.gap_us).max(busy) + 1_000 * u64::from(self.ttl_ms)
    }

    /// The most that may relay at once.
    pub(super) fn bound(&self) -> usize {
        self.other_capacity.unwrap_or(self.capacity) as usize
    }

    fn go_wrong(&mut self, dice: &mut Dice) {
        let odds = |dice: &mut Dice| dice.one_of(&[0, 0, 0, 500, 5_000, 20_000]);
        self.odds.hangup = dice.one_of(&[0, 50_000, 300_000]);
        if dice.below(8) == 0 {
            return;
        }
        self.odds = Odds {
            undone: odds(dice),
            unheard: odds(dice),
            late: odds(dice),
            slow: dice.one_of(&[0, 0, 0, 200, 2_000, 20_000]),
            hangup: self.odds.hangup,
        };
        if dice.below(6) == 0 {
            self.other_capacity = Some(self.capacity + 2);
        }
        let ttl_us = u64::from(self.ttl_ms) * 1_000;
        for _ in 0..dice.one_of(&[0, 0, 1, 3, 8]) {
            self.befall(dice, Fault::Crash);
        }
        for _ in 0..dice.one_of(&[0, 0, 0, 2]) {
            self.befall(dice, Fault::DropTask);
        }
        let stillness = dice.one_of(&[
            Stillness::Stall,
            Stillness::Stall,
            Stillness::Suspend,
            Stillness::Freeze,
        ]);
        for _ in 0..dice.one_of(&[0, 0, 1, 4, 12]) {
            let longest_us = dice.one_of(&[ttl_us / 10, ttl_us, 3 * ttl_us]);
            let us = dice.between((1_000, longest_us));
            self.befall(dice, Fault::Pause(stillness, us));
        }
        for _ in 0..dice.one_of(&[0, 0, 0, 1, 3]) {
            let longest_us = dice.one_of(&[ttl_us / 20, ttl_us / 2, 2 * ttl_us]);
            let us = dice.between((1_000, longest_us));
            self.befall(dice, Fault::Outage(us));
        }
        for _ in 0..dice.one_of(&[0, 0, 0, 1, 2]) {
            self.befall(dice, Fault::Empty);
        }
        // A machine that is suspended while its wall clock is set back has no clock left to go by.
        if stillness == Stillness::Stall {
            for _ in 0..dice.one_of(&[0, 0, 2]) {
                let ms = dice.one_of(&[-3_600_000, -5_000, -1_000, 1_000, 5_000, 3_600_000]);
                self.befall(dice, Fault::Jump(ms));
            }
        }
        self.faults.sort_by_key(|(at_us, _)| *at_us);
    }

    fn befall(&mut self, dice: &mut Dice, fault: Fault) {
        let at_us = dice.below(self.span_us().max(1));
        self.faults.push((at_us, fault));
    }
}
