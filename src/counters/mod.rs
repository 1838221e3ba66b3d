//! Counts of what has no ticket, gathered in this instance and added to the store in batches.
//!
//! # How
//! The first count begins a task that adds up all of them after `EVERY` or a little later. An instance lives as long as its
//! tasks, so its end loses none; a host that is killed loses what came since. A flood costs the store no more than a trickle.
//!
//! # Limits
//! An addition that failed may have been done; it is repeated. While the store is away counts are kept for `TRIES` rounds,
//! and after that until somebody counts again.

pub mod endings;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::random;
use spin_sdk::time::sleep;

use crate::http::refuse::Refusal;
use crate::store::{self, StoreError};
use crate::tasks::spawn;

/// How long counts are gathered; up to half as much again by chance, so that instances do not come together.
const EVERY: Duration = Duration::from_secs(2);

/// How many rounds may fail in a row.
const TRIES: u32 = 30;

/// What is counted beside the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tallied {
    /// A request that never got a slot, by the code of its refusal.
    Refused(&'static str),
    /// One that got a slot, whose ending could not be written into the line.
    Admitted(&'static str),
    /// One whose client left before there was a slot.
    LeftWaiting,
    /// An operation on the store that failed.
    StoreError,
    /// A prompt that did not fit, and was cut.
    PromptCut,
}

/// What was counted, by all instances on this store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Tallied, u64>);

impl Totals {
    /// How often this came.
    pub fn of(&self, what: Tallied) -> u64 {
        self.0.get(&what).copied().unwrap_or(0)
    }

    #[cfg(test)]
    pub(crate) fn with(what: Tallied, times: u64) -> Totals {
        Totals(BTreeMap::from([(what, times)]))
    }
}

impl Tallied {
    fn all() -> impl Iterator<Item = Tallied> {
        let refused = Refusal::codes().map(Tallied::Refused);
        let admitted = endings::words().map(Tallied::Admitted);
        let single = [
            Tallied::LeftWaiting,
            Tallied::StoreError,
            Tallied::PromptCut,
        ];
        refused.chain(admitted).chain(single)
    }

    fn key(self) -> String {
        match self {
            Tallied::Refused(code) => format!("sluice/n/refused/{code}"),
            Tallied::Admitted(outcome) => format!("sluice/n/admitted/{outcome}"),
            Tallied::LeftWaiting => "sluice/n/left_waiting".to_owned(),
            Tallied::StoreError => "sluice/n/store_error".to_owned(),
            Tallied::PromptCut => "sluice/n/prompt_cut".to_owned(),
        }
    }
}

/// Counts one more.
pub fn count(what: Tallied) {
    PENDING.with_borrow_mut(|pending| *pending.entry(what).or_default() += 1);
    if !AT_WORK.replace(true) {
        spawn(work());
    }
}

/// Counts a stay that no record tells of, by the number of its ending.
pub fn count_ending(number: u8, was_admitted: bool) {
    let word = endings::word(number);
    count(match word {
        word if was_admitted => Tallied::Admitted(word),
        endings::CLIENT_GONE => Tallied::LeftWaiting,
        word => Tallied::Refused(word),
    });
}

/// Adds what this instance has counted to the store.
///
/// # Errors
/// The store failed; what is not known to be added is kept.
pub async fn flush() -> Result<(), StoreError> {
    let mut pending = PENDING.take();
    while let Some((what, times)) = pending.pop_first() {
        if let Err(error) = store::add(what.key(), times).await {
            PENDING.with_borrow_mut(|own| {
                for (what, times) in pending.into_iter().chain([(what, times)]) {
                    *own.entry(what).or_default() += times;
                }
            });
            return Err(error);
        }
    }
    Ok(())
}

/// What all instances have counted.
///
/// # Errors
/// The store could not be read.
pub async fn totals() -> Result<Totals, StoreError> {
    let mut totals = BTreeMap::new();
    for what in Tallied::all() {
        totals.insert(what, store::sum(&what.key()).await?);
    }
    Ok(Totals(totals))
}

async fn work() {
    let mut failures = 0;
    while failures < TRIES {
        let half_ms = u64::try_from(EVERY.as_millis() / 2).unwrap_or(1);
        let by_chance_ms = random::below(half_ms);
        sleep(EVERY + Duration::from_millis(by_chance_ms)).await;
        if flush().await.is_err() {
            failures += 1;
        } else if PENDING.with_borrow(BTreeMap::is_empty) {
            break;
        }
    }
    AT_WORK.set(false);
}

thread_local! {
    static PENDING: RefCell<BTreeMap<Tallied, u64>> = const { RefCell::new(BTreeMap::new()) };
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_counted_has_a_key_of_its_own() {
        let keys: Vec<String> = Tallied::all().map(Tallied::key).collect();
        let unique: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len());
    }

    #[test]
    fn every_ending_of_a_stay_that_never_started_is_a_refusal_that_is_told() {
        for word in endings::words() {
            let is_told = matches!(word, endings::CLIENT_GONE | "other" | "complete" | "failed")
                || Refusal::codes().any(|code| code == word);
            assert!(is_told, "{word}");
        }
    }
}
