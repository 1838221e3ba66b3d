//! Rules of the translation, there and back.

mod answer;
mod text;

use super::*;
use crate::request::Sending;
use crate::translation::tests::{prepared_at, sent_again};
use crate::{Endpoint, Policy, Prepared};

fn policy() -> Policy {
    let options = json!({ "num_ctx": 4096, "num_parallel": 4, "temperature": 0.7 });
    Policy {
        model: "qwen3:1.7b".into(),
        options: options.as_object().unwrap().clone(),
        ..Policy::default()
    }
}

fn prepared(policy: &Policy, body: &Value) -> Prepared {
    prepared_at(Endpoint::OpenAiChat, policy, body).unwrap()
}

fn sent(body: Value) -> (Value, Delivery) {
    let prepared = prepared(&policy(), &body);
    assert!(prepared.dropped.is_empty());
    assert_eq!(prepared.path, "/api/chat");
    (
        sent_again(&prepared),
        match prepared.delivery.unwrap() {
            crate::Delivery::Completion(delivery) => delivery,
            other => panic!("{other:?} is no chat completion's"),
        },
    )
}

fn refused(body: Value) -> String {
    let refused = prepared_at(Endpoint::OpenAiChat, &policy(), &body);
    refused.unwrap_err().param.unwrap()
}

fn user(content: Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": content }] })
}

#[test]
fn a_completion_becomes_a_chat_with_the_operators_runner_options() {
    let (chat, delivery) = sent(json!({
        "model": "m", "messages": [{ "role": "user", "content": "Hi" }],
        "temperature": 0.1, "max_tokens": 9, "max_completion_tokens": 5, "stop": "x", "seed": 3, "top_p": null, "n": 2,
        "options": { "num_ctx": 9 },
    }));
    assert_eq!(delivery, Delivery::Document);
    assert_eq!(
        chat,
        json!({
            "model": "m", "messages": [{ "role": "user", "content": "Hi" }], "stream": false,
            "options": {
                "num_predict": 5, "temperature": 0.1, "top_p": 1.0, "seed": 3, "stop": ["x"], "num_ctx": 4096, "num_parallel": 4,
            },
        })
    );
}

#[test]
fn sampling_is_what_ollamas_own_v1_sends() {
    let mut policy = policy();
    policy
        .options
        .insert("repeat_penalty".to_owned(), 1.1.into());
    let known = Sending {
        thinks: Some(false),
        ..Sending::default()
    };
    let sent = prepared(&policy, &user("Hi".into()))
        .body
        .payload(&known)
        .to_vec();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let expected = json!({ "temperature": 1.0, "top_p": 1.0, "num_ctx": 4096, "num_parallel": 4 });
    assert_eq!(sent["options"], expected);
}

#[test]
fn without_runner_options_it_goes_as_it_came() {
    let mut policy = policy();
    policy.options.shift_remove("num_ctx");
    let relayed = prepared(&policy, &user("Hi".into()));
    assert_eq!(relayed.delivery, None);
    assert_eq!(relayed.path, "/v1/chat/completions");
}

#[test]
fn the_cap_holds_for_what_is_translated() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    for asked in [json!(900), json!(0), json!(-1), Value::Null] {
        let mut body = user("Hi".into());
        body["max_tokens"] = asked;
        let sent = prepared(&policy, &body)
            .body
            .payload(&Sending::default())
            .to_vec();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["options"]["num_predict"], 50, "{body}");
    }
}

#[test]
fn how_an_answer_is_delivered_follows_stream_and_its_options() {
    let delivery = |more: Value| {
        let mut body = user("Hi".into());
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        sent(body).1
    };
    let usage = json!({ "include_usage": true });
    assert_eq!(delivery(json!({ "stream": true })), Delivery::Stream);
    assert_eq!(
        delivery(json!({ "stream": true, "stream_options": usage })),
        Delivery::StreamWithUsage
    );
    assert_eq!(
        delivery(json!({ "stream_options": usage })),
        Delivery::Document
    );
}

#[test]
fn parts_of_a_content_are_messages_in_their_order() {
    let (chat, _) = sent(user(json!([
        { "type": "text", "text": "This is \u{1f415}" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } },
        { "type": "text", "text": "and this?" },
        { "type": "image_url", "image_url": "data:;base64,aG8=" },
        { "type": "input_audio", "input_audio": { "data": "aG\nE=" } },
    ])));
    let expected = json!([
        { "role": "user", "content": "This is \u{1f415}" },
        { "role": "user", "images": ["aGk="] },
        { "role": "user", "content": "and this?" },
        { "role": "user", "images": ["aG8="] },
        { "role": "user", "images": ["aGE="] },
    ]);
    assert_eq!(chat["messages"], expected);
}

#[test]
fn a_text_with_many_parts_is_bounded_by_the_one_that_was_read() {
    let part = json!({ "type": "text", "text": "" });
    let mut body = user(vec![part; 10_000].into());
    sent(body.clone());
    body["messages"][0]["role"] = "x".repeat(1_000).into();
    assert_eq!(refused(body), "messages");
}

#[test]
fn calls_and_their_results_keep_their_names_and_ids() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } });
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let (chat, _) = sent(json!({
        "messages": [
            { "role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c1", "content": "2" },
        ],
        "tools": tools,
    }));
    assert_eq!(chat["tools"], tools);
    assert_eq!(
        chat["messages"],
        json!([
            {
                "role": "assistant", "thinking": "hm",
                "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } }, "id": "c1" }],
            },
            { "role": "tool", "content": "2", "tool_call_id": "c1", "tool_name": "f" },
        ])
    );
}

#[test]
fn ids_that_are_too_long_to_be_compared_name_no_tool() {
    for (length, expected) in [(126, json!("f")), (127, Value::Null)] {
        let id = "x".repeat(length);
        let call =
            json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let (chat, _) = sent(json!({
            "messages": [
                { "role": "assistant", "tool_calls": [call] },
                { "role": "tool", "tool_call_id": id, "content": "2" },
            ],
        }));
        assert_eq!(chat["messages"][1]["tool_name"], expected, "{length}");
    }
}

#[test]
fn format_and_effort_are_ollamas_format_and_think() {
    let with = |name: &str, value: Value| {
        let mut body = user("Hi".into());
        body[name] = value;
        sent(body).0
    };
    assert_eq!(
        with("response_format", json!({ "type": "json_object" }))["format"],
        "json"
    );
    let schema = json!({ "type": "object" });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    assert_eq!(with("response_format", format)["format"], schema);
    assert_eq!(
        with("response_format", json!({ "type": "text" })).get("format"),
        None
    );
    for (effort, think) in [
        ("minimal", "low"),
        ("low", "low"),
        ("high", "high"),
        ("xhigh", "max"),
        ("ultra", "max"),
    ] {
        assert_eq!(with("reasoning_effort", effort.into())["think"], think);
    }
    assert_eq!(
        with("reasoning", json!({ "effort": "none" }))["think"],
        false
    );
}

#[test]
fn what_ollama_would_not_take_is_refused_with_its_member() {
    for url in [
        "https://example.org/x.png",
        "data:image/svg+xml;base64,aGk=",
        "data:image/png;base64,%%%",
        "aGk=",
    ] {
        let part = json!([{ "type": "image_url", "image_url": { "url": url } }]);
        assert_eq!(
            refused(user(part)),
            "messages[0].content[0].image_url",
            "{url}"
        );
    }
    let audio = json!([{ "type": "text", "text": "x" }, { "type": "input_audio" }]);
    assert_eq!(refused(user(audio)), "messages[0].content[1].input_audio");
    assert_eq!(
        refused(user(json!([{ "type": "file" }]))),
        "messages[0].content[0]"
    );
    assert_eq!(refused(user(Value::Null)), "messages[0].content");
    let mut body = user("x".into());
    body["response_format"] = json!({ "type": "json_schema", "json_schema": { "schema": [] } });
    assert_eq!(refused(body), "response_format.json_schema.schema");
    let call = |call: Value| {
        refused(json!({ "messages": [{ "role": "assistant", "tool_calls": [call] }] }))
    };
    for arguments in [json!("[1"), json!("[1]"), json!({})] {
        assert_eq!(
            call(json!({ "function": { "name": "f", "arguments": arguments } })),
            "messages[0].tool_calls[0].function.arguments"
        );
    }
    assert_eq!(call(json!({ "id": 7 })), "messages[0].tool_calls[0].id");
    let mut body = user("Hi".into());
    body["reasoning_effort"] = "hgih".into();
    assert_eq!(refused(body), "reasoning_effort");
}

#[test]
fn of_several_stops_those_that_are_strings_are_sent() {
    for (stop, expected) in [
        (json!(["a", 3, null, "b"]), json!(["a", "b"])),
        (json!([]), json!([])),
        (json!(5), Value::Null),
    ] {
        let mut body = user("Hi".into());
        body["stop"] = stop;
        assert_eq!(sent(body).0["options"]["stop"], expected);
    }
}
