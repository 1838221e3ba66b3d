//! Who is to be woken when something changes.

use std::cell::RefCell;
use std::task::Waker;

use sluice_gate::instance::{Phase, RequestNo};

/// The tasks that wait for the next change, whatever it is: any number, each registered once.
#[derive(Default)]
pub(super) struct Wakers(RefCell<Vec<Waker>>);

impl Wakers {
    /// Wakes this task at the next change, and never after it.
    pub(super) fn register(&self, waker: &Waker) {
        let mut wakers = self.0.borrow_mut();
        if !wakers.iter().any(|own| own.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Something changed.
    pub(super) fn wake(&self) {
        let wakers = self.0.take();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The tasks that wait until a request is in another phase. Many requests wait while one of them starts: only that one is woken.
#[derive(Default)]
pub(super) struct PhaseWakers(RefCell<Vec<(RequestNo, Phase, Waker)>>);

impl PhaseWakers {
    /// Wakes this task once `request` is in another phase than `last`.
    pub(super) fn register(&self, request: RequestNo, last: Phase, waker: &Waker) {
        let mut waiting = self.0.borrow_mut();
        let is_known = |(number, phase, own): &(RequestNo, Phase, Waker)| {
            *number == request && *phase == last && own.will_wake(waker)
        };
        if !waiting.iter().any(is_known) {
            waiting.push((request, last, waker.clone()));
        }
    }

    /// Wakes those whose request has changed.
    pub(super) fn wake(&self, phase_of: impl Fn(RequestNo) -> Phase) {
        let changed =
            |(request, last, _): &mut (RequestNo, Phase, Waker)| phase_of(*request) != *last;
        let woken: Vec<_> = self.0.borrow_mut().extract_if(.., changed).collect();
        woken.into_iter().for_each(|(.., waker)| waker.wake());
    }

    /// Wakes them all.
    pub(super) fn wake_all(&self) {
        let waiting = self.0.take();
        waiting.into_iter().for_each(|(.., waker)| waker.wake());
    }
}
