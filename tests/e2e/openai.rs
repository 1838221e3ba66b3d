//! OpenAI's completions and responses: relayed as they came, or translated where the operator's runner options must go with them.

use http::Method;
use serde_json::{Value, json};

use crate::common::{App, Client, End, Setup, Whole, eventually, fill, run};

#[test]
fn a_stream_is_translated_and_says_what_ollamas_own_would() {
    run(async {
        let app = Setup::answering("text=markdown think=2 pace=0ms")
            .start()
            .await;
        let request = json!({
            "model": "llama3.2",
            "messages": [{ "role": "user", "content": "Hello" }],
            "temperature": 0.1,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let answer = completion(&app, &request).await;
        assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let sent = app.sim.requests().remove(0);
        assert_eq!(sent.path, "/api/chat");
        assert_eq!(
            sent.body["options"],
            json!({
                "temperature": 0.1, "num_ctx": 4096, "num_gpu": 1, "num_thread": 4, "num_parallel": 4, "top_p": 1.0,
                "seed": -1,
            })
        );
        // The same answer but for its number and its time.
        let direct = direct(&app, &request).await;
        assert_eq!(events(&answer.text()), events(&direct.text()));
    });
}

#[test]
fn a_document_is_translated_and_says_what_ollamas_own_would() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms").start().await;
        let request =
            json!({ "model": "llama3.2", "messages": [{ "role": "user", "content": "Hello" }] });
        let answer = completion(&app, &request).await;
        assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let direct = direct(&app, &request).await;
        assert_eq!(
            without_identity(answer.json()),
            without_identity(direct.json())
        );
    });
}

#[test]
fn a_text_is_continued_by_a_generation_and_says_what_ollamas_own_would() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms").start().await;
        for (stream, usage) in [(false, false), (true, false), (true, true)] {
            let request = json!({
                "model": "llama3.2", "prompt": "Hello", "stream": stream, "max_tokens": 5,
                "stream_options": { "include_usage": usage },
            });
            let answer = app.post("/v1/completions", &request).await.whole().await;
            assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
            let sent = app.sim.requests().pop().expect("a request");
            assert_eq!(sent.path, "/api/generate");
            assert_eq!(sent.body["options"]["num_ctx"], 4096);
            let mut client = Client::connect(app.sim.addr()).await;
            let direct = client.post("/v1/completions", &request).await.whole().await;
            if stream {
                assert_eq!(events(&answer.text()), events(&direct.text()));
            } else {
                let direct = without_identity(direct.json());
                assert_eq!(without_identity(answer.json()), direct);
            }
        }
        let unknown = json!({ "model": "nosuch", "prompt": "Hello [[sim status=404]]" });
        let refused = app.post("/v1/completions", &unknown).await.whole().await;
        assert_eq!(refused.status.as_u16(), 404);
        assert_eq!(refused.json()["error"]["type"], "not_found_error");
    });
}

#[test]
fn a_response_is_translated_and_says_what_ollamas_own_would() {
    run(async {
        let app = Setup::answering("text=lorem think=2 pace=0ms")
            .start()
            .await;
        let tool = json!({ "type": "function", "name": "f", "parameters": { "type": "object" } });
        let items = json!([
            { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hello" }] },
        ]);
        for (stream, input) in [
            (false, json!("Hello")),
            (true, json!("Hello")),
            (true, items),
        ] {
            let request = json!({
                "model": "llama3.2", "instructions": "Be brief.", "input": input, "stream": stream,
                "max_output_tokens": 20, "tools": [tool],
            });
            let answer = app.post("/v1/responses", &request).await.whole().await;
            assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
            let sent = app.sim.requests().pop().expect("a request");
            assert_eq!(sent.path, "/api/chat");
            assert_eq!(sent.body["options"]["num_ctx"], 4096);
            assert_eq!(sent.body["messages"][0]["role"], "system");
            let mut client = Client::connect(app.sim.addr()).await;
            let direct = client.post("/v1/responses", &request).await.whole().await;
            assert_eq!(said(&answer.text()), said(&direct.text()));
        }
    });
}

#[test]
fn an_error_in_a_response_is_told_in_the_ways_that_its_clients_look_for() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        for (directive, code) in [
            ("tokens=5 error_at=2", "server_error"),
            ("tokens=5 no_done", "incomplete_answer"),
        ] {
            let input = format!("Hello [[sim {directive}]]");
            let request = json!({ "input": input, "stream": true });
            let answer = app.post("/v1/responses", &request).await.whole().await;
            let told = said(&answer.text());
            let [failed, error] = told.last_chunk().expect("two events");
            assert_eq!(failed["type"], "response.failed", "{told:?}");
            assert_eq!(failed["response"]["error"]["code"], code);
            assert_eq!(error["type"], "error");
            assert!(error["error"]["message"].is_string(), "{error}");
        }
        let request = json!({ "input": "Hello [[sim status=404]]", "stream": true });
        let refused = app.post("/v1/responses", &request).await.whole().await;
        assert_eq!(refused.status.as_u16(), 404);
        assert_eq!(refused.json()["error"]["type"], "not_found_error");
    });
}

#[test]
fn an_error_of_the_upstreams_is_told_in_openais_form() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let of = |directive: &str, stream: bool| {
            let prompt = format!("Hello [[sim {directive}]]");
            json!({ "messages": [{ "role": "user", "content": prompt }], "stream": stream })
        };
        let refused = completion(&app, &of("status=404", true)).await;
        assert_eq!(refused.status.as_u16(), 404);
        assert!(
            refused.json()["error"]["message"].is_string(),
            "{refused:?}"
        );
        let failed = completion(&app, &of("tokens=5 error_at=2", true)).await;
        let last = events(&failed.text()).pop().expect("an event");
        assert!(last["error"]["message"].is_string(), "{failed:?}");
        let cut = completion(&app, &of("tokens=5 no_done", true)).await;
        let last = events(&cut.text()).pop().expect("an event");
        assert_eq!(last["error"]["code"], "incomplete_answer");
        assert!(!cut.text().contains("[DONE]"), "{cut:?}");
    });
}

#[test]
fn an_incomplete_document_is_a_refusal() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let prompt = "Hello [[sim tokens=5 no_done]]";
        let request = json!({ "messages": [{ "role": "user", "content": prompt }] });
        let answer = completion(&app, &request).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (502, &json!("incomplete_answer")),
            "{answer:?}"
        );
    });
}

#[test]
fn a_picture_that_would_have_to_be_fetched_is_refused() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let url =
            json!([{ "type": "image_url", "image_url": { "url": "http://169.254.169.254/" } }]);
        let request = json!({ "messages": [{ "role": "user", "content": url }] });
        let answer = completion(&app, &request).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert_eq!(
            answer.json()["error"]["param"],
            "messages[0].content[0].image_url"
        );
        assert_eq!(app.sim.counts().requests, 0);
    });
}

#[test]
fn who_waits_gets_comments_or_white_space_before_the_translated_answer() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms")
            .with("max_concurrent", "1")
            .start()
            .await;
        let chat = json!([{ "role": "user", "content": "Hello" }]);
        for (stream, path, end, object) in [
            (true, "/v1/chat/completions", "data: [DONE]\n\n", ""),
            (false, "/v1/chat/completions", "", "chat.completion"),
            (true, "/v1/completions", "data: [DONE]\n\n", ""),
            (false, "/v1/completions", "", "text_completion"),
            (true, "/v1/responses", "}\n\n", ""),
            (false, "/v1/responses", "", "response"),
        ] {
            let held = fill(app.addr(), &app.sim, 1).await;
            let mut client = app.client().await;
            let mut request = json!({ "stream": stream });
            match path {
                "/v1/chat/completions" => request["messages"] = chat.clone(),
                "/v1/completions" => request["prompt"] = "Hello".into(),
                _ => request["input"] = "Hello".into(),
            }
            let waiting = client.post(path, &request).await;
            assert_eq!(waiting.status.as_u16(), 200);
            eventually("it waits", || async {
                app.queue_status().await == [1, 1, 1]
            })
            .await;
            drop(held);
            let answer = waiting.whole().await;
            let text = answer.text();
            if stream {
                assert!(text.starts_with(": queue {\"ticket\":"), "{text}");
                assert!(text.ends_with(end), "{text}");
            } else {
                assert!(text.starts_with(' '), "{text}");
                assert_eq!(answer.json()["object"], object);
            }
            eventually("nobody is left", || async {
                app.queue_status().await == [0, 0, 1]
            })
            .await;
        }
    });
}

#[test]
fn embeddings_and_generations_are_relayed_as_they_came() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms").start().await;
        let mut number = 0;
        for (path, request) in [
            (
                "/v1/embeddings",
                json!({ "model": "nomic-embed-text", "input": ["a", "b"] }),
            ),
            (
                "/api/embed",
                json!({ "model": "nomic-embed-text", "input": "a" }),
            ),
            (
                "/api/embeddings",
                json!({ "model": "nomic-embed-text", "prompt": "a" }),
            ),
            (
                "/api/generate",
                json!({ "model": "llama3.2", "prompt": "a", "stream": false }),
            ),
            (
                "/api/generate",
                json!({ "model": "llama3.2", "prompt": "a" }),
            ),
        ] {
            let answer = app.post(path, &request).await.whole().await;
            assert_eq!(
                (answer.status.as_u16(), answer.end),
                (200, End::InOrder),
                "{path}: {answer:?}"
            );
            let sent = app.sim.requests().pop().expect("a request");
            assert_eq!(sent.path, path);
            let direct = Client::connect(app.sim.addr())
                .await
                .post(path, &sent.body)
                .await
                .whole()
                .await;
            // The simulator numbers its answers.
            let renumbered = direct
                .text()
                .replace(&format!("-{}\"", number + 1), &format!("-{number}\""));
            let renumbered =
                renumbered.replace(&format!("_{}\"", number + 1), &format!("_{number}\""));
            assert_eq!(answer.text(), renumbered, "{path}");
            number += 2;
        }
        let status = app
            .ask(Method::GET, "/api/queue-status")
            .await
            .whole()
            .await;
        assert_eq!(status.json()["activeRequests"], 0);
    });
}

async fn completion(app: &App, request: &Value) -> Whole {
    app.post("/v1/chat/completions", request)
        .await
        .whole()
        .await
}

/// The upstream's own answer under `/v1`.
async fn direct(app: &App, request: &Value) -> Whole {
    let mut client = Client::connect(app.sim.addr()).await;
    client
        .post("/v1/chat/completions", request)
        .await
        .whole()
        .await
}

/// What a response says: its events, or its document, without names and times.
fn said(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n");
    let data = events.filter_map(|event| match event.split_once("\ndata: ") {
        Some((_, data)) => Some(data),
        None => event.starts_with('{').then_some(event),
    });
    data.map(|data| nameless(serde_json::from_str(data).expect("JSON")))
        .collect()
}

/// Sorted, since the order of members says nothing, and Ollama's own events have another than its documents.
fn nameless(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(nameless).collect(),
        Value::Object(members) => {
            let told = members
                .into_iter()
                .filter(|(name, _)| !NAMES.contains(&name.as_str()));
            let mut told: Vec<_> = told.map(|(name, value)| (name, nameless(value))).collect();
            told.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(told.into_iter().collect())
        }
        other => other,
    }
}

const NAMES: [&str; 4] = ["id", "item_id", "created_at", "completed_at"];

fn events(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n");
    let data = events.filter_map(|event| event.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into()))
        .map(without_identity)
        .collect()
}

fn without_identity(mut completion: Value) -> Value {
    if let Some(members) = completion.as_object_mut() {
        members.shift_remove("id");
        members.shift_remove("created");
    }
    completion
}
