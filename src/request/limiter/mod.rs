//! Requests per client: a token bucket for each key and each user of a proxy, else for each address, told in `RateLimit` and `RateLimit-Policy`.
//!
//! # How several instances agree
//! An instance decides by what it knows. Of a client that is new to it, it reads what all have let in: an instance lives for a
//! second of quiet or some hundred requests, and the next one must not begin with a full bucket. What it has let in it adds to
//! a counter in the store, after the request has gone out and not before every sixteenth of a burst, and learns from the sum
//! what the others have let in. So no write stands before the first token and a quiet client costs none; over any longer time
//! the limit holds over all instances and hosts, while each of them may let in a sixteenth of a burst, or what comes within a
//! tenth of a second, before the others know.
//!
//! # Limits
//! Addresses fall into 4,096 slots and users into 65,536, so that the number of counters is bounded whatever comes; two in one
//! slot share a limit, and so do those of one IPv6 network (`/64`). Clients whose address the host does not tell are taken for one.
//! Only what is let in takes a token: who asks too often does not wait the longer for it.

mod bucket;
mod sharing;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use sluice_gate::Now;

use crate::clock;
use crate::config::Config;
use crate::http::refuse::Refusal;
use crate::request::client::Client;
use bucket::{Allowance, Bucket, Learned, Taken};

/// How many addresses are told apart.
const SLOTS: u16 = 4096;

/// What one bucket is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    /// A key, by its fingerprint.
    Key(u64),
    /// The users of proxies that fall here.
    User(u16),
    /// The addresses that fall here.
    Address(u16),
}

/// Lets a request that came at this moment in or not, and says in `headers` how its client stands, either way.
///
/// # Errors
/// The client asks too often; it is told when it may ask again.
pub async fn check(
    config: &Config,
    client: &Client,
    came: Now,
    headers: &mut HeaderMap,
) -> Result<(), Refusal> {
    let mut now = came;
    // A key that everybody shows tells nobody apart.
    let slot = match (client.fingerprint(), &client.user) {
        (0, _) => Slot::of(client.address),
        (key, None) => Slot::Key(key),
        (user, Some(_)) => Slot::User(u16::try_from(user >> 48).unwrap_or_default()),
    };
    let Some(allowance) = slot.allowance(config) else {
        return Ok(());
    };
    if !BUCKETS.with_borrow(|buckets| buckets.contains_key(&slot)) {
        // A store that is away refuses nobody here: the gate does.
        let learned = sharing::ask(slot).await.ok();
        now = clock::now();
        meet(slot, allowance, learned, now);
    }
    let (taken, is_due) = BUCKETS.with_borrow_mut(|buckets| {
        let bucket = buckets
            .entry(slot)
            .or_insert_with(|| Bucket::full(allowance, now));
        (bucket.take(allowance, now), bucket.is_due(allowance))
    });
    if is_due {
        sharing::soon();
    }
    tell(slot, allowance, taken, headers);
    match taken {
        Taken::Yes { .. } => Ok(()),
        Taken::No { retry_after } => Err(Refusal::RateLimited { retry_after }),
    }
}

/// A bucket for whoever is new to this instance, as full as what all have let in leaves it.
fn meet(slot: Slot, allowance: Allowance, learned: Option<Learned>, now: Now) {
    let mut bucket = Bucket::full(allowance, now);
    if let Some(learned) = learned {
        bucket.learn(allowance, now, learned);
    }
    // Another request of the same client may have been quicker.
    BUCKETS.with_borrow_mut(|buckets| _ = buckets.entry(slot).or_insert(bucket));
}

/// The fields of draft-ietf-httpapi-ratelimit-headers: the policy is one burst in the time that a burst takes to come back.
fn tell(slot: Slot, allowance: Allowance, taken: Taken, headers: &mut HeaderMap) {
    let name = match slot {
        Slot::Key(_) => "key",
        Slot::User(_) => "user",
        Slot::Address(_) => "address",
    };
    let (left, seconds) = match taken {
        Taken::Yes { left, full_after } => (left, bucket::whole_seconds(full_after)),
        Taken::No { retry_after } => (0, bucket::whole_seconds(retry_after)),
    };
    let burst = allowance.burst();
    let window = bucket::whole_seconds(allowance.time_for(burst));
    for (field, value) in [
        (POLICY, format!("\"{name}\";q={burst};w={window}")),
        (STANDING, format!("\"{name}\";r={left};t={seconds}")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(field, value);
        }
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

impl Slot {
    /// `None`: no limit.
    fn allowance(self, config: &Config) -> Option<Allowance> {
        match self {
            Slot::Key(_) | Slot::User(_) => {
                Allowance::new(config.rate_limit, config.rate_limit_burst)
            }
            Slot::Address(_) => {
                Allowance::new(config.rate_limit_address, config.rate_limit_address_burst)
            }
        }
    }

    /// The slot of an address: the same on every host.
    fn of(address: Option<IpAddr>) -> Slot {
        let digest = match address {
            None => return Slot::Address(SLOTS),
            Some(IpAddr::V4(address)) => Sha256::digest(address.octets()),
            // Whoever has one IPv6 address has all of its network.
            Some(IpAddr::V6(address)) => Sha256::digest(&address.octets()[..8]),
        };
        let number = digest
            .iter()
            .take(2)
            .fold(0, |number, byte| number << 8 | u16::from(*byte));
        Slot::Address(number % SLOTS)
    }
}

thread_local! {
    static BUCKETS: RefCell<HashMap<Slot, Bucket>> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::config::tests::config_with;

    fn client(key: Option<&str>, address: &str) -> Client {
        Client {
            key: key.map(|name| (name.to_owned(), crate::config::Class::Interactive)),
            address: address.parse().ok(),
            user: None,
            locked_out: None,
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_slot_and_others_seldom_do() {
        let slot = |text: &str| Slot::of(text.parse().ok());
        assert_eq!(slot("2001:db8::1"), slot("2001:db8::ffff:1"));
        assert_ne!(slot("2001:db8::1"), slot("2001:db8:0:1::1"));
        assert_ne!(slot("192.0.2.1"), slot("192.0.2.2"));
        assert_ne!(slot("nothing that is known"), slot("192.0.2.1"));
        let slots: std::collections::HashSet<_> = (0..=255)
            .map(|last| slot(&format!("192.0.2.{last}")))
            .collect();
        assert!(slots.len() > 230, "{}", slots.len());
    }

    #[test]
    fn without_a_limit_nothing_is_told_or_refused() {
        let config = config_with(&[("rate_limit", "0"), ("rate_limit_address", "0")]);
        let mut headers = HeaderMap::new();
        for key in [None, Some("lab")] {
            for _ in 0..1_000 {
                assert_eq!(
                    check(
                        &config,
                        &client(key, "192.0.2.1"),
                        Now::default(),
                        &mut headers
                    )
                    .now_or_never(),
                    Some(Ok(()))
                );
            }
        }
        assert!(headers.is_empty());
    }
}
