//! What is refused, before anything reaches the upstream.

use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use crate::common::{App, Setup, Whole, eventually, fill, nothing_happened, run, settles, within};

#[test]
fn a_body_that_is_no_request_is_refused_with_the_member_at_fault() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let cases = [
            ("/api/chat", "{\"prompt\":", "invalid_json", None),
            ("/api/chat", "{}", "invalid_request", Some("messages")),
            (
                "/api/chat",
                r#"{"prompt":" "}"#,
                "invalid_request",
                Some("prompt"),
            ),
            (
                "/api/chat",
                r#"{"messages":[{"role":5}]}"#,
                "invalid_request",
                Some("messages[0].role"),
            ),
            (
                "/api/chat",
                r#"{"prompt":"x","options":{},"Options":{"num_ctx":1}}"#,
                "invalid_request",
                Some("options"),
            ),
            (
                "/api/generate",
                r#"{"Keep_Alive":0}"#,
                "invalid_request",
                Some("keep_alive"),
            ),
            (
                "/api/chat",
                r#"{"prompt":"x","options":{"temperature":"hot"}}"#,
                "invalid_option",
                Some("options.temperature"),
            ),
            (
                "/api/generate",
                r#"{"prompt":5}"#,
                "invalid_request",
                Some("prompt"),
            ),
        ];
        for (path, body, code, param) in cases {
            let answer = post(&app, path, body).await;
            assert_eq!(answer.refusal(), (400, code.to_owned()), "{body}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let document = answer.json();
            assert_eq!(document["param"].as_str(), param, "{document}");
            assert_eq!(document["detail"], document["error"]);
            assert_eq!(document.get("status"), None, "Go reads it as a text");
        }
        // What does not even claim to be JSON is another fault; `curl -d` claims a form, and JSON in it is taken.
        let mut client = app.client().await;
        let form = client
            .send(Method::POST, "/api/chat", HeaderMap::new(), "prompt=Hello")
            .await;
        let form = form.expect("an answer").whole().await;
        assert_eq!(form.refusal(), (415, "unsupported_media_type".to_owned()));
        let accept = HeaderValue::from_static("application/problem+json");
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept)]);
        let problem = client.send(Method::GET, "/api/nothing", headers, "");
        let problem = problem.await.expect("an answer").whole().await;
        assert_eq!(
            (problem.header("content-type"), &problem.json()["status"]),
            (Some("application/problem+json"), &json!(404))
        );
        let openai = post(&app, "/v1/chat/completions", "{}").await;
        assert_eq!(openai.status.as_u16(), 400);
        let error = openai.json()["error"].clone();
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!("invalid_request"), &json!("messages"))
        );
        nothing_happened(&app).await;
    });
}

#[test]
fn what_runs_in_the_cloud_is_refused_unless_it_is_named() {
    run(async {
        let search = r#"{"input":"x","tools":[{"type":"web_search"}]}"#;
        let model = r#"{"prompt":"x","model":"gpt-oss:120b-Cloud"}"#;
        let app = Setup::answering("pace=0ms").start().await;
        for (path, body) in [("/api/chat", model), ("/v1/responses", search)] {
            let answer = post(&app, path, body).await;
            assert_eq!(answer.status.as_u16(), 403, "{body}");
            assert!(
                answer.text().contains("cloud_not_allowed"),
                "{}",
                answer.text()
            );
        }
        nothing_happened(&app).await;
        let app = Setup::answering("pace=0ms")
            .with("allow_cloud", "true")
            .start()
            .await;
        // It goes on to Ollama, which cannot reach its cloud.
        let answer = post(&app, "/api/chat", model).await;
        assert!(answer.text().contains("ollama.com"), "{}", answer.text());
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_announced_or_not() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("max_body", "64KiB")
            .start()
            .await;
        let large = json!({ "prompt": "x".repeat(64 << 10) }).to_string();
        assert_eq!(
            post(&app, "/api/chat", &large).await.refusal(),
            (413, "body_too_large".to_owned())
        );
        let fits = json!({ "prompt": "x".repeat(63 << 10) }).to_string();
        post(&app, "/api/chat", &fits).await.assert_complete();
        assert_eq!(app.sim.counts().requests, 1);
    });
}

#[test]
fn routes_of_the_operator_are_not_exposed() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        for path in [
            "/api/pull",
            "/api/push",
            "/api/create",
            "/api/copy",
            "/api/blobs/sha256:00",
        ] {
            assert_eq!(
                post(&app, path, r#"{"model":"m"}"#).await.refusal(),
                (403, "not_exposed".to_owned()),
                "{path}"
            );
        }
        let delete = app.ask(Method::DELETE, "/api/delete").await.whole().await;
        assert_eq!(delete.refusal(), (403, "not_exposed".to_owned()));
        for path in ["/api/%70ull", "/api/./pull", "/api//pull", "/api/x/../pull"] {
            let answer = post(&app, path, r#"{"model":"m"}"#).await;
            assert!(answer.status.is_client_error(), "{path}: {answer:?}");
        }
        nothing_happened(&app).await;
    });
}

#[test]
fn a_wrong_method_says_which_is_right_and_an_unknown_path_is_not_found() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        for (method, path, allow) in [
            (Method::GET, "/api/chat", "POST"),
            (Method::PUT, "/v1/chat/completions", "POST"),
            (Method::POST, "/api/queue-status", "GET, HEAD"),
            (Method::GET, "/api/queue/1-00", "DELETE"),
        ] {
            let answer = app.ask(method, path).await.whole().await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("allow")),
                (405, Some(allow)),
                "{path}"
            );
        }
        for path in ["/api", "/api/nothing", "/v1/nothing"] {
            let answer = app.ask(Method::GET, path).await.whole().await;
            assert_eq!(answer.status.as_u16(), 404, "{path}");
        }
        nothing_happened(&app).await;
    });
}

#[test]
fn whoever_finds_the_line_full_is_told_when_to_come_back() {
    run(async {
        let setup = Setup::answering("tokens=1000 pace=20ms")
            .with("max_concurrent", "1")
            .with("max_queue", "2");
        let app = setup.start().await;
        let mut held = fill(app.addr(), &app.sim, 1).await;
        held.push(app.chat("client 2").await);
        held.push(app.chat("client 3").await);
        let refused = within("it is refused", app.chat("client 4"))
            .await
            .whole()
            .await;
        is_told_to_come_back(&refused);
        let refused = post(
            &app,
            "/v1/chat/completions",
            r#"{"messages":[{"role":"user","content":"x"}]}"#,
        )
        .await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["code"]),
            (429, &json!("queue_full"))
        );
        assert_eq!(
            app.sim.counts().requests,
            1,
            "nothing of them reached the upstream"
        );
        eventually("two wait", || async {
            app.queue_status().await == [1, 2, 1]
        })
        .await;
        // A place that gets free can be had again.
        drop(held.remove(0));
        eventually("one waits", || async {
            app.queue_status().await == [1, 1, 1]
        })
        .await;
        let next = app.chat("client 5").await;
        assert_eq!(next.status.as_u16(), 200);
    });
}

#[test]
fn without_a_line_one_starts_now_or_is_refused() {
    run(async {
        let setup = Setup::answering("tokens=1000 pace=20ms")
            .with("max_concurrent", "2")
            .with("max_queue", "0");
        let app = setup.start().await;
        let first = fill(app.addr(), &app.sim, 1).await;
        let second = fill(app.addr(), &app.sim, 1).await;
        is_told_to_come_back(&app.chat("Hello").await.whole().await);
        assert_eq!(app.sim.counts().requests, 2);
        drop((first, second));
        settles(&*app.store()).await;
        // It is judged by a reading that may be a little old.
        eventually("nobody is active", || async {
            app.queue_status().await == [0, 0, 2]
        })
        .await;
        drop(fill(app.addr(), &app.sim, 1).await);
    });
}

#[test]
fn of_many_who_come_at_once_no_more_wait_than_may() {
    run(async {
        let setup = Setup::answering("tokens=10000 pace=20ms")
            .with("max_concurrent", "2")
            .with("max_queue", "4");
        let app = setup.start().await;
        // Nobody is done before all are told.
        let names: Vec<String> = (0..20).map(|n| format!("client {n}")).collect();
        let answers = join_all(names.iter().map(|name| app.chat(name))).await;
        let (served, refused): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| answer.status.is_success());
        for answer in refused {
            is_told_to_come_back(&answer.whole().await);
        }
        assert!((6..=8).contains(&served.len()), "{} served", served.len());
        app.sim.wait_until(|counts| counts.streams.now == 2).await;
        assert_eq!(app.sim.counts().streams.started, 2);
        drop(served);
        settles(&*app.store()).await;
    });
}

#[track_caller]
fn is_told_to_come_back(refused: &Whole) {
    assert_eq!(refused.refusal(), (429, "queue_full".to_owned()));
    let seconds = refused.header("retry-after").map(str::parse::<u32>);
    assert!(matches!(seconds, Some(Ok(1..))), "{refused:?}");
}

async fn post(app: &App, path: &str, body: &str) -> Whole {
    let mut client = app.client().await;
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    let sent = client.send(Method::POST, path, headers, body.to_owned());
    sent.await.expect("the head of an answer").whole().await
}
