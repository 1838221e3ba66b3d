//! What a browser sends for a page of somebody else's: by which name it knows this server, from which page, and whether
//! the page may read the answer.

use http::Method;

use crate::common::{App, Setup, Whole, nothing_happened, run, send};

#[test]
fn a_name_that_anybody_can_own_is_not_answered_to_until_it_is_listed() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let rebound = [
            ("host", "evil.example:3000"),
            ("origin", "http://evil.example:3000"),
        ];
        for (method, path, body) in [
            (Method::POST, "/api/chat", PROMPT),
            (Method::GET, "/api/tags", ""),
            (Method::GET, "/api/queue-status", ""),
            (Method::GET, "/api/health", ""),
            (Method::DELETE, "/api/queue/1-00", ""),
        ] {
            let refused = send(&app, method, path, &rebound, body).await;
            assert_eq!(
                refused.refusal(),
                (421, "host_not_allowed".to_owned()),
                "{path}"
            );
            let sentence = refused.json()["error"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(sentence.contains("allowed_hosts"), "{sentence}");
            assert!(sentence.contains("\"evil.example\""), "{sentence}");
        }
        nothing_happened(&app).await;
        // Whoever runs this probes it by whatever name.
        for path in ["/livez", "/readyz"] {
            let probed = send(&app, Method::GET, path, &rebound[..1], "").await;
            assert_eq!(probed.status.as_u16(), 200, "{path}");
        }
        for host in [
            "localhost:3000",
            "box.local",
            "sluice",
            "192.168.1.5",
            "[::1]:3000",
        ] {
            let own = format!("http://{host}");
            chat(&app, &[("host", host), ("origin", &own)])
                .await
                .assert_complete();
        }
    });
}

#[test]
fn a_listed_name_is_answered_to_and_with_a_key_every_name_is() {
    run(async {
        let school = ("host", "chat.school.example");
        let listed = Setup::answering("tokens=1 pace=0ms")
            .with("allowed_hosts", "*.school.example, https://wrong.example")
            .start()
            .await;
        chat(&listed, &[school]).await.assert_complete();
        let wrong = chat(&listed, &[("host", "wrong.example")]).await;
        assert_eq!(wrong.refusal(), (421, "host_not_allowed".to_owned()));
        let health = listed.read("/api/health").await;
        let warnings = health["warnings"].to_string();
        assert!(
            warnings.contains("allowed_hosts has no name as entry 2"),
            "{warnings}"
        );

        let keyed = Setup::answering("tokens=1 pace=0ms")
            .with("api_key", "s3cret")
            .start()
            .await;
        let key = ("authorization", "Bearer s3cret");
        chat(&keyed, &[school, key]).await.assert_complete();
    });
}

#[test]
fn behind_a_listed_proxy_the_name_is_what_the_proxy_was_asked_for() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("trusted_proxies", "127.0.0.0/8")
            .start()
            .await;
        let asked = ("x-forwarded-host", "chat.school.example");
        let refused = chat(&app, &[("host", "127.0.0.1:8080"), asked]).await;
        assert_eq!(refused.refusal(), (421, "host_not_allowed".to_owned()));
        assert!(
            refused.text().contains("chat.school.example"),
            "{refused:?}"
        );
        // The page's own origin is compared with that name too.
        let local = ("x-forwarded-host", "chat.lan:8000");
        let page = ("origin", "http://chat.lan:8000");
        chat(&app, &[("host", "sluice"), local, page])
            .await
            .assert_complete();
    });
}

#[test]
fn the_default_port_is_the_same_as_none() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        for (origin, host) in [
            ("http://chat.lan", "chat.lan:80"),
            ("http://chat.lan:8000", "chat.lan:8000"),
            ("https://chat.lan", "chat.lan:443"),
        ] {
            let own = chat(&app, &[("origin", origin), ("host", host)]).await;
            own.assert_complete();
        }
        let other = chat(
            &app,
            &[("origin", "http://chat.lan:8000"), ("host", "chat.lan")],
        )
        .await;
        assert_eq!(other.refusal(), (403, "foreign_origin".to_owned()));
    });
}

#[test]
fn apps_and_the_openai_client_in_a_browser_may_ask_where_they_are_listed() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with(
                "cors_origins",
                "app://obsidian.md http://localhost:* nonsense",
            )
            .start()
            .await;
        let asked =
            "authorization,content-type,x-stainless-lang,x-stainless-os,x-stainless-timeout";
        for origin in ["app://obsidian.md", "http://localhost:5173"] {
            let preflight = [
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", asked),
            ];
            let answer = send(
                &app,
                Method::OPTIONS,
                "/v1/chat/completions",
                &preflight,
                "",
            )
            .await;
            assert_eq!(answer.status.as_u16(), 204, "{answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("access-control-allow-headers"), Some(asked));
            let answer = chat(&app, &[("origin", origin)]).await;
            answer.assert_complete();
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
        let foreign = chat(&app, &[("origin", "app://other")]).await;
        assert_eq!(foreign.refusal(), (403, "foreign_origin".to_owned()));
        let health = app.read("/api/health").await;
        let warnings = health["warnings"].to_string();
        assert!(
            warnings.contains("cors_origins has no origin as entry 3"),
            "{warnings}"
        );
    });
}

#[test]
fn a_link_from_elsewhere_leads_here() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let from = |mode, dest| {
            [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ]
        };
        for path in ["/api/health", "/api/openapi.json", "/metrics", "/api/queue"] {
            let link = send(&app, Method::GET, path, &from("navigate", "document"), "").await;
            assert_eq!(link.status.as_u16(), 200, "{path}");
            let script = send(&app, Method::GET, path, &from("no-cors", "script"), "").await;
            assert_eq!(
                script.refusal(),
                (403, "foreign_origin".to_owned()),
                "{path}"
            );
        }
        let form = send(
            &app,
            Method::POST,
            "/api/chat",
            &from("navigate", "document"),
            PROMPT,
        )
        .await;
        assert_eq!(form.refusal(), (403, "foreign_origin".to_owned()));
    });
}

#[test]
fn every_answer_has_the_number_of_its_request() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let mut numbers = std::collections::HashSet::new();
        for (method, path, body) in [
            (Method::POST, "/api/chat", PROMPT),
            (Method::POST, "/api/chat", "{"),
            (Method::GET, "/api/tags", ""),
            (Method::GET, "/livez", ""),
            (Method::GET, "/api/nothing", ""),
        ] {
            let own = send(&app, method.clone(), path, &[], body).await;
            let number = own.header("x-request-id").unwrap_or_default().to_owned();
            assert!(
                number.len() == 16 && numbers.insert(number),
                "{path}: {own:?}"
            );
            let taken = send(
                &app,
                method.clone(),
                path,
                &[("x-request-id", "trace.7-a")],
                body,
            )
            .await;
            assert_eq!(taken.header("x-request-id"), Some("trace.7-a"), "{path}");
            let bad = send(&app, method, path, &[("x-request-id", "a b\"c")], body).await;
            assert!(
                bad.header("x-request-id").is_some_and(|id| id.len() == 16),
                "{path}"
            );
        }
    });
}

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

async fn chat(app: &App, headers: &[(&str, &str)]) -> Whole {
    send(app, Method::POST, "/api/chat", headers, PROMPT).await
}
