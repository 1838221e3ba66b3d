//! Rules of the way there.

mod answer;

use serde_json::{Value, json};

use crate::request::Sending;
use crate::translation::tests::prepared_at;
use crate::{Endpoint, Form, Invalid, Policy, Prepared};

fn policy() -> Policy {
    let options = json!({ "num_ctx": 4096, "temperature": 0.7, "repeat_penalty": 1.1 });
    Policy {
        model: "qwen3:1.7b".into(),
        options: options.as_object().unwrap().clone(),
        ..Policy::default()
    }
}

fn asked(policy: &Policy, body: &Value) -> Result<Prepared, Invalid> {
    prepared_at(Endpoint::Messages, policy, body)
}

/// What is sent where it is known whether the model thinks.
fn sent_to(thinks: Option<bool>, body: &Value) -> Value {
    let prepared = asked(&policy(), body).unwrap();
    assert_eq!(prepared.path, "/api/chat");
    let sending = Sending {
        thinks,
        ..Sending::default()
    };
    serde_json::from_slice(&prepared.body.payload(&sending).to_vec()).unwrap()
}

fn sent(body: Value) -> Value {
    sent_to(None, &body)
}

fn refused(body: Value) -> String {
    asked(&policy(), &body).unwrap_err().param.unwrap()
}

fn saying(messages: Value) -> Value {
    json!({ "max_tokens": 9, "messages": messages })
}

#[test]
fn a_message_becomes_a_chat_with_the_operators_runner_options_and_the_models_own_sampling() {
    let chat = sent(json!({
        "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }],
        "top_k": 5, "stop_sequences": ["x", null, "y"], "metadata": { "user_id": "u" }, "options": { "num_ctx": 9 },
        "cache_control": { "type": "ephemeral" }, "context_management": { "edits": [] }, "keep_alive": 0,
    }));
    let expected = json!({
        "truncate": false,
        "messages": [{ "role": "user", "content": "Hi" }], "model": "m", "stream": false,
        "options": { "num_ctx": 4096, "num_predict": 9, "top_k": 5, "stop": ["x", "y"] },
    });
    assert_eq!(chat, expected);
    let chat = sent(json!({
        "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }], "temperature": 0, "top_p": 0.5, "stream": true,
    }));
    assert_eq!(chat["model"], "qwen3:1.7b");
    assert_eq!(chat["stream"], true);
    let options = json!({ "num_ctx": 4096, "num_predict": 9, "temperature": 0, "top_p": 0.5 });
    assert_eq!(chat["options"], options);
}

#[test]
fn the_cap_holds_and_a_limit_must_be_named() {
    let capped = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    let mut body = saying(json!([{ "role": "user", "content": "Hi" }]));
    for (asked_for, expected) in [(900, 50), (50, 50), (3, 3)] {
        body["max_tokens"] = asked_for.into();
        let prepared = asked(&capped, &body).unwrap();
        let sent = prepared.body.payload(&Sending::default()).to_vec();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["options"]["num_predict"], expected);
    }
    for none in [json!(0), json!(-1), Value::Null] {
        body["max_tokens"] = none;
        assert_eq!(refused(body.clone()), "max_tokens");
    }
}

#[test]
fn the_system_prompt_is_the_first_message_and_one_in_the_middle_stays_there() {
    let messages = json!([
        { "role": "user", "content": "a" },
        { "role": "system", "content": "b" },
        { "role": "User", "content": [] },
        { "role": "user", "content": "" },
    ]);
    let with = |system: Value| {
        let mut body = saying(messages.clone());
        body["system"] = system;
        sent(body)["messages"].clone()
    };
    let said = |text: &str| json!({ "role": "system", "content": text });
    let blocks = json!([
        { "type": "text", "text": "one \"\u{1f415}\"", "cache_control": { "type": "ephemeral" } },
        { "type": "new" },
        { "type": "text", "text": "\ntwo" },
    ]);
    assert_eq!(with(blocks)[0], said("one \"\u{1f415}\"\ntwo"));
    assert_eq!(with("x".into())[0], said("x"));
    let plain = json!([{ "role": "user", "content": "a" }, said("b")]);
    for nothing in [Value::Null, "".into(), json!([])] {
        assert_eq!(with(nothing), plain);
    }
}

#[test]
fn what_a_search_found_is_told_as_ollama_tells_it_and_that_it_failed_too() {
    let found =
        |title: &str| json!({ "type": "web_search_result", "title": title, "url": "http://u" });
    let failed =
        json!({ "type": "web_search_tool_result_error", "error_code": "max_uses_exceeded" });
    let told = "web_search_tool_result_error: max_uses_exceeded";
    for (content, expected) in [
        (
            json!([found("a \"b\""), { "type": "other" }, found("c")]),
            "- a \"b\": http://u\n- c: http://u\n",
        ),
        (failed.clone(), told),
        (json!([found("a"), failed]), told),
        (
            json!({ "type": "web_search_tool_result_error" }),
            "web_search_tool_result_error",
        ),
        ("as it is".into(), "as it is"),
    ] {
        let block =
            json!({ "type": "web_search_tool_result", "tool_use_id": "s", "content": content });
        let chat = sent(saying(json!([{ "role": "assistant", "content": [block] }])));
        let result = json!({ "role": "tool", "content": expected, "tool_call_id": "s" });
        assert_eq!(chat["messages"], json!([result]));
    }
}

#[test]
fn results_are_messages_of_their_own_before_what_is_said_beside_them() {
    let image = |data: &str| json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } });
    let chat = sent(saying(json!([
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "hm", "signature": "s" },
            { "type": "redacted_thinking", "data": "x" },
            { "type": "text", "text": "I " }, { "type": "text", "text": "look" },
            { "type": "tool_use", "id": "c1", "name": "f", "input": { "a": [1.50, "\u{e9}"] } },
            { "type": "tool_use", "id": "c2", "name": "g" },
        ] },
        { "role": "user", "content": [
            { "type": "text", "text": "there" },
            { "type": "tool_result", "tool_use_id": "c1", "content": "2", "is_error": true },
            { "type": "tool_result", "tool_use_id": "c2", "content": [
                { "type": "text", "text": "a" }, image("aG\nk="), { "type": "tool_reference", "tool_name": "h" },
                { "type": "text", "text": "b" },
            ] },
            image("aG8="),
            { "type": "tool_result", "tool_use_id": "c3" },
        ] },
    ])));
    let expected = json!([
        {
            "role": "assistant", "content": "I look", "thinking": "hm",
            "tool_calls": [
                { "id": "c1", "function": { "name": "f", "arguments": { "a": [1.50, "\u{e9}"] } } },
                { "id": "c2", "function": { "name": "g", "arguments": {} } },
            ],
        },
        { "role": "tool", "content": "2", "tool_call_id": "c1" },
        { "role": "tool", "content": "ab", "images": ["aGk="], "tool_call_id": "c2" },
        { "role": "tool", "content": "", "tool_call_id": "c3" },
        { "role": "user", "content": "there", "images": ["aG8="] },
    ]);
    assert_eq!(chat["messages"], expected);
}

#[test]
fn tools_are_functions_and_what_a_tool_has_besides_is_left_out() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let mut body = saying(json!([{ "role": "user", "content": "Hi" }]));
    body["tools"] = json!([
        { "name": "f", "description": "d", "input_schema": schema, "cache_control": {}, "defer_loading": true },
        { "type": "bash_20250124", "name": "bash" },
    ]);
    body["tool_choice"] = json!({ "type": "any" });
    let expected = json!([
        { "type": "function", "function": { "name": "f", "description": "d", "parameters": schema } },
        { "type": "function", "function": { "name": "bash" } },
    ]);
    assert_eq!(sent(body)["tools"], expected);
}

#[test]
fn only_a_model_that_thinks_is_told_how() {
    let think = |thinks, thinking: Value, effort: Value| {
        let mut body = saying(json!([{ "role": "user", "content": "Hi" }]));
        body["thinking"] = thinking;
        body["output_config"] = json!({ "effort": effort });
        sent_to(thinks, &body)["think"].clone()
    };
    let of = |kind: &str| json!({ "type": kind, "budget_tokens": 1024.5 });
    for (thinking, effort, expected) in [
        (of("enabled"), "low".into(), json!(true)),
        (of("adaptive"), Value::Null, json!(true)),
        (of("adaptive"), "xhigh".into(), json!("high")),
        (of("new"), " Max".into(), json!("max")),
        (Value::Null, "medium".into(), json!("medium")),
        (Value::Null, "new".into(), Value::Null),
        (Value::Null, Value::Null, Value::Null),
    ] {
        assert_eq!(
            think(Some(true), thinking.clone(), effort.clone()),
            expected
        );
        for other in [None, Some(false)] {
            assert_eq!(
                think(other, thinking.clone(), effort.clone()),
                Value::Null,
                "{thinking}"
            );
        }
    }
    for any in [None, Some(false), Some(true)] {
        assert_eq!(think(any, of("disabled"), "high".into()), false);
    }
}

#[test]
fn a_search_of_the_web_is_relayed_within_the_cap() {
    let capped = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    let mut body = saying(json!([{ "role": "user", "content": "Hi" }]));
    body["Tools"] = json!([{ "Type": "web_search_20250305", "name": "web_search" }]);
    body["max_tokens"] = 900.into();
    body["stream"] = true.into();
    let prepared = asked(&capped, &body).unwrap();
    assert!(prepared.searches_web);
    assert_eq!(
        (prepared.path, prepared.delivery, prepared.form),
        ("/v1/messages", None, Form::AnthropicEvents)
    );
    let sent = prepared.body.payload(&Sending::default()).to_vec();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(
        (&sent["max_tokens"], &sent["model"]),
        (&json!(50), &json!("qwen3:1.7b"))
    );
}

#[test]
fn what_ollama_would_not_take_is_refused_with_its_member() {
    let content = |block: Value| refused(saying(json!([{ "role": "user", "content": [block] }])));
    for source in [
        json!({ "type": "url", "url": "https://example.org/x.png" }),
        json!({ "type": "base64", "data": "%%%" }),
        json!({ "data": "aGk=" }),
        Value::Null,
    ] {
        let image = json!({ "type": "image", "source": source });
        assert_eq!(content(image.clone()), "messages[0].content[0].source");
        let result = json!({ "type": "tool_result", "content": ["x", image] });
        assert_eq!(content(result), "messages[0].content[0].content[1].source");
    }
    for (call, member) in [
        (json!({ "name": "f" }), "id"),
        (json!({ "id": "c", "name": "" }), "name"),
        (json!({ "id": "c", "name": "f", "input": "x" }), "input"),
    ] {
        let mut call = call;
        call["type"] = "tool_use".into();
        assert_eq!(content(call), format!("messages[0].content[0].{member}"));
    }
    assert_eq!(refused(saying(json!([]))), "messages");
    assert_eq!(refused(json!({ "max_tokens": 1 })), "messages");
    assert_eq!(
        refused(saying(json!([{ "content": "x" }]))),
        "messages[0].role"
    );
    assert_eq!(
        refused(saying(json!([{ "role": "user", "content": 5 }]))),
        "messages[0].content"
    );
    let mut nameless = saying(json!([{ "role": "user", "content": "x" }]));
    nameless["tools"] = json!([{ "name": "f" }, {}]);
    assert_eq!(refused(nameless), "tools[1].name");
}
