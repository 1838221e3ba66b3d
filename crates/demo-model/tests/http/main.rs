//! The server over HTTP, with a model that talks nonsense.

mod client;

use demo_model::MODEL;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use self::client::{Answer, CONTEXT, Server, chat, whole};

fn cold(tokens: u32) -> Value {
    json!({ "temperature": 0, "num_predict": tokens })
}

/// What the lines of a chat say together.
fn said(lines: &[Value]) -> String {
    let pieces = lines.iter().map(|line| &line["message"]["content"]);
    pieces.map(|piece| piece.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_chat_comes_in_ollamas_lines() {
    let server = Server::start(1).await;
    let answer = server.post("/api/chat", chat("hello", cold(12))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.content_type, "application/x-ndjson");
    let lines = answer.lines();
    let (last, pieces) = lines.split_last().unwrap();
    assert!(pieces.len() > 1 && pieces.iter().all(|line| line["done"] == false));
    assert!(lines.iter().all(|line| line["model"] == MODEL));
    assert_eq!(
        (&last["done"], &last["done_reason"], &last["eval_count"]),
        (&json!(true), &json!("length"), &json!(12))
    );
    let number = |name: &str| last[name].as_u64().unwrap();
    assert!(number("prompt_eval_count") > 5);
    assert!(number("prompt_eval_duration") > 0 && number("eval_duration") > 0);
    let parts = number("load_duration") + number("prompt_eval_duration") + number("eval_duration");
    assert_eq!(number("total_duration"), parts);
}

#[tokio::test]
async fn every_form_says_the_same() {
    let server = Server::start(4).await;
    let expected = said(
        &server
            .post("/api/chat", chat("hello", cold(12)))
            .await
            .lines(),
    );

    let mut body = chat("hello", cold(12));
    body["stream"] = json!(false);
    let whole = server.post("/api/chat", body).await.json();
    assert_eq!(whole["message"]["content"], expected);

    let body = json!({ "model": MODEL, "prompt": "hello", "options": cold(12), "stream": false });
    let generated = server.post("/api/generate", body).await.json();
    assert_eq!(generated["response"], expected);

    let mut body = chat("hello", Value::Null);
    body["temperature"] = json!(0);
    body["max_tokens"] = json!(12);
    let completion = server.post("/v1/chat/completions", body).await.json();
    assert_eq!(completion["object"], "chat.completion");
    let choice = &completion["choices"][0];
    assert_eq!(choice["message"]["content"], expected);
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(completion["usage"]["completion_tokens"], 12);
}

#[tokio::test]
async fn a_completion_ends_with_its_usage_and_the_word() {
    let server = Server::start(1).await;
    let mut body = chat("hello", Value::Null);
    body["stream"] = json!(true);
    body["max_tokens"] = json!(5);
    body["stream_options"] = json!({ "include_usage": true });
    let answer = server.post("/v1/chat/completions", body).await;
    assert_eq!(answer.content_type, "text/event-stream");
    let events = answer.events();
    let [.., end, usage, "[DONE]"] = events.as_slice() else {
        panic!("{events:?}")
    };
    let parse = |text| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parse(end)["choices"][0]["finish_reason"], "length");
    assert_eq!(parse(usage)["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn a_seed_gives_the_same_answer_again_and_another_seed_another() {
    let server = Server::start(2).await;
    let ask = async |seed: u32| {
        let options = json!({ "temperature": 1, "num_predict": 30, "seed": seed });
        said(
            &server
                .post("/api/chat", chat("hello", options))
                .await
                .lines(),
        )
    };
    let (first, second, third) = (ask(1).await, ask(2).await, ask(1).await);
    assert_eq!(first, third);
    assert_ne!(first, second);
    let (alone, _) = (first, second);
    let together = futures::join!(ask(1), ask(3));
    assert_eq!(together.0, alone);
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_slot() {
    let server = Server::start(1).await;
    let endless = chat("hello", json!({ "temperature": 0 })).to_string();
    let mut response = server.send(Method::POST, "/api/chat", endless).await;
    response.frame().await.unwrap().unwrap();
    server.reached(|counts| counts.active == 1).await;
    drop(response);
    let counts = server.reached(|counts| counts.active == 0).await;
    assert_eq!((counts.aborted, counts.finished), (1, 0));
}

#[tokio::test]
async fn who_finds_no_slot_waits_for_one() {
    let server = Server::start(2).await;
    let endless = || chat("hello", json!({ "temperature": 0 })).to_string();
    let first = server.send(Method::POST, "/api/chat", endless()).await;
    let second = server.send(Method::POST, "/api/chat", endless()).await;
    let third = server.post("/api/chat", chat("hello", cold(3)));
    let leaving = async {
        let counts = server.reached(|counts| counts.waiting == 1).await;
        assert_eq!(counts.active, 2);
        drop(first);
    };
    let (third, ()) = futures::join!(third, leaving);
    let last = third.lines().pop().unwrap();
    assert_eq!(last["eval_count"], 3);
    assert!(last["load_duration"].as_u64().unwrap() > 0);
    drop(second);
}

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let server = Server::start(1).await;
    let version = server.get("/api/version").await.json();
    assert_eq!(version["demo_model"], true);
    assert!(version["version"].is_string());
    for (path, list, name) in [
        ("/api/tags", "models", "name"),
        ("/api/ps", "models", "name"),
        ("/v1/models", "data", "id"),
    ] {
        assert_eq!(
            server.get(path).await.json()[list][0][name],
            MODEL,
            "{path}"
        );
    }
    let shown = server
        .post("/api/show", json!({ "model": MODEL }))
        .await
        .json();
    assert_eq!(shown["capabilities"], json!(["completion"]));
    assert_eq!(shown["model_info"]["llama.context_length"], CONTEXT);
    let one = server.get(&format!("/v1/models/{MODEL}")).await.json();
    assert_eq!(one["id"], MODEL);
}

#[tokio::test]
async fn a_request_that_says_nothing_loads_the_model() {
    let server = Server::start(1).await;
    let answer = server
        .post("/api/generate", json!({ "model": MODEL }))
        .await;
    assert_eq!(answer.json()["done_reason"], "load");
}

#[tokio::test]
async fn what_the_model_cannot_do_is_refused_by_name() {
    let server = Server::start(1).await;
    let said = json!([{ "role": "user", "content": "hi" }]);
    for (name, value, word) in [
        ("tools", json!([{}]), "tools"),
        ("think", json!(true), "thinking"),
        ("format", json!("json"), "formats"),
        (
            "messages",
            json!([{ "role": "user", "images": ["aaaa"] }]),
            "multimodal",
        ),
        ("messages", json!("x"), "messages"),
        ("model", json!("qwen3:1.7b"), "'qwen3:1.7b' not found"),
    ] {
        let mut body = json!({ "model": MODEL, "messages": said });
        body[name] = value;
        let answer = server.post("/api/chat", body).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(word), "{error}");
    }
    let embedding = json!({ "model": MODEL, "input": "x" });
    let answer = server.post("/api/embed", embedding).await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let server = Server::start(1).await;
    let raw = async |body: &str| {
        whole(
            server
                .send(Method::POST, "/api/chat", body.to_owned())
                .await,
        )
        .await
    };
    let too_long = chat(&"x ".repeat(CONTEXT), Value::Null).to_string();
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
        (r#"{"model":"another"}"#, StatusCode::NOT_FOUND),
        (&too_long, StatusCode::BAD_REQUEST),
    ] {
        let answer: Answer = raw(body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(
        server.get("/api/nothing").await.status,
        StatusCode::NOT_FOUND
    );
}
