//! An upstream's trouble is told as the upstream's: its refusals, its failures, and what is no Ollama at all.

use http::Method;
use serde_json::{Value, json};

use crate::common::{App, Behind, End, Setup, Stranger, eventually, run, settles, within};

#[test]
fn an_upstream_that_refuses_our_credentials_is_never_the_clients_fault() {
    run(async {
        for status in [
            "401 Unauthorized",
            "403 Forbidden",
            "407 Proxy Authentication Required",
        ] {
            let stranger = Stranger::refusing(status, "unauthorized").await;
            let app = before(&stranger).await;
            for path in ["/api/chat", "/v1/chat/completions"] {
                let refused = app.post(path, &chat()).await.whole().await;
                assert_eq!(refused.status.as_u16(), 502, "{status} {path}: {refused:?}");
                assert!(refused.text().contains("upstream_error"), "{refused:?}");
            }
            assert_eq!(stranger.asked(), 2, "the same would be said again");
            let tags = app.ask(Method::GET, "/api/tags").await.whole().await;
            assert_eq!(tags.refusal(), (502, "upstream_error".to_owned()));
            let found = upstream(&app).await["found"].to_string();
            assert!(found.contains("ollama_api_key"), "{found}");
            settles(&*app.store()).await;
        }
    });
}

#[test]
fn an_upstream_that_refuses_our_credentials_is_left_alone_and_the_next_one_asked() {
    run(async {
        let stranger = Stranger::refusing("401 Unauthorized", "unauthorized").await;
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("ollama_host2", &stranger.url())
            .with("retry_delay", "10ms")
            .start()
            .await;
        // Whoever is sent to the one that fails is answered by the other.
        for _ in 0..16 {
            app.chat("Hello").await.whole().await.assert_complete();
        }
        app.sim.stop().await;
        eventually("its breaker is open", || async {
            app.chat("Hello").await.whole().await;
            let health = health(&app).await;
            health["upstreams"][1]["breaker"] == "open"
                && health["upstreams"][1]["cause"] == "credentials"
        })
        .await;
    });
}

#[test]
fn a_busy_upstreams_own_time_is_told() {
    run(async {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let body = json!({ "error": "server busy" }).to_string();
            let headers = "content-type: application/json\r\nretry-after: 17\r\n";
            let stranger = Stranger::answering(status, headers, body.as_bytes()).await;
            let app = before(&stranger).await;
            let busy = app.post("/api/chat", &chat()).await.whole().await;
            assert_eq!(busy.refusal(), (503, "upstream_busy".to_owned()));
            assert_eq!(busy.header("retry-after"), Some("17"));
            assert_eq!(stranger.asked(), 1, "it said when to come back");
        }
    });
}

#[test]
fn a_failure_that_is_the_requests_own_is_told_in_ollamas_words_and_not_repeated() {
    run(async {
        for (status, code, sentence) in [
            (
                "500 Internal Server Error",
                500,
                "model requires more system memory (5.6 GiB) than is available (2.1 GiB)",
            ),
            (
                "501 Not Implemented",
                501,
                "This server does not support embeddings. Start it with `--embeddings`",
            ),
            (
                "500 Internal Server Error",
                500,
                "template: :1: unclosed action",
            ),
        ] {
            let stranger = Stranger::refusing(status, sentence).await;
            let app = before(&stranger).await;
            let refused = app.post("/api/chat", &chat()).await.whole().await;
            assert_eq!(refused.refusal(), (code, "upstream_refused".to_owned()));
            assert_eq!(refused.json()["error"], sentence);
            let refused = app
                .post("/v1/chat/completions", &chat())
                .await
                .whole()
                .await;
            assert_eq!(refused.status.as_u16(), code);
            assert_eq!(refused.json()["error"]["message"], sentence);
            assert_eq!(stranger.asked(), 2);
            assert_eq!(upstream(&app).await["breaker"], "closed");
        }
        // Any other failure is its own.
        let stranger = Stranger::refusing("500 Internal Server Error", "at 10.0.0.7: EOF").await;
        let app = before(&stranger).await;
        let failed = app.post("/api/chat", &chat()).await.whole().await;
        assert_eq!(failed.refusal(), (502, "upstream_error".to_owned()));
        assert!(!failed.text().contains("10.0.0.7"), "{failed:?}");
        assert_eq!(stranger.asked(), 3, "once, and twice again");
    });
}

#[test]
fn what_is_no_ollama_is_never_passed_for_an_answer() {
    run(async {
        let html = "content-type: text/html\r\n";
        let coded = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
        for (status, headers, body) in [
            ("200 OK", html, "<html>welcome</html>"),
            ("200 OK", "", "<!doctype html>"),
            ("200 OK", coded, "\u{1f}\u{8b}"),
            (
                "301 Moved Permanently",
                "location: https://elsewhere.example/\r\n",
                "",
            ),
            ("404 Not Found", html, "<html>nginx</html>"),
            (
                "404 Not Found",
                "content-type: text/plain\r\n",
                "404 page not found",
            ),
        ] {
            let stranger = Stranger::answering(status, headers, body.as_bytes()).await;
            let app = before(&stranger).await;
            let whole = json!({ "prompt": "Hello", "stream": false });
            for (path, request) in [
                ("/api/chat", chat()),
                ("/api/chat", whole),
                ("/api/embed", json!({ "input": "Hello" })),
                ("/v1/chat/completions", chat()),
            ] {
                let refused = app.post(path, &request).await.whole().await;
                assert_eq!(refused.status.as_u16(), 502, "{status} {path}: {refused:?}");
                assert!(refused.text().contains("upstream_error"), "{refused:?}");
            }
            for path in ["/api/tags", "/v1/models"] {
                let refused = app.ask(Method::GET, path).await.whole().await;
                assert_eq!(refused.status.as_u16(), 502, "{status} {path}: {refused:?}");
            }
            let upstream = upstream(&app).await;
            assert_eq!(upstream["reachable"], false, "{upstream}");
            assert!(upstream["found"].is_string(), "{upstream}");
            settles(&*app.store()).await;
        }
    });
}

#[test]
fn one_clients_requests_that_a_proxy_refuses_shut_the_upstream_for_nobody() {
    run(async {
        // A proxy before the upstream that takes no large bodies says so in HTML.
        let html = "content-type: text/html\r\n";
        let stranger = Stranger::answering("413 Too Large", html, b"<html>nginx</html>").await;
        let app = before(&stranger).await;
        for _ in 0..8 {
            let refused = app.post("/api/chat", &chat()).await.whole().await;
            assert_eq!(refused.refusal(), (502, "upstream_error".to_owned()));
        }
        assert_eq!(upstream(&app).await["breaker"], "closed");
    });
}

#[test]
fn a_question_goes_on_to_the_next_upstream_and_heals_no_breaker() {
    run(async {
        let failing =
            Stranger::answering("502 Bad Gateway", "content-type: text/html\r\n", b"<html>").await;
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let both = Setup::answering("tokens=1 pace=0ms")
            .with("ollama_host", &failing.url())
            .with("ollama_host2", &format!("http://{}", app.sim.addr()))
            .start()
            .await;
        for path in ["/api/tags", "/api/ps", "/v1/models", "/api/version"] {
            let answer = both.ask(Method::GET, path).await.whole().await;
            assert_eq!(answer.status.as_u16(), 200, "{path}: {answer:?}");
        }

        // It generates nothing, and answers questions well.
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("retry_attempts", "0")
            .start()
            .await;
        for _ in 0..5 {
            let tags = app.ask(Method::GET, "/api/tags").await;
            assert_eq!(tags.status.as_u16(), 200);
            let failed = app.chat("Hello [[sim reset]]").await.whole().await;
            assert_eq!(failed.refusal(), (502, "upstream_error".to_owned()));
        }
        eventually("its breaker is open", || async {
            upstream(&app).await["breaker"] == "open"
        })
        .await;
    });
}

#[test]
fn a_failure_that_does_not_end_is_not_waited_for() {
    run(async {
        let told = json!({ "error": "it went wrong" }).to_string();
        let json = "content-type: application/json\r\n";
        for status in ["500 Internal Server Error", "400 Bad Request"] {
            let stranger = Stranger::with(Behind::Silence, status, json, told.as_bytes()).await;
            let app = Setup::answering("tokens=1 pace=0ms")
                .with("ollama_host", &stranger.url())
                .with("retry_attempts", "0")
                .start()
                .await;
            // The time between two pieces of an answer is two minutes.
            let refused = async { app.post("/api/chat", &chat()).await.whole().await };
            let refused = within("it is refused", refused).await;
            assert!(refused.text().contains("\"code\""), "{status}: {refused:?}");
            settles(&*app.store()).await;
        }
    });
}

#[test]
fn what_becomes_of_a_connection_behind_the_end_of_an_answer_is_no_failure() {
    run(async {
        let said = r#""model":"m","message":{"role":"assistant","content":"Hi"}"#;
        let lines = format!("{{{said},\"done\":false}}\n{{{said},\"done\":true}}\n");
        let headers = "content-type: application/x-ndjson\r\n";
        for behind in [Behind::Break, Behind::Silence] {
            let stranger = Stranger::with(behind, "200 OK", headers, lines.as_bytes()).await;
            let app = before(&stranger).await;
            for path in ["/api/chat", "/v1/chat/completions"] {
                let mut request = chat();
                request["stream"] = true.into();
                let answer = async { app.post(path, &request).await.whole().await };
                let answer = within("it ends", answer).await;
                assert_eq!(answer.end, End::InOrder, "{path}, {behind:?}: {answer:?}");
                let text = answer.text();
                assert!(!text.contains("error"), "{path}, {behind:?}: {text}");
                let last = text.trim_end().lines().next_back().unwrap_or_default();
                let is_end = last.contains("\"done\":true") || last == "data: [DONE]";
                assert!(is_end, "{path}, {behind:?}: {text}");
            }
        }
    });
}

fn chat() -> Value {
    json!({ "messages": [{ "role": "user", "content": "Hello" }] })
}

/// An application whose only upstream is this one.
async fn before(stranger: &Stranger) -> App {
    Setup::answering("tokens=1 pace=0ms")
        .with("ollama_host", &stranger.url())
        .with("retry_delay", "10ms")
        .start()
        .await
}

async fn health(app: &App) -> Value {
    app.read("/api/health").await
}

/// What health says of the first upstream.
async fn upstream(app: &App) -> Value {
    health(app).await["upstreams"][0].clone()
}
