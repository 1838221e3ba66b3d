//! Keys that are none: how many an address may show before what it shows is no longer looked at.
//!
//! # Why
//! Comparing costs little, but whoever may try as often as they like finds a weak key in the end, and each try is a line in
//! the log.
//!
//! # Limits
//! Kept by each instance for itself. Who shares an address with somebody who guesses is still let in with a key that nobody
//! guesses, being long, and with one that this instance has accepted before: it may be new itself, and know none yet. A short
//! key that it has not seen waits with the others.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use crate::config::ApiKey;

/// How many wrong keys an address may show within [`WINDOW_MS`].
const MAX_WRONG: u32 = 10;

/// A minute, in milliseconds.
const WINDOW_MS: u64 = 60_000;

/// How many addresses are told apart; beyond that all of them begin anew.
const MAX_ADDRESSES: usize = 4096;

/// What a key that was shown is.
#[derive(Clone, Debug)]
pub enum Shown<'a> {
    /// One that is set.
    Known(&'a ApiKey),
    /// None that is set.
    Wrong,
    /// Not looked at.
    Unread {
        /// When it will be.
        retry_after: Duration,
    },
}

/// Compares a key that somebody at an address has shown with those that are set.
pub fn look_at<'a>(
    keys: &'a [ApiKey],
    shown: &str,
    address: Option<IpAddr>,
    now_ms: u64,
) -> Shown<'a> {
    STATE.with_borrow_mut(|state| state.look_at(keys, shown, address, now_ms))
}

#[derive(Debug, Default)]
struct State {
    wrong: HashMap<Option<IpAddr>, Wrong>,
    /// The names of keys that were shown here.
    accepted: BTreeSet<String>,
}

#[derive(Debug)]
struct Wrong {
    since_ms: u64,
    times: u32,
}

impl State {
    fn look_at<'a>(
        &mut self,
        keys: &'a [ApiKey],
        shown: &str,
        address: Option<IpAddr>,
        now_ms: u64,
    ) -> Shown<'a> {
        let address = address.map(network);
        let is_over = |wrong: &Wrong| now_ms.saturating_sub(wrong.since_ms) >= WINDOW_MS;
        if self.wrong.get(&address).is_some_and(is_over) {
            self.wrong.remove(&address);
        }
        let locked = self
            .wrong
            .get(&address)
            .filter(|wrong| wrong.times >= MAX_WRONG);
        if let Some(wrong) = locked {
            let is_looked_for = |key: &&ApiKey| key.is_long() || self.accepted.contains(&key.name);
            let left_ms = (wrong.since_ms + WINDOW_MS).saturating_sub(now_ms);
            return ApiKey::find(keys.iter().filter(is_looked_for), shown).map_or(
                Shown::Unread {
                    retry_after: Duration::from_millis(left_ms),
                },
                Shown::Known,
            );
        }
        if let Some(key) = ApiKey::find(keys, shown) {
            if !self.accepted.contains(&key.name) {
                self.accepted.insert(key.name.clone());
            }
            return Shown::Known(key);
        }
        if self.wrong.len() >= MAX_ADDRESSES {
            self.wrong.retain(|_, wrong| !is_over(wrong));
            if self.wrong.len() >= MAX_ADDRESSES {
                self.wrong.clear();
            }
        }
        let wrong = self.wrong.entry(address).or_insert(Wrong {
            since_ms: now_ms,
            times: 0,
        });
        wrong.times += 1;
        Shown::Wrong
    }
}

/// Whoever has one IPv6 address has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config_with;

    #[test]
    fn after_ten_wrong_keys_an_address_gets_in_with_a_key_that_was_accepted_before_alone() {
        let config = config_with(&[("api_keys", "one:interactive:first two:batch:second")]);
        let mut state = State::default();
        let mut look = |shown: &str, address: &str, now_ms| match state.look_at(
            &config.keys,
            shown,
            address.parse().ok(),
            now_ms,
        ) {
            Shown::Known(key) => key.name.clone(),
            Shown::Wrong => "wrong".to_owned(),
            Shown::Unread { retry_after } => format!("in {} s", retry_after.as_secs()),
        };
        assert_eq!(look("first", "192.0.2.1", 0), "one");
        for n in 0..10 {
            assert_eq!(look("guess", "192.0.2.1", n), "wrong");
        }
        assert_eq!(look("guess", "192.0.2.1", 30_000), "in 30 s");
        assert_eq!(look("first", "192.0.2.1", 30_000), "one");
        assert_eq!(look("second", "192.0.2.1", 30_000), "in 30 s");
        // Others are not touched, and a minute later nor is this one.
        assert_eq!(look("second", "192.0.2.2", 30_000), "two");
        assert_eq!(look("guess", "192.0.2.1", 60_000), "wrong");
    }

    #[test]
    fn a_long_key_gets_in_beside_a_flood_of_wrong_ones_at_an_instance_that_is_new() {
        let long = "3f9ac1d07be24586a1d2c3b4";
        let keys = format!("long:interactive:{long} short:interactive:second");
        let config = config_with(&[("api_keys", keys.as_str())]);
        let mut state = State::default();
        let mut look = |shown: &str| state.look_at(&config.keys, shown, None, 0);
        for _ in 0..100 {
            look("guess");
        }
        assert!(matches!(look(long), Shown::Known(key) if key.name == "long"));
        assert!(matches!(look(&long[1..]), Shown::Unread { .. }));
        assert!(matches!(look("second"), Shown::Unread { .. }));
    }

    #[test]
    fn an_ipv6_network_is_one_and_the_number_of_addresses_is_bounded() {
        let config = config_with(&[("api_key", "s3cret")]);
        let mut state = State::default();
        for n in 0..10 {
            let address = format!("2001:db8::{n}").parse().ok();
            state.look_at(&config.keys, "guess", address, 0);
        }
        assert_eq!(state.wrong.len(), 1);
        let address = "2001:db8::ffff".parse().ok();
        let shown = state.look_at(&config.keys, "guess", address, 0);
        assert!(matches!(shown, Shown::Unread { .. }));
        for n in 0..2 * u32::try_from(MAX_ADDRESSES).unwrap() {
            let address = Some(IpAddr::V4(n.into()));
            state.look_at(&config.keys, "guess", address, 0);
            assert!(state.wrong.len() <= MAX_ADDRESSES);
        }
    }
}
