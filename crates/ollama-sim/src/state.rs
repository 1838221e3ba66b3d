//! What all connections share: the models, the runners, the scripts, and the ledger.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    Clock, Generator, Options, Script,
    face::Origins,
    ledger::Ledger,
    model::Shelf,
    runner::{Limits, LoadOptions, Runners},
};

/// A simulator's state.
pub(crate) struct State {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) stopping: CancellationToken,
    pub(crate) clock: Clock,
    pub(crate) shelf: Shelf,
    pub(crate) runners: Arc<Runners>,
    /// What answers in the place of the scripts.
    pub(crate) generator: Option<Arc<dyn Generator>>,
    pub(crate) origins: Origins,
    /// Without a slash at the end.
    pub(crate) base_path: String,
    pub(crate) context_length: u32,
    pub(crate) no_cloud: bool,
    pub(crate) mark: &'static str,
    scripts: Mutex<Scripts>,
    initial: Script,
}

struct Scripts {
    default: Script,
    queued: VecDeque<Script>,
}

impl State {
    pub(crate) fn new(options: &Options, generator: Option<Arc<dyn Generator>>) -> Self {
        let base_path = match options.base_path.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        let ledger = Arc::new(Ledger::new());
        let limits = Limits {
            models: options.max_loaded.unwrap_or(usize::MAX),
            parallel: options.parallel.unwrap_or(Semaphore::MAX_PERMITS),
            queue: options.max_queue.unwrap_or(u64::MAX),
            keep_alive: options.keep_alive,
            load_timeout: options.load_timeout,
        };
        let runners = Arc::new(Runners::new(limits, options.clock, Arc::clone(&ledger)));
        let shelf = Shelf::new(&options.models);
        if generator.is_some() {
            for model in shelf.all() {
                runners.preload(&model, LoadOptions::usual(&model, options.context_length));
            }
        }
        Self {
            runners,
            ledger,
            stopping: CancellationToken::new(),
            clock: options.clock,
            shelf,
            generator,
            origins: Origins::new(options),
            base_path,
            context_length: options.context_length,
            no_cloud: options.no_cloud,
            mark: options.mark,
            scripts: Mutex::new(Scripts {
                default: options.script.clone(),
                queued: VecDeque::new(),
            }),
            initial: options.script.clone(),
        }
    }

    /// The script for the next request: its own directive over the front of the queue over the default.
    pub(crate) fn next_script(&self, directive: Script) -> Script {
        let mut scripts = self.scripts();
        let queued = scripts.queued.pop_front().unwrap_or_default();
        directive.over(&queued).over(&scripts.default)
    }

    /// How long a question takes.
    pub(crate) fn takes(&self, path: &str) -> Duration {
        let default = &self.scripts().default;
        let takes = match path {
            "/api/show" => default.show,
            "/api/tags" => default.tags,
            _ => None,
        };
        takes.unwrap_or_default()
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
