//! How long the store takes, as this instance has seen it.
//!
//! The times ride with the next ticket that ends here: a measurement must not cost the store an operation of its own.

use std::cell::RefCell;

use sluice_gate::{Ledger, Spread};

use crate::clock::now_ns;

/// An operation that began then is done, or has failed.
pub(super) fn note(begun: u64) {
    let took_us = now_ns().saturating_sub(begun) / 1_000;
    TIMES.with_borrow_mut(|times| times.note(Ledger::STORE_US, took_us));
}

/// What was measured and not told yet; whoever takes it tells it.
pub(super) fn take() -> Spread {
    TIMES.take()
}

/// It could not be told after all.
pub(super) fn give_back(times: &Spread) {
    TIMES.with_borrow_mut(|own| own.merge(times));
}

thread_local! {
    static TIMES: RefCell<Spread> = RefCell::default();
}
