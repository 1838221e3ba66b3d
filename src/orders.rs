//! What an operator has ordered, on all hosts of the store: a notice for people, and which upstreams are drained.
//!
//! # Shape
//! One record in the store. It is read beside the breakers, so at most so often and before anybody comes to the gate; an upstream
//! that is drained has no room for more ([`crate::upstreams::breakers::room`]), and what runs there ends as it would.
//!
//! # Limits
//! Of two that are given at once the later one stands. A store that cannot be read changes nothing.

use std::cell::RefCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::store::{self, StoreError};

/// The longest notice, in characters.
pub const LONGEST_NOTICE: usize = 500;

/// What is ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// A sentence for everybody; empty: none.
    #[serde(default)]
    notice: String,
    /// The upstreams that get nothing new, as bits.
    #[serde(default)]
    drained: u8,
}

impl Orders {
    /// The sentence for everybody, where there is one.
    pub fn notice(&self) -> Option<&str> {
        Some(self.notice.as_str()).filter(|notice| !notice.is_empty())
    }

    /// Puts up a notice; an empty one takes it down.
    pub fn tell(&mut self, notice: &str) {
        notice.clone_into(&mut self.notice);
    }

    /// Whether an upstream gets nothing new.
    pub fn drains(&self, index: usize) -> bool {
        bit(index) & self.drained != 0
    }

    /// Orders that an upstream gets nothing new, or that it does again.
    pub fn drain(&mut self, index: usize, is_drained: bool) {
        if is_drained {
            self.drained |= bit(index);
        } else {
            self.drained &= !bit(index);
        }
    }
}

/// What is ordered, as far as it is known here.
pub fn known() -> Rc<Orders> {
    KNOWN.with_borrow(Rc::clone)
}

/// Reads what is ordered.
///
/// # Errors
/// The store cannot be read.
pub async fn refresh() -> Result<(), StoreError> {
    let bytes = store::read(KEY.to_owned()).await?;
    // What another release has written and this one cannot read orders nothing.
    let orders = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    KNOWN.set(Rc::new(orders.unwrap_or_default()));
    Ok(())
}

/// Changes what is ordered, and answers what is in force then.
///
/// # Errors
/// The store cannot be read or written.
pub async fn change(change: impl FnOnce(&mut Orders)) -> Result<Rc<Orders>, StoreError> {
    refresh().await?;
    let mut orders = (*known()).clone();
    change(&mut orders);
    if orders == Orders::default() {
        store::remove(KEY.to_owned()).await?;
    } else {
        let bytes = serde_json::to_vec(&orders).unwrap_or_default();
        store::write(KEY.to_owned(), bytes).await?;
    }
    let orders = Rc::new(orders);
    KNOWN.set(orders.clone());
    Ok(orders)
}

fn bit(index: usize) -> u8 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1_u8.checked_shl(index))
        .unwrap_or(0)
}

/// Beside those of the gate and of the breakers.
const KEY: &str = "sluice/orders";

thread_local! {
    static KNOWN: RefCell<Rc<Orders>> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_upstream_is_drained_and_resumed_for_itself() {
        let mut orders = Orders::default();
        orders.drain(1, true);
        orders.drain(7, true);
        orders.drain(8, true);
        let drained: Vec<usize> = (0..10).filter(|index| orders.drains(*index)).collect();
        assert_eq!(drained, [1, 7]);
        orders.drain(7, false);
        orders.drain(1, false);
        assert_eq!(orders, Orders::default());
    }

    #[test]
    fn what_another_release_adds_is_no_fault() {
        let read = serde_json::from_str::<Orders>(r#"{"notice":"Back at 5","until":7}"#).unwrap();
        assert_eq!((read.notice(), read.drains(0)), (Some("Back at 5"), false));
    }
}
