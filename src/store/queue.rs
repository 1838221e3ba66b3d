//! The order in which operations reach the store: first come, first served.
//!
//! # Rules
//! - Reads go side by side. Writes of one key follow one another; writes of different keys go side by side.
//! - Nothing goes beside a listing: Spin's SQLite store holds its lock while it streams the keys, and another operation of the
//!   same instance would block the loop that has to drain the stream.
//! - Whoever came first goes first: an operation waits for earlier ones that it cannot go beside, and for nothing else. So a
//!   listing is not starved by reads, nor a write by other writes of its key.
//! - At most [`AT_ONCE`] are under way. Where one ends, as many are woken as there is room for, and nobody goes before them.
//! - Who gives up before its turn was never there: a [`Waiting`] that is dropped leaves the queue, and its operation is not begun.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How many operations of an instance are under way at once. A host that does them one after another has so many in its own
/// queue at most, and one that does them side by side needs no more to be busy.
pub const AT_ONCE: usize = 32;

/// What an operation touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It changes this key.
    Write(String),
    /// It lists the keys.
    List,
}

/// The queue of one instance.
#[derive(Clone, Default)]
pub struct Queue(Rc<RefCell<Line>>);

impl Queue {
    /// Comes to the queue. The place is taken at this call, not when the future is first polled.
    pub fn enter(&self, access: Access) -> Waiting {
        let mut line = self.0.borrow_mut();
        let number = line.next;
        line.next += 1;
        line.entries.push_back(Entry {
            number,
            access,
            has_begun: false,
            waker: None,
        });
        Waiting(Some(Pass {
            line: self.0.clone(),
            number,
        }))
    }
}

/// A place in the queue, until its turn comes.
pub struct Waiting(Option<Pass>);

impl Future for Waiting {
    type Output = Pass;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Pass> {
        let has_begun = self.0.as_ref().is_some_and(|pass| pass.begin(context));
        match self.0.take() {
            Some(pass) if has_begun => Poll::Ready(pass),
            waiting => {
                self.0 = waiting;
                Poll::Pending
            }
        }
    }
}

/// An operation's turn. It ends when this is dropped.
pub struct Pass {
    line: Rc<RefCell<Line>>,
    number: u64,
}

impl Pass {
    fn begin(&self, context: &mut Context<'_>) -> bool {
        let mut line = self.line.borrow_mut();
        let may_begin = {
            let mut next = line.next_ones();
            next.any(|next| next.number == self.number)
        };
        line.under_way += usize::from(may_begin);
        if let Some(entry) = line.entry(self.number) {
            entry.has_begun = may_begin;
            entry.waker = (!may_begin).then(|| context.waker().clone());
        }
        may_begin
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let wakers = self.line.borrow_mut().leave(self.number);
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[derive(Default)]
struct Line {
    next: u64,
    /// How many of the entries have begun.
    under_way: usize,
    /// In the order in which they came.
    entries: VecDeque<Entry>,
}

struct Entry {
    number: u64,
    access: Access,
    has_begun: bool,
    waker: Option<Waker>,
}

impl Line {
    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let at = self.place(number)?;
        self.entries.get_mut(at)
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&number, |entry| entry.number)
            .ok()
    }

    /// Those who may begin now, in their order and as many as there is room for: one walk at most.
    fn next_ones(&self) -> impl Iterator<Item = &Entry> {
        let is_list = |entry: &Entry| entry.access == Access::List;
        let is_alone = self.entries.front().is_some_and(is_list);
        let mut keys: HashSet<&str> = HashSet::new();
        self.entries
            .iter()
            .take(if is_alone { 1 } else { usize::MAX })
            // A listing waits for all before it, and all behind it wait for it.
            .take_while(move |entry| is_alone || !is_list(entry))
            .filter(move |entry| match &entry.access {
                Access::Write(key) => keys.insert(key),
                Access::Read | Access::List => true,
            })
            .filter(|entry| !entry.has_begun)
            .take(AT_ONCE.saturating_sub(self.under_way))
    }

    /// Takes an operation out and answers who may go on. Each of them keeps its place until it does.
    fn leave(&mut self, number: u64) -> Vec<Waker> {
        let left = self.place(number).and_then(|at| self.entries.remove(at));
        self.under_way -= usize::from(left.is_some_and(|left| left.has_begun));
        let next: Vec<u64> = self.next_ones().map(|next| next.number).collect();
        next.into_iter()
            .filter_map(|number| self.entry(number)?.waker.take())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use futures::FutureExt;

    use super::*;

    fn write(key: &str) -> Access {
        Access::Write(key.to_owned())
    }

    #[test]
    fn reads_go_side_by_side_and_writes_of_one_key_one_after_another() {
        let queue = Queue::default();
        let first = queue.enter(write("a")).now_or_never().expect("nobody else");
        let _read = queue.enter(Access::Read).now_or_never().expect("beside it");
        let _other = queue.enter(write("b")).now_or_never().expect("another key");
        let mut second = queue.enter(write("a"));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn nothing_goes_beside_a_listing_and_it_is_not_starved() {
        let queue = Queue::default();
        let read = queue.enter(Access::Read).now_or_never().expect("alone");
        let mut listing = queue.enter(Access::List);
        assert!(
            (&mut listing).now_or_never().is_none(),
            "a read is under way"
        );
        let mut later = queue.enter(Access::Read);
        assert!(
            (&mut later).now_or_never().is_none(),
            "it came after the listing"
        );
        drop(read);
        let listing = listing.now_or_never().expect("its turn");
        assert!((&mut later).now_or_never().is_none());
        drop(listing);
        assert!(later.now_or_never().is_some());
    }

    #[test]
    fn the_order_is_that_in_which_they_came() {
        let queue = Queue::default();
        let mut pass = queue.enter(write("a")).now_or_never();
        let mut waiting: Vec<Waiting> = (0..100).map(|_| queue.enter(write("a"))).collect();
        for place in 0..waiting.len() {
            let before: Vec<bool> = waiting
                .iter_mut()
                .map(|one| one.now_or_never().is_some())
                .collect();
            assert!(
                before.iter().all(|served| !served),
                "somebody has the store"
            );
            drop(pass.take());
            pass = waiting.remove(0).now_or_never();
            assert!(pass.is_some(), "number {place} came first");
        }
    }

    #[test]
    fn whoever_gives_up_before_its_turn_holds_up_nobody() {
        let queue = Queue::default();
        let first = queue.enter(write("a")).now_or_never();
        let gone = queue.enter(write("a"));
        let mut last = queue.enter(write("a"));
        drop(gone);
        assert!((&mut last).now_or_never().is_none());
        drop(first);
        assert!(last.now_or_never().is_some());
    }

    #[test]
    fn one_that_ends_wakes_one_of_all_who_wait() {
        let queue = Queue::default();
        let read = || queue.enter(Access::Read);
        let mut passes: Vec<Pass> = (0..AT_ONCE)
            .map(|_| read().now_or_never().expect("room"))
            .collect();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let context = &mut Context::from_waker(&waker);
        let mut waiting: VecDeque<Waiting> = (0..1_000).map(|_| read()).collect();
        for one in &mut waiting {
            assert!(Pin::new(one).poll(context).is_pending());
        }
        for expected in 1..=3 {
            passes.pop();
            assert_eq!(wakes.0.load(Ordering::Relaxed), expected);
        }
        // One who comes then does not go before those who were woken.
        assert!(read().now_or_never().is_none());
        for _ in 0..3 {
            let woken = waiting.pop_front().and_then(FutureExt::now_or_never);
            passes.push(woken.expect("its turn"));
        }
        let next = waiting.pop_front().and_then(FutureExt::now_or_never);
        assert!(next.is_none(), "there is no more room");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 3);
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn no_more_than_so_many_are_under_way() {
        let queue = Queue::default();
        let mut passes: Vec<Pass> = (0..AT_ONCE)
            .map(|_| queue.enter(Access::Read).now_or_never().expect("room"))
            .collect();
        let mut beyond = queue.enter(Access::Read);
        assert!((&mut beyond).now_or_never().is_none());
        passes.pop();
        assert!(beyond.now_or_never().is_some());
    }
}
