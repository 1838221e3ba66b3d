//! Threads beside those that are always there, for the time in which those compute without a pause (`load.rs`). Each is a
//! runtime of its own, so that what runs on it wakes nobody else: an instance, its timers, its connections to upstreams.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Handle, Runtime};

use super::load::{Load, Reading};
use crate::options::Spread;

/// The threads of one host. Dropping it ends what runs on them.
pub(crate) struct Relief {
    /// Started when they are first wanted, and kept: what was begun there, such as a connection of the pool, may be used later.
    threads: Vec<OnceLock<Option<Runtime>>>,
    wanted: AtomicUsize,
    /// What `wanted` goes by; `None` where it stays as it is.
    load: Option<Mutex<Load>>,
    began: Instant,
}

impl Relief {
    /// For a host that runs in this runtime.
    pub(crate) fn new(spread: Spread) -> Self {
        let always = Handle::current().metrics().num_workers();
        let (most, wanted, load) = match spread {
            Spread::Never => (0, 0, None),
            Spread::Always(threads) => (threads, threads, None),
            Spread::WhenBusy(threads) => (threads, 0, Some(Load::new(always, threads))),
        };
        Self {
            threads: (0..most).map(|_| OnceLock::new()).collect(),
            wanted: AtomicUsize::new(wanted),
            load: load.map(Mutex::new),
            began: Instant::now(),
        }
    }

    /// As many as there may be.
    pub(super) fn len(&self) -> usize {
        self.threads.len()
    }

    /// How many of them are wanted now.
    pub(super) fn wanted(&self) -> usize {
        if let Some(load) = &self.load {
            let mut load = load.lock().unwrap_or_else(PoisonError::into_inner);
            let at = self.began.elapsed();
            if load.is_due(at) {
                let computed = computed();
                let wanted = load.look(Reading { at, computed });
                self.wanted.store(wanted, Ordering::Relaxed);
            }
        }
        self.wanted.load(Ordering::Relaxed)
    }

    /// One of them; `None` if the system gives none.
    pub(super) fn thread(&self, index: usize) -> Option<&Handle> {
        let thread = self.threads.get(index)?;
        let runtime = thread.get_or_init(|| start(index));
        runtime.as_ref().map(Runtime::handle)
    }
}

impl Drop for Relief {
    /// Waits for nothing: it may be dropped in a runtime, even in one of these.
    fn drop(&mut self) {
        let started = self.threads.iter_mut().filter_map(OnceLock::take);
        for runtime in started.flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Not a runtime without threads of its own: that one is woken by a system call each time.
fn start(index: usize) -> Option<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all();
    builder.thread_name(format!("relief-{}", index + 1));
    let started = builder.build();
    started
        .inspect_err(|error| tracing::warn!(%error, "there is no thread to spread requests over"))
        .ok()
}

/// How long this process has computed.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // It is not negative.
    Duration::try_from(time).unwrap_or_default()
}
