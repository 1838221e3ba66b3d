//! No request reaches the upstream that was not understood as one, and none reaches a route that is not relayed.

use super::{PROMPT, asked, briefly, post, raw, status};
use crate::common::{App, Setup, run};

#[test]
fn nothing_is_smuggled_to_the_upstream() {
    run(async {
        // One application for all of them: it costs seconds on a busy machine.
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        no_spelling_of_a_path_leads_to_a_route_that_is_not_relayed(&app).await;
        an_absolute_address_chooses_no_upstream(&app).await;
        app.sim.reset();
        a_body_whose_end_is_in_doubt_is_refused_and_what_goes_upstream_has_one_length(&app).await;
    });
}

async fn no_spelling_of_a_path_leads_to_a_route_that_is_not_relayed(app: &App) {
    for path in [
        "/api/pull",
        "/api/pull/",
        "/api/pull?insecure=true",
        "/api/../api/pull",
        "/api/chat/../pull",
        "/api/chat/..%2fpull",
        "/api/%2e%2e/api/pull",
        "/api/%2E%2E%2Fapi/pull",
        "/api%2fpull",
        "/api%5cpull",
        "/api\\pull",
        "//api/pull",
        "/api//pull",
        "/api/./pull",
        "/api/%70ull",
        "/api/p%75ll",
        "/api/chat%00",
        "/api/chat%2500",
        "/api/chat;x=/../pull",
        "/api/chat/",
        "/API/CHAT",
        "/api/chat%20HTTP/1.1",
        "/v1/chat/completions/../../../api/pull",
        "/v1/models/../../api/pull",
        "/v1/messages/../../api/pull",
    ] {
        let answer = raw(app.addr(), &post(path, "", PROMPT)).await;
        let status = status(&answer);
        assert!(matches!(status, Some(400..=499)), "{path}: {status:?}");
    }
    for path in [
        "/v1/models/..",
        "/v1/models/..%2f..%2fapi%2fpull",
        "/v1/models/%2e%2e%2fchat",
        "/v1/models/m%252f..",
        "/v1/models/m/../../api/tags",
        "/v1/models/m%3fx",
        "/v1/models/m%0d%0ax:y",
        "/api/tags/..",
        "/api/tags%2f..%2fpull",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw(app.addr(), request.as_bytes()).await;
        let status = status(&answer);
        assert!(matches!(status, Some(400..=499)), "{path}: {status:?}");
    }
    assert_eq!(asked(app), [""; 0]);
}

async fn an_absolute_address_chooses_no_upstream(app: &App) {
    let own = app.addr().to_string();
    let get = |target: &str, host: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
    };
    for (request, expected) in [
        // It is the same as the path alone, whatever host it names.
        (get(&format!("http://{own}/api/version"), &own), 200),
        (
            get("http://another.local/api/version", "another.local"),
            200,
        ),
        (get("http://another.local/api/version", &own), 400),
        (get("https://another.local/api/pull", "another.local"), 403),
    ] {
        let answer = raw(app.addr(), request.as_bytes()).await;
        assert_eq!(status(&answer), Some(expected), "{request}");
    }
    for request in [
        get("http://another.local/../api/version", "another.local"),
        get("*", &own),
        get("ftp:api/version", &own),
        "CONNECT another.local:443 HTTP/1.1\r\nhost: another.local:443\r\nconnection: close\r\n\r\n"
            .to_owned(),
        "GET /api/version HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /api/version HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n".to_owned(),
        "GET /api/version\r\n\r\n".to_owned(),
    ] {
        let answer = briefly(app.addr(), request.as_bytes()).await;
        let status = status(&answer);
        assert!(!matches!(status, Some(200..=399)), "{request}: {status:?}");
    }
    let upstream = app.sim.addr().to_string();
    for request in app.sim.requests() {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/api/version")
        );
        let host = request.headers.iter().find(|(name, _)| name == "host");
        assert_eq!(host.map(|(_, value)| value), Some(&upstream));
    }
    // One answer serves both.
    assert!((1..=2).contains(&app.sim.counts().requests));
}

async fn a_body_whose_end_is_in_doubt_is_refused_and_what_goes_upstream_has_one_length(app: &App) {
    let chat = |headers: &str, body: &str| {
        format!(
            "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-type: application/json\r\n{headers}\r\n{body}"
        )
    };
    let chunks = format!("12\r\n{PROMPT}\r\n0\r\n\r\n");
    for request in [
        chat("content-length: 18\r\ncontent-length: 4\r\n", PROMPT),
        chat("content-length: 18, 4\r\n", PROMPT),
        chat("content-length: +18\r\n", PROMPT),
        chat("content-length: -1\r\n", PROMPT),
        chat("content-length: 0x12\r\n", PROMPT),
        chat("content-length: 18446744073709551616\r\n", PROMPT),
        chat("content-length : 18\r\n", PROMPT),
        chat("x-a: b\r\n content-length: 18\r\n", PROMPT),
        chat("transfer-encoding: xchunked\r\n", &chunks),
        chat("transfer-encoding: chunked, identity\r\n", &chunks),
        chat(
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
            &chunks,
        ),
        chat("transfer-encoding: chunked\r\n", "-12\r\n"),
        chat("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n{}"),
        chat(
            "transfer-encoding: chunked\r\n",
            &chunks.replace("12\r\n", "12\n\r\n"),
        ),
    ] {
        let answer = raw(app.addr(), request.as_bytes()).await;
        let status = status(&answer);
        assert!(!matches!(status, Some(200..=399)), "{request}: {status:?}");
    }
    // Less than was announced, and then the client hangs up.
    for request in [
        chat("content-length: 180\r\n", PROMPT),
        chat("transfer-encoding: chunked\r\n", &chunks[..10]),
    ] {
        let answer = briefly(app.addr(), request.as_bytes()).await;
        assert_eq!(status(&answer), None, "{request}");
    }
    assert_eq!(asked(app), [""; 0]);

    // Two lengths in two ways: whatever is made of it, nothing that follows becomes a request of its own upstream.
    let rest = "POST /api/generate HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    let both = "content-length: 4\r\ntransfer-encoding: chunked\r\n";
    raw(
        app.addr(),
        chat(both, &format!("{chunks}{rest}")).as_bytes(),
    )
    .await;
    let others = asked(app).into_iter().filter(|it| it != "POST /api/chat");
    assert_eq!(others.count(), 0, "{:?}", asked(app));
    // And what is sent in chunks goes out with a length.
    let answer = raw(
        app.addr(),
        chat("transfer-encoding: chunked\r\n", &chunks).as_bytes(),
    )
    .await;
    assert_eq!(status(&answer), Some(200));
    for request in app.sim.requests() {
        let of = |name: &str| {
            let lines = request.headers.iter().filter(|(other, _)| other == name);
            lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(of("transfer-encoding"), [""; 0]);
        assert_eq!(of("content-length").len(), 1);
        assert_eq!(request.body["messages"][0]["content"], "Hello");
    }
}
