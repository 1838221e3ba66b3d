//! The runners: which models are loaded, who may use them, and what has to wait.
//!
//! # Why
//! Ollama keeps one runner for each model file. A request for one that is loaded with the same options goes straight to it; all
//! others are worked off one by one, and a load, or waiting until a runner is idle, holds up all that stand behind. Whoever adds
//! options to some requests and not to others makes it load again and again: a test has to be able to see that.
//!
//! # What it does
//! It has Ollama's limits: how many models are loaded at once, how many answers a runner gives at once, how many requests wait
//! for a load, how long a load may take. A runner that is not used goes after its `keep_alive`, which belongs to the runner: the
//! last request that names one sets it.
//!
//! # What it does not do
//! It knows nothing of memory: a limit on models is a number. Expiry is judged when somebody looks.

mod lease;
mod load;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Model, ledger::Ledger, request::FOREVER};

pub(crate) use lease::Lease;
pub(crate) use load::LoadOptions;

/// Ollama's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `OLLAMA_MAX_LOADED_MODELS`
    pub(crate) models: usize,
    /// `OLLAMA_NUM_PARALLEL`
    pub(crate) parallel: usize,
    /// `OLLAMA_MAX_QUEUE`
    pub(crate) queue: u64,
    /// `OLLAMA_KEEP_ALIVE`
    pub(crate) keep_alive: Duration,
    /// `OLLAMA_LOAD_TIMEOUT`
    pub(crate) load_timeout: Duration,
}

/// All runners of a simulator.
pub(crate) struct Runners {
    limits: Limits,
    clock: Clock,
    ledger: Arc<Ledger>,
    loaded: Mutex<Loaded>,
    /// Somebody left a runner, or one went.
    changed: Notify,
    /// Held by the one request that is being worked off.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Loaded {
    runners: Vec<Runner>,
    /// Requests behind the one that is being worked off.
    pending: u64,
    next_id: u64,
}

/// A model that is loaded.
struct Runner {
    id: u64,
    model: Model,
    options: LoadOptions,
    users: usize,
    keep_alive: Duration,
    idle_since: Instant,
    /// What `/api/ps` tells; it is set when the runner becomes idle. Before that it tells its keep-alive from now on.
    expires_at: Option<SystemTime>,
    slots: Arc<Semaphore>,
    died: CancellationToken,
    /// Prompts that it has read.
    known: Vec<Vec<String>>,
}

/// A runner as `/api/ps` tells of it.
pub(crate) struct Listed {
    pub(crate) model: Model,
    pub(crate) context: u32,
    pub(crate) expires_at: SystemTime,
}

/// Why there is no runner for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoRunner {
    /// Too many wait for a load.
    Busy,
    /// It was not up in time.
    TimedOut,
    /// It cannot be loaded, in the words of whoever tried.
    Failed(String),
    /// It died before the request had a slot.
    Died,
}

/// What becomes of a request that is being worked off.
enum Look {
    Taken(Lease),
    /// There is room.
    Load,
    /// The runner that has to go first is in use, or stays until this time.
    Wait(Option<Instant>),
}

impl Runners {
    pub(crate) fn new(limits: Limits, clock: Clock, ledger: Arc<Ledger>) -> Self {
        Self {
            limits,
            clock,
            ledger,
            loaded: Mutex::default(),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until a runner of this model is there, loaded with these options. A load takes so long.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        model: &Model,
        options: LoadOptions,
        keep_alive: Option<Duration>,
        takes: Duration,
    ) -> Result<Lease, NoRunner> {
        let arrived = Instant::now();
        // What needs no waiting takes no time, so that an answer says the same in every run.
        let mut has_waited = !takes.is_zero();
        let lease = |lease: Lease, has_waited| match has_waited {
            true => lease.after(arrived.elapsed()),
            false => lease,
        };
        if let Some(lease) = self.take(model, options, keep_alive) {
            return Ok(lease);
        }
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                let _pending = self.join().ok_or(NoRunner::Busy)?;
                has_waited = true;
                self.turn.lock().await
            }
        };
        let mut leaving = None;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            match self.look(model, options, keep_alive, &mut leaving) {
                Look::Taken(taken) => return Ok(lease(taken, has_waited)),
                Look::Load => break,
                Look::Wait(None) => {
                    has_waited = true;
                    changed.await;
                }
                Look::Wait(Some(until)) => {
                    has_waited = true;
                    let _ = tokio::time::timeout_at(until, changed).await;
                }
            }
        }
        if takes > self.limits.load_timeout {
            tokio::time::sleep(self.limits.load_timeout).await;
            return Err(NoRunner::TimedOut);
        }
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if let Some(fault) = &model.fault {
            return Err(NoRunner::Failed(fault.clone()));
        }
        self.ledger.load();
        let loaded = self.insert(model, options, keep_alive);
        Ok(lease(loaded, has_waited))
    }

    /// Has a model loaded from the start, for as long as nobody unloads it.
    pub(crate) fn preload(self: &Arc<Self>, model: &Model, options: LoadOptions) {
        drop(self.insert(model, options, Some(FOREVER)));
    }

    /// The runner goes when it is idle, at once if it is.
    pub(crate) fn unload(&self, model: &Model) {
        let mut loaded = self.lock();
        loaded.expire();
        let found = loaded.runners.iter_mut();
        for runner in found.filter(|runner| runner.model.file == model.file) {
            runner.keep_alive = Duration::ZERO;
        }
        loaded.expire();
        drop(loaded);
        self.changed.notify_waiters();
    }

    /// Kills all runners, as the system does that has no memory left. They stay listed until somebody asks for them.
    pub(crate) fn kill(&self) {
        for runner in &self.lock().runners {
            runner.died.cancel();
        }
    }

    pub(crate) fn list(&self) -> Vec<Listed> {
        let mut loaded = self.lock();
        loaded.expire();
        let runners = loaded.runners.iter().rev();
        runners
            .map(|runner| Listed {
                model: runner.model.clone(),
                context: runner.options.context(),
                expires_at: runner
                    .expires_at
                    .unwrap_or_else(|| self.clock.now() + runner.keep_alive),
            })
            .collect()
    }

    /// A runner that is loaded with these options, in the way of most requests.
    fn take(
        self: &Arc<Self>,
        model: &Model,
        options: LoadOptions,
        keep_alive: Option<Duration>,
    ) -> Option<Lease> {
        let mut loaded = self.lock();
        loaded.expire();
        let runner = loaded.of(model)?;
        if runner.options != options || runner.died.is_cancelled() {
            return None;
        }
        Some(runner.use_for(self, keep_alive))
    }

    /// What the request that is worked off can do now. `leaving` is the runner that it has told to go.
    fn look(
        self: &Arc<Self>,
        model: &Model,
        options: LoadOptions,
        keep_alive: Option<Duration>,
        leaving: &mut Option<u64>,
    ) -> Look {
        let mut loaded = self.lock();
        loaded.expire();
        let victim = if let Some(runner) = loaded.of(model) {
            if runner.options == options && !runner.died.is_cancelled() {
                return Look::Taken(runner.use_for(self, keep_alive));
            }
            runner.id
        } else if loaded.runners.len() < self.limits.models {
            return Look::Load;
        } else {
            let told = leaving.and_then(|id| loaded.runners.iter().find(|it| it.id == id));
            let idle = loaded.runners.iter().filter(|runner| runner.users == 0);
            let first = idle.min_by_key(|runner| runner.keep_alive);
            let any = || loaded.runners.iter().min_by_key(|runner| runner.keep_alive);
            match told.or(first).or_else(any) {
                Some(runner) => runner.id,
                None => return Look::Load,
            }
        };
        let Some(runner) = loaded.runners.iter_mut().find(|it| it.id == victim) else {
            return Look::Load;
        };
        // A later request that names a keep-alive takes this back; the runner is not told again.
        if *leaving != Some(victim) {
            runner.keep_alive = Duration::ZERO;
            *leaving = Some(victim);
        }
        let until = (runner.users == 0).then(|| runner.idle_since + runner.keep_alive);
        loaded.expire();
        if loaded.runners.iter().any(|runner| runner.id == victim) {
            return Look::Wait(until);
        }
        drop(loaded);
        self.look(model, options, keep_alive, leaving)
    }

    fn insert(
        self: &Arc<Self>,
        model: &Model,
        options: LoadOptions,
        keep_alive: Option<Duration>,
    ) -> Lease {
        let mut loaded = self.lock();
        let id = loaded.next_id;
        loaded.next_id += 1;
        let parallel = if model.only_embeds() {
            1
        } else {
            self.limits.parallel
        };
        let keep_alive = keep_alive.unwrap_or(self.limits.keep_alive);
        let mut runner = Runner {
            id,
            model: model.clone(),
            options,
            users: 0,
            keep_alive,
            idle_since: Instant::now(),
            expires_at: None,
            slots: Arc::new(Semaphore::new(parallel)),
            died: CancellationToken::new(),
            known: Vec::new(),
        };
        let lease = runner.use_for(self, None);
        loaded.runners.push(runner);
        lease
    }

    /// A place in the queue for loads, given back on drop.
    fn join(&self) -> Option<Pending<'_>> {
        let mut loaded = self.lock();
        if loaded.pending >= self.limits.queue {
            return None;
        }
        loaded.pending += 1;
        Some(Pending(self))
    }

    fn release(&self, id: u64) {
        let mut loaded = self.lock();
        if let Some(runner) = loaded.runners.iter_mut().find(|runner| runner.id == id) {
            runner.users -= 1;
            if runner.users == 0 {
                runner.idle_since = Instant::now();
                runner.expires_at = Some(self.clock.now() + runner.keep_alive);
            }
        }
        loaded.expire();
        drop(loaded);
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// Lets go the runners that nobody uses and whose time is over. One that died stays until somebody asks for it.
    fn expire(&mut self) {
        let now = Instant::now();
        self.runners.retain(|runner| {
            runner.users > 0
                || runner
                    .idle_since
                    .checked_add(runner.keep_alive)
                    .is_none_or(|end| end > now)
        });
    }

    fn of(&mut self, model: &Model) -> Option<&mut Runner> {
        self.runners
            .iter_mut()
            .find(|runner| runner.model.file == model.file)
    }
}

impl Runner {
    fn use_for(&mut self, runners: &Arc<Runners>, keep_alive: Option<Duration>) -> Lease {
        self.users += 1;
        if let Some(keep_alive) = keep_alive {
            self.keep_alive = keep_alive;
        }
        Lease::new(runners, self.id, &self.slots, &self.died)
    }
}

struct Pending<'a>(&'a Runners);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.lock().pending -= 1;
    }
}

#[cfg(test)]
mod tests;
