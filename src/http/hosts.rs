//! Which names this server answers to, whatever its address: the setting `allowed_hosts`.
//!
//! # Why
//! A page of any site can let its own name resolve to this server's address (DNS rebinding). To a browser the two are one
//! origin then, so the page may read and ask; only the name in `host` tells. A server that asks for a key is safe without
//! this: the page has none.
//!
//! # What is let in
//! Where the list is empty: every name if a key is set, else the local ones. A list adds its names to the local ones.
//! Local is what no stranger can own: an address, a name without a dot, and names below `LOCAL`.

use std::net::IpAddr;

/// Names below these are handed out by whoever runs the network, and by nobody else.
const LOCAL: [&str; 8] = [
    "localhost",
    "local",
    "internal",
    "lan",
    "home",
    "home.arpa",
    "svc",
    "ts.net",
];

/// The longest name that the DNS has.
const MAX_NAME: usize = 253;

/// The names that were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    entries: Vec<Entry>,
    /// Which entries are none, counted from 1. They let nobody in.
    pub faulty: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Any,
    Name(String),
    /// Names below it, itself not.
    Below(String),
}

impl Hosts {
    /// From names, `*.name` for those below a name, or `*`.
    pub fn listed<'a>(items: impl Iterator<Item = &'a str>) -> Hosts {
        let mut hosts = Hosts::default();
        for (index, item) in items.enumerate() {
            match entry(item) {
                Some(entry) => hosts.entries.push(entry),
                None => hosts.faulty.push(index + 1),
            }
        }
        hosts
    }

    /// Whether this server answers to a host, with or without its port.
    pub fn allows(&self, authority: &str, has_keys: bool) -> bool {
        let name = name_of(authority);
        let is_listed = self.entries.iter().any(|entry| match entry {
            Entry::Any => true,
            Entry::Name(own) => *own == name,
            Entry::Below(parent) => is_below(&name, parent),
        });
        is_listed || (has_keys && self.entries.is_empty()) || is_local(&name)
    }
}

/// The name in a `host` header or an authority, as names are compared: no port, no dot at its end, small letters.
pub fn name_of(authority: &str) -> String {
    let name = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, _)) => address,
        None if authority.parse::<IpAddr>().is_ok() => authority,
        None => authority
            .split_once(':')
            .map_or(authority, |(name, _)| name),
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn entry(item: &str) -> Option<Entry> {
    if item == "*" {
        return Some(Entry::Any);
    }
    let (name, is_parent) = match item.strip_prefix("*.") {
        Some(parent) => (parent, true),
        None => (item, false),
    };
    if name.contains('/') {
        return None;
    }
    let name = name_of(name);
    let is_address = name.parse::<IpAddr>().is_ok();
    match is_parent {
        _ if !is_name(&name) && !is_address => None,
        true => (!is_address).then_some(Entry::Below(name)),
        false => Some(Entry::Name(name)),
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

fn is_local(name: &str) -> bool {
    // An empty host is no browser's.
    name.is_empty()
        || name.parse::<IpAddr>().is_ok()
        || (is_name(name) && !name.contains('.'))
        || LOCAL.iter().any(|parent| is_below(name, parent))
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Hosts {
        Hosts::listed(text.split([',', ' ']).filter(|item| !item.is_empty()))
    }

    #[test]
    fn without_a_key_only_local_names_are_answered_to() {
        let none = listed("");
        for host in [
            "127.0.0.1:3000",
            "192.168.1.5",
            "[::1]:3000",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:3000",
            "localhost.",
            "ollama",
            "my-box:80",
            "chat.localhost",
            "box.local:3000",
            "gw.internal",
            "nas.lan",
            "box.home",
            "a.b.home.arpa",
            "sluice.team.svc",
            "box.tail1234.ts.net",
            "",
        ] {
            assert!(none.allows(host, false), "{host}");
        }
        for host in [
            "evil.example:3000",
            "localhost.evil.example",
            "local.evil.example",
            "evillocal.example",
            "xlocalhost.com",
            "ts.net.evil.example",
            "ts.net",
            "127.0.0.1.nip.io",
            "127.1",
            "user@localhost",
            ".local",
            "a b.local",
        ] {
            assert!(!none.allows(host, false), "{host}");
        }
    }

    #[test]
    fn with_a_key_every_name_is_answered_to_until_some_are_listed() {
        assert!(listed("").allows("evil.example", true));
        let one = listed("chat.school.example");
        assert!(one.allows("chat.school.example:8443", true));
        assert!(one.allows("127.0.0.1:3000", true));
        assert!(!one.allows("evil.example", true));
    }

    #[test]
    fn a_star_takes_what_is_below_a_name_or_everything() {
        let below = listed("*.School.example, other.example.");
        for host in ["a.school.example", "a.b.school.example:1", "other.example"] {
            assert!(below.allows(host, false), "{host}");
        }
        for host in ["school.example", "evilschool.example", "a.other.example"] {
            assert!(!below.allows(host, false), "{host}");
        }
        assert!(listed("*").allows("evil.example", false));
    }

    #[test]
    fn an_entry_that_is_no_name_lets_nobody_in_and_is_told() {
        let some = listed("https://a.example b.example, *.*, *.127.0.0.1 c..example ü.example");
        assert_eq!(some.faulty, [1, 3, 4, 5, 6]);
        assert!(some.allows("b.example", false));
        for host in ["a.example", "c.example", "x.127.0.0.1"] {
            assert!(!some.allows(host, false), "{host}");
        }
        // With none that is one, it is as if there were no list.
        assert!(listed("https://a.example").allows("b.example", true));
        assert!(!listed("https://a.example").allows("b.example", false));
    }
}
