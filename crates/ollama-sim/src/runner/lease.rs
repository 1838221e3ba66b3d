//! The use of a runner by one request.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{NoRunner, Runners};
use crate::ledger::Ledger;

/// A runner that one request uses. It is given back on drop.
pub(crate) struct Lease {
    runners: Arc<Runners>,
    id: u64,
    slots: Arc<Semaphore>,
    died: CancellationToken,
    waited: Duration,
}

/// A place in the line for a slot, given back on drop.
struct Waiting<'a>(&'a Ledger);

impl Lease {
    pub(super) fn new(
        runners: &Arc<Runners>,
        id: u64,
        slots: &Arc<Semaphore>,
        died: &CancellationToken,
    ) -> Self {
        Self {
            runners: Arc::clone(runners),
            id,
            slots: Arc::clone(slots),
            died: died.clone(),
            waited: Duration::ZERO,
        }
    }

    pub(super) fn after(mut self, waited: Duration) -> Self {
        self.waited = waited;
        self
    }

    /// What waiting for the runner and loading it took.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Cancelled when the runner dies.
    pub(crate) fn died(&self) -> &CancellationToken {
        &self.died
    }

    /// Waits for a slot, in order of arrival and silently: there is no bound.
    pub(crate) async fn slot(&self) -> Result<OwnedSemaphorePermit, NoRunner> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        self.runners.ledger.join_line();
        let _waiting = Waiting(&self.runners.ledger);
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = self.died.run_until_cancelled(slot).await;
        slot.and_then(Result::ok).ok_or(NoRunner::Died)
    }

    /// Remembers a prompt, and says how many of its words the runner knew from their beginning.
    pub(crate) fn recall(&self, prompt: &[String]) -> usize {
        let mut loaded = self.runners.lock();
        let runner = loaded
            .runners
            .iter_mut()
            .find(|runner| runner.id == self.id);
        let Some(runner) = runner else { return 0 };
        let common = |known: &Vec<String>| {
            let pairs = known.iter().zip(prompt);
            pairs.take_while(|(known, word)| known == word).count()
        };
        let best = runner.known.iter().enumerate();
        let best = best.map(|(at, known)| (common(known), at)).max();
        let (count, at) = best.unwrap_or_default();
        // One that has no more than its beginning in common, such as the system's words, stays beside it.
        let goes_on = |known: &Vec<String>| 2 * count > known.len();
        if runner.known.get(at).is_some_and(goes_on) {
            runner.known.remove(at);
        } else if runner.known.len() >= MOST_KNOWN {
            runner.known.remove(0);
        }
        runner.known.push(prompt.to_vec());
        count
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.runners.release(self.id);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.leave_line();
    }
}

/// Prompts that a runner remembers.
const MOST_KNOWN: usize = 16;
