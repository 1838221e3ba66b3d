//! Rules of the routes.

use super::*;

fn found(method: Method, path: &str) -> Result<(Route, &str), Refusal> {
    find(&method, path).map(|matched| (matched.route, matched.segment))
}

#[test]
fn every_route_is_found_by_its_own_method_only() {
    for (verb, pattern, route) in ROUTES {
        let path = pattern.replace("{}", "x:1");
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::DELETE,
            Method::PUT,
            Method::OPTIONS,
        ] {
            let expected = if verb.takes(&method) {
                Ok(*route)
            } else {
                Err(Refusal::MethodNotAllowed {
                    allow: verb.allow(),
                })
            };
            assert_eq!(
                find(&method, &path).map(|matched| matched.route),
                expected,
                "{method} {path}"
            );
        }
    }
}

#[test]
fn every_endpoint_of_the_pure_crate_is_a_route_under_its_own_path() {
    for endpoint in Endpoint::ALL {
        assert_eq!(
            found(Method::POST, endpoint.path()),
            Ok((Route::Gated(endpoint), ""))
        );
    }
}

#[test]
fn what_is_the_operators_alone_is_not_exposed_by_any_method() {
    assert_eq!(found(Method::POST, "/api/pull"), Err(Refusal::NoPull));
    for path in [
        "/api/push",
        "/api/delete",
        "/api/blobs/sha256:00",
        "/v1/images/generations",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            assert_eq!(found(method, path), Err(Refusal::NotExposed));
        }
    }
}

#[test]
fn an_unknown_path_is_not_found() {
    for path in [
        "/api",
        "/api/chats",
        "/api/chat/x",
        "/api/pulls",
        "/v1/models/a/b",
        "/v2/chat",
        "/v1/messages/count_tokens",
    ] {
        assert_eq!(found(Method::GET, path), Err(Refusal::NotFound), "{path}");
    }
}

#[test]
fn a_path_that_could_mean_another_is_refused() {
    for path in [
        "/api/../api/pull",
        "/api//chat",
        "/api/chat/",
        "/api/%2e%2e/pull",
        "/v1/models/a%2Fb",
        "/v1/models/a%252fb",
        "/api/queue/..",
        "/api\\pull",
        "/api/chat\u{7f}",
        "/api/é",
        "api/chat",
        "",
    ] {
        assert_eq!(
            found(Method::POST, path),
            Err(Refusal::InvalidPath),
            "{path}"
        );
    }
}

#[test]
fn an_open_segment_is_told() {
    assert_eq!(
        found(Method::DELETE, "/api/queue/7-abc"),
        Ok((Route::GiveUp, "7-abc"))
    );
}

#[test]
fn the_secret_of_a_ticket_is_not_logged() {
    for (path, logged) in [
        ("/api/queue/7-abc", "/api/queue/7-"),
        ("/api/queue/b7-abc-def", "/api/queue/b7-"),
        ("/api/queue", "/api/queue"),
        ("/api/chat-x", "/api/chat-x"),
    ] {
        assert_eq!(for_log(path), logged);
    }
}
