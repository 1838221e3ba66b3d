//! One chat: what the client gets, and what the upstream got.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ollama_sim::Recorded;
use serde_json::json;

use crate::common::{App, Client, End, Setup, Whole, run, within};

#[test]
fn a_chat_is_relayed_as_ollama_wrote_it() {
    run(async {
        let app = Setup::answering("text=markdown pace=1ms").start().await;
        let request = json!({
            "model": "llama3.2",
            "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Hello" }],
            "options": { "temperature": 0.1 },
            "think": true,
        });
        let answer = app.post("/api/chat", &request).await.whole().await;
        answer.assert_complete();
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        assert_eq!(answer.ticket_number(), (1, 1));
        let waited = answer.header("x-queue-wait-ms").map(str::parse::<u64>);
        assert!(matches!(waited, Some(Ok(_))), "{waited:?}");
        let sent = only_request(&app);
        assert_eq!(answer.text(), direct(&app, &sent).await.text());
        // What the client said stays as it is, and its own option wins.
        assert_eq!(sent.body["messages"], request["messages"]);
        assert_eq!(sent.body["model"], "llama3.2");
        assert_eq!(sent.body["think"], true);
        assert_eq!(sent.body["options"]["temperature"], 0.1);
    });
}

#[test]
fn a_prompt_alone_gets_the_operators_model_and_options() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("ollama_model", "llama3.2")
            .with("top_p", "")
            .with("num_ctx", "8192")
            .with("keep_alive", "10m")
            .start()
            .await;
        let answer = app.chat("Hello").await.whole().await;
        answer.assert_complete();
        let sent = only_request(&app);
        assert_eq!(
            (sent.method.as_str(), sent.path.as_str()),
            ("POST", "/api/chat")
        );
        let expected = json!({
            "messages": [{ "role": "user", "content": "Hello" }],
            "model": "llama3.2",
            "keep_alive": "10m",
            "truncate": false,
            "options": {
                "num_ctx": 8192, "num_thread": 4, "num_gpu": 1, "num_parallel": 4, "temperature": 0.7, "seed": -1,
            },
        });
        assert_eq!(sent.body, expected);
    });
}

#[test]
fn options_that_are_the_operators_alone_are_dropped_and_named() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let request =
            json!({ "prompt": "Hello", "options": { "num_ctx": 1, "num_gpu": 99, "top_k": 5 } });
        let answer = app.post("/api/chat", &request).await.whole().await;
        answer.assert_complete();
        assert_eq!(answer.header("x-dropped-options"), Some("num_ctx, num_gpu"));
        let options = &only_request(&app).body["options"];
        assert_eq!(
            (&options["num_ctx"], &options["num_gpu"]),
            (&json!(4096), &json!(1))
        );
        assert_eq!(options["top_k"], 5);
    });
}

#[test]
fn an_answer_that_is_not_streamed_is_one_document() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms").start().await;
        let request = json!({ "prompt": "Hello", "stream": false });
        let answer = app.post("/api/chat", &request).await.whole().await;
        assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["done"], true);
        let sent = only_request(&app);
        assert_eq!(answer.text(), direct(&app, &sent).await.text());
    });
}

#[test]
fn openais_stream_is_relayed_as_it_came_where_no_runner_option_is_set() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms")
            .with("num_ctx", "")
            .with("num_thread", "")
            .with("num_gpu", "")
            .start()
            .await;
        let request = json!({
            "model": "llama3.2",
            "messages": [{ "role": "user", "content": "Hello" }],
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let answer = app
            .post("/v1/chat/completions", &request)
            .await
            .whole()
            .await;
        assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert!(
            answer.text().ends_with("data: [DONE]\n\n"),
            "{}",
            answer.text()
        );
        let sent = only_request(&app);
        assert_eq!(sent.body, request);
        // The simulator numbers its answers.
        let direct = direct(&app, &sent)
            .await
            .text()
            .replace("chatcmpl-1", "chatcmpl-0");
        assert_eq!(answer.text(), direct);
    });
}

#[test]
fn ollamas_lines_are_events_for_those_who_ask_for_events() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms").start().await;
        let headers = headers(&[
            ("accept", "text/event-stream"),
            ("content-type", "application/json"),
        ]);
        let mut client = app.client().await;
        let body = json!({ "prompt": "Hello" }).to_string();
        let answer = client
            .send(Method::POST, "/api/chat", headers, body)
            .await
            .expect("an answer");
        let answer = answer.whole().await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let direct = direct(&app, &only_request(&app)).await.text();
        let events: String = direct
            .lines()
            .map(|line| format!("event: message\ndata: {line}\n\n"))
            .collect();
        assert_eq!(answer.text(), events);
    });
}

#[test]
fn each_token_is_passed_on_when_it_comes() {
    run(async {
        let app = Setup::answering("tokens=5 pace=0ms").start().await;
        // Behind its last one the upstream is silent: nothing else brings it on.
        for tokens in 1..=3 {
            let prompt = format!("Hello [[sim hang_at={tokens}]]");
            let mut answer = app.chat(&prompt).await;
            for _ in 0..tokens {
                within("a token", answer.token()).await;
            }
        }
    });
}

#[test]
fn the_upstream_sees_a_short_list_of_headers_and_its_own_key() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("ollama_api_key", "upstreams-own")
            .start()
            .await;
        let origin = format!("http://{}", app.addr());
        let headers = headers(&[
            ("content-type", "application/json"),
            ("user-agent", "a client"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            ("tracestate", "a=b"),
            ("authorization", "Bearer clients-own"),
            ("x-api-key", "clients-own"),
            ("cookie", "session=clients-own"),
            ("origin", &origin),
            ("referer", &origin),
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("spin-client-addr", "192.0.2.1:1"),
            ("te", "trailers"),
            ("accept-encoding", "gzip"),
        ]);
        let mut client = app.client().await;
        let body = json!({ "prompt": "Hello" }).to_string();
        let answer = client
            .send(Method::POST, "/api/chat", headers, body)
            .await
            .expect("an answer");
        answer.whole().await.assert_complete();
        let sent = only_request(&app);
        let names: BTreeSet<&str> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
        // Of what the component sends this host takes `expect` away.
        let expected = [
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "traceparent",
            "tracestate",
            "user-agent",
        ];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!(sent.header("authorization"), Some("Bearer upstreams-own"));
        assert_eq!(
            sent.header("host"),
            Some(app.sim.addr().to_string().as_str())
        );
        assert_eq!(sent.header("user-agent"), Some("a client"));
        assert!(!format!("{sent:?}").contains("clients-own"), "{sent:?}");
    });
}

#[test]
fn one_connection_carries_one_chat_after_another() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms").start().await;
        let mut client = app.client().await;
        for k in 1..=3 {
            let answer = client
                .post("/api/chat", &json!({ "prompt": "Hello" }))
                .await
                .whole()
                .await;
            answer.assert_complete();
            assert_eq!(
                answer.ticket_number(),
                (1, k),
                "one session, one after another"
            );
        }
        assert_eq!(app.sim.counts().streams.finished, 3);
    });
}

/// The one request that has reached the upstream.
fn only_request(app: &App) -> Recorded {
    let mut requests = app.sim.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// The upstream's answer to the same request, without anything between.
async fn direct(app: &App, sent: &Recorded) -> Whole {
    let mut client = Client::connect(app.sim.addr()).await;
    client.post(&sent.path, &sent.body).await.whole().await
}

fn headers(of: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    of.iter().map(header).collect()
}
