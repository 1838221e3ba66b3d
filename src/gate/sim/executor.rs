//! An executor on a virtual clock: one thread, tasks polled in an order that a seed decides, and time that passes when nobody is
//! ready.
//!
//! Each task belongs to an instance or to the world. Those of an instance that stands still are not polled until it goes on; those
//! of one that died are dropped.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody's: it cannot stand still or die.
    World,
    /// This instance's.
    Instance(usize),
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The executor.
#[derive(Default)]
pub(super) struct Executor {
    now_us: Cell<u64>,
    next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, (Owner, Task)>>,
    woken: Arc<Mutex<VecDeque<u64>>>,
    timers: RefCell<BinaryHeap<Reverse<Timer>>>,
    polls: Cell<u64>,
}

struct Timer {
    at_us: u64,
    number: u64,
    waker: Rc<RefCell<TimerState>>,
}

#[derive(Default)]
struct TimerState {
    is_due: bool,
    waker: Option<Waker>,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Timer) -> bool {
        (self.at_us, self.number) == (other.at_us, other.number)
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Timer) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Timer) -> std::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

struct TaskWaker {
    task: u64,
    woken: Arc<Mutex<VecDeque<u64>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().expect("one thread");
        if !woken.contains(&self.task) {
            woken.push_back(self.task);
        }
    }
}

/// What an instance is doing at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    Runs,
    StandsStill,
    Dead,
}

impl Executor {
    pub(super) fn now_us(&self) -> u64 {
        self.now_us.get()
    }

    /// How many polls there were.
    pub(super) fn polls(&self) -> u64 {
        self.polls.get()
    }

    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    pub(super) fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + 'static) {
        let number = self.number();
        self.tasks
            .borrow_mut()
            .insert(number, (owner, Box::pin(task)));
        self.woken.lock().expect("one thread").push_back(number);
    }

    /// A future that is ready at this time.
    pub(super) fn sleep_until(&self, at_us: u64) -> impl Future<Output = ()> + 'static {
        let state = Rc::new(RefCell::new(TimerState {
            is_due: at_us <= self.now_us(),
            waker: None,
        }));
        self.timers.borrow_mut().push(Reverse(Timer {
            at_us,
            number: self.number(),
            waker: state.clone(),
        }));
        std::future::poll_fn(move |context| {
            let mut state = state.borrow_mut();
            if state.is_due {
                Poll::Ready(())
            } else {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }

    /// Drops the tasks of an instance.
    pub(super) fn kill(&self, instance: usize) {
        let mut dead = Vec::new();
        self.tasks.borrow_mut().retain(|_, (owner, task)| {
            let lives = *owner != Owner::Instance(instance);
            if !lives {
                // Its destructors may start tasks: they run when the list is free again.
                dead.push(std::mem::replace(task, Box::pin(std::future::pending())));
            }
            lives
        });
    }

    /// Drops one of the tasks of an instance.
    pub(super) fn drop_one_of(&self, instance: usize, choice: u64) {
        let dropped = {
            let mut tasks = self.tasks.borrow_mut();
            let owned = |(number, (owner, _)): (&u64, &(Owner, Task))| {
                (*owner == Owner::Instance(instance)).then_some(*number)
            };
            let of_instance: Vec<u64> = tasks.iter().filter_map(owned).collect();
            let count = u64::try_from(of_instance.len()).expect("a few");
            let place = choice
                .checked_rem(count)
                .and_then(|place| usize::try_from(place).ok());
            let number = place.and_then(|place| of_instance.get(place));
            number.and_then(|number| tasks.remove(number))
        };
        drop(dropped);
    }

    /// Drops the task of an instance that was begun last.
    pub(super) fn drop_last_of(&self, instance: usize) {
        let dropped = {
            let mut tasks = self.tasks.borrow_mut();
            let mut own = tasks
                .iter()
                .filter(|(_, (owner, _))| *owner == Owner::Instance(instance));
            let number = own.next_back().map(|(number, _)| *number);
            number.and_then(|number| tasks.remove(&number))
        };
        drop(dropped);
    }

    /// Polls one task that is ready, chosen by `choose` among so many, or lets time pass to the next timer. `false`: nothing is left
    /// to happen before `until_us`.
    pub(super) fn turn(
        &self,
        until_us: u64,
        choose: impl FnOnce(usize) -> usize,
        liveness: impl Fn(usize) -> Liveness,
    ) -> bool {
        let ready = {
            let mut woken = self.woken.lock().expect("one thread");
            let tasks = self.tasks.borrow();
            woken.retain(|number| tasks.contains_key(number));
            let runs = |number: &u64| match tasks.get(number) {
                Some((Owner::Instance(instance), _)) => liveness(*instance) == Liveness::Runs,
                _ => true,
            };
            let ready: Vec<usize> = (0..woken.len().min(LOOK_AHEAD))
                .filter(|place| woken.get(*place).is_some_and(runs))
                .collect();
            let place = match ready.len() {
                0 => (0..woken.len()).find(|place| woken.get(*place).is_some_and(runs)),
                count => ready.get(choose(count)).copied(),
            };
            place.and_then(|place| woken.remove(place))
        };
        match ready {
            Some(number) => {
                self.poll(number);
                true
            }
            None => self.pass_time(until_us),
        }
    }

    fn poll(&self, number: u64) {
        let Some((owner, mut task)) = self.tasks.borrow_mut().remove(&number) else {
            return;
        };
        self.polls.set(self.polls.get() + 1);
        let waker = Waker::from(Arc::new(TaskWaker {
            task: number,
            woken: self.woken.clone(),
        }));
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.tasks.borrow_mut().insert(number, (owner, task));
        }
    }

    fn pass_time(&self, until_us: u64) -> bool {
        let is_in_time = |timer: &Reverse<Timer>| timer.0.at_us <= until_us.max(self.now_us());
        let timer = {
            let mut timers = self.timers.borrow_mut();
            match timers.peek() {
                Some(timer) if is_in_time(timer) => timers.pop(),
                _ => None,
            }
        };
        let Some(Reverse(timer)) = timer else {
            return false;
        };
        self.now_us.set(self.now_us().max(timer.at_us));
        let waker = {
            let mut state = timer.waker.borrow_mut();
            state.is_due = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

/// Among how many of those that are ready one is chosen.
const LOOK_AHEAD: usize = 8;
