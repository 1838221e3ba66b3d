//! The waits of one request, by one timer of the host's.
//!
//! # Why
//! A timer of the host's is a task there and a subtask here, and ending it costs as much again: two of them cost as much as a small
//! answer. A request has some eight waits, most of which are given up before they are due. So all tasks of a request have one timer,
//! for the wait that is due first; it is left alone when that wait is given up, and begun anew only for one that is due sooner.
//!
//! # Who polls it
//! Each of the request's futures, after itself ([`Alarms::poll`]): the last one that did is woken by it. One that ends wakes another
//! whose wait is under way ([`Alarms::hand_over`]), so somebody always has it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use spin_sdk::wasip3::clocks::monotonic_clock;

/// The waits of one request.
#[derive(Default)]
pub struct Alarms {
    waits: RefCell<Vec<Rc<Wait>>>,
    armed: RefCell<Option<Armed>>,
}

struct Wait {
    due_ns: u64,
    is_over: Cell<bool>,
    waker: RefCell<Waker>,
}

/// A timer of the host's.
struct Armed {
    due_ns: u64,
    timer: Pin<Box<dyn Future<Output = ()>>>,
}

/// The clock and the timers of the host.
pub trait Timers {
    /// The monotonic clock, in nanoseconds.
    fn now_ns(&self) -> u64;

    /// Waits for so long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// Those that there are.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Timers for Host {
    fn now_ns(&self) -> u64 {
        monotonic_clock::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(spin_sdk::time::sleep(duration))
    }
}

impl Alarms {
    /// Sees to it that the wait that is due first ends. For a future of the request that has been polled and waits.
    pub fn poll(&self, timers: &impl Timers, context: &mut Context<'_>) {
        let mut armed = self.armed.borrow_mut();
        if let Some(one) = &mut *armed
            && one.timer.as_mut().poll(context).is_ready()
        {
            *armed = None;
        }
        let Some(mut first_ns) = self.first_ns() else {
            return;
        };
        if armed.as_ref().is_some_and(|one| one.due_ns <= first_ns) {
            return;
        }
        let now_ns = timers.now_ns();
        if first_ns <= now_ns {
            self.end_until(now_ns);
            match self.first_ns() {
                Some(next_ns) => first_ns = next_ns,
                None => return,
            }
        }
        let left = Duration::from_nanos(first_ns - now_ns);
        let mut timer = timers.sleep(left);
        if timer.as_mut().poll(context).is_ready() {
            // It is due by now: seen when this future is polled again.
            context.waker().wake_by_ref();
            return;
        }
        *armed = Some(Armed {
            due_ns: first_ns,
            timer,
        });
    }

    /// Has another future of the request see to the waits: the one that did has ended.
    pub fn hand_over(&self) {
        if let Some(wait) = self.waits.borrow().first() {
            wait.waker.borrow().wake_by_ref();
        }
    }

    fn first_ns(&self) -> Option<u64> {
        let waits = self.waits.borrow();
        waits.iter().map(|wait| wait.due_ns).min()
    }

    fn end_until(&self, now_ns: u64) {
        self.waits.borrow_mut().retain(|wait| {
            let is_due = wait.due_ns <= now_ns;
            if is_due {
                wait.is_over.set(true);
                wait.waker.borrow().wake_by_ref();
            }
            !is_due
        });
    }
}

/// A wait, from when it is first polled.
pub struct Sleep<T> {
    duration: Duration,
    timers: T,
    state: State,
}

enum State {
    New,
    /// Among the waits of a request.
    Begun(Rc<Alarms>, Rc<Wait>),
    /// Of nobody's request: by a timer of its own.
    Alone(Pin<Box<dyn Future<Output = ()>>>),
}

impl<T: Timers> Sleep<T> {
    /// A wait for so long.
    pub fn new(timers: T, duration: Duration) -> Sleep<T> {
        Sleep {
            duration,
            timers,
            state: State::New,
        }
    }

    /// The same as [`Future::poll`], for a future of the request that has these alarms.
    pub fn poll_in(&mut self, alarms: Option<Rc<Alarms>>, context: &mut Context<'_>) -> Poll<()> {
        if let State::New = self.state {
            self.state = match &alarms {
                Some(alarms) => {
                    let duration_ns = u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX);
                    let due_ns = self.timers.now_ns().saturating_add(duration_ns);
                    State::Begun(alarms.clone(), begin(alarms, due_ns, context))
                }
                None => State::Alone(self.timers.sleep(self.duration)),
            };
        }
        match &mut self.state {
            State::Begun(_, wait) if wait.is_over.get() => Poll::Ready(()),
            State::Begun(own, wait) => {
                match alarms {
                    // Another request waits for it now.
                    Some(other) if !Rc::ptr_eq(own, &other) => {
                        own.waits.borrow_mut().retain(|one| !Rc::ptr_eq(one, wait));
                        *wait = begin(&other, wait.due_ns, context);
                        *own = other;
                    }
                    _ => wait.waker.borrow_mut().clone_from(context.waker()),
                }
                Poll::Pending
            }
            State::Alone(timer) => timer.as_mut().poll(context),
            State::New => Poll::Pending,
        }
    }
}

fn begin(alarms: &Alarms, due_ns: u64, context: &Context<'_>) -> Rc<Wait> {
    let wait = Rc::new(Wait {
        due_ns,
        is_over: Cell::new(false),
        waker: RefCell::new(context.waker().clone()),
    });
    alarms.waits.borrow_mut().push(wait.clone());
    wait
}

impl<T> Drop for Sleep<T> {
    fn drop(&mut self) {
        if let State::Begun(alarms, wait) = &self.state {
            alarms
                .waits
                .borrow_mut()
                .retain(|one| !Rc::ptr_eq(one, wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    /// A clock that is moved by hand, whose timers are due by it.
    #[derive(Clone, Default)]
    struct ByHand(Rc<Cell<u64>>, Rc<Cell<usize>>);

    impl Timers for ByHand {
        fn now_ns(&self) -> u64 {
            self.0.get()
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
            self.1.set(self.1.get() + 1);
            let clock = self.0.clone();
            let due_ns = clock.get() + duration.as_nanos() as u64;
            Box::pin(std::future::poll_fn(move |_| match clock.get() >= due_ns {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Scene {
        timers: ByHand,
        alarms: Rc<Alarms>,
        woken: Arc<Woken>,
    }

    impl Scene {
        fn new() -> Scene {
            Scene {
                timers: ByHand::default(),
                alarms: Rc::default(),
                woken: Arc::default(),
            }
        }

        fn sleep(&self, ns: u64) -> Sleep<ByHand> {
            Sleep::new(self.timers.clone(), Duration::from_nanos(ns))
        }

        fn is_over(&self, sleep: &mut Sleep<ByHand>) -> bool {
            let waker = self.woken.clone().into();
            let mut context = Context::from_waker(&waker);
            sleep
                .poll_in(Some(self.alarms.clone()), &mut context)
                .is_ready()
        }

        /// What a future of the request does after itself, at a time.
        fn at(&self, now_ns: u64) {
            self.timers.0.set(now_ns);
            let waker = self.woken.clone().into();
            self.alarms
                .poll(&self.timers, &mut Context::from_waker(&waker));
        }

        fn timers(&self) -> usize {
            self.timers.1.get()
        }

        fn wakes(&self) -> usize {
            self.woken.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn each_wait_ends_when_it_is_due_and_none_before() {
        let scene = Scene::new();
        let (mut long, mut short) = (scene.sleep(30), scene.sleep(10));
        assert!(!scene.is_over(&mut long) && !scene.is_over(&mut short));
        scene.at(0);
        scene.at(9);
        assert!(!scene.is_over(&mut short));
        scene.at(10);
        assert!(scene.is_over(&mut short) && !scene.is_over(&mut long));
        scene.at(30);
        assert!(scene.is_over(&mut long));
        assert_eq!(scene.wakes(), 2);
    }

    #[test]
    fn a_timer_is_begun_for_a_wait_that_is_due_sooner_and_for_no_other() {
        let scene = Scene::new();
        let mut first = scene.sleep(20);
        assert!(!scene.is_over(&mut first));
        scene.at(0);
        let mut later = scene.sleep(50);
        assert!(!scene.is_over(&mut later));
        scene.at(1);
        assert_eq!(scene.timers(), 1);
        drop(first);
        scene.at(2);
        assert_eq!(scene.timers(), 1, "it is left alone");
        let mut sooner = scene.sleep(5);
        assert!(!scene.is_over(&mut sooner));
        scene.at(2);
        assert_eq!(scene.timers(), 2);
        drop(sooner);
        scene.at(7);
        assert_eq!(scene.timers(), 3, "for the one that is left");
        scene.at(50);
        assert!(scene.is_over(&mut later));
    }

    #[test]
    fn a_wait_that_nobody_looks_at_when_it_is_due_wakes_once_and_is_over() {
        let scene = Scene::new();
        let mut wait = scene.sleep(10);
        assert!(!scene.is_over(&mut wait));
        scene.at(0);
        for now_ns in [10, 11, 12] {
            scene.at(now_ns);
        }
        assert_eq!(scene.wakes(), 1);
        assert!(scene.is_over(&mut wait));
    }

    #[test]
    fn whoever_ends_has_another_see_to_the_waits() {
        let scene = Scene::new();
        scene.alarms.hand_over();
        assert_eq!(scene.wakes(), 0);
        let mut wait = scene.sleep(10);
        assert!(!scene.is_over(&mut wait));
        scene.alarms.hand_over();
        assert_eq!(scene.wakes(), 1);
    }

    #[test]
    fn a_wait_goes_with_the_request_that_waits_for_it() {
        let (one, other) = (Scene::new(), Scene::new());
        let mut wait = one.sleep(10);
        assert!(!one.is_over(&mut wait) && !other.is_over(&mut wait));
        assert!(one.alarms.waits.borrow().is_empty());
        other.at(0);
        other.at(10);
        assert!(other.is_over(&mut wait));
    }
}
