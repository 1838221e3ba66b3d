//! What `ProxyHandler` asks of its host: how to make an instance, when it takes a request, when it ends.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Instant,
};

use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmtime::{Store, StoreContextMut, component::GuestTaskId};
use wasmtime_wasi_http::{
    handler::{
        HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, ViewFn, WorkerExpiration,
        WorkerState, WorkerStatus,
    },
    p3::{WasiHttpView, bindings::ServicePre},
};

use super::{Component, InstanceState, MAX_CONCURRENT, MAX_IDLE, MAX_REQUESTS};

/// Hands requests to the instances of one component.
pub(crate) type Handler = ProxyHandler<Handlers>;

/// Cancelled when an instance has died; what depends on it ends then.
pub(crate) type Fate = CancellationToken;

/// Where a request finds the fate of the instance that took it: set before the component sees the request.
pub(crate) type FateSlot = Arc<OnceLock<Fate>>;

/// Makes the instances of one component.
pub(crate) struct Handlers {
    component: Arc<Component>,
    code: ServicePre<InstanceState>,
    /// Cancelled when the host ends.
    ending: CancellationToken,
}

impl Handlers {
    pub(crate) fn new(
        component: Arc<Component>,
        code: ServicePre<InstanceState>,
        ending: CancellationToken,
    ) -> Self {
        Self {
            component,
            code,
            ending,
        }
    }

    pub(crate) fn component_id(&self) -> &str {
        &self.component.id
    }
}

impl HandlerState for Handlers {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, Expiration, Worker>> {
        let mut store = Store::new(self.code.engine(), InstanceState::new(&self.component)?);
        store.limiter(|state| &mut state.memory);
        let service = self.code.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(InstanceState::http),
            expiration: Expiration {
                idle: Box::pin(tokio::time::sleep(MAX_IDLE)),
                ending: Box::pin(self.ending.clone().cancelled_owned()),
            },
            state: Worker {
                component: self.component.clone(),
                fate: Fate::new(),
                ending: self.ending.clone(),
            },
        })
    }
}

/// When an instance ends: after a time without requests, or with the host.
pub(crate) struct Expiration {
    idle: Pin<Box<Sleep>>,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match status {
            WorkerStatus::Requests | WorkerStatus::PostReturn => Poll::Pending,
            WorkerStatus::Idle => {
                let deadline = tokio::time::Instant::from_std(since + MAX_IDLE);
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
    ending: CancellationToken,
}

impl WorkerState for Worker {
    type StoreData = InstanceState;
    type RequestId = FateSlot;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        match (concurrent, total) {
            (_, MAX_REQUESTS..) => ShouldAccept::Never,
            (MAX_CONCURRENT.., _) => ShouldAccept::No,
            _ => ShouldAccept::Yes,
        }
    }

    /// There is no time limit here: a component limits its own requests, and a client that leaves ends its own.
    fn on_request_start(
        &self,
        _: StoreContextMut<'_, InstanceState>,
        slot: FateSlot,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        // The slot is this request's own, so it was empty.
        _ = slot.set(self.fate.clone());
        Box::pin(future::pending())
    }

    /// The order matters: the bodies learn that the instance died before its streams look as if they had ended.
    fn drop(&self, store: Store<InstanceState>, result: wasmtime::Result<()>) {
        if let Err(error) = result
            && !self.ending.is_cancelled()
        {
            tracing::error!(component = %self.component.id, "an instance died: {error:#}");
            self.fate.cancel();
        }
        drop(store);
    }
}
