//! Which pages of other origins may ask, and how origins are compared: the setting `cors_origins`.
//!
//! An origin is a scheme, a host and a port. A port that is the scheme's own counts as none, since a browser leaves it out.
//! Apps have schemes of their own (`app://obsidian.md`, `chrome-extension://…`, `tauri://localhost`).

/// The origins that were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    entries: Vec<Entry>,
    /// Which entries are none, counted from 1. They let nobody in.
    pub faulty: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Any,
    Origin {
        scheme: String,
        host: Host,
        port: Port,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Name(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    /// `None`: the scheme's own.
    One(Option<u16>),
}

impl Origins {
    /// From origins such as `https://example.org`, with `:*` for any port and `scheme://*` for any host, or `*`.
    pub fn listed<'a>(items: impl Iterator<Item = &'a str>) -> Origins {
        let mut origins = Origins::default();
        for (index, item) in items.enumerate() {
            match entry(item) {
                Some(entry) => origins.entries.push(entry),
                None => origins.faulty.push(index + 1),
            }
        }
        origins
    }

    /// Whether pages of this origin may ask.
    pub fn allow(&self, origin: &str) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Any => true,
            Entry::Origin { scheme, host, port } => split(origin).is_some_and(|(own, name, at)| {
                own == *scheme
                    && (*host == Host::Any || *host == Host::Name(name))
                    && (*port == Port::Any || *port == Port::One(at))
            }),
        })
    }
}

/// Whether a page of `origin` was loaded from `authority`, as far as host and port tell.
pub fn is_same_host(origin: &str, authority: &str) -> bool {
    let Some((scheme, ..)) = split(origin) else {
        return false;
    };
    split(origin) == split(&format!("{scheme}://{authority}"))
}

fn entry(item: &str) -> Option<Entry> {
    if item == "*" {
        return Some(Entry::Any);
    }
    // As it stands in the address bar.
    let item = item.strip_suffix('/').unwrap_or(item);
    if let Some(scheme) = item.strip_suffix("://*") {
        let (scheme, ..) = split(&format!("{scheme}://host"))?;
        return Some(Entry::Origin {
            scheme,
            host: Host::Any,
            port: Port::Any,
        });
    }
    let (origin, is_any_port) = match item.strip_suffix(":*") {
        Some(origin) => (origin, true),
        None => (item, false),
    };
    let (scheme, name, port) = split(origin)?;
    Some(Entry::Origin {
        scheme,
        host: Host::Name(name),
        port: match is_any_port {
            true if port.is_some() => return None,
            true => Port::Any,
            false => Port::One(port),
        },
    })
}

/// Scheme, host and port of an origin, as they are compared.
fn split(origin: &str) -> Option<(String, String, Option<u16>)> {
    let (scheme, authority) = origin.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A colon within brackets is an address's.
    let after_host = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority[after_host..].split_once(':') {
        Some((_, port)) => (
            &authority[..authority.len() - port.len() - 1],
            Some(port.parse::<u16>().ok()?),
        ),
        None => (authority, None),
    };
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~[]:".contains(&byte));
    let scheme = scheme.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = port.filter(|port| Some(*port) != own_port);
    (is_scheme && is_host).then(|| (scheme, host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Origins {
        Origins::listed(text.split([',', ' ']).filter(|item| !item.is_empty()))
    }

    fn allowed(list: &str, origin: &str) -> bool {
        listed(list).allow(origin)
    }

    #[test]
    fn an_origin_is_compared_as_browsers_write_it() {
        for (list, origin) in [
            ("https://app.example", "https://app.example"),
            ("https://APP.example/", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("http://app.example", "http://app.example:80"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("x, https://app.example", "https://app.example"),
            ("*", "anything at all"),
        ] {
            assert!(allowed(list, origin), "{list}: {origin}");
        }
        for (list, origin) in [
            ("", "https://app.example"),
            ("https://app.example", "http://app.example"),
            ("https://app.example", "https://app.example:8443"),
            ("https://app.example", "https://app.example.evil.example"),
            ("https://app.example", "https://evil.example"),
            ("https://app.example", "null"),
            ("http://localhost:5173", "http://localhost:5174"),
        ] {
            assert!(!allowed(list, origin), "{list}: {origin}");
        }
    }

    #[test]
    fn apps_and_extensions_can_be_listed_by_their_own_schemes() {
        let list =
            "app://obsidian.md,chrome-extension://abcdef,tauri://localhost,moz-extension://*";
        assert_eq!(listed(list).faulty, [0_usize; 0]);
        for origin in [
            "app://obsidian.md",
            "chrome-extension://abcdef",
            "tauri://localhost",
            "moz-extension://0f3a-11",
        ] {
            assert!(allowed(list, origin), "{origin}");
        }
        for origin in ["app://other", "chrome-extension://x", "http://localhost"] {
            assert!(!allowed(list, origin), "{origin}");
        }
    }

    #[test]
    fn any_port_is_a_star_and_stays_with_its_host() {
        for port in ["", ":80", ":3000"] {
            let origin = format!("http://localhost{port}");
            assert!(allowed("http://localhost:*", &origin), "{origin}");
        }
        assert!(!allowed(
            "http://localhost:*",
            "http://localhost.evil.example:80"
        ));
        assert!(!allowed("http://localhost:*", "https://localhost"));
    }

    #[test]
    fn an_entry_that_is_no_origin_lets_nobody_in_and_is_told() {
        let list = "app.example https://ok.example https://a/b http://a:x http://a:1:* ://a 1a://b https://*.a.example";
        assert_eq!(listed(list).faulty, [1, 3, 4, 5, 6, 7, 8]);
        assert!(allowed(list, "https://ok.example"));
        assert!(!allowed(list, "https://app.example"));
    }

    #[test]
    fn a_pages_own_host_has_the_default_port_or_none() {
        for (origin, host) in [
            ("http://chat.lan", "chat.lan"),
            ("http://chat.lan", "chat.lan:80"),
            ("https://chat.lan", "CHAT.lan:443"),
            ("https://chat.lan", "chat.lan"),
            ("http://chat.lan:8000", "chat.lan:8000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(is_same_host(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://chat.lan:8000", "chat.lan"),
            ("http://chat.lan", "chat.lan:443"),
            ("http://evil.example", "chat.lan"),
            ("null", "chat.lan"),
            ("http://chat.lan", ""),
            ("http://chat.lan", "chat.lan:x"),
        ] {
            assert!(!is_same_host(origin, host), "{origin} {host}");
        }
    }
}
