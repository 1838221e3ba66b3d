//! A configuration: how many, which clocks, which start, which faults.

use crate::mutant::Mutant;
use crate::policy::Rules;
use crate::times::Times;

/// What may happen, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A process is gone.
    Crash,
    /// A client leaves, waiting or relaying.
    Leave,
    /// A write fails, or is done and not acknowledged.
    WriteFail,
    /// A write is not acknowledged and lands later, or never.
    Late,
    /// The same of outboxes alone.
    LateOutbox,
    /// The same of boards alone.
    LateBoard,
    /// A process does nothing for as long as wanted; its clocks go on.
    Stall,
    /// A process's clocks stand still; it goes on.
    Freeze,
    /// All keys are gone.
    Empty,
    /// A scheduler gives its term up for no reason.
    Resign,
    /// A process takes the term for no reason.
    Take,
    /// A read fails.
    ReadFail,
    /// An increment is done and not acknowledged.
    LostAdd,
}

impl Fault {
    pub const ALL: [Fault; FAULTS] = [
        Fault::Crash,
        Fault::Leave,
        Fault::WriteFail,
        Fault::Late,
        Fault::LateOutbox,
        Fault::LateBoard,
        Fault::Stall,
        Fault::Freeze,
        Fault::Empty,
        Fault::Resign,
        Fault::Take,
        Fault::ReadFail,
        Fault::LostAdd,
    ];
}

pub(super) const FAULTS: usize = 13;

/// Where a request stands that is on the board at the start; each names its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    Relays(usize),
    /// It is granted, provisionally, and has not looked.
    Granted(usize),
    Waits(usize),
}

/// A configuration; made by [`Config::of`] and changed by its methods.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// The requests of each process.
    pub requests: Vec<u8>,
    pub capacity: u32,
    pub times: Times,
    /// A tick only when nobody has something to do.
    pub is_prompt: bool,
    /// The first request of each process has arrived.
    pub is_now: bool,
    /// Process 0 relays at the start.
    pub has_holder: bool,
    /// Process 0 is the scheduler at the start.
    pub has_lead: bool,
    /// What stands on the board at the start; if that is anything, process 0 is its scheduler and goes on.
    pub stand: Vec<Stands>,
    /// An outbox that process 1 put before the one in the store is still on its way.
    pub is_overtaken: bool,
    /// The last process has no session at the start.
    pub joins: bool,
    /// A process whose session ended does not begin another.
    pub is_once: bool,
    /// There is no epoch at the start; with the mark of a new store.
    pub is_cold: bool,
    pub is_marked: bool,
    /// For how many ticks a scheduler keeps its term.
    pub short: Option<u8>,
    /// That a board has an ask which nobody has is a break.
    pub forbids_leaks: bool,
    pub faults: [u8; FAULTS],
}

impl Config {
    /// So many requests in each process, clocks at 3/2/1/2.
    pub fn of(requests: &[u8], capacity: u32) -> Config {
        Config {
            requests: requests.to_vec(),
            capacity,
            times: times(3, 2, 1, 2),
            is_prompt: true,
            is_now: false,
            has_holder: false,
            has_lead: false,
            stand: Vec::new(),
            is_overtaken: false,
            joins: false,
            is_once: false,
            is_cold: false,
            is_marked: false,
            short: None,
            forbids_leaks: false,
            faults: [0; FAULTS],
        }
    }

    /// Clocks in the product's proportions: 8/7/3/3.
    pub fn long(mut self) -> Config {
        let mutants = self.times.mutants;
        let is_paced = self.times.pause_ms > 0;
        self.times = times(8, 7, 3, 3);
        self.times.mutants = mutants;
        if !is_paced {
            self = self.any();
        }
        self
    }

    /// These clocks: ttl, own limit, renewal, take-over.
    pub fn clocks(mut self, [ttl, own, renewal, takeover]: [u64; 4]) -> Config {
        self.times = Times {
            mutants: self.times.mutants,
            heard_ms: self.times.heard_ms,
            doubt_ms: self.times.doubt_ms,
            ..times(ttl, own, renewal, takeover)
        };
        self
    }

    /// Ticks at any moment.
    pub fn any(mut self) -> Config {
        self.is_prompt = false;
        // A rest may end at any moment, too: what only paces is left out.
        self.times.term_check_ms = 0;
        self.times.pause_ms = 0;
        self
    }

    /// Clocks at 6/5/2/2; what is granted to other sessions is provisional (rule 32), with 2 and 3.
    pub fn doubts(mut self) -> Config {
        (
            self.times.ttl_ms,
            self.times.own_limit_ms,
            self.times.renewal_ms,
        ) = (6, 5, 2);
        (self.times.heard_ms, self.times.doubt_ms) = (2, 3);
        self
    }

    pub fn now(mut self) -> Config {
        self.is_now = true;
        self
    }

    pub fn holder(mut self) -> Config {
        self.has_holder = true;
        self
    }

    pub fn lead(mut self) -> Config {
        self.has_lead = true;
        self
    }

    /// Who only relays looks after so many ticks.
    pub fn far_look(mut self, ticks: u64) -> Config {
        self.times.far_look_ms = ticks;
        self
    }

    /// Process 0 schedules, and these are on its board.
    pub fn stand(mut self, stand: &[Stands]) -> Config {
        self.stand = stand.to_vec();
        self
    }

    pub fn overtaken(mut self) -> Config {
        self.is_overtaken = true;
        self
    }

    pub fn join(mut self) -> Config {
        self.joins = true;
        self
    }

    pub fn once(mut self) -> Config {
        self.is_once = true;
        self
    }

    pub fn cold(mut self) -> Config {
        self.is_cold = true;
        self
    }

    pub fn marked(mut self) -> Config {
        self.is_cold = true;
        self.is_marked = true;
        self
    }

    /// That fault may happen so many times.
    pub fn with(mut self, fault: Fault, times: u8) -> Config {
        self.faults[fault as usize] = times;
        self
    }

    /// Without these rules.
    pub fn without(mut self, rules: &'static [Mutant]) -> Config {
        self.times.mutants = rules;
        self
    }

    /// Every scheduler gives its term up after so many ticks.
    pub fn short(mut self, ticks: u8) -> Config {
        self.short = Some(ticks);
        self
    }

    /// Nothing may stand on a board that its session has neither alive nor as ended: without rule 12d it would stand there for as long
    /// as the session lives.
    pub fn no_leaks(mut self) -> Config {
        self.forbids_leaks = true;
        self
    }

    pub fn rules(&self) -> Rules {
        Rules {
            max_queue: 64,
            places_per_client: 64,
            batch_wait_max_ms: 1_000_000,
            model_turn_ms: Rules::MODEL_TURN_MS,
            swap_share: Rules::SWAP_SHARE,
        }
    }
}

/// The product's times at the scale of ticks.
fn times(ttl: u64, own: u64, renewal: u64, takeover: u64) -> Times {
    Times {
        ttl_ms: ttl,
        own_limit_ms: own,
        renewal_ms: renewal,
        takeover_ms: takeover,
        beat_ms: (takeover - 1).max(1),
        look_ms: 1,
        slow_look_ms: 1,
        far_look_ms: 1,
        term_check_ms: 1,
        waiter_read_ms: 1,
        pause_ms: 1,
        linger_ms: 0,
        says_over_ms: 0,
        sign_ms: 0,
        doubt_ms: 0,
        takeover_rank_ms: 0,
        doublings_max: 0,
        tidy_ms: 0,
        ..Times::new(1_000)
    }
}
