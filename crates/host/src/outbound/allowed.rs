//! `allowed_outbound_hosts`: which origins a component may send requests to.
//!
//! An entry is `scheme://host[:port]`. The scheme may be `*`; the host may be `*` or `*.domain`; the port may be `*` or
//! `low..high` (without `high`), and is the scheme's own when absent. An entry has no path. As on Spin an entry made by
//! templates that comes out empty is skipped, so that an optional upstream can be an empty variable.
//!
//! # What it does not do
//! `self`, `*.spin.internal` (requests to the application's own components) and address ranges are refused at start.

use std::ops::Range;

use http::Uri;
use url::Host;

use crate::variables::{self, Variables};

/// The origins that one component may send requests to.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq)]
struct Entry {
    /// None: any.
    scheme: Option<String>,
    host: HostRule,
    /// None: any.
    ports: Option<Range<u32>>,
}

#[derive(Debug, PartialEq)]
enum HostRule {
    Any,
    /// With its leading dot.
    Subdomains(String),
    Exactly(Host),
}

impl AllowedHosts {
    /// Expands and checks the manifest's entries.
    pub(crate) fn parse(entries: &[String], variables: &Variables) -> Result<Self, String> {
        let mut allowed = Vec::new();
        for text in entries {
            let expanded = variables.expand(text)?;
            let empty = matches!(expanded.as_str(), "" | "http://" | "https://");
            if empty && variables::is_template(text) {
                continue;
            }
            let entry =
                Entry::parse(expanded.trim()).map_err(|reason| format!("`{text}`: {reason}"))?;
            allowed.push(entry);
        }
        Ok(Self { entries: allowed })
    }

    /// Whether a request to `uri` is allowed. A URI without scheme or host is not.
    pub(crate) fn allow(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let (Ok(host), Some(port)) = (
            Host::parse(host),
            uri.port_u16().or_else(|| default_port(scheme)),
        ) else {
            return false;
        };
        self.entries
            .iter()
            .any(|entry| entry.allows(scheme, &host, port))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it must be scheme://host[:port]")?;
        if scheme != "*" && (scheme.is_empty() || !scheme.chars().all(char::is_alphabetic)) {
            return Err("the scheme must be a word or `*`".into());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err("it must not have a path: an origin is allowed as a whole".into());
        }
        let (host, port) = split_port(rest);
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_ascii_lowercase()),
            host: HostRule::parse(host)?,
            ports: parse_ports(port, scheme)?,
        })
    }

    fn allows(&self, scheme: &str, host: &Host<String>, port: u16) -> bool {
        self.scheme
            .as_deref()
            .is_none_or(|allowed| allowed == scheme)
            && self.host.allows(host)
            && self
                .ports
                .as_ref()
                .is_none_or(|ports| ports.contains(&port.into()))
    }
}

impl HostRule {
    fn parse(host: &str) -> Result<Self, String> {
        if host == "*" {
            return Ok(Self::Any);
        }
        if matches!(host, "self" | "self.alt") || host.ends_with("spin.internal") {
            return Err("requests to the application itself are not supported by this host".into());
        }
        if let Some(domain) = host.strip_prefix("*.") {
            return match Host::parse(domain) {
                Ok(Host::Domain(domain)) => Ok(Self::Subdomains(format!(".{domain}"))),
                _ => Err(format!("`{domain}` is not a domain")),
            };
        }
        if host.contains('*') {
            return Err("`*` may stand for the host or for its first part only".into());
        }
        Host::parse(host)
            .map(Self::Exactly)
            .map_err(|_| format!("`{host}` is not a host"))
    }

    fn allows(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomains(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Subdomains(_), _) => false,
            (Self::Exactly(allowed), host) => allowed == host,
        }
    }
}

/// Splits at the last colon, unless that is part of an IPv6 address (`[::1]`).
fn split_port(text: &str) -> (&str, &str) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    }
}

fn parse_ports(text: &str, scheme: &str) -> Result<Option<Range<u32>>, String> {
    let number = |text: &str| {
        text.parse::<u16>()
            .map(u32::from)
            .map_err(|_| format!("`{text}` is not a port"))
    };
    match text {
        "*" => Ok(None),
        "" => {
            let port = default_port(scheme)
                .ok_or_else(|| format!("`{scheme}` has no default port: give one"))?;
            Ok(Some(port.into()..u32::from(port) + 1))
        }
        _ => match text.split_once("..") {
            Some((low, high)) => Ok(Some(number(low)?..number(high)?)),
            None => number(text).map(|port| Some(port..port + 1)),
        },
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn variables(values: &[(&str, &str)]) -> Variables {
        let declared = values
            .iter()
            .map(|(name, value)| format!("{name} = {{ default = \"{value}\" }}\n"));
        let declared = toml::from_str(&declared.collect::<String>()).unwrap();
        Variables::resolve(&declared, &BTreeMap::new(), &BTreeMap::new()).unwrap()
    }

    fn allowed(entries: &[&str]) -> Result<AllowedHosts, String> {
        let entries: Vec<String> = entries.iter().map(|entry| entry.to_string()).collect();
        AllowedHosts::parse(
            &entries,
            &variables(&[("host", "http://one:1234"), ("none", "")]),
        )
    }

    #[track_caller]
    fn check(entry: &str, yes: &[&str], no: &[&str]) {
        let allowed = allowed(&[entry]).unwrap();
        for uri in yes {
            assert!(
                allowed.allow(&uri.parse().unwrap()),
                "{entry} should allow {uri}"
            );
        }
        for uri in no {
            assert!(
                !allowed.allow(&uri.parse().unwrap()),
                "{entry} should not allow {uri}"
            );
        }
    }

    #[test]
    fn scheme_host_and_port_must_all_match() {
        check(
            "http://one",
            &["http://one/a/b?c", "http://one:80/", "http://ONE/"],
            &[
                "https://one/",
                "http://one:81/",
                "http://two/",
                "http://one.two/",
                "/relative",
            ],
        );
        check(
            "https://one:8443",
            &["https://one:8443/"],
            &["https://one/", "http://one:8443/"],
        );
        check(
            "http://127.0.0.1:11434",
            &["http://127.0.0.1:11434/"],
            &["http://127.0.0.2:11434/"],
        );
        check("http://[::1]:80", &["http://[::1]/"], &["http://[::2]/"]);
    }

    #[test]
    fn wildcards_stand_for_scheme_subdomains_host_and_port() {
        check(
            "*://one:*",
            &["http://one:1/", "https://one:2/"],
            &["http://two/"],
        );
        check(
            "https://*.one",
            &["https://a.one/", "https://a.b.one/"],
            &["https://one/", "https://aone/"],
        );
        check(
            "http://*:80..90",
            &["http://any:80/", "http://any:89/"],
            &["http://any:90/"],
        );
        check(
            "*://*:*",
            &["http://any:1/", "https://other/"],
            &["/relative"],
        );
    }

    #[test]
    fn user_information_does_not_disguise_the_host() {
        check(
            "http://one",
            &["http://user@one/"],
            &["http://one@two/", "http://one:80@two/"],
        );
    }

    #[test]
    fn templates_are_expanded_and_empty_ones_skipped() {
        check("{{ host }}", &["http://one:1234/"], &["http://one/"]);
        check("https://{{none}}", &[], &["https://one/"]);
        assert_eq!(
            allowed(&["{{ none }}", "http://{{ none }}"])
                .unwrap()
                .entries,
            []
        );
    }

    #[test]
    fn malformed_and_unsupported_entries_are_errors_that_say_why() {
        for (entry, expected) in [
            ("", "scheme://host"),
            ("one", "scheme://host"),
            ("https://host/ollama/", "must not have a path"),
            ("https://host:1/ollama", "must not have a path"),
            ("http://self", "not supported"),
            ("http://*.spin.internal", "not supported"),
            ("http://a.*", "`*` may stand"),
            ("ftp://one", "no default port"),
            ("http://one:x", "not a port"),
            ("http://{{ other }}", "unknown variable"),
        ] {
            let error = allowed(&[entry]).unwrap_err();
            assert!(error.contains(expected), "{entry}: {error}");
        }
    }
}
