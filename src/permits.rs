//! So many at once and no more; who comes later waits for a turn, in the order of coming.
//!
//! # Limits
//! The queue is bounded too: who finds it full is refused at once. A permit is given back when it is dropped, and so is the
//! place of one who gives up waiting.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;

/// Permits, and those who wait for one.
#[derive(Debug)]
pub struct Permits {
    state: RefCell<State>,
    max_waiting: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Permit>>,
}

/// Leave to go on, given back on drop.
#[derive(Debug)]
pub struct Permit(Rc<Permits>);

impl Permits {
    /// So many permits, and so many who may wait for one.
    pub const fn new(free: usize, max_waiting: usize) -> Permits {
        let waiting = VecDeque::new();
        Permits {
            state: RefCell::new(State { free, waiting }),
            max_waiting,
        }
    }

    /// Waits for a permit; `None`: too many wait already.
    pub async fn acquire(self: &Rc<Permits>) -> Option<Permit> {
        let turn = {
            let mut state = self.state.borrow_mut();
            if state.free > 0 {
                state.free -= 1;
                return Some(Permit(self.clone()));
            }
            state.waiting.retain(|waiting| !waiting.is_canceled());
            if state.waiting.len() >= self.max_waiting {
                return None;
            }
            let (sender, turn) = oneshot::channel();
            state.waiting.push_back(sender);
            turn
        };
        turn.await.ok()
    }
}

impl Drop for Permit {
    /// It goes to the next who waits. Where that one has left, or leaves before it has taken it, it is dropped there, and goes on.
    fn drop(&mut self) {
        let next = self.0.state.borrow_mut().waiting.pop_front();
        match next {
            Some(next) => _ = next.send(Permit(self.0.clone())),
            None => self.0.state.borrow_mut().free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn no_more_go_on_than_may_and_the_first_to_come_is_the_next() {
        let permits = Rc::new(Permits::new(1, 2));
        let first = permits.acquire().now_or_never().flatten().unwrap();
        let mut second = Box::pin(permits.acquire());
        let mut third = Box::pin(permits.acquire());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        assert!(
            permits.acquire().now_or_never().unwrap().is_none(),
            "the queue is full"
        );
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().flatten();
        assert!(second.is_some());
        drop(second);
        assert!(third.now_or_never().flatten().is_some());
        assert!(permits.acquire().now_or_never().flatten().is_some());
    }

    #[test]
    fn one_who_gives_up_leaves_its_place_or_its_turn_to_others() {
        let permits = Rc::new(Permits::new(1, 2));
        let first = permits.acquire().now_or_never().flatten();
        let mut gone = Box::pin(permits.acquire());
        let mut next = Box::pin(permits.acquire());
        assert!(gone.as_mut().now_or_never().is_none());
        assert!(next.as_mut().now_or_never().is_none());
        // Its turn comes, and it leaves before it has noticed.
        drop(first);
        drop(gone);
        let next = next.now_or_never().flatten();
        assert!(next.is_some());
        let waiting = Box::pin(permits.acquire());
        drop(waiting);
        drop(next);
        assert!(permits.acquire().now_or_never().flatten().is_some());
    }
}
