//! The memory for bodies: how many bytes of requests, and of answers that are read whole, an instance holds at once.
//!
//! # Why
//! An instance serves up to 128 requests from one memory. Bodies without a common bound would end in a trap that silences
//! them all.
//!
//! # How
//! Whoever holds bytes holds a [`Share`] beside them, for as long as the bytes are there: while they come, while their
//! request waits, while they are sent. It is given back by being dropped. Where clients have keys, one of them holds a
//! quarter at most. A little more than all there is, is for those who say little: pictures that fill it stop no chat without one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// How much may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// By all together, in bytes.
    pub total: usize,
    /// Whose it is, by a number, if one client's part is bounded.
    pub client: Option<u64>,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Bytes that are held, given back on drop.
#[derive(Debug)]
pub struct Share {
    bounds: Bounds,
    bytes: usize,
}

/// One client holds at most one part in so many; a body is at most so large too.
pub const PARTS: usize = 4;

/// A share of at most so many bytes is small: a conversation without a picture.
const SMALL: usize = 64 << 10;

/// One part in so many is there for small shares besides.
const SPARE: usize = 16;

impl Share {
    /// Of nothing yet.
    pub fn new(bounds: Bounds) -> Share {
        Share { bounds, bytes: 0 }
    }

    /// So many bytes more are going to be held.
    ///
    /// # Errors
    /// All together, or this client alone, would hold too much. Nothing has changed then.
    pub fn grow(&mut self, by: usize) -> Result<(), Full> {
        let Bounds { total, client } = self.bounds;
        let is_small = self.bytes.saturating_add(by) <= SMALL;
        let spare = if is_small { total / SPARE } else { 0 };
        let is_too_much = |held: usize, most: usize| held.saturating_add(by) > most;
        if is_too_much(held(), total.saturating_add(spare))
            || client.is_some_and(|client| is_too_much(held_by(client), total / PARTS))
        {
            return Err(Full);
        }
        self.set(self.bytes.saturating_add(by));
        Ok(())
    }

    /// So many bytes are held from now on, be they more or fewer.
    ///
    /// # Errors
    /// As with [`Share::grow`].
    pub fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            return self.grow(more);
        }
        self.set(bytes);
        Ok(())
    }

    /// So many bytes are held now: fewer, or what is held already in another form.
    pub fn set(&mut self, bytes: usize) {
        HELD.set((held() + bytes).saturating_sub(self.bytes));
        if let Some(client) = self.bounds.client {
            BY_CLIENT.with_borrow_mut(|clients| {
                let of_client = clients.entry(client).or_default();
                *of_client = (*of_client + bytes).saturating_sub(self.bytes);
                if *of_client == 0 {
                    clients.remove(&client);
                }
            });
        }
        self.bytes = bytes;
    }

    /// How many bytes these are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// How many bytes this instance holds.
pub fn held() -> usize {
    HELD.get()
}

fn held_by(client: u64) -> usize {
    BY_CLIENT.with_borrow(|clients| clients.get(&client).copied().unwrap_or(0))
}

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static BY_CLIENT: RefCell<HashMap<u64, usize>> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn of(client: Option<u64>) -> Share {
        Share::new(Bounds {
            total: 100 * MIB,
            client,
        })
    }

    #[test]
    fn all_together_are_bounded_and_a_dropped_share_is_free_again() {
        let (mut one, mut other) = (of(None), of(None));
        assert_eq!(one.grow(25 * MIB), Ok(()));
        let more: Vec<Share> = (0..3)
            .map(|_| {
                let mut share = of(None);
                share.grow(25 * MIB).unwrap();
                share
            })
            .collect();
        assert_eq!(other.grow(MIB), Err(Full));
        assert_eq!((other.bytes(), held()), (0, 100 * MIB));
        drop(more);
        assert_eq!(other.grow(25 * MIB), Ok(()));
        drop((one, other));
        assert_eq!(held(), 0);
    }

    #[test]
    fn one_client_holds_a_quarter_whatever_is_free() {
        let (mut one, mut second, mut other) = (of(Some(1)), of(Some(1)), of(Some(2)));
        assert_eq!(one.grow(20 * MIB), Ok(()));
        assert_eq!(second.grow(6 * MIB), Err(Full));
        assert_eq!(second.grow(5 * MIB), Ok(()));
        assert_eq!(other.grow(25 * MIB), Ok(()));
        drop(one);
        assert_eq!(second.grow(20 * MIB), Ok(()));
        drop((second, other));
        assert!(BY_CLIENT.with_borrow(HashMap::is_empty));
    }

    #[test]
    fn what_is_there_in_another_form_is_counted_even_beyond_the_bound() {
        let mut share = of(Some(1));
        share.grow(25 * MIB).unwrap();
        share.set(40 * MIB);
        assert_eq!((held(), held_by(1)), (40 * MIB, 40 * MIB));
        share.set(10 * MIB);
        assert_eq!((held(), share.bytes()), (10 * MIB, 10 * MIB));
        assert_eq!(share.grow(15 * MIB), Ok(()));
    }

    #[test]
    fn who_says_little_is_heard_where_the_rest_is_full() {
        let mut large = of(None);
        large.grow(100 * MIB).unwrap();
        let mut growing = of(None);
        assert_eq!(growing.grow(SMALL), Ok(()));
        assert_eq!(growing.grow(1), Err(Full));
        let small = || {
            let mut share = of(None);
            share.grow(SMALL).map(|()| share)
        };
        let many: Vec<_> = std::iter::from_fn(|| small().ok()).collect();
        assert_eq!(many.len() + 1, 100 * MIB / SPARE / SMALL);
        drop((large, growing, many));
        assert_eq!(held(), 0);
    }
}
