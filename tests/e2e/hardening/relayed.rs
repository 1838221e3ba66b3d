//! What of a client's head an upstream gets to see, and what of the upstream a client does.

use std::collections::BTreeSet;

use super::{PROMPT, post, raw, status};
use crate::common::{Setup, free_port, run};

/// What an upstream may see, whoever asks.
const SEEN: [&str; 8] = [
    "host",
    "accept-encoding",
    "user-agent",
    "traceparent",
    "tracestate",
    "content-type",
    "content-length",
    "expect",
];

#[test]
fn nothing_of_a_clients_head_reaches_the_upstream_but_what_is_listed() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("api_key", "of-the-client")
            .with("ollama_api_key", "of-the-upstream")
            .with("cors_origins", "https://app.example")
            .start()
            .await;
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let headers = format!(
            "authorization: Bearer of-the-client\r\nx-api-key: of-the-client\r\ncookie: a=b\r\n\
             origin: https://app.example\r\nreferer: https://app.example/\r\nsec-fetch-site: cross-site\r\n\
             proxy-authorization: Basic eDp5\r\nforwarded: for=1.1.1.1\r\nx-forwarded-for: 1.1.1.1\r\n\
             x-forwarded-host: evil.example\r\nx-real-ip: 1.1.1.1\r\nvia: 1.1 evil\r\nx-original-url: /api/pull\r\n\
             x-rewrite-url: /api/pull\r\nx-http-method-override: DELETE\r\nspin-client-addr: 1.1.1.1:1\r\n\
             spin-full-url: http://evil.example/\r\nspin-path-info: /api/pull\r\nspin-component-route: /\r\n\
             te: trailers\r\ntrailer: x-a\r\nkeep-alive: timeout=9\r\nupgrade: h2c\r\nrange: bytes=0-1\r\n\
             accept: text/plain\r\naccept-encoding: gzip, br\r\naccept-language: de\r\nif-none-match: *\r\n\
             x-unknown: z\r\nuser-agent: probe/1\r\ntraceparent: {trace}\r\ntracestate: a=b\r\n"
        );
        let get = |path: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: sluice-1.local\r\nconnection: close\r\n{headers}\r\n"
            )
            .into_bytes()
        };
        let completion = r#"{"messages":[{"role":"user","content":"x"}]}"#;
        for request in [
            post("/api/chat", &headers, PROMPT),
            post("/v1/chat/completions", &headers, completion),
            post("/api/show", &headers, r#"{"model":"qwen3:1.7b"}"#),
            get("/api/version"),
            get("/v1/models"),
        ] {
            let answer = raw(app.addr(), &request).await;
            assert_eq!(
                status(&answer),
                Some(200),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
        // A question about a model is one of the looks that the simulator does not count.
        assert_eq!(app.sim.counts().requests, 4);
        let upstream = app.sim.addr().to_string();
        for request in app.sim.requests() {
            let names: BTreeSet<&str> = request
                .headers
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            let allowed: BTreeSet<&str> = SEEN.into_iter().chain(["authorization"]).collect();
            let more: Vec<_> = names.difference(&allowed).collect();
            assert!(
                more.is_empty(),
                "{} {}: {more:?}",
                request.method,
                request.path
            );
            // The answer to a question is everybody's: nothing of one client's goes out with it.
            let is_own = request.path == "/api/chat";
            for (name, expected) in [
                ("host", Some(upstream.as_str())),
                ("authorization", Some("Bearer of-the-upstream")),
                ("accept-encoding", Some("identity")),
                ("user-agent", is_own.then_some("probe/1")),
                ("traceparent", is_own.then_some(trace)),
            ] {
                let lines = request.headers.iter().filter(|(other, _)| other == name);
                let values: Vec<&str> = lines.map(|(_, value)| value.as_str()).collect();
                assert_eq!(values, Vec::from_iter(expected), "{name}");
            }
        }
    });
}

#[test]
fn nothing_of_the_inside_is_in_an_answer() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("ollama_api_key", "of-the-upstream")
            .with("ollama_host2", &format!("http://127.0.0.1:{}", free_port()))
            .with("retry_attempts", "0")
            .with("max_body", "1KiB")
            .start()
            .await;
        let tags = b"GET /api/tags HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let health = b"GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(1024));
        let mut requests = vec![
            tags.to_vec(),
            health.to_vec(),
            post("/api/chat", "", PROMPT),
            post("/api/chat", "", "{"),
            post("/api/chat", "", &long),
            post("/api/pull", "", PROMPT),
        ];
        for fault in [
            "status=500",
            "status=404",
            "reset",
            "no_done",
            "cut_at=1 tokens=3",
            "garbage_at=1",
        ] {
            let prompt = format!(r#"{{"prompt":"[[sim {fault}]]"}}"#);
            requests.push(post("/api/chat", "", &prompt));
        }
        let mut statuses = BTreeSet::new();
        // With the upstream there, and without it.
        for round in 0..2 {
            if round == 1 {
                app.sim.stop().await;
            }
            for request in &requests {
                let answer = raw(app.addr(), request).await;
                statuses.insert(status(&answer));
                shows_nothing(&String::from_utf8_lossy(&answer));
            }
        }
        // They were not all refused for the same reason.
        assert!(statuses.len() >= 6, "{statuses:?}");
    });
}

#[track_caller]
fn shows_nothing(answer: &str) {
    for secret in ["127.0.0.1", "localhost", "of-the-upstream"] {
        assert!(!answer.contains(secret), "{secret} in {answer}");
    }
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let head = head.to_ascii_lowercase();
    for name in ["\nserver:", "\nset-cookie:", "\nx-powered-by:"] {
        assert!(!head.contains(name), "{head}");
    }
}
