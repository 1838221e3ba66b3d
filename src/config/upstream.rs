//! Where an upstream is: an origin, and the path under which Ollama's routes begin there.
//!
//! They are two variables because the manifest's `allowed_outbound_hosts` takes an origin and refuses a path.

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::form::{Form, Wrong, optional};
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
    /// How many models it holds in memory at once; `None`: not told.
    pub models_at_once: Option<u8>,
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

/// An origin; empty: no upstream.
pub(super) fn origin() -> Form<Option<Origin>> {
    optional(Form::telling(
        "an origin such as http://127.0.0.1:11434",
        parse_origin,
    ))
}

/// A base path; `/ollama/`, `/ollama` and `ollama` mean the same.
pub(super) fn base_path() -> Form<String> {
    Form::new("empty, or a plain path such as /ollama", |text| {
        let trimmed = text.trim_matches('/');
        if trimmed.is_empty() {
            return Some(String::new());
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        trimmed
            .split('/')
            .all(is_segment)
            .then(|| format!("/{trimmed}"))
    })
}

fn parse_origin(text: &str) -> Result<Origin, Wrong> {
    let parts = text.parse::<Uri>().map_err(|_| Wrong(None))?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(Wrong(None));
    };
    if (scheme != Scheme::HTTP && scheme != Scheme::HTTPS) || authority.as_str().contains('@') {
        return Err(Wrong(None));
    }
    match parts.path_and_query.as_ref().map(|path| path.as_str()) {
        None | Some("" | "/") => Ok(Origin { scheme, authority }),
        Some(_) => Err(Wrong(Some(
            "its path goes into the base path beside it".to_owned(),
        ))),
    }
}
