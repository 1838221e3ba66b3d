//! What `ProxyHandler` asks of its host: how to make an instance, when it takes a request, when it ends.
//!
//! # Handing over
//! A request that finds no instance ready makes one, and one that is only starting is not ready, nor one that works on the
//! request before: a burst would make nearly as many as it has requests. So they are handed over one at a time (`turns`): the
//! next when the instance waits for something, and is ready again.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::Sleep;
use tokio_util::{sync::WaitForCancellationFutureOwned, task::task_tracker::TaskTrackerToken};
use wasmtime::{Store, StoreContextMut, component::GuestTaskId};
use wasmtime_wasi_http::{
    handler::{
        HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, ViewFn, WorkerExpiration,
        WorkerState, WorkerStatus,
    },
    p3::{WasiHttpView, bindings::ServicePre},
};

use super::{
    Announced, Component, Ending, InstanceState, Reuse,
    lanes::Place,
    turns::{Turn, Turns},
};

/// Hands requests to the instances of one component.
pub(crate) type Handler = ProxyHandler<Handlers>;

/// Makes the instances of one component.
pub(crate) struct Handlers {
    component: Arc<Component>,
    code: ServicePre<InstanceState>,
    ending: Ending,
    turns: Arc<Turns>,
}

impl Handlers {
    pub(crate) fn new(
        component: Arc<Component>,
        code: ServicePre<InstanceState>,
        ending: Ending,
    ) -> Self {
        Self {
            component,
            code,
            ending,
            turns: Arc::default(),
        }
    }

    pub(crate) fn component_id(&self) -> &str {
        &self.component.id
    }

    /// Room for a request's body, of this length if it is told.
    pub(crate) fn announce(&self, length: Option<usize>) -> Option<Announced> {
        self.component.budget.announce(length)
    }

    /// Whether another instance may begin.
    pub(super) fn has_room(&self) -> bool {
        self.component.budget.has_room()
    }

    /// Waits for a request's turn to be handed over. The second value tells later which instance has it.
    pub(super) async fn hand_over(&self, place: Option<Place>) -> (Handover, Placement) {
        let placement = Placement::default();
        let handover = Handover {
            placement: placement.clone(),
            turn: self.turns.clone().next(place).await,
        };
        (handover, placement)
    }
}

/// A request on its way to an instance.
pub(crate) struct Handover {
    placement: Placement,
    turn: Option<Turn>,
}

/// The turn of the request that an instance has taken last, until the instance is ready for another.
type Taken = Arc<Mutex<Option<Turn>>>;

/// The instance that has a request: set before the component sees the request, held until the request is answered.
#[derive(Clone, Default)]
pub(crate) struct Placement(Arc<OnceLock<Open>>);

impl Placement {
    /// Whether the instance died, and the request with it.
    pub(crate) fn is_dead(&self) -> bool {
        self.0.get().is_some_and(|open| open.fate.is_dead())
    }

    #[cfg(test)]
    pub(crate) fn in_an_instance(fate: Fate) -> Self {
        let open = Open::new(fate, Arc::default());
        Self(Arc::new(OnceLock::from(open)))
    }
}

/// Whether an instance has died.
#[derive(Clone, Default)]
pub(crate) struct Fate(Arc<AtomicBool>);

impl Fate {
    pub(crate) fn die(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_dead(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request that an instance has: one of its open ones until this is dropped.
struct Open {
    fate: Fate,
    count: Arc<AtomicUsize>,
}

impl Open {
    fn new(fate: Fate, count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self { fate, count }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HandlerState for Handlers {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, Expiration, Worker>> {
        let component = &self.component;
        if !component.budget.has_room() {
            wasmtime::bail!("the memory of all instances (--max-total-memory) is used up");
        }
        let mut store = Store::new(self.code.engine(), InstanceState::new(component)?);
        store.limiter(|state| &mut state.memory);
        let service = self.code.instantiate_async(&mut store).await?;
        let size = Size {
            held_bytes: store.data().memory.held_bytes(),
            large_bytes: component.max_memory / 2,
        };
        let taken = Taken::default();
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(InstanceState::http),
            expiration: Expiration {
                max_idle: component.reuse.idle,
                size: size.clone(),
                taken: taken.clone(),
                idle: Box::pin(tokio::time::sleep(component.reuse.idle)),
                draining: Box::pin(self.ending.draining.clone().cancelled_owned()),
                now: Box::pin(self.ending.now.clone().cancelled_owned()),
            },
            state: Worker {
                component: component.clone(),
                fate: Fate::default(),
                open: Arc::default(),
                size,
                taken,
                ending: self.ending.clone(),
                _running: self.ending.instances.token(),
            },
        })
    }
}

/// How much linear memory an instance has.
#[derive(Clone)]
struct Size {
    held_bytes: Arc<AtomicUsize>,
    large_bytes: usize,
}

impl Size {
    /// Memory comes back only with the instance: one that once needed much is not kept for good.
    fn is_large(&self) -> bool {
        self.held_bytes.load(Ordering::Relaxed) > self.large_bytes
    }

    /// Whether it is not kept for the next request when it has none: another one is made in a millisecond.
    fn is_worth_ending(&self) -> bool {
        self.held_bytes.load(Ordering::Relaxed) > KEPT_IDLE
    }
}

/// When an instance ends: after a time without requests, or with the host.
pub(crate) struct Expiration {
    max_idle: Duration,
    size: Size,
    taken: Taken,
    idle: Pin<Box<Sleep>>,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    now: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        // It is asked whenever the instance waits for something: then it is ready for the next request.
        drop(lock(&self.taken).take());
        if self.now.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match status {
            WorkerStatus::Requests | WorkerStatus::PostReturn => Poll::Pending,
            WorkerStatus::Idle => {
                if self.size.is_worth_ending() || self.draining.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                let deadline = tokio::time::Instant::from_std(since + self.max_idle);
                if self.idle.deadline() != deadline {
                    self.idle.as_mut().reset(deadline);
                }
                self.idle.as_mut().poll(cx)
            }
        }
    }
}

/// One instance, seen from the requests in it.
pub(crate) struct Worker {
    component: Arc<Component>,
    fate: Fate,
    open: Arc<AtomicUsize>,
    size: Size,
    taken: Taken,
    ending: Ending,
    _running: TaskTrackerToken,
}

impl WorkerState for Worker {
    type StoreData = InstanceState;
    type RequestId = Handover;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let Reuse {
            max_concurrent,
            max_open,
            max_requests,
            ..
        } = self.component.reuse;
        if total >= max_requests || self.size.is_large() {
            ShouldAccept::Never
        } else if concurrent >= max_concurrent || self.open.load(Ordering::Relaxed) >= max_open {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    /// There is no time limit here: a component limits its own requests, and a client that leaves ends its own.
    fn on_request_start(
        &self,
        _: StoreContextMut<'_, InstanceState>,
        handover: Handover,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        // The placement is this request's own, so it was empty.
        _ = handover
            .placement
            .0
            .set(Open::new(self.fate.clone(), self.open.clone()));
        let before = std::mem::replace(&mut *lock(&self.taken), handover.turn);
        drop(before);
        Box::pin(future::pending())
    }

    /// The order matters: the instance is marked as dead before its streams look as if they had ended.
    fn drop(&self, store: Store<InstanceState>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            // Also where the host ends it: what that cuts must not look whole.
            self.fate.die();
            if !self.ending.now.is_cancelled() {
                tracing::error!(component = %self.component.id, "an instance died: {error:#}");
            }
        }
        drop(store);
    }
}

fn lock(taken: &Taken) -> MutexGuard<'_, Option<Turn>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instance with more memory than this is not kept idle. One that has just begun has a twentieth of it.
const KEPT_IDLE: usize = 64 << 20;
