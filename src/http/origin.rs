//! Whether a page of another origin may ask, and what lets it read the answer.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::head::Head;
use super::origins::{Origins, is_same_host};
use super::refuse::Refusal;

/// Whether the page that asks, if it is one, may do so. Gives the headers that let a foreign one read the answer.
///
/// A browser says where a request comes from, and a page cannot make it lie; whatever is no browser says nothing and has
/// no cookies or sessions here that could be abused. Whoever follows a link from elsewhere is let in: the page that had the
/// link reads nothing of what comes.
///
/// # Errors
/// It is a page of another origin that is not configured.
pub fn check_origin(allowed: &Origins, head: &Head) -> Result<HeaderMap, Refusal> {
    let origin = head.text(&header::ORIGIN);
    if let Some(origin) = origin.filter(|origin| allowed.allow(origin)) {
        return Ok(reading_headers(origin));
    }
    let is_own = match (head.text(&SEC_FETCH_SITE), origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => head
            .authority
            .as_deref()
            .is_some_and(|authority| is_same_host(origin, authority)),
        (None, None) => !head.headers.contains_key(header::ORIGIN),
    };
    if is_own || is_navigation(head) {
        Ok(HeaderMap::new())
    } else {
        Err(Refusal::ForeignOrigin)
    }
}

/// What a browser wants to hear before it lets a page of a configured origin send more than a form could: yes to what it
/// asks for. Clients of browsers send headers of their own, and new ones with each version.
pub fn preflight_headers(head: &Head) -> HeaderMap {
    let asked = head
        .headers
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .filter(|list| list.as_bytes().iter().all(is_of_a_list));
    let mut headers = HeaderMap::from_iter([
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, DELETE"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        ),
        (
            header::VARY,
            HeaderValue::from_static("origin, access-control-request-headers"),
        ),
    ]);
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    if head.headers.contains_key(ASKS_FOR_PRIVATE_NETWORK) {
        headers.insert(ALLOWS_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    headers
}

/// A link that somebody followed.
fn is_navigation(head: &Head) -> bool {
    matches!(head.method, Method::GET | Method::HEAD)
        && head.text(&SEC_FETCH_MODE) == Some("navigate")
        && head.text(&SEC_FETCH_DEST) == Some("document")
}

/// Whether a byte stands in a list of header names.
fn is_of_a_list(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(byte)
}

fn reading_headers(origin: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "x-queue-ticket, x-queue-wait-ms, x-dropped-options, x-prompt-cut, x-request-id, x-should-retry, retry-after, ratelimit, ratelimit-policy",
            ),
        );
    }
    headers
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const ASKS_FOR_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[(&'static str, &str)]) -> Head {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Head {
            method: http::Method::POST,
            path: "/api/chat".to_owned(),
            headers,
            authority: Some("chat.example:3000".to_owned()),
        }
    }

    #[test]
    fn a_page_of_another_origin_may_not_ask_unless_it_is_listed() {
        let check = |allowed: &str, lines: &[(&'static str, &str)]| {
            let allowed = Origins::listed(allowed.split_whitespace());
            check_origin(&allowed, &head(lines)).map(|headers| headers.len())
        };
        let foreign = Err(Refusal::ForeignOrigin);
        assert_eq!(check("", &[]), Ok(0));
        assert_eq!(check("", &[("origin", "http://chat.example:3000")]), Ok(0));
        assert_eq!(check("", &[("origin", "https://evil.example")]), foreign);
        assert_eq!(check("", &[("origin", "null")]), foreign);
        assert_eq!(check("", &[("sec-fetch-site", "cross-site")]), foreign);
        assert_eq!(
            check(
                "",
                &[
                    ("sec-fetch-site", "same-site"),
                    ("origin", "http://chat.example:3000")
                ]
            ),
            foreign
        );
        assert_eq!(check("", &[("sec-fetch-site", "same-origin")]), Ok(0));
        assert_eq!(
            check(
                "https://a.example",
                &[
                    ("origin", "https://a.example"),
                    ("sec-fetch-site", "cross-site")
                ]
            ),
            Ok(3)
        );
        assert_eq!(check("*", &[("origin", "https://b.example")]), Ok(3));
    }

    #[test]
    fn a_page_of_a_listed_origin_may_read_what_its_client_goes_by() {
        let headers = reading_headers("https://a.example");
        let told = headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str();
        let told: Vec<&str> = told.unwrap().split(", ").collect();
        for name in ["x-should-retry", "retry-after", "x-queue-ticket"] {
            assert!(told.contains(&name), "{name}: {told:?}");
        }
    }

    #[test]
    fn whoever_follows_a_link_is_let_in_and_a_page_that_asks_by_itself_is_not() {
        let from_elsewhere = |method: Method, mode: &str, dest: &str| {
            let lines = [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            let head = Head {
                method,
                ..head(&lines)
            };
            check_origin(&Origins::default(), &head).is_ok()
        };
        assert!(from_elsewhere(Method::GET, "navigate", "document"));
        // A form, a script, an image, a frame.
        assert!(!from_elsewhere(Method::POST, "navigate", "document"));
        assert!(!from_elsewhere(Method::GET, "cors", "empty"));
        assert!(!from_elsewhere(Method::GET, "no-cors", "image"));
        assert!(!from_elsewhere(Method::GET, "navigate", "iframe"));
    }

    #[test]
    fn a_preflight_is_answered_with_what_it_asks_for() {
        let answered = |lines: &[(&'static str, &str)]| {
            let headers = preflight_headers(&head(lines));
            let header = |name: HeaderName| Some(headers.get(name)?.to_str().unwrap().to_owned());
            (
                header(header::ACCESS_CONTROL_ALLOW_HEADERS),
                header(ALLOWS_PRIVATE_NETWORK),
            )
        };
        let asked = "authorization,content-type,x-stainless-os,x-stainless-retry-count";
        assert_eq!(
            answered(&[("access-control-request-headers", asked)]),
            (Some(asked.to_owned()), None)
        );
        assert_eq!(
            answered(&[("access-control-request-headers", "a: b")]),
            (None, None)
        );
        assert_eq!(
            answered(&[("access-control-request-private-network", "true")]),
            (None, Some("true".to_owned()))
        );
    }
}
