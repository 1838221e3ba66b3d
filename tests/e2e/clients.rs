//! Who asks: limits per key and per address, whatever a client says of itself; and pages of other origins.

use std::time::Duration;

use http::Method;
use sluice_host::store::Store;

use crate::common::{
    App, Keeping, RedisServer, SECOND, Setup, Whole, eventually, nothing_happened, run, seed, send,
};

#[test]
fn each_key_has_a_limit_of_its_own_and_is_told_how_it_stands() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("api_keys", "lab:interactive:one team:batch:two")
            .with("rate_limit", "1")
            .with("rate_limit_burst", "2")
            .start()
            .await;
        let standing = |answer: &Whole| {
            let header = |name| answer.header(name).map(str::to_owned);
            (header("ratelimit"), header("ratelimit-policy"))
        };
        let told = |standing: &str| {
            let policy = "\"key\";q=2;w=120".to_owned();
            (Some(standing.to_owned()), Some(policy))
        };
        let lab = [("authorization", "Bearer one")];
        let first = chat(&app, &lab).await;
        first.assert_complete();
        assert_eq!(standing(&first), told("\"key\";r=1;t=60"));
        assert_eq!(first.header("retry-after"), None);
        // What cannot be understood takes its token too, and is told the same way.
        let broken = post(&app, "/api/chat", &lab, "{").await;
        assert_eq!(broken.refusal(), (400, "invalid_json".to_owned()));
        assert!(standing(&broken).0.is_some_and(|it| it.contains("r=0")));
        for path in ["/api/chat", "/v1/chat/completions"] {
            let refused = post(&app, path, &lab, PROMPT).await;
            assert_eq!(refused.status.as_u16(), 429, "{refused:?}");
            assert!(refused.text().contains("rate_limited"), "{refused:?}");
            let after = refused.header("retry-after").expect("a time").to_owned();
            assert!((1..=60).contains(&after.parse().unwrap_or(0)), "{after}");
            assert_eq!(standing(&refused), told(&format!("\"key\";r=0;t={after}")));
        }
        // Another key, sent the other way, has its own; and without one there is nothing to count.
        chat(&app, &[("x-api-key", "two")]).await.assert_complete();
        let unknown = chat(&app, &[("x-api-key", "three")]).await;
        assert_eq!(unknown.refusal(), (401, "unauthorized".to_owned()));
        assert_eq!(standing(&unknown), (None, None));
        assert_eq!(app.sim.counts().requests, 2);
        // What asks the model for nothing is not counted.
        for _ in 0..5 {
            let status = app.ask(Method::GET, "/api/queue-status").await;
            assert_eq!(status.status.as_u16(), 200);
        }
    });
}

#[test]
fn a_forged_address_changes_nothing() {
    run(async {
        let app = limited("").await;
        no_page_may_ask_where_none_is_listed(&app).await;
        for n in 0..4 {
            let forged = format!("203.0.113.{n}");
            let (addr, node) = (format!("{forged}:5000"), format!("for={forged}"));
            let headers = [
                ("spin-client-addr", addr.as_str()),
                ("x-forwarded-for", &forged),
                ("forwarded", &node),
                ("x-real-ip", &forged),
            ];
            let answer = chat(&app, &headers).await;
            is_let_in(&answer, n < 3);
        }
        assert_eq!(app.sim.counts().requests, 3);

        // Behind a proxy that is listed, what the proxy adds counts, and not what stood there before.
        let app = limited("127.0.0.0/8, 10.0.0.0/8").await;
        for n in 0..4 {
            let forwarded = format!("198.51.100.{n}, 203.0.113.7, 10.0.0.1");
            let answer = chat(&app, &[("x-forwarded-for", &forwarded)]).await;
            is_let_in(&answer, n < 3);
        }
        let other = [("x-forwarded-for", "203.0.113.8")];
        is_let_in(&chat(&app, &other).await, true);
        // Two of one IPv6 network are one; the network beside it is another.
        for (n, address) in ["1::1", "1::2", "1::3", "1::4", "1:1::1"]
            .into_iter()
            .enumerate()
        {
            let forwarded = format!("2001:db8:{address}");
            let answer = chat(&app, &[("x-forwarded-for", &forwarded)]).await;
            is_let_in(&answer, n != 3);
        }
    });
}

#[test]
fn what_one_host_lets_in_counts_on_another() {
    run(async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let host = async || {
            Setup::answering("tokens=1 pace=0ms")
                .with("rate_limit_address", "1")
                .with("rate_limit_address_burst", "16")
                .runtime_config(redis.runtime_config())
                .start()
                .await
        };
        let [one, other] = [host().await, host().await];
        for _ in 0..16 {
            is_let_in(&chat(&one, &[]).await, true);
        }
        counted(&store, 16).await;
        is_let_in(&chat(&one, &[]).await, false);
        let let_in = let_in(&other, 3, SECOND / 100).await;
        assert!(let_in <= ANOTHER_MINUTE, "it let in {let_in} more");
    });
}

#[test]
fn an_instance_that_is_new_does_not_begin_with_a_full_bucket() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("rate_limit_address", "1")
            .with("rate_limit_address_burst", "3")
            .start()
            .await;
        // After a second of quiet the instance is gone.
        let let_in = let_in(&app, 5, SECOND * 3 / 2).await;
        assert!((3..=3 + ANOTHER_MINUTE).contains(&let_in), "{let_in} of 5");
    });
}

/// So many more may be let in of one a minute where another minute begins meanwhile: what filled up before it is not known.
const ANOTHER_MINUTE: usize = 1;

/// How many of so many who come one after another, so long apart, are let in.
async fn let_in(app: &App, times: usize, apart: Duration) -> usize {
    let mut let_in = 0;
    for _ in 0..times {
        let_in += usize::from(chat(app, &[]).await.status.as_u16() == 200);
        tokio::time::sleep(apart).await;
    }
    let_in
}

#[test]
fn a_page_of_a_listed_origin_may_ask_and_no_other() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("cors_origins", "https://app.example")
            .start()
            .await;
        let listed = ("origin", "https://app.example");
        let allowed = preflight(&app, listed).await;
        assert_eq!(allowed.status.as_u16(), 204);
        assert_eq!(allowed.header(ALLOW_ORIGIN), Some("https://app.example"));
        let vary = allowed.header("vary").unwrap_or_default();
        assert!(vary.starts_with("origin"), "{vary}");
        for (name, expected) in [
            ("access-control-allow-methods", "POST"),
            ("access-control-allow-headers", "content-type"),
        ] {
            let list = allowed.header(name).unwrap_or_default();
            assert!(list.contains(expected), "{name}: {list}");
        }
        assert_eq!(allowed.header("access-control-allow-credentials"), None);
        let foreign = ("origin", "https://app.example.evil.example");
        let refused = preflight(&app, foreign).await;
        assert_eq!(refused.refusal(), (403, "foreign_origin".to_owned()));
        assert_eq!(refused.header(ALLOW_ORIGIN), None);
        nothing_happened(&app).await;

        // Streams, refusals and what is passed on can all be read by that page.
        let from_listed = [listed, ("sec-fetch-site", "cross-site")];
        let answers = [
            chat(&app, &from_listed).await,
            post(&app, "/api/chat", &from_listed, "{").await,
            send(&app, Method::GET, "/api/tags", &from_listed, "").await,
        ];
        for answer in &answers {
            assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://app.example"));
        }
        assert_eq!(
            answers.map(|answer| answer.status.as_u16()),
            [200, 400, 200]
        );
        let refused = chat(&app, &[foreign]).await;
        assert_eq!(refused.refusal(), (403, "foreign_origin".to_owned()));
    });
}

/// Who is refused for it takes no token.
async fn no_page_may_ask_where_none_is_listed(app: &App) {
    let origin = ("origin", "https://app.example");
    let refused = preflight(app, origin).await;
    assert_eq!(refused.refusal(), (403, "foreign_origin".to_owned()));
    assert_eq!(refused.header(ALLOW_ORIGIN), None);
    let refused = chat(app, &[origin, ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(refused.refusal(), (403, "foreign_origin".to_owned()));
    nothing_happened(app).await;
}

/// What a browser asks before it lets a page of that origin ask.
async fn preflight(app: &App, origin: (&str, &str)) -> Whole {
    let headers = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    send(app, Method::OPTIONS, "/api/chat", &headers, "").await
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const PROMPT: &str = r#"{"prompt":"Hello"}"#;

/// An application that lets three in from an address, and the next after a minute.
async fn limited(trusted_proxies: &str) -> App {
    Setup::answering("tokens=1 pace=0ms")
        .with("rate_limit_address", "1")
        .with("rate_limit_address_burst", "3")
        .with("trusted_proxies", trusted_proxies)
        .start()
        .await
}

#[track_caller]
fn is_let_in(answer: &Whole, expected: bool) {
    if expected {
        answer.assert_complete();
    } else {
        assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
    }
}

/// Waits until the counters say that so many were let in.
async fn counted(store: &impl Store, expected: i64) {
    eventually("the store knows of all that were let in", || async {
        let mut sum = 0;
        for name in store.keys().await.expect("a listing") {
            if name.starts_with("sluice/rate/") {
                sum += store.increment(&name, 0).await.expect("a counter");
            }
        }
        assert!(sum <= expected, "{sum}");
        sum == expected
    })
    .await;
}

async fn chat(app: &App, headers: &[(&str, &str)]) -> Whole {
    post(app, "/api/chat", headers, PROMPT).await
}

async fn post(app: &App, path: &str, headers: &[(&str, &str)], body: &str) -> Whole {
    let json = ("content-type", "application/json");
    let headers = [headers, &[json]].concat();
    send(app, Method::POST, path, &headers, body).await
}
