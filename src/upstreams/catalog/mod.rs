//! The catalog: which upstream has which model, what the model is, and where it is loaded.
//!
//! # Where it comes from
//! The upstreams' own answers, read once for all who ask ([`super::readings`]): `/api/tags` and `/api/ps` of each, and
//! `/api/show` once for each digest.
//!
//! # Age
//! An observation is told without a look for two seconds. After that the next look begins while the last one is still told,
//! for up to a minute. Only who asks for a model that no upstream is known to have waits for a look, at most once a
//! second for all.
//!
//! # What it does not do
//! It is advice: no limit depends on it, and an upstream that cannot say what it has may have everything. One whose breaker is not
//! closed is not asked.

mod elsewhere;
mod entry;
mod facts;
mod kept;
mod shelf;
mod when;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use sluice_ollama::ModelName;

pub use entry::{Entry, Loaded};
pub use facts::Facts;

use super::readings::{self, MODEL_MS, Question};
use super::{State, breakers};
use crate::clock::{self, within};
use crate::config::{self, Config};
use crate::single_flight::SingleFlight;
use crate::tasks::spawn;
use elsewhere::{Elsewhere, Said};
use kept::FRESH_MS;
use shelf::{LISTING, LOADED, LOOK, PATIENCE, look, renew_soon, shelf, told};

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
}

impl Known {
    /// Whether every upstream said what it has, and none has it.
    pub fn is_nowhere(&self) -> bool {
        self.copies.is_empty() && self.silent.is_empty()
    }

    /// Whether it may be at an upstream: it is, or the upstream could not say, as one that is being tried again cannot.
    pub fn may_be_at(&self, upstream: usize) -> bool {
        let has = |copy: &Copy| copy.upstream == upstream;
        self.copies.iter().any(has) || self.silent.contains(&upstream)
    }

    /// Where it runs, as those say who have it.
    fn place(&self) -> Said {
        let facts = self.facts.iter().map(|facts| facts.runs_elsewhere);
        let copies = self.copies.iter().map(|copy| copy.entry.runs_elsewhere);
        let mut said = facts.chain(copies).peekable();
        let is_known = said.peek().is_some() && self.silent.is_empty();
        match said.any(|runs_elsewhere| runs_elsewhere) {
            true => Said::Elsewhere,
            false if is_known => Said::Here,
            false => Said::Unknown,
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
    let mut known = find(&name, listings(config, FRESH_MS).await);
    if known.is_nowhere() {
        known = find(&name, listings(config, UNKNOWN_MS).await);
    }
    if let Some(copy) = known.copies.first() {
        known.facts = facts(config, copy, model).await;
    }
    known
}

/// Whether a model is sent elsewhere with the operator's account, by `known` of it. Where nobody could say in time what it is, the
/// list of all models may tell, and else what was said last.
pub async fn runs_elsewhere(config: &Config, model: &str, known: &Known) -> bool {
    let Some(name) = ModelName::parse(model).filter(|name| !name.is_cloud()) else {
        return false;
    };
    let said = match (&known.facts, known.copies.is_empty()) {
        (None, true) => find(&name, listings(config, FRESH_MS).await).place(),
        // One upstream has said all there is to say.
        (Some(facts), true) if !facts.runs_elsewhere && config.upstreams.len() == 1 => Said::Here,
        _ => known.place(),
    };
    ELSEWHERE.with_borrow_mut(|elsewhere| elsewhere.judge(&name, said))
}

/// Whether another upstream has a model that this one said it has not: somebody has deleted it there.
pub async fn is_elsewhere(config: &Config, model: &str, upstream: usize) -> bool {
    if config.upstreams.len() < 2 {
        return false;
    }
    if let Some(shelf) = shelf(upstream) {
        look(config, upstream, &shelf.listing, &LISTING, UNKNOWN_MS).await;
    }
    let known = known(config, model).await;
    known.copies.iter().any(|copy| copy.upstream != upstream)
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

/// The names that are another model at another upstream.
pub async fn different(config: &Config) -> Vec<ModelName> {
    if config.upstreams.len() < 2 {
        return Vec::new();
    }
    let listings = listings(config, FRESH_MS).await;
    different_in(&listings)
}

fn different_in(listings: &[Option<Rc<Vec<Entry>>>]) -> Vec<ModelName> {
    let entries = || {
        let known = listings.iter().flatten();
        known.flat_map(|listing| listing.iter())
    };
    let mut first: HashMap<String, &str> = HashMap::new();
    let mut different: Vec<ModelName> = Vec::new();
    for entry in entries().filter(|entry| !entry.digest.is_empty()) {
        let digest = *first.entry(entry.name.to_string()).or_insert(&entry.digest);
        if digest != entry.digest && !different.contains(&entry.name) {
            different.push(entry.name.clone());
        }
    }
    different
}

/// What an upstream has loaded, as far as is known: nothing is waited for. Where that is too old, the next look begins.
pub fn loaded_now(config: &Config, upstream: usize) -> Option<Rc<Vec<Loaded>>> {
    let kept = shelf(upstream)?.loaded.clone();
    let now_ms = clock::now_ms();
    let is_closed = breakers::state(config, upstream) == State::Closed;
    if is_closed && !kept.is_fresh(now_ms, FRESH_MS) {
        renew_soon(upstream, kept.clone(), &LOADED, FRESH_MS);
    }
    kept.told(now_ms)
}

/// Looks again what an upstream has loaded: something was just loaded there.
pub async fn look_again(config: &Config, upstream: usize) {
    if let Some(shelf) = shelf(upstream) {
        look(config, upstream, &shelf.loaded, &LOADED, 0).await;
    }
}

/// What the model with this digest is, if somebody has asked.
pub fn facts_of(digest: &str) -> Option<Rc<Facts>> {
    let flight = FACTS_OF.with_borrow(|kept| kept.get(digest).cloned())?;
    flight.made_since(0)?.as_ref().clone()
}

/// Begins to ask what a model is that an upstream has loaded, unless somebody does. What nobody could say is asked again by the next
/// who needs it.
pub fn ask_soon(upstream: usize, loaded: &Loaded) {
    ask_for(upstream, &loaded.digest, loaded.name.to_string());
}

fn ask_for(upstream: usize, digest: &str, model: String) {
    let digest = digest.to_owned();
    if digest.is_empty() || !ASKING_OF.with_borrow_mut(|asking| asking.insert(digest.clone())) {
        return;
    }
    let asking = AskingOf(digest);
    spawn(async move {
        if let Some(config) = config::parsed() {
            facts_at(&config, upstream, &asking.0, &model, LOOK).await;
        }
    });
}

/// Somebody asks what the model with this digest is until this is dropped.
struct AskingOf(String);

impl Drop for AskingOf {
    fn drop(&mut self) {
        ASKING_OF.with_borrow_mut(|asking| asking.remove(&self.0));
    }
}

/// What an upstream has loaded; `None`: it could not say.
pub async fn loaded_at(config: &Config, upstream: usize) -> Option<Rc<Vec<Loaded>>> {
    let kept = shelf(upstream)?.loaded.clone();
    told(config, upstream, kept, &LOADED, FRESH_MS).await
}

fn find(name: &ModelName, listings: Vec<Option<Rc<Vec<Entry>>>>) -> Known {
    let mut known = Known::default();
    for (upstream, listing) in listings.into_iter().enumerate() {
        let Some(listing) = listing else {
            known.silent.push(upstream);
            continue;
        };
        if let Some(entry) = listing.iter().find(|entry| entry.name == *name) {
            let entry = entry.clone();
            known.copies.push(Copy { upstream, entry });
        }
    }
    known
}

/// What each upstream has, by its index; `None`: it could not say.
async fn listings(config: &Config, max_age_ms: u64) -> Vec<Option<Rc<Vec<Entry>>>> {
    let of = async |upstream: usize| {
        let kept = shelf(upstream)?.listing.clone();
        told(config, upstream, kept, &LISTING, max_age_ms).await
    };
    join_all((0..config.upstreams.len()).map(of)).await
}

/// What a model is, by the first upstream that has it: asked once for each digest.
async fn facts(config: &Config, copy: &Copy, model: &str) -> Option<Rc<Facts>> {
    let digest = &copy.entry.digest;
    if facts_of(digest).is_none() {
        // That goes on to its end for those who come later, whoever gives up to wait for it.
        ask_for(copy.upstream, digest, model.to_owned());
    }
    facts_at(config, copy.upstream, digest, model, PATIENCE).await
}

async fn facts_at(
    config: &Config,
    upstream: usize,
    digest: &str,
    model: &str,
    patience: Duration,
) -> Option<Rc<Facts>> {
    // Without a digest nobody knows whose they are.
    if digest.is_empty() {
        let asking = ask(config, upstream, model, MODEL_MS);
        return within(patience, asking).await?;
    }
    let flight = FACTS_OF.with_borrow_mut(|kept| {
        if kept.len() >= FACTS && !kept.contains_key(digest) {
            kept.clear();
        }
        kept.entry(digest.to_owned()).or_default().clone()
    });
    let asking = flight.get_by(
        |facts: &Option<Rc<Facts>>| facts.as_ref().map_or(FRESH_MS, |_| u64::MAX),
        clock::now_ms,
        // What was told of this name before may have been of another model.
        async || ask(config, upstream, model, 0).await,
    );
    within(patience, asking).await?.as_ref().clone()
}

async fn ask(config: &Config, upstream: usize, model: &str, max_age_ms: u64) -> Option<Rc<Facts>> {
    let question = Question::show(model);
    let reading = readings::of(config, upstream, &question, max_age_ms).await;
    let told = reading.as_ref().as_ref().ok()?;
    Some(Rc::new(Facts::of(told.document())))
}

/// What a model is, asked once for its digest; `None`: nobody could say.
type FactsFlight = Rc<SingleFlight<Option<Rc<Facts>>>>;

thread_local! {
    /// The digests that somebody asks about.
    static ASKING_OF: RefCell<HashSet<String>> = RefCell::default();
    static ELSEWHERE: RefCell<Elsewhere> = RefCell::default();
    static FACTS_OF: RefCell<HashMap<String, FactsFlight>> = RefCell::default();
}

#[cfg(test)]
mod tests;
