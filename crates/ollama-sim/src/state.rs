//! What all connections share: the models, the scripts, the slots, and the ledger.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Options, Script, ledger::Ledger};

/// A simulator's state.
pub(crate) struct State {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) stopping: CancellationToken,
    pub(crate) clock: Clock,
    pub(crate) models: Vec<String>,
    /// Without a slash at the end.
    pub(crate) base_path: String,
    scripts: Mutex<Scripts>,
    slots: HashMap<String, Arc<Semaphore>>,
    max_queue: u64,
    initial: Script,
}

struct Scripts {
    default: Script,
    queued: VecDeque<Script>,
}

/// Too many wait for a slot already.
#[derive(Debug)]
pub(crate) struct Busy;

/// A place in the line of `parallel`, given back on drop.
struct Waiting<'a>(&'a Ledger);

impl State {
    pub(crate) fn new(options: &Options) -> Self {
        let models: Vec<_> = options.models.iter().map(|name| with_tag(name)).collect();
        let slots = match options.parallel {
            Some(parallel) => models
                .iter()
                .map(|name| (name.clone(), Arc::new(Semaphore::new(parallel))))
                .collect(),
            None => HashMap::new(),
        };
        let base_path = match options.base_path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        Self {
            ledger: Arc::new(Ledger::new()),
            stopping: CancellationToken::new(),
            clock: options.clock,
            models,
            base_path,
            scripts: Mutex::new(Scripts {
                default: options.script.clone(),
                queued: VecDeque::new(),
            }),
            slots,
            max_queue: options.max_queue.unwrap_or(u64::MAX),
            initial: options.script.clone(),
        }
    }

    /// The full name of a model, if there is such a model.
    pub(crate) fn model(&self, name: &str) -> Option<&str> {
        let name = with_tag(name);
        self.models
            .iter()
            .find(|known| **known == name)
            .map(String::as_str)
    }

    /// Waits for a slot of this model, in order of arrival.
    pub(crate) async fn slot(&self, model: &str) -> Result<Option<OwnedSemaphorePermit>, Busy> {
        let Some(slots) = self.slots.get(model) else {
            return Ok(None);
        };
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Ok(Some(slot));
        }
        if !self.ledger.join_line(self.max_queue) {
            return Err(Busy);
        }
        let _waiting = Waiting(&self.ledger);
        Arc::clone(slots)
            .acquire_owned()
            .await
            .map(Some)
            .map_err(|_| Busy)
    }

    /// The script for the next request: its own directive over the front of the queue over the default.
    pub(crate) fn next_script(&self, directive: Script) -> Script {
        let mut scripts = self.scripts();
        let queued = scripts.queued.pop_front().unwrap_or_default();
        directive.over(&queued).over(&scripts.default)
    }

    pub(crate) fn push_script(&self, script: Script) {
        self.scripts().queued.push_back(script);
    }

    /// Sets the default, over what the simulator was started with.
    pub(crate) fn set_default(&self, script: Script) {
        self.scripts().default = script.over(&self.initial);
    }

    /// Forgets pushed scripts, the default that was set, and everything that has ended.
    pub(crate) fn reset(&self) {
        *self.scripts() = Scripts {
            default: self.initial.clone(),
            queued: VecDeque::new(),
        };
        self.ledger.reset();
    }

    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.leave_line();
    }
}

fn with_tag(name: &str) -> String {
    if name.contains(':') {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}
