//! An answer whose head is held back: nobody has seen a byte of it, so it can still become a refusal.
//!
//! # Limits
//! At most [`MOST`] bytes are held; whoever writes more waits until the head goes out.

use std::cell::{Cell, RefCell};

use crate::http::refuse::Refusal;
use crate::waiter::Waiter;

/// What was written of an answer, and how it ended. `W` is where it goes once its head is out.
pub struct Hold<W> {
    bytes: RefCell<Vec<u8>>,
    is_full: Cell<bool>,
    out: RefCell<Option<W>>,
    /// An answer whose writer is dropped is none.
    end: RefCell<Result<(), Refusal>>,
    waits_for_more: Waiter,
    waits_for_head: Waiter,
}

impl<W> Hold<W> {
    /// Nothing yet.
    pub fn new() -> Hold<W> {
        Hold {
            bytes: RefCell::default(),
            is_full: Cell::new(false),
            out: RefCell::new(None),
            end: RefCell::new(Err(Refusal::IncompleteAnswer)),
            waits_for_more: Waiter::default(),
            waits_for_head: Waiter::default(),
        }
    }

    /// Waits until more has come than is held.
    pub async fn full(&self) {
        self.waits_for_more
            .until(|| self.is_full.get().then_some(()))
            .await;
    }

    /// The head is out: the answer goes on here, what was held first.
    pub fn release(&self, out: W) {
        self.out.replace(Some(out));
        self.waits_for_head.wake();
    }

    /// What the answer came to: its bytes, or why there is none.
    pub fn take_end(&self) -> Result<Vec<u8>, Refusal> {
        self.end.replace(Err(Refusal::IncompleteAnswer))?;
        Ok(self.bytes.take())
    }

    /// Whether the head is out, and the answer not written on yet.
    pub(super) fn is_released(&self) -> bool {
        self.out.borrow().is_some()
    }

    /// What was written so far.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// Where it goes on, with what was held, once the head is out.
    pub(super) fn released(&self) -> Option<(W, Vec<u8>)> {
        let out = self.out.take()?;
        Some((out, self.bytes.take()))
    }

    /// The same, as soon as the head is out.
    pub(super) async fn release_of_head(&self) -> (W, Vec<u8>) {
        self.is_full.set(true);
        self.waits_for_more.wake();
        self.waits_for_head.until(|| self.released()).await
    }

    /// Takes bytes in; `false`: they are too many.
    pub(super) fn takes(&self, more: &[u8]) -> bool {
        let mut bytes = self.bytes.borrow_mut();
        let fits = bytes.len() + more.len() <= MOST;
        if fits {
            bytes.extend_from_slice(more);
        }
        fits
    }

    /// The answer is whole, or there is none.
    pub(super) fn end(&self, end: Result<(), Refusal>) {
        *self.end.borrow_mut() = end;
    }
}

/// How much is held, in bytes: answers of some ten thousand tokens fit, embeddings of many texts do not.
const MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_fits_is_held_until_its_end_and_then_given_out() {
        let hold: Hold<()> = Hold::new();
        assert!(hold.takes(b"{\"a\":") && hold.takes(b"1}"));
        assert!(hold.full().now_or_never().is_none());
        hold.end(Ok(()));
        assert_eq!(hold.take_end(), Ok(b"{\"a\":1}".to_vec()));
    }

    #[test]
    fn an_answer_that_was_not_ended_is_none() {
        let hold: Hold<()> = Hold::new();
        assert!(hold.takes(b"{"));
        assert_eq!(hold.take_end(), Err(Refusal::IncompleteAnswer));
        hold.end(Err(Refusal::UpstreamError));
        assert_eq!(hold.take_end(), Err(Refusal::UpstreamError));
    }

    #[test]
    fn whoever_writes_more_than_is_held_waits_for_the_head() {
        let hold: Hold<u8> = Hold::new();
        assert!(hold.takes(b"a") && !hold.takes(&[0; MOST]));
        let mut writing = pin!(hold.release_of_head());
        assert!(writing.as_mut().now_or_never().is_none());
        assert!(hold.full().now_or_never().is_some());
        hold.release(7);
        assert_eq!(writing.now_or_never(), Some((7, b"a".to_vec())));
    }
}
