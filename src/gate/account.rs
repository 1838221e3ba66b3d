//! What a request has come to so far: kept while it goes on, and told when it has ended. Durations are of the monotonic clock.

use std::cell::{Cell, RefCell};

use sluice_gate::Now;
use sluice_gate::instance::Work;

/// The account of one request.
#[derive(Debug)]
pub struct Account {
    arrived_ms: u64,
    /// What a place of the same request had been waited for when it was lost, before this one came.
    before_ms: Cell<u64>,
    granted_ms: Cell<Option<u64>>,
    left_ms: Cell<Option<u64>>,
    first_ms: Cell<Option<u64>>,
    chunks: Cell<u64>,
    sent: RefCell<Vec<u8>>,
    is_worked_for: Cell<bool>,
    busy_ms: Cell<Option<u64>>,
}

/// What a request that has ended came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// From arrival to the grant, or to the end where there was none, in milliseconds.
    pub wait_ms: u64,
    /// From the grant until the slot was given back, in milliseconds; `None` without a grant.
    pub service_ms: Option<u64>,
    /// From arrival to the end, in milliseconds: the client may take the end of its answer after the slot was given back.
    pub duration_ms: u64,
    /// From arrival to the first byte of the answer, in milliseconds.
    pub first_ms: Option<u64>,
    /// Between two chunks on average, in microseconds, where there were several.
    pub pace_us: Option<u64>,
    /// The upstreams that were asked, one after another.
    pub sent: Vec<u8>,
}

impl Account {
    /// An account that begins now.
    pub fn open(now: Now) -> Account {
        Account {
            arrived_ms: now.mono_ms,
            before_ms: Cell::new(0),
            granted_ms: Cell::new(None),
            left_ms: Cell::new(None),
            first_ms: Cell::new(None),
            chunks: Cell::new(0),
            sent: RefCell::default(),
            is_worked_for: Cell::new(false),
            busy_ms: Cell::new(None),
        }
    }

    /// It has its slot from now on.
    pub fn grant(&self, now: Now) {
        self.granted_ms.set(Some(now.mono_ms));
        // Where it came again, a place before this one was given back.
        self.left_ms.set(None);
    }

    /// It has no slot any more, and waits no longer.
    pub fn leave(&self, now: Now) {
        self.left_ms.set(Some(now.mono_ms));
    }

    /// The upstream with this index is asked, once more or for the first time.
    pub fn ask(&self, upstream: u8) {
        self.sent.borrow_mut().push(upstream);
        self.is_worked_for.set(true);
    }

    /// The upstream has ended its answer by itself, however it ended.
    pub fn upstream_ended(&self) {
        self.is_worked_for.set(false);
    }

    /// A chunk of the answer is passed on. Only the first costs a look at the clock.
    pub fn pass(&self, now: impl FnOnce() -> Now) {
        self.chunks.set(self.chunks.get() + 1);
        if self.first_ms.get().is_none() {
            self.first_ms.set(Some(now().mono_ms));
        }
    }

    /// Milliseconds from its arrival to its grant, or until now.
    pub fn wait_ms(&self, now: Now) -> u64 {
        let until_ms = self.granted_ms.get().unwrap_or(now.mono_ms);
        until_ms.saturating_sub(self.arrived_ms)
    }

    /// How long has been waited for its place, the time before it came included: by this the gate orders.
    pub fn age_ms(&self, now: Now) -> u64 {
        self.wait_ms(now).saturating_add(self.before_ms.get())
    }

    /// Whether it goes on with the age of a place that was lost.
    pub fn has_lost_a_place(&self) -> bool {
        self.before_ms.get() > 0
    }

    /// Goes on with the age of a place that was lost; `false`: it is no longer than its own.
    pub fn take_up(&self, age_ms: u64, now: Now) -> bool {
        // The other one may have stood in line beside this one: a time is not counted twice.
        let before_ms = age_ms.saturating_sub(self.wait_ms(now));
        let is_longer = before_ms > self.before_ms.get();
        if is_longer {
            self.before_ms.set(before_ms);
        }
        is_longer
    }

    /// How long its slot has been held, or was until it was given back; `None` without one.
    pub fn service_ms(&self, now: Now) -> Option<u64> {
        let granted_ms = self.granted_ms.get()?;
        let until_ms = self.left_ms.get().unwrap_or(now.mono_ms);
        Some(until_ms.saturating_sub(granted_ms))
    }

    /// The upstream worked on it for so long, as its last frame says.
    pub fn note_busy(&self, busy_ms: Option<u64>) {
        self.busy_ms.set(busy_ms);
    }

    /// What it came to, for estimates; `None` without a slot, or where no upstream was asked: its client was gone by then.
    pub(super) fn work(&self, now: Now) -> Option<Work> {
        let service_ms = self.service_ms(now).filter(|_| self.attempts() > 0)?;
        Some(Work {
            service_ms,
            busy_ms: self.busy_ms.get(),
            ago_ms: 0,
        })
    }

    /// How often an upstream was asked.
    pub fn attempts(&self) -> usize {
        self.sent.borrow().len()
    }

    /// Whether an upstream was asked, and has not ended its answer as far as is known.
    pub(super) fn is_worked_for(&self) -> bool {
        self.is_worked_for.get()
    }

    /// What it has come to.
    pub fn figures(&self, now: Now) -> Figures {
        let first_ms = self.first_ms.get();
        let gaps = self.chunks.get().saturating_sub(1);
        Figures {
            wait_ms: self.wait_ms(now),
            service_ms: self.service_ms(now),
            duration_ms: now.mono_ms.saturating_sub(self.arrived_ms),
            first_ms: first_ms.map(|first_ms| first_ms.saturating_sub(self.arrived_ms)),
            pace_us: first_ms.and_then(|first_ms| {
                let since_ms = now.mono_ms.saturating_sub(first_ms);
                since_ms.saturating_mul(1_000).checked_div(gaps)
            }),
            sent: self.sent.borrow().clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            wall_ms: 0,
        }
    }

    #[test]
    fn a_longer_age_is_taken_up_and_no_time_is_counted_twice() {
        let account = Account::open(at(1_000));
        assert!(!account.take_up(2_000, at(3_000)));
        assert!(account.take_up(60_000, at(4_000)));
        assert_eq!(account.age_ms(at(4_000)), 60_000);
        assert!(!account.take_up(50_000, at(5_000)));
        assert_eq!(account.age_ms(at(5_000)), 61_000);
        account.grant(at(6_000));
        assert_eq!(
            (account.age_ms(at(9_000)), account.wait_ms(at(9_000))),
            (62_000, 5_000)
        );
    }

    #[test]
    fn a_slot_is_held_until_it_is_given_back_however_long_the_client_takes_the_end() {
        let account = Account::open(at(1_000));
        account.grant(at(2_000));
        account.ask(0);
        account.leave(at(4_000));
        let figures = account.figures(at(29_000));
        assert_eq!(figures.service_ms, Some(2_000));
        assert_eq!((figures.wait_ms, figures.duration_ms), (1_000, 28_000));
    }

    #[test]
    fn a_slot_that_no_upstream_was_asked_in_tells_nothing_of_how_long_answers_take() {
        let account = Account::open(at(1_000));
        account.grant(at(2_000));
        assert_eq!(account.work(at(2_016)), None);
        account.ask(0);
        let work = account.work(at(5_000)).expect("an upstream was asked");
        assert_eq!(work.service_ms, 3_000);
    }
}
