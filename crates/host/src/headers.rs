//! The request headers that Spin's trigger adds, and the one it takes away.
//!
//! A client can send headers of the same names. As on Spin its values stay, and the host's comes last: who trusts these
//! headers reads the last value.

use std::net::SocketAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{CONNECTION, HOST},
};

use crate::routes::Match;

const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
/// The client's address with its port; the last value is the host's.
pub const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Appends what the component is told about a request that came to `route` from `client`.
pub fn add<T>(headers: &mut HeaderMap, uri: &Uri, route: &Match<'_, T>, client: SocketAddr) {
    // It is about the connection to the host, and a component that forwards its request must not pass it on.
    headers.remove(CONNECTION);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("http://{host}{path}");

    append(headers, PATH_INFO, &route.path_info);
    append(headers, FULL_URL, &full_url);
    append(headers, MATCHED_ROUTE, route.route);
    append(headers, BASE_PATH, "/");
    append(headers, RAW_COMPONENT_ROUTE, route.route);
    append(headers, COMPONENT_ROUTE, route.route.strip_suffix("/...").unwrap_or(route.route));
    append(headers, CLIENT_ADDR, &client.to_string());
    for (name, value) in &route.named {
        if let Ok(name) = HeaderName::try_from(format!("spin-path-match-{name}")) {
            append(headers, name, value);
        }
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Everything here was part of a valid request head or of the manifest; what still is no header value is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}
