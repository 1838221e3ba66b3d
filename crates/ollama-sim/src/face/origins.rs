//! Who is let in: the names under which a server that listens on this machine alone may be asked for, and the origins of pages.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};

use crate::{
    Options,
    body::{self, Body},
};

/// What Ollama lets in.
pub(crate) struct Origins {
    /// Patterns of `OLLAMA_ORIGINS`, with `*`.
    listed: Vec<String>,
    /// Whether it listens on this machine alone: only then the `host` header matters.
    is_local: bool,
}

/// What becomes of a request.
pub(crate) enum Entrance {
    /// It goes on; these headers go with its answer.
    Open(HeaderMap),
    /// It is answered with this.
    Closed(Response<Body>),
}

impl Origins {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            listed: options.origins.clone(),
            is_local: options.listen.ip().is_loopback(),
        }
    }

    /// Looks at the origin first and then at the host, as Ollama does. `allow` are the methods of the path.
    pub(crate) fn look(&self, parts: &Parts, allow: Option<&'static str>) -> Entrance {
        let text = |name| {
            let value = parts.headers.get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let host = text(header::HOST);
        let origin = text(header::ORIGIN);
        let mut headers = HeaderMap::new();
        let is_same = ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme) == Some(host));
        if !origin.is_empty() && !is_same {
            if !self.allows_origin(origin) {
                return Entrance::Closed(forbidden(parts, allow));
            }
            headers = self.headers_for(origin);
            if parts.method == Method::OPTIONS {
                return Entrance::Closed(self.preflight(headers, allow));
            }
        }
        if self.is_local && !allows_host(host) {
            return Entrance::Closed(body::empty(StatusCode::FORBIDDEN));
        }
        let is_name = host_name(host).parse::<IpAddr>().is_err() && !host.is_empty();
        if self.is_local && parts.method == Method::OPTIONS && is_name {
            return Entrance::Closed(body::empty(StatusCode::NO_CONTENT));
        }
        Entrance::Open(headers)
    }

    fn allows_origin(&self, origin: &str) -> bool {
        if self.is_for_all() {
            return true;
        }
        if self.listed.iter().any(|pattern| fits(pattern, origin)) {
            return true;
        }
        if let Some((scheme, rest)) = origin.split_once("://") {
            let is_web = scheme == "http" || scheme == "https";
            let name = host_name(rest);
            return SCHEMES.contains(&scheme) || is_web && NAMES.contains(&name);
        }
        false
    }

    fn is_for_all(&self) -> bool {
        self.listed.iter().any(|pattern| pattern == "*")
    }

    fn headers_for(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let allowed = if self.is_for_all() { "*" } else { origin };
        if let Ok(value) = HeaderValue::from_str(allowed) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
        if !self.is_for_all() {
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        headers
    }

    fn preflight(&self, mut headers: HeaderMap, allow: Option<&'static str>) -> Response<Body> {
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        set(header::ACCESS_CONTROL_MAX_AGE, "43200");
        if let Some(allow) = allow {
            set(header::ALLOW, allow);
        }
        if !self.is_for_all() {
            set(
                header::VARY,
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            );
        }
        let mut response = body::empty(StatusCode::NO_CONTENT);
        *response.headers_mut() = headers;
        response
    }
}

fn forbidden(parts: &Parts, allow: Option<&'static str>) -> Response<Body> {
    let mut response = body::empty(StatusCode::FORBIDDEN);
    if let Some(allow) = allow.filter(|_| parts.method == Method::OPTIONS) {
        let allow = HeaderValue::from_static(allow);
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Names and addresses of machines near by.
fn allows_host(host: &str) -> bool {
    let name = host_name(host);
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_private() || address.is_unspecified()
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unspecified()
        }
        Err(_) => {
            name.is_empty()
                || name == "localhost"
                || [".localhost", ".local", ".internal"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
    }
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// Whether an origin fits a pattern with at most one `*`.
fn fits(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            origin.len() >= before.len() + after.len()
                && origin.starts_with(before)
                && origin.ends_with(after)
        }
        None => pattern == origin,
    }
}

const SCHEMES: [&str; 5] = ["app", "file", "tauri", "vscode-webview", "vscode-file"];
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "0.0.0.0"];
const METHODS: &str = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
const HEADERS: &str = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout";
