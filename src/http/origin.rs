//! Whether a page of another origin may ask, and what lets it read the answer.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::head::Head;
use super::refuse::Refusal;

/// Whether the page that asks, if it is one, may do so. Gives the headers that let a foreign one read the answer.
///
/// A browser says where a request comes from, and a page cannot make it lie; whatever is no browser says nothing and has
/// no cookies or sessions here that could be abused.
///
/// # Errors
/// It is a page of another origin that is not configured.
pub fn check_origin(allowed: &[String], head: &Head) -> Result<HeaderMap, Refusal> {
    let origin = head.text(&header::ORIGIN);
    if let Some(origin) = origin.filter(|origin| is_listed(allowed, origin)) {
        return Ok(reading_headers(origin));
    }
    let is_own = match (head.text(&SEC_FETCH_SITE), origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => head.authority.as_deref().is_some_and(|authority| {
            authority_of(origin).is_some_and(|from| from.eq_ignore_ascii_case(authority))
        }),
        (None, None) => !head.headers.contains_key(header::ORIGIN),
    };
    if is_own {
        Ok(HeaderMap::new())
    } else {
        Err(Refusal::ForeignOrigin)
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a browser wants to hear before it lets a page of a configured origin send more than a form could.
pub fn preflight_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, x-api-key, traceparent"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        ),
    ]
}

fn reading_headers(origin: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "x-queue-ticket, x-queue-wait-ms, x-dropped-options, retry-after, ratelimit, ratelimit-policy",
            ),
        );
    }
    headers
}

fn is_listed(allowed: &[String], origin: &str) -> bool {
    allowed
        .iter()
        .any(|entry| entry == "*" || entry.eq_ignore_ascii_case(origin))
}

fn authority_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority)
}

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
            let allowed: Vec<String> = allowed.split(' ').map(str::to_owned).collect();
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
}
