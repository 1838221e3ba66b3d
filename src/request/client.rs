//! Who asks: by its key, else by its address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderName, header};
use sha2::{Digest, Sha256};
use sluice_gate::policy;

use crate::budget::Bounds;
use crate::config::{Class, Config};
use crate::http::head::Head;
use crate::http::refuse::Refusal;
use crate::request::guesses::{self, Shown};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The name and class of its key, where it showed one that is set.
    pub key: Option<(String, Class)>,
    /// Its address, where the host tells it.
    pub address: Option<IpAddr>,
    /// When a key that it shows is looked at again, where its address has shown too many that are none.
    pub locked_out: Option<Duration>,
}

impl Client {
    /// Recognizes who sent this head, at a time of the monotonic clock. A key that is not set counts as none.
    pub fn recognize(config: &Config, head: &Head, now_ms: u64) -> Client {
        let address = address(config, head);
        let mut client = Client {
            key: None,
            address,
            locked_out: None,
        };
        let shown = shown_key(head).filter(|_| !config.keys.is_empty());
        match shown.map(|shown| guesses::look_at(&config.keys, shown, address, now_ms)) {
            Some(Shown::Known(key)) => client.key = Some((key.name.clone(), key.class)),
            Some(Shown::Unread { retry_after }) => client.locked_out = Some(retry_after),
            Some(Shown::Wrong) | None => {}
        }
        client
    }

    /// Lets in whoever has a key, or everybody where none is set.
    ///
    /// # Errors
    /// Keys are set and this client showed none of them.
    pub fn admit(&self, config: &Config) -> Result<(), Refusal> {
        if config.keys.is_empty() || self.key.is_some() {
            Ok(())
        } else {
            Err(Refusal::Unauthorized {
                retry_after: self.locked_out,
            })
        }
    }

    /// The class of its requests at the gate.
    pub fn gate_class(&self) -> policy::Class {
        match self.key {
            Some((_, Class::Batch)) => policy::Class::Batch,
            _ => policy::Class::Interactive,
        }
    }

    /// A number that stands for its key on the board; 0 without a key of its own: by address, or by a key that everybody
    /// shows, nobody is told apart there.
    pub fn fingerprint(&self) -> u64 {
        let Some((name, class)) = &self.key else {
            return 0;
        };
        if *class == Class::Shared {
            return 0;
        }
        let digest = Sha256::digest(name.as_bytes());
        digest
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
            .max(1)
    }

    /// How much may be held of the bodies that it sends: by all together, and by it alone where it is known by a key of its own.
    pub fn bounds(&self, config: &Config) -> Bounds {
        let fingerprint = self.fingerprint();
        Bounds {
            total: config.bodies_in_flight,
            client: (fingerprint != 0).then_some(fingerprint),
        }
    }

    /// Whether this is somebody who runs the place.
    pub fn is_operator(&self) -> bool {
        matches!(self.key, Some((_, Class::Operator)))
    }
}

/// For logs: the key's name or the address, never a secret.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, self.address) {
            (Some((name, _)), _) => write!(f, "key:{name}"),
            (None, Some(address)) => write!(f, "address:{address}"),
            (None, None) => f.write_str("unknown"),
        }
    }
}

fn shown_key(head: &Head) -> Option<&str> {
    let bearer = head.text(&header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| head.text(&HeaderName::from_static("x-api-key")))
}

/// Host and port that the client asked for: behind a listed proxy what the proxy says, since it may ask by another name.
pub fn asked_host(config: &Config, head: &Head) -> Option<String> {
    let peer = head.last_text("spin-client-addr").and_then(without_port);
    let forwarded = peer
        .filter(|peer| is_trusted(config, *peer))
        .and_then(|_| head.last_text("x-forwarded-host"))
        // Several proxies add one after the other.
        .and_then(|list| list.rsplit(',').next())
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty());
    forwarded.or_else(|| head.authority.clone())
}

fn is_trusted(config: &Config, address: IpAddr) -> bool {
    let mut proxies = config.trusted_proxies.iter();
    proxies.any(|proxy| proxy.contains(&address))
}

/// The address of the client: the trigger's last word, and behind a listed proxy the nearest address that is not one.
fn address(config: &Config, head: &Head) -> Option<IpAddr> {
    let peer = without_port(head.last_text("spin-client-addr")?)?;
    if !is_trusted(config, peer) {
        return Some(peer);
    }
    let forwarded: Vec<&str> = head
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    // From the right: what stands further left was said by whoever is further away, and may be made up.
    let mut nearest = peer;
    for hop in forwarded.into_iter().rev() {
        let Some(hop) = without_port(hop.trim()) else {
            break;
        };
        nearest = hop;
        if !is_trusted(config, hop) {
            break;
        }
    }
    Some(nearest)
}

fn without_port(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| text.parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
