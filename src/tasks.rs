//! Tasks that go on beside the one that starts them, within the same request.
//!
//! # Why not wit-bindgen's own `spawn`
//! It puts a new task aside until the running ones have been polled, takes it up, and then may go to sleep without having
//! polled it once (0.57.1: `Tasks::poll_next` extends its set after polling it, and wakes nobody). The task then begins at the
//! next event of its request, whatever that is: seen, a renewal that began when a timer of 5 s fired, and a record that
//! lapsed for it. So whatever starts a task here asks to be polled again, and must itself be [`attentive`].

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use spin_sdk::wasip3::wit_bindgen;

use crate::alarms::{Alarms, Host};

/// What all tasks of a request have in common.
#[derive(Clone, Default)]
struct Shared {
    id: Option<Rc<str>>,
    alarms: Rc<Alarms>,
}

/// Starts a task. Its request is not over before the task is.
///
/// The task lies in a box: an async function that pins what it was given has room for it twice, and two of them lie around it.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    STARTED.set(true);
    let shared = SHARED.with_borrow(Clone::clone).unwrap_or_default();
    wit_bindgen::spawn(attentive(within_request(shared, Box::pin(task))));
}

/// A future that is the request with this number: every task that it starts is part of it.
pub async fn of_request<T>(id: Option<Rc<str>>, future: impl Future<Output = T>) -> T {
    let alarms = Rc::default();
    within_request(Shared { id, alarms }, future).await
}

async fn within_request<T>(shared: Shared, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    poll_fn(|context| {
        let other = SHARED.replace(Some(shared.clone()));
        let poll = future.as_mut().poll(context);
        SHARED.set(other);
        match poll {
            Poll::Pending => shared.alarms.poll(&Host, context),
            Poll::Ready(_) => shared.alarms.hand_over(),
        }
        poll
    })
    .await
}

/// The number of the request that is being worked on, where it is one's.
pub fn request_id() -> Option<Rc<str>> {
    SHARED.with_borrow(|shared| shared.as_ref()?.id.clone())
}

/// The waits of the request that is being worked on, where it is one's.
pub fn alarms() -> Option<Rc<Alarms>> {
    SHARED.with_borrow(|shared| Some(shared.as_ref()?.alarms.clone()))
}

/// A future that may start tasks: where it did, it is polled again at once, and they with it. The handler of a request is
/// one, and so is every task started by [`spawn`].
pub async fn attentive<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    poll_fn(|context| {
        let poll = future.as_mut().poll(context);
        if STARTED.take() {
            context.waker().wake_by_ref();
        }
        poll
    })
    .await
}

/// Lets all others of this instance go first, once.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

thread_local! {
    static STARTED: Cell<bool> = const { Cell::new(false) };
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wakes_of(future: impl Future<Output = ()>) -> usize {
        let woken = Arc::new(Woken::default());
        let waker = woken.clone().into();
        let mut future = std::pin::pin!(attentive(future));
        let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
        woken.0.load(Ordering::Relaxed)
    }

    #[test]
    fn who_starts_a_task_is_polled_again_although_it_waits() {
        let starting = async {
            spawn(async {});
            std::future::pending().await
        };
        assert_eq!(wakes_of(starting), 1);
    }

    #[test]
    fn who_starts_none_is_left_alone() {
        assert_eq!(wakes_of(std::future::pending()), 0);
    }
    #[test]
    fn each_request_has_its_own_number_however_they_take_turns() {
        let told = |id: &str| {
            of_request(Some(id.into()), async {
                let mut seen = Vec::new();
                for _ in 0..3 {
                    seen.push(request_id());
                    pause().await;
                }
                seen
            })
        };
        let (one, other) = futures::executor::block_on(futures::future::join(told("a"), told("b")));
        assert!(one.iter().all(|id| id.as_deref() == Some("a")), "{one:?}");
        assert!(
            other.iter().all(|id| id.as_deref() == Some("b")),
            "{other:?}"
        );
        assert_eq!(request_id(), None);
    }
}
