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
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Appends what the component is told about a request that came to `route` from `client`.
pub(crate) fn add<T>(headers: &mut HeaderMap, uri: &Uri, route: &Match<'_, T>, client: SocketAddr) {
    // It is about the connection to the host, and a component that forwards its request must not pass it on.
    headers.remove(CONNECTION);
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("http://{host}{path}");

    append(headers, PATH_INFO, &route.path_info);
    append(headers, FULL_URL, &full_url);
    append(headers, MATCHED_ROUTE, route.route);
    append(headers, BASE_PATH, "/");
    append(headers, RAW_COMPONENT_ROUTE, route.route);
    append(
        headers,
        COMPONENT_ROUTE,
        route.route.strip_suffix("/...").unwrap_or(route.route),
    );
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
        headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    fn added(mut headers: HeaderMap) -> HeaderMap {
        let route = Match {
            handler: &(),
            route: "/users/:id/...",
            path_info: "/posts".into(),
            named: vec![("id".into(), "7".into())],
        };
        let uri = Uri::from_static("/users/7/posts?all=1");
        add(&mut headers, &uri, &route, "10.1.2.3:4567".parse().unwrap());
        headers
    }

    #[test]
    fn the_component_is_told_about_the_route_and_the_client() {
        let headers = added(HeaderMap::from_iter([(
            HOST,
            HeaderValue::from_static("sluice.example"),
        )]));
        for (name, value) in [
            ("spin-full-url", "http://sluice.example/users/7/posts?all=1"),
            ("spin-path-info", "/posts"),
            ("spin-matched-route", "/users/:id/..."),
            ("spin-raw-component-route", "/users/:id/..."),
            ("spin-component-route", "/users/:id"),
            ("spin-base-path", "/"),
            ("spin-client-addr", "10.1.2.3:4567"),
            ("spin-path-match-id", "7"),
        ] {
            assert_eq!(values(&headers, name), [value], "{name}");
        }
    }

    #[test]
    fn the_hosts_value_comes_after_the_clients() {
        let forged = HeaderMap::from_iter([(CLIENT_ADDR, HeaderValue::from_static("1.1.1.1:1"))]);
        assert_eq!(
            values(&added(forged), "spin-client-addr"),
            ["1.1.1.1:1", "10.1.2.3:4567"]
        );
    }

    #[test]
    fn the_connection_header_goes_no_further() {
        let headers = added(HeaderMap::from_iter([(
            CONNECTION,
            HeaderValue::from_static("keep-alive"),
        )]));
        assert!(headers.get(CONNECTION).is_none());
    }
}
