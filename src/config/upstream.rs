//! Where an upstream is: an origin, and the path under which Ollama's routes begin there.
//!
//! They are two variables because the manifest's `allowed_outbound_hosts` takes an origin and refuses a path.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::parse::Parsed;
use super::secret::Secret;

/// One Ollama.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Scheme and authority.
    pub origin: Origin,
    /// The path before `/api` and `/v1`: empty, or `/…` without a slash at its end.
    pub base_path: String,
    /// How many answers it gives at once.
    pub max_concurrent: u32,
    /// The key that it asks for.
    pub api_key: Option<Secret>,
}

/// For operators: the whole address.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { scheme, authority } = &self.origin;
        write!(f, "{scheme}://{authority}{}", self.base_path)
    }
}

/// Scheme and authority of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host, and port where one is given.
    pub authority: Authority,
}

/// The names of the variables of the upstream with this number, counted from 1: the first one's have no number, the others
/// end in it without an underscore, since Spin refuses a name in which a word begins with a digit.
pub(super) fn names(number: usize) -> [String; 4] {
    [
        "ollama_host",
        "ollama_base_path",
        "ollama_max_concurrent",
        "ollama_api_key",
    ]
    .map(|name| match number {
        1 => name.to_owned(),
        _ => format!("{name}{number}"),
    })
}

/// An origin; an empty text is no upstream.
pub(super) fn origin(text: &str) -> Parsed<Option<Origin>> {
    if text.is_empty() {
        return Ok(None);
    }
    let expected = || "must be an origin such as http://127.0.0.1:11434".to_owned();
    let parts = text.parse::<Uri>().map_err(|_| expected())?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(expected());
    };
    if (scheme != Scheme::HTTP && scheme != Scheme::HTTPS) || authority.as_str().contains('@') {
        return Err(expected());
    }
    match parts.path_and_query.as_ref().map(|path| path.as_str()) {
        None | Some("" | "/") => Ok(Some(Origin { scheme, authority })),
        Some(_) => Err(
            "must be an origin without a path: that goes into the base path beside it".to_owned(),
        ),
    }
}

/// A base path; `/ollama/`, `/ollama` and `ollama` mean the same.
pub(super) fn base_path(text: &str) -> Parsed<String> {
    let trimmed = text.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    if trimmed.split('/').all(is_segment) {
        Ok(format!("/{trimmed}"))
    } else {
        Err("must be a plain path such as /ollama".to_owned())
    }
}
