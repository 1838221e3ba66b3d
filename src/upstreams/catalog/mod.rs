//! The catalog: which upstream has which model, what the model is, and where it is loaded.
//!
//! # Where it comes from
//! The upstreams' own answers, read once for all who ask ([`super::readings`]): `/api/tags` and `/api/ps` of each, and
//! `/api/show` once for each digest.
//!
//! # Age
//! An observation is told without a look for [`kept::FRESH_MS`]. After that the next look begins while the last one is still told,
//! for up to [`kept::STALE_MS`]. Only who asks for a model that no upstream is known to have waits for a look, at most once a
//! second for all.
//!
//! # What it does not do
//! It is advice: no limit depends on it, and an upstream that cannot say what it has may have everything.

mod entry;
mod facts;
mod kept;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use sluice_ollama::ModelName;

pub use entry::{Entry, Loaded};
pub use facts::Facts;

use super::readings::{self, MODEL_MS, Question};
use super::{State, breakers};
use crate::clock::{self, within};
use crate::config::{Config, MAX_UPSTREAMS};
use crate::tasks::spawn;
use kept::{FRESH_MS, Kept};

/// How long a request waits for an upstream to say what it has.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an upstream may take to say it.
const LOOK: Duration = Duration::from_secs(5);

/// How old a look may be by which a model is told to be nowhere, in milliseconds.
const UNKNOWN_MS: u64 = 1_000;

/// How many models' facts are kept.
const FACTS: usize = 256;

/// What is known of one model.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The upstreams that have it, in their order.
    pub copies: Vec<Copy>,
    /// The upstreams that could not say what they have.
    pub silent: Vec<usize>,
    /// What it is; `None`: nobody could say.
    pub facts: Option<Rc<Facts>>,
}

/// A model at one upstream that has it.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The upstream.
    pub upstream: usize,
    /// What it says of the model.
    pub entry: Entry,
    /// Whether it is loaded there.
    pub residence: Residence,
}

/// Whether an upstream has a model in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Residence {
    /// It has.
    Loaded(Loaded),
    /// It has not; one that is being loaded is not there yet.
    Absent,
    /// It could not say.
    Unknown,
}

impl Known {
    /// Whether every upstream said what it has, and none has it.
    pub fn is_nowhere(&self) -> bool {
        self.copies.is_empty() && self.silent.is_empty()
    }

    /// Whether it may be at an upstream: it is, or nobody is known to have it and this one could not say.
    pub fn may_be_at(&self, upstream: usize) -> bool {
        match self.copies.is_empty() {
            true => self.silent.contains(&upstream),
            false => self.copies.iter().any(|copy| copy.upstream == upstream),
        }
    }

    /// Whether it can do this, in Ollama's words; `None`: nobody could say.
    pub fn can(&self, capability: &str) -> Option<bool> {
        let listed = || {
            let words = self.copies.first()?.entry.capabilities.as_ref()?;
            Some(words.iter().any(|word| word == capability))
        };
        let told = self.facts.as_ref().and_then(|facts| facts.can(capability));
        told.or_else(listed)
    }
}

/// What is known of a model. A name that no upstream is known to have is looked for anew, at most once a second. Of what is no name,
/// or one of the cloud's, nobody can say.
pub async fn known(config: &Config, model: &str) -> Known {
    let name = ModelName::parse(model).filter(|name| !name.is_cloud());
    let Some(name) = name else {
        return Known {
            silent: (0..config.upstreams.len()).collect(),
            ..Known::default()
        };
    };
    let mut known = find(config, &name, listings(config, FRESH_MS).await).await;
    if known.is_nowhere() {
        known = find(config, &name, listings(config, UNKNOWN_MS).await).await;
    }
    if let Some(copy) = known.copies.first() {
        known.facts = facts(config, copy, model).await;
    }
    known
}

/// The names that upstreams have, in the order of the upstreams, each once; from those that can say.
pub async fn names(config: &Config) -> Vec<ModelName> {
    let mut names: Vec<ModelName> = Vec::new();
    for listing in listings(config, FRESH_MS).await.into_iter().flatten() {
        for entry in listing.iter() {
            if !names.contains(&entry.name) {
                names.push(entry.name.clone());
            }
        }
    }
    names
}

/// What an upstream has loaded; `None`: it could not say.
pub async fn loaded_at(config: &Config, upstream: usize) -> Option<Rc<Vec<Loaded>>> {
    let kept = shelf(upstream)?.loaded.clone();
    told(config, upstream, kept, LOADED, FRESH_MS).await
}

async fn find(config: &Config, name: &ModelName, listings: Vec<Option<Rc<Vec<Entry>>>>) -> Known {
    let mut known = Known::default();
    for (upstream, listing) in listings.into_iter().enumerate() {
        let Some(listing) = listing else {
            known.silent.push(upstream);
            continue;
        };
        if let Some(entry) = listing.iter().find(|entry| entry.name == *name) {
            known.copies.push(Copy {
                upstream,
                entry: entry.clone(),
                residence: Residence::Unknown,
            });
        }
    }
    let loaded = known
        .copies
        .iter()
        .map(|copy| loaded_at(config, copy.upstream));
    let loaded = join_all(loaded).await;
    for (copy, loaded) in known.copies.iter_mut().zip(loaded) {
        copy.residence = residence(&copy.entry, loaded.as_deref());
    }
    known
}

fn residence(entry: &Entry, loaded: Option<&Vec<Loaded>>) -> Residence {
    let Some(loaded) = loaded else {
        return Residence::Unknown;
    };
    let is_it = |loaded: &&Loaded| {
        loaded.name == entry.name || !entry.digest.is_empty() && loaded.digest == entry.digest
    };
    match loaded.iter().find(is_it) {
        Some(loaded) => Residence::Loaded(loaded.clone()),
        None => Residence::Absent,
    }
}

/// What each upstream has, by its index; `None`: it could not say.
async fn listings(config: &Config, max_age_ms: u64) -> Vec<Option<Rc<Vec<Entry>>>> {
    let of = async |upstream: usize| {
        let kept = shelf(upstream)?.listing.clone();
        told(config, upstream, kept, LISTING, max_age_ms).await
    };
    join_all((0..config.upstreams.len()).map(of)).await
}

/// What a model is, by the first upstream that has it: asked once for each digest.
async fn facts(config: &Config, copy: &Copy, model: &str) -> Option<Rc<Facts>> {
    let digest = &copy.entry.digest;
    let found = FACTS_OF.with_borrow(|facts| facts.get(digest).cloned());
    if let Some(facts) = found.filter(|_| !digest.is_empty()) {
        return Some(facts);
    }
    let question = Question::show(model);
    let asking = readings::of(config, copy.upstream, &question, MODEL_MS);
    let reading = within(PATIENCE, asking).await?;
    let facts = Rc::new(Facts::of(reading.as_ref().as_ref().ok()?.document()));
    FACTS_OF.with_borrow_mut(|kept| {
        if kept.len() >= FACTS {
            kept.clear();
        }
        kept.insert(digest.clone(), facts.clone());
    });
    Some(facts)
}

/// What one upstream says of its models.
#[derive(Default)]
struct Shelf {
    listing: Rc<Kept<Vec<Entry>>>,
    loaded: Rc<Kept<Vec<Loaded>>>,
}

/// A question and how its answer is read.
struct Asked<T> {
    path: &'static str,
    read: fn(&Value) -> Vec<T>,
}

const LISTING: Asked<Entry> = Asked {
    path: "/api/tags",
    read: entry::entries,
};
const LOADED: Asked<Loaded> = Asked {
    path: "/api/ps",
    read: entry::loaded,
};

/// What is kept of a reading, after a look where it is too old and nobody has looked: one that is only stale is made anew by a task
/// while it is told.
async fn told<T: 'static>(
    config: &Config,
    upstream: usize,
    kept: Rc<Kept<Vec<T>>>,
    asked: Asked<T>,
    max_age_ms: u64,
) -> Option<Rc<Vec<T>>> {
    let now_ms = || clock::now().mono_ms;
    if kept.is_fresh(now_ms(), max_age_ms) || breakers::state(config, upstream) == State::Open {
        return kept.told(now_ms());
    }
    let may_be_stale = max_age_ms >= FRESH_MS;
    if let Some(told) = kept.told(now_ms()).filter(|_| may_be_stale) {
        if kept.begins_renewing() {
            spawn(async move {
                if let Some(config) = crate::config::parsed() {
                    look(&config, upstream, &kept, &asked, max_age_ms).await;
                }
                kept.is_renewed();
            });
        }
        return Some(told);
    }
    let looking = look(config, upstream, &kept, &asked, max_age_ms);
    if within(PATIENCE, looking).await.is_none() {
        kept.give_up(now_ms());
    }
    kept.told(now_ms())
}

async fn look<T>(
    config: &Config,
    upstream: usize,
    kept: &Kept<Vec<T>>,
    asked: &Asked<T>,
    max_age_ms: u64,
) {
    let question = Question::get(asked.path);
    let ask = async || {
        let reading = readings::of(config, upstream, &question, max_age_ms);
        let reading = within(LOOK, reading).await?;
        let told = reading.as_ref().as_ref().ok()?;
        Some((asked.read)(told.document()))
    };
    kept.renew(max_age_ms, || clock::now().mono_ms, ask).await;
}

fn shelf(upstream: usize) -> Option<Rc<Shelf>> {
    SHELVES.with_borrow(|shelves| shelves.get(upstream).cloned())
}

thread_local! {
    static SHELVES: RefCell<[Rc<Shelf>; MAX_UPSTREAMS]> = RefCell::default();
    static FACTS_OF: RefCell<HashMap<String, Rc<Facts>>> = RefCell::default();
}

#[cfg(test)]
mod tests;
