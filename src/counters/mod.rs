//! Totals and histograms: gathered in this instance and added to counters in the store, in batches.
//!
//! # How
//! The first count begins a task that adds up all of them after `EVERY` or a little later, and later than that where the store is
//! slow: each of some thirty counters is a write of its own, which on Spin's SQLite waits for the disk while all others wait for it,
//! those of the gate as well.
//! An instance lives as long as its tasks, so its end loses none; a host that is killed loses what came since. A flood costs the
//! store no more than a trickle.
//! What the store itself costs rides along: a measurement must not keep an instance at work.
//!
//! # Limits
//! An addition that failed may have been done; it is repeated: totals count at least once. While the store is away counts are
//! kept for `TRIES` rounds, and after that until somebody counts again.

mod by_model;
pub mod endings;
mod histogram;
mod table;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub use by_model::{LABELS, ModelTotals, OTHER, model_totals};
pub use histogram::{Histogram, Spread};
pub use table::{GateCount, ModelCount, Single};

use crate::clock::{self, sleep};
use crate::config::MAX_UPSTREAMS;
use crate::http::refuse::Refusal;
use crate::random;
use crate::single_flight::SingleFlight;
use crate::store::{self, Notes, StoreError};
use crate::tasks::spawn;

/// How long counts are gathered; up to half as much again by chance, so that instances do not come together.
const EVERY: Duration = Duration::from_secs(2);

/// The longest, where the store is slow, and how many times as long as an addition takes: some thirty of them are then half a
/// hundredth of the time.
const EVERY_AT_MOST: Duration = Duration::from_secs(20);
const ADDITIONS: u64 = 6_000;

/// How old totals may be that are told, in milliseconds: there are some two hundred.
pub const FRESH_MS: u64 = 1_000;

/// How many rounds may fail in a row.
const TRIES: u32 = 30;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tallied {
    /// A request that never got a slot, by the code of its refusal.
    Refused(&'static str),
    /// One that got a slot, by how it ended.
    Admitted(&'static str),
    /// A request sent to the upstream with this index.
    Sent(u8),
    /// The breaker of the upstream with this index has opened.
    Opened(u8),
    /// Something that is told by itself.
    One(Single),
    /// Something of the gate's.
    Gate(GateCount),
    /// A value in this bucket of a histogram.
    Bucket(Histogram, u8),
    /// The values of a histogram, added up.
    Sum(Histogram),
}

/// What was counted, by all instances on this store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Tallied, u64>);

impl Totals {
    /// How often this came.
    pub fn of(&self, what: Tallied) -> u64 {
        self.0.get(&what).copied().unwrap_or(0)
    }

    /// How many requests got a slot and have ended.
    pub fn finished(&self) -> u64 {
        let admitted = endings::words().map(Tallied::Admitted);
        admitted
            .map(|what| self.of(what))
            .fold(0, u64::saturating_add)
    }

    #[cfg(test)]
    pub(crate) fn with(what: Tallied, times: u64) -> Totals {
        Totals(BTreeMap::from([(what, times)]))
    }
}

impl Tallied {
    /// Everything that is counted.
    fn all() -> impl Iterator<Item = Tallied> {
        let upstreams = (0..MAX_UPSTREAMS).filter_map(|index| u8::try_from(index).ok());
        let single = Single::ALL.iter().copied().map(Tallied::One);
        let histograms = Histogram::ALL
            .into_iter()
            .flat_map(|of| of.buckets().chain([Tallied::Sum(of)]));
        Refusal::codes()
            .map(Tallied::Refused)
            .chain(endings::words().map(Tallied::Admitted))
            .chain(upstreams.clone().map(Tallied::Sent))
            .chain(upstreams.map(Tallied::Opened))
            .chain(GateCount::ALL.iter().copied().map(Tallied::Gate))
            .chain(single)
            .chain(histograms)
    }

    fn key(self) -> String {
        let name = match self {
            Tallied::Refused(code) => format!("refused/{code}"),
            Tallied::Admitted(outcome) => format!("admitted/{outcome}"),
            Tallied::Sent(upstream) => format!("sent/{upstream}"),
            Tallied::Opened(upstream) => format!("opened/{upstream}"),
            Tallied::One(what) => what.word().to_owned(),
            Tallied::Gate(what) => format!("gate/{}", what.word()),
            Tallied::Bucket(of, index) => format!("{}/{index}", of.word()),
            Tallied::Sum(of) => format!("{}/sum", of.word()),
        };
        format!("sluice/total/{name}")
    }
}

/// Counts one more.
pub fn count(what: Tallied) {
    count_many(what, 1);
}

/// Counts so many more.
pub fn count_many(what: Tallied, times: u64) {
    if times > 0 {
        gather(what, times);
        ensure_at_work();
    }
}

/// Counts one more of a model, by its name as Ollama resolves it.
pub fn count_model(model: &str, what: ModelCount) {
    by_model::gather(model, what, 1);
    ensure_at_work();
}

fn ensure_at_work() {
    if !AT_WORK.replace(true) {
        spawn(work(AtWork));
    }
}

/// Notes a value in a histogram.
pub fn note(of: Histogram, value: u64) {
    count(of.bucket(value));
    count_many(Tallied::Sum(of), value);
}

/// What the store notes of its operations.
pub fn store_notes() -> Notes {
    Notes {
        took: |us| {
            let mean_us = OPERATION_US.get();
            OPERATION_US.set((mean_us.saturating_mul(15).saturating_add(us)) / 16);
            gather(Histogram::Store.bucket(us), 1);
            gather(Tallied::Sum(Histogram::Store), us);
        },
        failed: || count(Tallied::One(Single::StoreError)),
    }
}

fn gather(what: Tallied, times: u64) {
    PENDING.with_borrow_mut(|pending| {
        let count = pending.entry(what).or_default();
        *count = count.saturating_add(times);
    });
}

/// Adds what this instance has counted to the store.
///
/// # Errors
/// The store failed; what is not known to be added is kept.
pub async fn flush() -> Result<(), StoreError> {
    let pending = PENDING.take();
    let sums = pending.iter().map(|(what, times)| (what.key(), *times));
    let added = store::add_all(sums).await;
    note_additions(added.count, added.took_us);
    for (what, times) in pending.into_iter().skip(added.count) {
        gather(what, times);
    }
    added.outcome?;
    by_model::flush().await
}

fn note_additions(count: usize, took_us: u64) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if let Some(us) = took_us.checked_div(count) {
        ADDITION_US.set(us);
    }
}

/// What all instances have counted, at most so long ago: read once for all who ask.
///
/// # Errors
/// The store could not be read.
pub async fn totals(max_age_ms: u64) -> Result<Totals, StoreError> {
    let reading = TOTALS.with(Rc::clone);
    let read = reading.get(max_age_ms, clock::now_ms, read);
    (*read.await).clone()
}

async fn read() -> Result<Totals, StoreError> {
    let sums = store::sums(Tallied::all().map(Tallied::key)).await?;
    Ok(Totals(Tallied::all().zip(sums).collect()))
}

/// One that is dropped before it began has been at work too.
async fn work(_at_work: AtWork) {
    let mut failures = 0;
    while failures < TRIES {
        let every = gathered_for(addition_us());
        let half_ms = u64::try_from(every.as_millis() / 2).unwrap_or(1);
        let by_chance_ms = random::below(half_ms);
        sleep(every + Duration::from_millis(by_chance_ms)).await;
        if flush().await.is_err() {
            failures += 1;
        } else if !is_anything_pending() {
            break;
        }
    }
}

/// How long an addition takes, in microseconds. Before the first it is taken for an operation as any, most of which are readings.
fn addition_us() -> u64 {
    OPERATION_US.get().max(ADDITION_US.get())
}

/// How long counts are gathered where an addition takes so many microseconds.
fn gathered_for(addition_us: u64) -> Duration {
    let us = addition_us.saturating_mul(ADDITIONS);
    Duration::from_micros(us).clamp(EVERY, EVERY_AT_MOST)
}

/// Whether something is pending other than what the additions themselves have cost.
fn is_anything_pending() -> bool {
    let is_of_store = |what: &Tallied| {
        matches!(
            what,
            Tallied::Bucket(Histogram::Store, _) | Tallied::Sum(Histogram::Store)
        )
    };
    PENDING.with_borrow(|pending| pending.keys().any(|what| !is_of_store(what)))
        || by_model::is_anything_pending()
}

/// While it lives a task is at work.
struct AtWork;

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.set(false);
    }
}

thread_local! {
    static PENDING: RefCell<BTreeMap<Tallied, u64>> = const { RefCell::new(BTreeMap::new()) };
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
    /// How long an operation takes at present, in microseconds.
    static OPERATION_US: Cell<u64> = const { Cell::new(0) };
    /// How long each addition of the last batch took, in microseconds.
    static ADDITION_US: Cell<u64> = const { Cell::new(0) };
    static TOTALS: Rc<SingleFlight<Result<Totals, StoreError>>> = Rc::default();
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
    fn a_store_that_is_slow_is_asked_more_seldom() {
        let gathered_ms = |us| gathered_for(us).as_millis();
        assert_eq!([0, 100, 333].map(gathered_ms), [2_000; 3]);
        assert_eq!([1_000, 100_000].map(gathered_ms), [6_000, 20_000]);
    }

    #[test]
    fn a_store_whose_readings_are_quick_is_slow_where_its_writes_are() {
        (store_notes().took)(100);
        note_additions(30, 60_000);
        assert_eq!(addition_us(), 2_000);
        note_additions(0, 0);
        assert_eq!(addition_us(), 2_000, "none was added");
        note_additions(2, 0);
        assert_eq!(addition_us(), OPERATION_US.get());
    }

    #[test]
    fn a_task_that_is_dropped_before_it_began_leaves_room_for_the_next() {
        AT_WORK.set(true);
        drop(work(AtWork));
        assert!(!AT_WORK.get());
    }

    #[test]
    fn what_the_store_costs_keeps_nobody_at_work() {
        (store_notes().took)(70);
        assert!(!is_anything_pending() && !AT_WORK.get());
    }

    #[test]
    fn every_ending_of_a_request_that_never_started_is_a_refusal_that_is_told() {
        for word in endings::words() {
            let is_told = matches!(word, endings::CLIENT_GONE | "other" | "complete" | "failed")
                || Refusal::codes().any(|code| code == word);
            assert!(is_told, "{word}");
        }
    }
}
