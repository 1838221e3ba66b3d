//! Who asks: by its key, else by its address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, header};
use sha2::{Digest, Sha256};
use sluice_gate::Lane;

use crate::config::{ApiKey, Class, Config};
use crate::http::head::Head;
use crate::http::refuse::Refusal;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The name and class of its key, where it showed one that is set.
    pub key: Option<(String, Class)>,
    /// Its address, where the host tells it.
    pub address: Option<IpAddr>,
}

impl Client {
    /// Recognizes who sent this head. A key that is not set counts as none.
    pub fn recognize(config: &Config, head: &Head) -> Client {
        let key = shown_key(head).and_then(|shown| ApiKey::find(&config.keys, shown));
        Client {
            key: key.map(|key| (key.name.clone(), key.class)),
            address: address(config, head),
        }
    }

    /// Lets in whoever has a key, or everybody where none is set.
    ///
    /// # Errors
    /// Keys are set and this client showed none of them.
    pub fn admit(&self, config: &Config) -> Result<(), Refusal> {
        if config.keys.is_empty() || self.key.is_some() {
            Ok(())
        } else {
            Err(Refusal::Unauthorized)
        }
    }

    /// The line that its class stands in, whatever else it has at the gate.
    pub fn lane(&self) -> Lane {
        match self.key {
            Some((_, Class::Batch)) => Lane::Batch,
            _ => Lane::Main,
        }
    }

    /// A number that stands for its key in the line's records; 0 without a key of its own: by address, or by a key that everybody
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

/// The address of the client: the trigger's last word, and behind a listed proxy the nearest address that is not one.
fn address(config: &Config, head: &Head) -> Option<IpAddr> {
    let peer = without_port(head.last_text("spin-client-addr")?)?;
    let is_trusted = |address: IpAddr| {
        config
            .trusted_proxies
            .iter()
            .any(|proxy| proxy.contains(&address))
    };
    if !is_trusted(peer) {
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
        if !is_trusted(hop) {
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
