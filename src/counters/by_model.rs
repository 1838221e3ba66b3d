//! What is counted of each model. A label must not grow without bound: the first [`LABELS`] models that answered have one of their
//! own, and all others share [`OTHER`].
//!
//! # How
//! A model has a slot: its number is drawn from a counter in the store, and the name stands under that number. Two instances may
//! draw for one model at the same moment; then it has two slots, which are told as one.
//!
//! # Limits
//! A slot is kept until the store is emptied. What an instance counts of more than [`PENDING`] models between two additions is
//! counted as that of others.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::future::join_all;

use super::table::ModelCount;
use crate::store::{self, StoreError};

/// How many models have a label of their own.
pub const LABELS: usize = 20;

/// How many models' counts are gathered apart.
const PENDING: usize = 64;

/// The label of the others.
pub const OTHER: &str = "other";

/// What was counted of one model by all instances on this store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelTotals {
    /// Answers that were complete.
    pub answers: u64,
    /// Loads that Sluice has sent.
    pub loads: u64,
}

/// Gathers one more of a model.
pub(super) fn gather(model: &str, what: ModelCount, times: u64) {
    PENDING_OF.with_borrow_mut(|pending| {
        let is_known = |name: &str| pending.keys().any(|(known, _)| known == name);
        let has_room = pending.len() < PENDING * ModelCount::ALL.len();
        let name = if has_room || is_known(model) {
            model
        } else {
            OTHER
        };
        let count = pending.entry((name.to_owned(), what)).or_default();
        *count = count.saturating_add(times);
    });
}

/// Whether anything is gathered.
pub(super) fn is_anything_pending() -> bool {
    PENDING_OF.with_borrow(|pending| !pending.is_empty())
}

/// Adds what was gathered to the store.
///
/// # Errors
/// The store failed; what is not known to be added is kept.
pub(super) async fn flush() -> Result<(), StoreError> {
    let pending = PENDING_OF.take();
    let mut sums = Vec::new();
    let mut outcome = Ok(());
    for (model, what) in pending.keys() {
        match slot_of(model).await {
            Ok(slot) => sums.push(key(slot, *what)),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    let counts = pending.values().copied();
    let added = store::add_all(sums.into_iter().zip(counts)).await;
    for ((model, what), times) in pending.into_iter().skip(added.count) {
        gather(&model, what, times);
    }
    outcome.and(added.outcome)
}

/// What was counted of each model by all instances on this store, the others last.
///
/// # Errors
/// The store could not be read.
pub async fn model_totals() -> Result<Vec<(String, ModelTotals)>, StoreError> {
    learn_names().await?;
    let names = NAMES.with_borrow(Clone::clone);
    let keys =
        (0..=names.len()).flat_map(|slot| ModelCount::ALL.iter().map(move |what| key(slot, *what)));
    let sums = store::sums(keys).await?;
    Ok(told(&names, &sums))
}

/// The totals by name, of slots in their order: that of the others is the first.
fn told(names: &[Option<String>], sums: &[u64]) -> Vec<(String, ModelTotals)> {
    let mut by_name: BTreeMap<&str, ModelTotals> = BTreeMap::new();
    let mut others = ModelTotals::default();
    let labels = [None].into_iter().chain(names.iter().map(Option::as_deref));
    for (label, counts) in labels.zip(sums.chunks(ModelCount::ALL.len())) {
        let totals = match label {
            Some(name) => by_name.entry(name).or_default(),
            None => &mut others,
        };
        let [answers, loads] = [0, 1].map(|at| counts.get(at).copied().unwrap_or(0));
        totals.answers = totals.answers.saturating_add(answers);
        totals.loads = totals.loads.saturating_add(loads);
    }
    let named = by_name
        .into_iter()
        .map(|(name, totals)| (name.to_owned(), totals));
    let mut all: Vec<(String, ModelTotals)> = named.collect();
    if others != ModelTotals::default() {
        all.push((OTHER.to_owned(), others));
    }
    all
}

/// The slot of a model: 0 where it is one of the others.
async fn slot_of(model: &str) -> Result<usize, StoreError> {
    if model == OTHER {
        return Ok(0);
    }
    if let Some(slot) = known_slot(model) {
        return Ok(slot);
    }
    if learn_names().await? >= LABELS {
        return Ok(known_slot(model).unwrap_or(0));
    }
    if let Some(slot) = known_slot(model) {
        return Ok(slot);
    }
    let drawn = store::add(DRAWN.to_owned(), 1).await?;
    let Some(slot) = usize::try_from(drawn).ok().filter(|slot| *slot <= LABELS) else {
        return Ok(0);
    };
    store::write(name_key(slot), model.as_bytes().to_vec()).await?;
    NAMES.with_borrow_mut(|names| {
        if names.len() < slot {
            names.resize(slot, None);
        }
        if let Some(name) = names.get_mut(slot - 1) {
            *name = Some(model.to_owned());
        }
    });
    Ok(slot)
}

fn known_slot(model: &str) -> Option<usize> {
    NAMES.with_borrow(|names| {
        let at = names
            .iter()
            .position(|name| name.as_deref() == Some(model))?;
        Some(at + 1)
    })
}

/// Reads the names that are not known yet. Answers how many slots were drawn.
async fn learn_names() -> Result<usize, StoreError> {
    let drawn = usize::try_from(store::sum(DRAWN).await?).unwrap_or(usize::MAX);
    let slots = drawn.min(LABELS);
    let unknown: Vec<usize> = NAMES.with_borrow_mut(|names| {
        names.resize(slots, None);
        (0..slots)
            .filter(|at| names.get(*at) == Some(&None))
            .collect()
    });
    let reading = unknown.iter().map(|at| store::read(name_key(at + 1)));
    let read = join_all(reading).await;
    for (at, name) in unknown.into_iter().zip(read) {
        let name = name?.and_then(|bytes| String::from_utf8(bytes).ok());
        NAMES.with_borrow_mut(|names| {
            if let Some(known) = names.get_mut(at) {
                *known = name;
            }
        });
    }
    Ok(drawn)
}

fn key(slot: usize, what: ModelCount) -> String {
    format!("sluice/total/model/{slot}/{}", what.word())
}

fn name_key(slot: usize) -> String {
    format!("sluice/total/model/{slot}/name")
}

/// How many slots were drawn.
const DRAWN: &str = "sluice/total/models";

thread_local! {
    static PENDING_OF: RefCell<BTreeMap<(String, ModelCount), u64>> = const { RefCell::new(BTreeMap::new()) };
    /// The names of the slots from the first on, as far as they are known.
    static NAMES: RefCell<Vec<Option<String>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_one_name_are_told_as_one_and_those_without_a_name_as_others() {
        let name = |name: &str| Some(name.to_owned());
        let names = [name("b"), name("a"), None, name("b")];
        let sums = [1, 2, 10, 20, 100, 200, 5, 6, 1_000, 2_000];
        let totals = |answers, loads| ModelTotals { answers, loads };
        let expected = [
            ("a".to_owned(), totals(100, 200)),
            ("b".to_owned(), totals(1_010, 2_020)),
            (OTHER.to_owned(), totals(6, 8)),
        ];
        assert_eq!(told(&names, &sums), expected);
        assert_eq!(told(&[], &[0, 0]), []);
    }

    #[test]
    fn more_models_than_are_gathered_apart_are_counted_as_others() {
        PENDING_OF.take();
        for n in 0..1_000 {
            gather(&format!("model {n}"), ModelCount::Answers, 1);
        }
        let pending = PENDING_OF.take();
        assert!(
            pending.len() <= PENDING * ModelCount::ALL.len() + 1,
            "{}",
            pending.len()
        );
        assert_eq!(pending.values().sum::<u64>(), 1_000);
        assert!(pending[&(OTHER.to_owned(), ModelCount::Answers)] > 800);
    }
}
