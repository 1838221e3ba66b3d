//! Rules of the translation, there and back.

use super::*;
use crate::framing::{Passage, Verdict};
use crate::{Endpoint, Form, Policy, Request};

fn policy() -> Policy {
    let options = json!({ "num_ctx": 4096, "num_parallel": 4, "temperature": 0.7 });
    Policy {
        model: "qwen3:1.7b".into(),
        options: options.as_object().unwrap().clone(),
        num_predict_cap: None,
        keep_alive: None,
    }
}

fn sent(body: Value) -> (Value, Delivery) {
    let body = body.to_string();
    let mut request = Request::parse(Endpoint::OpenAiChat, body.as_bytes()).unwrap();
    let delivery = request.translate(&policy()).unwrap().unwrap();
    assert!(request.settle(&policy()).is_empty());
    assert_eq!(request.endpoint(), Endpoint::Chat);
    (
        serde_json::from_slice(&request.into_bytes()).unwrap(),
        delivery,
    )
}

fn refused(body: Value) -> String {
    let body = body.to_string();
    let mut request = Request::parse(Endpoint::OpenAiChat, body.as_bytes()).unwrap();
    request.translate(&policy()).unwrap_err().param.unwrap()
}

fn user(content: Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": content }] })
}

fn translation(delivery: Delivery) -> Translation {
    Translation {
        id: 7,
        created_s: 1_767_225_600,
        model: "m".into(),
        delivery,
    }
}

/// What the client gets for an answer, the same wherever its chunks are cut.
fn answered(delivery: Delivery, answer: &str) -> (Verdict, String) {
    let form = match delivery {
        Delivery::Document => Form::OpenAiDocument,
        _ => Form::OpenAiEvents,
    };
    let passed = |chunks: &[&[u8]]| {
        let mut passage = Passage::new(form, Some(&translation(delivery)));
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend(passage.pass(chunk.to_vec()).unwrap());
            assert!(passage.between_frames());
        }
        let (verdict, last) = passage.end();
        out.extend(last);
        (verdict, String::from_utf8(out).unwrap())
    };
    let answer = answer.as_bytes();
    let whole = passed(&[answer]);
    for cut in 0..=answer.len() {
        assert_eq!(
            passed(&[&answer[..cut], &answer[cut..]]),
            whole,
            "cut at {cut}"
        );
    }
    whole
}

fn events(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n");
    let data = events.map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| match data {
        "[DONE]" => "[DONE]".into(),
        data => serde_json::from_str(data).unwrap(),
    })
    .collect()
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
            "options": { "num_predict": 5, "temperature": 0.1, "seed": 3, "stop": ["x"], "num_ctx": 4096, "num_parallel": 4 },
        })
    );
}

#[test]
fn without_runner_options_it_goes_as_it_came() {
    let mut policy = policy();
    policy.options.shift_remove("num_ctx");
    let body = user("Hi".into()).to_string();
    let mut request = Request::parse(Endpoint::OpenAiChat, body.as_bytes()).unwrap();
    assert_eq!(request.translate(&policy), Ok(None));
    assert_eq!(request.endpoint(), Endpoint::OpenAiChat);
    let mut chat = Request::parse(Endpoint::Chat, body.as_bytes()).unwrap();
    assert_eq!(chat.translate(&super::tests::policy()), Ok(None));
}

#[test]
fn the_cap_holds_for_what_is_translated() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    let mut body = user("Hi".into());
    body["max_tokens"] = 900.into();
    let mut request = Request::parse(Endpoint::OpenAiChat, body.to_string().as_bytes()).unwrap();
    request.translate(&policy).unwrap();
    request.settle(&policy);
    let sent: Value = serde_json::from_slice(&request.into_bytes()).unwrap();
    assert_eq!(sent["options"]["num_predict"], 50);
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
fn texts_and_pictures_of_a_message_are_put_together() {
    let (chat, _) = sent(user(json!([
        { "type": "text", "text": "What" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } },
        { "type": "image_url", "image_url": "data:image/png;base64,aG8=" },
        { "type": "text", "text": "is this?" },
    ])));
    let expected =
        json!({ "role": "user", "content": "What\nis this?", "images": ["aGk=", "aG8="] });
    assert_eq!(chat["messages"][0], expected);
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
                "role": "assistant", "content": "", "thinking": "hm",
                "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } }, "id": "c1" }],
            },
            { "role": "tool", "content": "2", "tool_call_id": "c1", "tool_name": "f" },
        ])
    );
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
    assert_eq!(with("reasoning_effort", "low".into())["think"], "low");
    assert_eq!(
        with("reasoning", json!({ "effort": "none" }))["think"],
        false
    );
}

#[test]
fn what_ollama_would_not_take_is_refused_with_its_member() {
    let url = json!([{ "type": "image_url", "image_url": { "url": "https://example.org/x.png" } }]);
    assert_eq!(refused(user(url)), "messages[0].content[0].image_url");
    let audio = json!([{ "type": "text", "text": "x" }, { "type": "input_audio" }]);
    assert_eq!(refused(user(audio)), "messages[0].content[1]");
    let call = |function: Value| {
        refused(
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "function": function }] }] }),
        )
    };
    assert_eq!(call(json!({})), "messages[0].tool_calls[0].function.name");
    assert_eq!(
        call(json!({ "name": "f", "arguments": "[1" })),
        "messages[0].tool_calls[0].function.arguments"
    );
    let calls = json!([{ "id": 7, "function": { "name": "f" } }]);
    assert_eq!(
        refused(json!({ "messages": [{ "role": "assistant", "tool_calls": calls }] })),
        "messages[0].tool_calls[0].id"
    );
    let mut body = user("Hi".into());
    body["stop"] = 5.into();
    assert_eq!(refused(body), "stop");
}

const LINES: &str = "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n\
    {\"message\":{\"role\":\"assistant\",\"content\":\"zażółć 😀\"},\"done\":false}\n\
    {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"length\",\"prompt_eval_count\":3,\"eval_count\":2}\n";

#[test]
fn lines_become_chunks_and_the_last_one_ends_them() {
    let (verdict, text) = answered(Delivery::Stream, LINES);
    assert_eq!(verdict, Verdict::Complete);
    let events = events(&text);
    assert_eq!(
        events[0],
        json!({
            "id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "m",
            "system_fingerprint": "fp_ollama",
            "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "", "reasoning": "hm" }, "finish_reason": null }],
        })
    );
    assert_eq!(
        events[1]["choices"],
        json!([{ "index": 0, "delta": { "content": "zażółć 😀" }, "finish_reason": null }])
    );
    assert_eq!(
        events[2]["choices"],
        json!([{ "index": 0, "delta": {}, "finish_reason": "length" }])
    );
    assert_eq!(events[3..], ["[DONE]"]);
}

#[test]
fn what_the_last_line_says_comes_before_the_end_and_line_separators_are_escaped() {
    let line =
        "{\"message\":{\"content\":\"a\u{2028}b\"},\"done\":true,\"done_reason\":\"stop\"}\n";
    let (_, text) = answered(Delivery::Stream, line);
    assert!(text.contains("a\\u2028b"), "{text}");
    let events = events(&text);
    let choice = |event: usize| events[event]["choices"][0].clone();
    assert_eq!(
        choice(0)["delta"],
        json!({ "role": "assistant", "content": "a\u{2028}b" })
    );
    assert_eq!(choice(1)["finish_reason"], "stop");
    assert_eq!(events.len(), 3);
}

#[test]
fn calls_that_were_cut_are_told_as_cut() {
    let call = r#""tool_calls":[{"function":{"name":"f","arguments":{}}}]"#;
    for (reason, expected) in [("length", "length"), ("stop", "tool_calls")] {
        let line = format!(
            "{{\"message\":{{\"content\":\"\",{call}}},\"done\":true,\"done_reason\":\"{reason}\"}}"
        );
        let streamed = events(&answered(Delivery::Stream, &line).1);
        assert_eq!(streamed[1]["choices"][0]["finish_reason"], expected);
        let whole: Value = serde_json::from_str(&answered(Delivery::Document, &line).1).unwrap();
        assert_eq!(whole["choices"][0]["finish_reason"], expected);
    }
}

#[test]
fn odd_figures_are_counted_as_far_as_they_are_numbers() {
    let line =
        r#"{"message":{"content":""},"done":true,"prompt_eval_count":null,"eval_count":5.0}"#;
    let events = events(&answered(Delivery::StreamWithUsage, line).1);
    assert_eq!(
        events[1]["usage"],
        json!({ "prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5 })
    );
}

#[test]
fn usage_comes_before_the_end_if_it_was_asked_for() {
    let events = events(&answered(Delivery::StreamWithUsage, LINES).1);
    assert_eq!(events[3]["choices"], json!([]));
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 });
    assert_eq!(events[3]["usage"], usage);
    assert_eq!(events[4..], ["[DONE]"]);
}

#[test]
fn calls_of_a_stream_are_numbered_over_all_lines_and_are_its_reason() {
    let call = "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]},\"done\":false}\n";
    let events = events(
        &answered(
            Delivery::Stream,
            &format!(
                "{call}{call}{}",
                "{\"done\":true,\"done_reason\":\"stop\"}\n"
            ),
        )
        .1,
    );
    let made = |event: usize| events[event]["choices"][0]["delta"]["tool_calls"][0].clone();
    assert_eq!(
        made(0),
        json!({ "id": "call_7_0", "index": 0, "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } })
    );
    assert_eq!(
        (&made(1)["index"], &made(1)["id"]),
        (&json!(1), &json!("call_7_1"))
    );
    assert_eq!(events[2]["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn an_error_line_is_an_error_and_an_answer_without_done_has_no_end() {
    let (verdict, text) = answered(Delivery::Stream, "{\"error\":\"out of \\\"memory\\\"\"}\n");
    assert_eq!(verdict, Verdict::Failed);
    assert_eq!(events(&text)[0]["error"]["message"], "out of \"memory\"");
    let cut = LINES
        .find("{\"message\":{\"content\":\"\"},\"done\":true")
        .unwrap();
    let (verdict, text) = answered(Delivery::Stream, &LINES[..cut]);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(!text.contains("[DONE]"), "{text}");
    assert_eq!(
        answered(Delivery::Stream, "garbage\n\n[]\n"),
        (Verdict::Incomplete, String::new())
    );
}

#[test]
fn a_document_becomes_a_document() {
    let chat = r#"{"model":"m","message":{"role":"assistant","content":"Hi","thinking":"hm"},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}"#;
    let (verdict, text) = answered(Delivery::Document, chat);
    assert_eq!(verdict, Verdict::Complete);
    let completion: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        completion,
        json!({
            "id": "chatcmpl-7", "object": "chat.completion", "created": 1_767_225_600, "model": "m",
            "system_fingerprint": "fp_ollama",
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": "Hi", "reasoning": "hm" },
                "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 },
        })
    );
    // What is incomplete is not begun, so that an error can still be told.
    assert_eq!(
        answered(Delivery::Document, &chat[..9]),
        (Verdict::Incomplete, String::new())
    );
    let (verdict, text) = answered(Delivery::Document, r#"{"error":"x"}"#);
    assert_eq!(verdict, Verdict::Failed);
    assert!(text.contains(r#""message":"x""#), "{text}");
}
