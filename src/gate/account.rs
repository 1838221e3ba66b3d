//! What a stay has come to so far: kept while it goes on, so that its record tells it however it ends.

use std::cell::{Cell, RefCell};

use sluice_gate::{Counts, Figures, Now};

use super::timing;
use crate::clock::now;

/// The account of one stay.
#[derive(Debug)]
pub struct Account {
    arrived: Now,
    granted: Cell<Option<Now>>,
    first: Cell<Option<Now>>,
    chunks: Cell<u64>,
    sent: RefCell<Counts>,
    is_worked_for: Cell<bool>,
    closed: RefCell<Option<Figures>>,
}

/// How an answer ended, as its caller saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// A number from [`Figures::OF_CALLER`] on.
    pub number: u8,
    /// Whether the answer was complete.
    pub is_complete: bool,
    /// Tokens that were relayed.
    pub tokens: u64,
    /// Tokens of the prompt, where the upstream told.
    pub input_tokens: Option<u64>,
    /// Microseconds a token, by the upstream's own clock; the account's own counts where the answer streamed.
    pub pace_us: Option<u64>,
}

impl Account {
    /// An account that begins now.
    pub fn open() -> Account {
        Account {
            arrived: now(),
            granted: Cell::new(None),
            first: Cell::new(None),
            chunks: Cell::new(0),
            sent: RefCell::default(),
            is_worked_for: Cell::new(false),
            closed: RefCell::default(),
        }
    }

    /// It has its slot from now on.
    pub fn grant(&self) {
        self.granted.set(Some(now()));
    }

    /// The upstream with this index is asked, once more or for the first time.
    pub fn ask(&self, upstream: usize) {
        self.sent.borrow_mut().add(upstream, 1);
        self.is_worked_for.set(true);
    }

    /// The upstream has ended its answer by itself, however it ended.
    pub fn upstream_ended(&self) {
        self.is_worked_for.set(false);
    }

    /// A chunk of the answer is passed on. Only the first costs a look at the clock.
    pub fn pass(&self) {
        self.chunks.set(self.chunks.get() + 1);
        if self.first.get().is_none() {
            self.first.set(Some(now()));
        }
    }

    /// Milliseconds from its arrival to its start, or until now.
    pub fn wait_ms(&self) -> u64 {
        self.granted.get().unwrap_or_else(now).since(self.arrived)
    }

    /// Milliseconds from its arrival to the first byte of its answer.
    pub fn first_ms(&self) -> Option<u64> {
        Some(self.first.get()?.since(self.arrived))
    }

    /// How often an upstream was asked.
    pub fn attempts(&self) -> u64 {
        self.sent.borrow().total()
    }

    /// Whether it ever got so far that an upstream was asked.
    pub(super) fn was_admitted(&self) -> bool {
        self.attempts() > 0
    }

    /// Whether an upstream was asked, and has not ended its answer as far as is known.
    pub(super) fn is_worked_for(&self) -> bool {
        self.is_worked_for.get()
    }

    /// Closes it. What the store was measured to take goes along.
    pub(super) fn close(&self, ending: Ending) -> Figures {
        let mut figures = self.so_far();
        figures.ending = ending.number;
        figures.complete = ending.is_complete;
        figures.tokens = ending.tokens;
        figures.input_tokens = ending.input_tokens;
        if ending.is_complete {
            figures.pace_us = self.pace_us().or(ending.pace_us);
        }
        figures.store = timing::take();
        self.closed.replace(Some(figures.clone()));
        figures
    }

    /// What it came to, or has come to by now.
    pub(super) fn figures(&self) -> Figures {
        self.closed().unwrap_or_else(|| self.so_far())
    }

    /// What it came to, once it is closed.
    pub(super) fn closed(&self) -> Option<Figures> {
        self.closed.borrow().clone()
    }

    fn so_far(&self) -> Figures {
        let granted = self.granted.get();
        Figures {
            service_ms: granted.map_or(0, |granted| now().since(granted)),
            wait_ms: self.wait_ms(),
            first_ms: self.first_ms(),
            tokens: self.chunks.get(),
            sent: self.sent.borrow().clone(),
            ..Figures::default()
        }
    }

    /// Between two chunks on average, where there were several.
    fn pace_us(&self) -> Option<u64> {
        let since_ms = now().since(self.first.get()?);
        since_ms
            .saturating_mul(1_000)
            .checked_div(self.chunks.get().saturating_sub(1))
    }
}
