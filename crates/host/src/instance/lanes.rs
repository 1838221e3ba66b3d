//! Which thread's instances a request is handed to.
//!
//! Each thread has instances of its own, and requests take turns at each (`turns.rs`). While more threads than the first ones are
//! wanted (`relief.rs`), the others have as many requests as keep them busy, and the rest stays where the connections are
//! served: those threads have most to do.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Result;
use wasmtime_wasi_http::handler::{Request, Response};

use super::{Announced, Handler, Handlers, Placement, relief::Relief};

/// The instances of one component, on all threads.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Inner>);

struct Inner {
    first: Handler,
    more: Vec<Lane>,
    relief: Arc<Relief>,
}

/// The instances of one thread.
struct Lane {
    handler: Handler,
    places: Places,
}

/// The places for requests that one thread has at hand, so that it need not wait for another thread between two of them.
#[derive(Clone, Default)]
struct Places(Arc<AtomicUsize>);

/// One of them is taken, until this is dropped.
pub(super) struct Place(Places);

impl Lanes {
    pub(crate) fn new(relief: Arc<Relief>, handlers: impl Fn() -> Handlers) -> Self {
        let lane = |_| Lane {
            handler: Handler::new(handlers()),
            places: Places::default(),
        };
        Self(Arc::new(Inner {
            first: Handler::new(handlers()),
            more: (0..relief.len()).map(lane).collect(),
            relief,
        }))
    }

    pub(crate) fn component_id(&self) -> &str {
        self.0.first.state().component_id()
    }

    /// Room for a request's body, of this length if it is told.
    pub(crate) fn announce(&self, length: Option<usize>) -> Option<Announced> {
        self.0.first.state().announce(length)
    }

    /// Hands the request to an instance when it is its turn. The second value tells which instance has it.
    pub(crate) async fn handle(&self, request: Request) -> (Result<Response>, Placement) {
        let Some((handler, place, thread)) = self.elsewhere() else {
            return hand(&self.0.first, None, request).await;
        };
        let handled = async move { hand(&handler, Some(place), request).await };
        on(thread, handled)
            .await
            .unwrap_or_else(|error| (Err(error.into()), Placement::default()))
    }

    /// A place beside the first threads, if one is wanted and free.
    fn elsewhere(&self) -> Option<(Handler, Place, &Handle)> {
        let wanted = self.0.relief.wanted();
        if wanted == 0 || !self.0.first.state().has_room() {
            return None;
        }
        let mut lanes = self.0.more.iter().take(wanted).enumerate();
        lanes.find_map(|(index, lane)| {
            let place = lane.places.take()?;
            let thread = self.0.relief.thread(index)?;
            Some((lane.handler.clone(), place, thread))
        })
    }
}

impl Places {
    fn take(&self) -> Option<Place> {
        let more = |taken| (taken < AT_HAND).then_some(taken + 1);
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, more).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn hand(
    handler: &Handler,
    place: Option<Place>,
    request: Request,
) -> (Result<Response>, Placement) {
    let (handover, placement) = handler.state().hand_over(place).await;
    (handler.handle(handover, request).await, placement)
}

/// Runs `future` on that thread, until it has ended or nobody waits for it.
async fn on<T: Send + 'static>(
    thread: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    AbortOnDropHandle::new(thread.spawn(future)).await
}

/// One that is worked on, and those that follow while the first threads find time to hand over the next.
const AT_HAND: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_some_requests_at_hand_and_the_rest_stays_with_the_first() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..AT_HAND).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none());
        taken.pop();
        assert!(places.take().is_some());
    }
}
