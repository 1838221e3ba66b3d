//! The guard of one request: it books the end, however the end comes.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::{Ledger, Outcome},
    runner::Lease,
};

/// One request under way. Dropped without [`Entry::end`], it was left by its client (or by the simulator's stop).
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    stopping: CancellationToken,
    number: u64,
    model: Option<String>,
    tokens: u32,
    outcome: Option<Outcome>,
    /// Dropped after the end is booked: whoever gets the slot next is not counted beside this one.
    _seat: Option<Seat>,
}

/// A slot of a runner; it is free before the runner is.
pub(crate) struct Seat {
    _slot: OwnedSemaphorePermit,
    _lease: Lease,
}

impl Seat {
    pub(crate) fn new(slot: OwnedSemaphorePermit, lease: Lease) -> Self {
        Self {
            _slot: slot,
            _lease: lease,
        }
    }
}

impl Entry {
    pub(crate) fn open(
        ledger: &Arc<Ledger>,
        stopping: &CancellationToken,
        request: &http::request::Parts,
        path: &str,
    ) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            stopping: stopping.clone(),
            number: ledger.arrive(request, path),
            model: None,
            tokens: 0,
            outcome: None,
            _seat: None,
        }
    }

    /// The request's number in order of arrival.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn body(&self, body: Value) {
        self.ledger.body(self.number, body);
    }

    /// The request becomes a stream.
    pub(crate) fn start(&mut self, model: &str, seat: Option<Seat>) {
        self.ledger.start(model);
        self.model = Some(model.to_owned());
        self._seat = seat;
    }

    /// So many tokens were sent so far.
    pub(crate) fn sent(&mut self, tokens: u32) {
        self.tokens = tokens;
    }

    pub(crate) fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let left = if self.stopping.is_cancelled() {
            Outcome::Failed
        } else {
            Outcome::Aborted
        };
        let outcome = self.outcome.unwrap_or(left);
        self.ledger
            .end(self.number, self.model.as_deref(), outcome, self.tokens);
    }
}
