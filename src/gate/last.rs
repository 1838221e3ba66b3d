//! The last board that was read here, for all who ask.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::lock::Mutex;
use sluice_gate::board::Board;

/// The last board that was read, and when, on the monotonic clock.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) last: RefCell<Option<(u64, Rc<Board>)>>,
    /// When a reading last failed.
    pub(super) failed_ms: Cell<Option<u64>>,
    /// Held by whoever reads.
    pub(super) one_at_a_time: Mutex<()>,
}
