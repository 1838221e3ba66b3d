//! What one upstream says of its models: asked once for all who need it, and told while it is asked again.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::entry::{self, Entry, Loaded};
use super::kept::{FRESH_MS, Kept};
use crate::clock::{self, within};
use crate::config::{self, Config, MAX_UPSTREAMS};
use crate::tasks::spawn;
use crate::upstreams::readings::{self, Question};
use crate::upstreams::{State, breakers};

/// How long a request waits for an upstream to say what it has, or what a model is.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How long an upstream may take to say it.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// What one upstream says of its models.
#[derive(Default)]
pub(super) struct Shelf {
    /// What it has.
    pub(super) listing: Rc<Kept<Vec<Entry>>>,
    /// What of that is loaded.
    pub(super) loaded: Rc<Kept<Vec<Loaded>>>,
}

/// A question and how its answer is read.
pub(super) struct Asked<T> {
    path: &'static str,
    read: fn(&Value) -> Vec<T>,
}

/// For what it has.
pub(super) const LISTING: Asked<Entry> = Asked {
    path: "/api/tags",
    read: entry::entries,
};
/// For what it has loaded.
pub(super) const LOADED: Asked<Loaded> = Asked {
    path: "/api/ps",
    read: entry::loaded,
};

/// What is kept of a reading, after a look where it is too old and nobody has looked: one that is only stale is made anew by a task
/// while it is told.
pub(super) async fn told<T: 'static>(
    config: &Config,
    upstream: usize,
    kept: Rc<Kept<Vec<T>>>,
    asked: Asked<T>,
    max_age_ms: u64,
) -> Option<Rc<Vec<T>>> {
    if kept.is_fresh(clock::now_ms(), max_age_ms)
        || breakers::state(config, upstream) != State::Closed
    {
        return kept.told(clock::now_ms());
    }
    let may_be_stale = max_age_ms >= FRESH_MS;
    if let Some(told) = kept.told(clock::now_ms()).filter(|_| may_be_stale) {
        renew_soon(upstream, kept, asked, max_age_ms);
        return Some(told);
    }
    let looking = look(config, upstream, &kept, &asked, max_age_ms);
    if within(PATIENCE, looking).await.is_none() {
        kept.give_up(clock::now_ms());
    }
    kept.told(clock::now_ms())
}

/// Begins the next look, unless somebody has.
pub(super) fn renew_soon<T: 'static>(
    upstream: usize,
    kept: Rc<Kept<Vec<T>>>,
    asked: Asked<T>,
    max_age_ms: u64,
) {
    if !kept.begins_renewing() {
        return;
    }
    spawn(async move {
        let renewing = Renewing(kept);
        if let Some(config) = config::parsed() {
            look(&config, upstream, &renewing.0, &asked, max_age_ms).await;
        }
    });
}

/// Somebody renews a reading until this is dropped.
struct Renewing<T>(Rc<Kept<T>>);

impl<T> Drop for Renewing<T> {
    fn drop(&mut self) {
        self.0.is_renewed();
    }
}

/// Looks, unless somebody has lately.
pub(super) async fn look<T>(
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
    kept.renew(max_age_ms, clock::now_ms, ask).await;
}

/// What an upstream says; `None`: there is no such upstream.
pub(super) fn shelf(upstream: usize) -> Option<Rc<Shelf>> {
    SHELVES.with_borrow(|shelves| shelves.get(upstream).cloned())
}

thread_local! {
    static SHELVES: RefCell<[Rc<Shelf>; MAX_UPSTREAMS]> = RefCell::default();
}
