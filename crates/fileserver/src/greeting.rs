//! What Ollama says at `/`: programs compare it to see that it runs, its own command line with a HEAD. Whoever looks with a
//! browser gets the page.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::{body::FileBody, site::plain};

/// Where it is said.
pub(crate) const PATH: &str = "/";

/// Whether a request (GET or HEAD) is a program's that looks for Ollama.
pub(crate) fn is_asked_for(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    uri.path() == PATH && (*method == Method::HEAD || !is_browsers(headers))
}

/// Whether any of the things is there that browsers send and programs do not.
fn is_browsers(headers: &HeaderMap) -> bool {
    let says = |name, word: &str| {
        let values = headers.get_all(name).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.to_ascii_lowercase().contains(word))
    };
    says(header::ACCEPT, "text/html")
        || says(header::USER_AGENT, "mozilla/")
        || headers
            .keys()
            .any(|name| name.as_str().starts_with("sec-fetch-"))
}

pub(crate) fn response() -> Response<FileBody> {
    let mut response = plain(StatusCode::OK, "Ollama is running");
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept"));
    response
}
