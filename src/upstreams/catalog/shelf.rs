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

/// What is kept of a reading, after a look where it is too old and nobody has looked: one that is only stale is made anew while it
/// is told. A look is a task of its own: it goes on to its end for those who come later, whoever gives up to wait for it.
pub(super) async fn told<T: 'static>(
    config: &Config,
    upstream: usize,
    kept: Rc<Kept<Vec<T>>>,
    asked: &'static Asked<T>,
    max_age_ms: u64,
) -> Option<Rc<Vec<T>>> {
    let asked_ms = clock::now_ms();
    if kept.is_fresh(asked_ms, max_age_ms) || breakers::state(config, upstream) != State::Closed {
        return kept.told(asked_ms);
    }
    renew_soon(upstream, kept.clone(), asked, max_age_ms);
    let may_be_stale = max_age_ms >= FRESH_MS;
    if let Some(told) = kept.told(asked_ms).filter(|_| may_be_stale) {
        return Some(told);
    }
    let looking = async {
        // A look that was under way may have begun too early for this one.
        while !kept.is_fresh(asked_ms, max_age_ms) {
            renew_soon(upstream, kept.clone(), asked, max_age_ms);
            kept.until_renewed().await;
        }
    };
    if within(PATIENCE, looking).await.is_none() {
        kept.give_up(clock::now_ms());
    }
    kept.told(clock::now_ms())
}

/// Begins the next look, unless somebody has.
pub(super) fn renew_soon<T: 'static>(
    upstream: usize,
    kept: Rc<Kept<Vec<T>>>,
    asked: &'static Asked<T>,
    max_age_ms: u64,
) {
    let Some(renewing) = kept.begin_renewing() else {
        return;
    };
    spawn(async move {
        let _renewing = renewing;
        if let Some(config) = config::parsed() {
            look(&config, upstream, &kept, asked, max_age_ms).await;
        }
    });
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
