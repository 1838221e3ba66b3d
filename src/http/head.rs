//! A request taken apart: its head, checked as far as every route needs it, and its body still unread.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sluice_ollama::endpoint::Family;
use spin_sdk::wasip3::http::types::Request;

use crate::http::body::UnreadBody;
use crate::http::refuse::{Refusal, Wording};
use crate::http::reply::REQUEST_ID;

/// The most header lines: browsers send about twenty, proxies add some.
const MAX_HEADERS: usize = 128;

/// The most bytes of all header lines together, names and values: proxies of companies send tokens of some kilobytes.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The longest path with its query.
const MAX_TARGET: usize = 2048;

/// The longest number of a request that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// By which a client says which conversation it goes on with.
pub const CONVERSATIONS: [HeaderName; 2] = [
    HeaderName::from_static("x-claude-code-session-id"),
    HeaderName::from_static("x-openwebui-chat-id"),
];

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method, as it came.
    pub method: Method,
    /// The path as it came, without the query.
    pub path: String,
    /// The headers. Those that Spin's trigger adds come last.
    pub headers: HeaderMap,
    /// Host and port that the client asked for, where it said so.
    pub authority: Option<String>,
}

impl Head {
    /// Takes a request apart, and says whether its head is within the bounds.
    pub fn take(request: Request) -> (Head, UnreadBody, Result<(), Refusal>) {
        let method = Method::try_from(request.get_method());
        let target = request.get_path_with_query();
        let target = target.map_or(Ok(PathAndQuery::from_static("/")), PathAndQuery::try_from);
        let headers = headers(request.get_headers().copy_all());
        let fits = match (&method, &target) {
            (Ok(_), Ok(target)) if target.as_str().len() <= MAX_TARGET => {
                match is_too_much(&headers) {
                    true => Err(Refusal::TooManyHeaders),
                    false => Ok(()),
                }
            }
            _ => Err(Refusal::InvalidPath),
        };
        let mut head = Head {
            method: method.unwrap_or_default(),
            path: target.map_or_else(|_| "/".to_owned(), |target| target.path().to_owned()),
            headers,
            authority: request.get_authority(),
        };
        if head.authority.is_none() {
            head.authority = head.text(&header::HOST).map(str::to_owned);
        }
        let body = UnreadBody::new(request, &head.headers);
        (head, body, fits)
    }

    /// How a refusal is told to whoever asks.
    pub fn wording(&self) -> Wording {
        let accept = self.text(&header::ACCEPT);
        Wording::of(family_of(&self.path, &self.headers), accept)
    }

    /// The text of a header, where it is there and readable.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text of the last header line of that name. A client's own line stands before the trigger's.
    pub fn last_text(&self, name: &str) -> Option<&str> {
        self.headers.get_all(name).iter().next_back()?.to_str().ok()
    }

    /// The number of the trace that the request belongs to (W3C's `traceparent`); `None` for anything that is not one.
    pub fn trace_id(&self) -> Option<String> {
        let text = self.text(&HeaderName::from_static("traceparent"))?;
        let id = text.split('-').nth(1)?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| id.to_ascii_lowercase())
    }

    /// The number that the client, or a proxy before it, has given to the request; `None` where it is none that can stand in a
    /// log.
    pub fn request_id(&self) -> Option<&str> {
        let id = self.text(&REQUEST_ID)?;
        let is_id = (1..=MAX_REQUEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        is_id.then_some(id)
    }

    /// A number of the conversation that the client says it goes on with; `None`: it does not say.
    pub fn conversation(&self) -> Option<u64> {
        let name = CONVERSATIONS.iter().find_map(|name| self.text(name))?;
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Some(hasher.finish().max(1))
    }

    /// Whether the body is said to be JSON. One that is not may be JSON all the same: `curl -d` claims a form.
    pub fn claims_json(&self) -> bool {
        self.text(&header::CONTENT_TYPE)
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }
}

/// Headers as the host has them. It has checked them by the same rules; more than a map takes are far beyond the bound.
fn headers(lines: Vec<(String, Vec<u8>)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            let _ = headers.try_append(name, value);
        }
    }
    headers
}

/// Whether headers are beyond a bound. Hosts have bounds of their own, which are not known here.
fn is_too_much(headers: &HeaderMap) -> bool {
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()))
        .fold(0, usize::saturating_add);
    headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES
}

/// The list of models has one path in two dialects: those who speak Anthropic's say so.
fn family_of(path: &str, headers: &HeaderMap) -> Family {
    let Some(rest) = path.strip_prefix("/v1/") else {
        return Family::Ollama;
    };
    match rest.split('/').next() {
        Some("messages") => Family::Anthropic,
        Some("models") if headers.contains_key("anthropic-version") => Family::Anthropic,
        _ => Family::OpenAi,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(count: usize, bytes: usize) -> HeaderMap {
        let value = HeaderValue::from_bytes(&vec![b'a'; bytes]).unwrap();
        let mut headers = HeaderMap::new();
        for _ in 0..count {
            headers.append("x", value.clone());
        }
        headers
    }

    #[test]
    fn whoever_speaks_anthropics_dialect_is_answered_in_it() {
        let mut version = HeaderMap::new();
        version.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        let none = HeaderMap::new();
        for (path, headers, expected) in [
            ("/v1/messages", &none, Family::Anthropic),
            ("/v1/messages/count_tokens", &none, Family::Anthropic),
            ("/v1/models", &version, Family::Anthropic),
            ("/v1/models/m", &version, Family::Anthropic),
            ("/v1/models", &none, Family::OpenAi),
            ("/v1/messagesx", &version, Family::OpenAi),
            ("/v1/responses", &version, Family::OpenAi),
            ("/api/chat", &version, Family::Ollama),
        ] {
            assert_eq!(family_of(path, headers), expected, "{path}");
        }
    }

    #[test]
    fn headers_are_bounded_in_number_and_in_bytes() {
        assert!(!is_too_much(&headers(MAX_HEADERS, 1)));
        assert!(is_too_much(&headers(MAX_HEADERS + 1, 1)));
        assert!(!is_too_much(&headers(1, MAX_HEADER_BYTES - 1)));
        assert!(is_too_much(&headers(1, MAX_HEADER_BYTES)));
        assert!(is_too_much(&headers(64, 1024)));
    }
}
