//! Anthropic's messages: translated, told of the line in `ping` events, and refused in words that its clients act on.

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::common::{App, Client, End, Setup, Whole, eventually, fill, run};

/// A request that says this.
fn saying(prompt: &str) -> Value {
    json!({
        "model": "llama3.2", "max_tokens": 100, "messages": [{ "role": "user", "content": prompt }],
    })
}

async fn asked(app: &App, request: &Value) -> Whole {
    app.post("/v1/messages?beta=true", request)
        .await
        .whole()
        .await
}

async fn direct(app: &App, request: &Value) -> Whole {
    let mut client = Client::connect(app.sim.addr()).await;
    client.post("/v1/messages", request).await.whole().await
}

/// The events of a stream but its pings, each under its own name.
fn events(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once("\ndata: ").expect(event);
        let data: Value = serde_json::from_str(data).expect(data);
        assert_eq!(
            name.strip_prefix("event: "),
            data["type"].as_str(),
            "{event}"
        );
        data
    });
    events.filter(|event| event["type"] != "ping").collect()
}

/// Without what two answers to one request differ in: ids, the guess of the prompt's length, and a member that Ollama leaves out.
fn without_identity(mut event: Value) -> Value {
    for path in ["/id", "/message/id", "/message/usage", "/content_block/id"] {
        if let Some(value) = event.pointer_mut(path) {
            *value = Value::Null;
        }
    }
    for owner in ["", "/delta"] {
        if let Some(members) = event.pointer_mut(owner).and_then(Value::as_object_mut) {
            members.remove("stop_sequence");
        }
    }
    if let Some(blocks) = event.get_mut("content").and_then(Value::as_array_mut) {
        for block in blocks.iter_mut().filter(|block| block.get("id").is_some()) {
            block["id"] = Value::Null;
        }
    }
    event
}

fn comparable(events: Vec<Value>) -> Vec<Value> {
    events.into_iter().map(without_identity).collect()
}

#[test]
fn an_answer_is_translated_and_says_what_ollamas_own_would() {
    run(async {
        for script in ["text=markdown think=2 pace=0ms", "calls=2 pace=0ms"] {
            let app = Setup::answering(script).start().await;
            let mut request = saying("Hello");
            request["tools"] = json!([{
                "name": "get_weather", "cache_control": { "type": "ephemeral" },
                "input_schema": { "type": "object", "properties": { "city": { "type": "string" } } },
            }]);
            let (ours, theirs) = (asked(&app, &request).await, direct(&app, &request).await);
            assert_eq!((ours.status.as_u16(), ours.end), (200, End::InOrder));
            assert_eq!(ours.header("content-type"), Some("application/json"));
            assert_eq!(
                without_identity(ours.json()),
                without_identity(theirs.json())
            );
            let sent = app.sim.requests().remove(0);
            assert_eq!(sent.path, "/api/chat");
            let options = json!({
                "num_predict": 100, "num_ctx": 4096, "num_gpu": 1, "num_thread": 4, "num_parallel": 4, "seed": -1,
            });
            assert_eq!(sent.body["options"], options);
            assert_eq!(sent.body["truncate"], false);

            request["stream"] = true.into();
            let (ours, theirs) = (asked(&app, &request).await, direct(&app, &request).await);
            assert_eq!(ours.header("content-type"), Some("text/event-stream"));
            assert_eq!(ours.end, End::InOrder);
            assert_eq!(
                comparable(events(&ours.text())),
                comparable(events(&theirs.text()))
            );
        }
    });
}

#[test]
fn a_model_that_thinks_is_told_whether_to_and_a_picture_goes_with_its_message() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let image = json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "aGk=" } });
        let mut request = saying("");
        request["messages"][0]["content"] = json!([{ "type": "text", "text": "What?" }, image]);
        for (thinking, think) in [("adaptive", json!(true)), ("disabled", json!(false))] {
            request["thinking"] = json!({ "type": thinking });
            asked(&app, &request).await;
            let sent = app.sim.requests().pop().expect("it was sent");
            assert_eq!(sent.body["think"], think, "{thinking}");
            let message = json!({ "role": "user", "content": "What?", "images": ["aGk="] });
            assert_eq!(sent.body["messages"][0], message);
        }
    });
}

#[test]
fn what_goes_wrong_is_told_in_anthropics_form() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let of = |directive: &str, stream: bool| {
            let mut request = saying(&format!("Hello [[sim {directive}]]"));
            request["stream"] = stream.into();
            request
        };
        let mut unknown = saying("Hello");
        unknown["model"] = "nosuch".into();
        let refused = asked(&app, &unknown).await;
        assert_eq!(refused.status.as_u16(), 404);
        assert_eq!(refused.json()["error"]["type"], "not_found_error");
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        for (directive, message) in [
            ("tokens=5 error_at=2", ""),
            (
                "tokens=5 no_done",
                "the answer ended before it was complete",
            ),
        ] {
            let failed = asked(&app, &of(directive, true)).await;
            let last = events(&failed.text()).pop().expect("an event");
            assert_eq!(last["type"], "error", "{failed:?}");
            assert_eq!(last["error"]["type"], "api_error", "{failed:?}");
            let told = last["error"]["message"].as_str().expect("a sentence");
            assert!(told.contains(message), "{told}");
            assert!(!failed.text().contains("message_stop"), "{failed:?}");
        }
        let mut foreign = saying("");
        let url = json!({ "type": "url", "url": "http://169.254.169.254/" });
        foreign["messages"][0]["content"] = json!([{ "type": "image", "source": url }]);
        let refused = asked(&app, &foreign).await;
        assert_eq!(refused.status.as_u16(), 400);
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
        let search = json!([{ "type": "web_search_20250305", "name": "web_search" }]);
        let mut searching = saying("Hello");
        searching["tools"] = search;
        let refused = asked(&app, &searching).await;
        assert_eq!(refused.status.as_u16(), 403);
        assert_eq!(refused.json()["error"]["type"], "permission_error");
    });
}

#[test]
fn an_allowed_search_of_the_web_is_relayed_as_it_came() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("allow_cloud", "true")
            .start()
            .await;
        let mut request = saying("Hello");
        request["tools"] = json!([{ "type": "web_search_20250305", "name": "web_search" }]);
        request["stream"] = true.into();
        let answer = asked(&app, &request).await;
        assert!(answer.text().ends_with("{\"type\":\"message_stop\"}\n\n"));
        let sent = app.sim.requests().remove(0);
        assert_eq!((sent.path.as_str(), &sent.body), ("/v1/messages", &request));
    });
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_with_both_numbers_and_never_cut() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let mut request = saying(&"word ".repeat(5_000));
        for stream in [false, true] {
            request["stream"] = stream.into();
            let refused = asked(&app, &request).await;
            assert_eq!(refused.status.as_u16(), 400, "{refused:?}");
            let error = refused.json()["error"].clone();
            assert_eq!(error["type"], "invalid_request_error");
            let message = error["message"].as_str().expect("a sentence");
            let numbers = message
                .strip_prefix("prompt is too long: ")
                .and_then(|rest| rest.strip_suffix(" tokens > 4096 maximum"));
            let tokens: u64 = numbers.expect(message).parse().expect(message);
            assert!(tokens >= 5_000, "{message}");
        }
        let sent = app.sim.requests();
        assert!(sent.iter().all(|sent| sent.body["truncate"] == false));
        assert_eq!(sent.len(), 2);
    });
}

#[test]
fn who_waits_is_told_its_place_in_pings() {
    run(async {
        let app = Setup::answering("text=lorem pace=0ms")
            .with("max_concurrent", "1")
            .start()
            .await;
        let held = fill(app.addr(), &app.sim, 1).await;
        let mut request = saying("Hello");
        request["stream"] = true.into();
        let mut client = app.client().await;
        let waiting = client.post("/v1/messages", &request).await;
        assert_eq!(waiting.status.as_u16(), 200);
        eventually("it waits", || async {
            app.queue_status().await == [1, 1, 1]
        })
        .await;
        drop(held);
        let text = waiting.whole().await.text();
        let first = text.split("\n\n").next().expect("an event");
        let data = first.strip_prefix("event: ping\ndata: ").expect(first);
        let ping: Value = serde_json::from_str(data).expect(data);
        assert_eq!(ping["type"], "ping");
        assert_eq!(ping["queue"]["position"], 1, "{ping}");
        let events = events(&text);
        assert_eq!(events[0]["type"], "message_start");
        assert_eq!(events[events.len() - 1]["type"], "message_stop");
    });
}

#[test]
fn a_full_line_is_a_limit_that_passes_and_no_upstream_is_an_overload() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("max_concurrent", "1")
            .with("max_queue", "0")
            .start()
            .await;
        let _held = fill(app.addr(), &app.sim, 1).await;
        let refused = asked(&app, &saying("Hello")).await;
        assert_eq!(refused.status.as_u16(), 429);
        assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
        assert_eq!(refused.header("x-should-retry"), Some("true"));
        let seconds = refused.header("retry-after").expect("a time");
        assert!((1..=60).contains(&seconds.parse::<u64>().expect(seconds)));

        let nowhere = Setup::answering("pace=0ms")
            .with("ollama_host", "http://127.0.0.1:1")
            .with("retry_attempts", "0")
            .start()
            .await;
        let refused = asked(&nowhere, &saying("Hello")).await;
        assert_eq!(refused.status.as_u16(), 529, "{refused:?}");
        assert_eq!(refused.json()["error"]["type"], "overloaded_error");
        assert_eq!(refused.header("x-should-retry"), Some("true"));
    });
}

#[test]
fn a_key_is_shown_in_either_header() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("api_key", "secret")
            .start()
            .await;
        let body = saying("Hello").to_string();
        for (name, value, expected) in [
            ("x-api-key", "secret", 200),
            ("authorization", "Bearer secret", 200),
            ("x-api-key", "other", 401),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            let mut client = app.client().await;
            let sent = client.send(Method::POST, "/v1/messages", headers, body.clone());
            let answer = sent.await.expect("an answer").whole().await;
            assert_eq!(answer.status.as_u16(), expected, "{name}: {value}");
            if expected == 401 {
                let kind = answer.json()["error"]["type"].clone();
                assert_eq!(kind, "authentication_error");
            }
        }
    });
}

#[test]
fn the_list_of_models_has_the_shape_of_the_dialect_that_asks() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let list = async |version: &'static str| {
            let mut headers = HeaderMap::new();
            if !version.is_empty() {
                headers.insert("anthropic-version", HeaderValue::from_static(version));
            }
            let mut client = app.client().await;
            let sent = client.send(Method::GET, "/v1/models?limit=1000", headers, "");
            sent.await.expect("an answer").whole().await.json()
        };
        let (theirs, openais) = (list("2023-06-01").await, list("").await);
        assert_eq!(theirs["data"][0]["id"], openais["data"][0]["id"]);
        assert_eq!(theirs["data"][0]["type"], "model");
        assert_eq!(theirs["data"][0]["display_name"], theirs["data"][0]["id"]);
        assert_eq!(
            (&theirs["has_more"], &openais["object"]),
            (&json!(false), &json!("list"))
        );
    });
}

#[test]
fn what_its_clients_ask_besides_is_answered_without_a_key_and_without_a_limit() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("api_key", "secret")
            .with("rate_limit_address", "1")
            .with("rate_limit_address_burst", "1")
            .start()
            .await;
        for _ in 0..5 {
            let hello = app.ask(Method::HEAD, "/api/hello").await;
            assert_eq!(hello.status.as_u16(), 200);
            let events = json!({ "events": [{ "event_type": "x" }] });
            let swallowed = app.post("/api/event_logging/batch", &events).await;
            assert_eq!(swallowed.status.as_u16(), 200);
        }
        let counted = app
            .post("/v1/messages/count_tokens", &saying("Hello"))
            .await
            .whole()
            .await;
        assert_eq!(counted.status.as_u16(), 404);
        assert_eq!(counted.json()["error"]["type"], "not_found_error");
        assert_eq!(app.sim.counts().requests, 0);
    });
}
