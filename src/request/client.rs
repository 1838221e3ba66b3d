//! Who asks: by its key, else by its address; and where a proxy asks for its users, by what it says of them.
//!
//! # Whom is believed
//! `client_header` counts with a key of class `proxy`, and from an address of `trusted_proxies`. The proxy has to overwrite what
//! its own clients sent under that name: two lines of it are taken for none.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
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
    /// Who it is to the proxy through which it asks.
    pub user: Option<User>,
    /// When a key that it shows is looked at again, where its address has shown too many that are none.
    pub locked_out: Option<Duration>,
}

/// A user of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As the proxy has it.
    name: String,
    /// Whether the log has the name, and not only a number that stands for it.
    is_logged: bool,
}

/// The longest name of a user, in bytes. What is longer is taken for none.
const LONGEST_NAME: usize = 256;

impl Client {
    /// Who sent this head, as far as that is known before its key is looked at.
    pub fn by_address(config: &Config, head: &Head) -> Client {
        let is_trusted = peer(head).is_some_and(|peer| is_trusted(config, peer));
        Client {
            key: None,
            address: address(config, head),
            user: is_trusted.then(|| user(config, head)).flatten(),
            locked_out: None,
        }
    }

    /// Looks at the key that was sent, at a time of the monotonic clock. One that is not set counts as none.
    pub fn recognize(&mut self, config: &Config, head: &Head, now_ms: u64) {
        let shown = shown_key(head).filter(|_| !config.keys.is_empty());
        match shown.map(|shown| guesses::look_at(&config.keys, shown, self.address, now_ms)) {
            Some(Shown::Known(key)) => self.key = Some((key.name.clone(), key.class)),
            Some(Shown::Unread { retry_after }) => self.locked_out = Some(retry_after),
            Some(Shown::Wrong) | None => {}
        }
        if matches!(self.key, Some((_, Class::Proxy))) {
            self.user = user(config, head);
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
            Err(Refusal::Unauthorized {
                retry_after: self.locked_out,
            })
        }
    }

    /// Lets in whoever runs the place, where keys are set or not.
    ///
    /// # Errors
    /// This client showed no operator's key.
    pub fn operate(&self) -> Result<(), Refusal> {
        match self.key {
            Some((_, Class::Operator)) => Ok(()),
            Some(_) => Err(Refusal::OperatorOnly),
            None => Err(Refusal::Unauthorized {
                retry_after: self.locked_out,
            }),
        }
    }

    /// The class of its request at the gate: that of its key, unless the operator lets the model, another name that it was asked
    /// by, or the request itself say that it can wait.
    pub fn gate_class(
        &self,
        config: &Config,
        headers: &HeaderMap,
        names: [&str; 2],
    ) -> policy::Class {
        let is_auxiliary = || {
            let class = headers.get("x-claude-code-request-class");
            class.is_some_and(|class| class == "auxiliary")
        };
        match self.key {
            Some((_, Class::Batch)) => policy::Class::Batch,
            _ if config.auxiliary_is_batch && is_auxiliary() => policy::Class::Batch,
            _ if names.iter().any(|name| config.is_batch_model(name)) => policy::Class::Batch,
            _ => policy::Class::Interactive,
        }
    }

    /// A number that stands for it on the board: for the user of a proxy, else for its key; 0 for one without a key of its own:
    /// by address, or by a key that everybody shows, nobody is told apart there.
    pub fn fingerprint(&self) -> u64 {
        let key = self.key.as_ref();
        match (&self.user, key) {
            // No name of a key has a NUL: it came as a variable of an environment or of a manifest.
            (Some(user), _) => number(&[key.map_or("", |(name, _)| name), "\0", &user.name]),
            (None, Some((_, Class::Shared)) | None) => 0,
            (None, Some((name, _))) => number(&[name]),
        }
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

/// For logs: the key's name or the address, and the user or the number that stands for it; never a secret.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, self.address) {
            (Some((name, _)), _) => write!(f, "key:{name}")?,
            (None, Some(address)) => write!(f, "address:{address}")?,
            (None, None) => f.write_str("unknown")?,
        }
        match &self.user {
            Some(user) if user.is_logged => write!(f, "/{}", user.name),
            Some(_) => write!(f, "/{:016x}", self.fingerprint()),
            None => Ok(()),
        }
    }
}

/// How a client is named by its number on the board, in the log and to an operator; `None` for those who are not told apart.
pub fn id(client: u64) -> Option<String> {
    (client != 0).then(|| format!("{client:016x}"))
}

/// How an operator is told of the client with this number on the board: by its key's name where that is all that it stands for,
/// else by the number itself, as the log has it; `None` for those who are not told apart.
pub fn named(config: &Config, client: u64) -> Option<String> {
    let mut keys = config.keys.iter();
    let key = keys.find(|key| key.class != Class::Shared && number(&[&key.name]) == client);
    key.map(|key| format!("key:{}", key.name))
        .or_else(|| id(client))
}

/// Who a proxy says that its user is.
fn user(config: &Config, head: &Head) -> Option<User> {
    let mut lines = head.headers.get_all(config.client_header.as_ref()?).iter();
    let (line, others) = (lines.next()?, lines.next());
    let name = line.to_str().ok()?.trim();
    let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && others.is_none();
    is_name.then(|| User {
        name: name.to_owned(),
        is_logged: config.log_clients,
    })
}

/// A number that stands for a text; never 0.
fn number(parts: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
    }
    let digest = digest.finalize();
    let bytes = digest.iter().take(8);
    bytes
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
        .max(1)
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
    let forwarded = peer(head)
        .filter(|peer| is_trusted(config, *peer))
        .and_then(|_| head.last_text("x-forwarded-host"))
        // Several proxies add one after the other.
        .and_then(|list| list.rsplit(',').next())
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty());
    forwarded.or_else(|| head.authority.clone())
}

/// Who has connected, as the trigger tells it.
fn peer(head: &Head) -> Option<IpAddr> {
    head.last_text("spin-client-addr").and_then(without_port)
}

fn is_trusted(config: &Config, address: IpAddr) -> bool {
    let mut proxies = config.trusted_proxies.iter();
    proxies.any(|proxy| proxy.contains(&address))
}

/// The address of the client: the trigger's last word, and behind a listed proxy the nearest address that is not one.
fn address(config: &Config, head: &Head) -> Option<IpAddr> {
    let peer = peer(head)?;
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
    // Some proxies write an IPv6 address in brackets without a port, too.
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = text
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| bare.unwrap_or(text).parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
