//! The headers that tell browsers what a page may do, and where.
//!
//! A content security policy and its like govern a document or a worker. Styles, pictures, words, and the modules of a page are
//! governed by the page that loads them; on those the three long headers would be more than half of what is sent (0.6 KB for
//! each of some fifty files).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Adds the headers to a response for `path`, as it was asked for. Its content type is there already.
pub(crate) fn apply(headers: &mut HeaderMap, path: &str) {
    let content_type = headers.get(header::CONTENT_TYPE);
    let is_part =
        content_type.is_some_and(|content_type| is_part_of_page(content_type.as_bytes(), path));
    let documents: &[_] = if is_part { &[] } else { &DOCUMENTS };
    for (name, value) in EVERYTHING.iter().chain(documents) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether a file is only ever used by a page: not what a browser shows as a document, nor a worker. A service worker reaches
/// no further than its own folder, so the page's is a script at the top.
fn is_part_of_page(content_type: &[u8], path: &str) -> bool {
    let begins = |start: &str| content_type.starts_with(start.as_bytes());
    let is_below_top = path.trim_start_matches('/').contains('/');
    begins("text/css")
        || begins("application/json")
        || begins("application/manifest+json")
        || begins("font/")
        || begins("image/") && !begins("image/svg")
        || begins("text/javascript") && is_below_top
}

/// The pages load nothing from elsewhere, run nothing inline, and are framed by nobody. `trusted-types` names the one policy
/// that may make HTML: DOMPurify's own.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";

static EVERYTHING: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

static DOCUMENTS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
         midi=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(content_type: Option<&'static str>, path: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        apply(&mut headers, path);
        headers.remove(header::CONTENT_TYPE);
        headers
    }

    #[test]
    fn the_policy_is_the_one_that_the_pages_were_tried_with() {
        let headers = applied(Some("text/html; charset=utf-8"), "/");
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
             manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types dompurify"
        );
        assert_eq!(headers.len(), EVERYTHING.len() + DOCUMENTS.len());
    }

    #[test]
    fn what_can_be_a_document_or_a_worker_has_a_policy_of_its_own() {
        for (content_type, path) in [
            (Some("text/html; charset=utf-8"), "/dashboard/"),
            (Some("image/svg+xml"), "/icons/icon.svg"),
            (Some("application/xml"), "/a/b.xml"),
            (Some("text/plain; charset=utf-8"), "/vendor/LICENSE"),
            (Some("text/javascript; charset=utf-8"), "/sw.js"),
            (Some("text/javascript; charset=utf-8"), "//sw.js"),
            (None, "/js/main.js"),
        ] {
            let headers = applied(content_type, path);
            assert!(
                headers.contains_key(header::CONTENT_SECURITY_POLICY),
                "{path}"
            );
        }
    }

    #[test]
    fn parts_of_a_page_have_what_is_theirs_and_no_more() {
        for (content_type, path) in [
            ("text/css; charset=utf-8", "/css/base.css"),
            ("text/javascript; charset=utf-8", "/js/md/blocks.js"),
            ("application/json", "/i18n/en.json"),
            ("image/png", "/icons/icon-192.png"),
        ] {
            let headers = applied(Some(content_type), path);
            assert_eq!(headers.len(), EVERYTHING.len(), "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }
}
