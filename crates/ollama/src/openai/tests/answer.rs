//! Rules of the way back.

use super::*;
use crate::Form;
use crate::framing::Verdict;
use crate::translation;

/// What the client gets for an answer, the same wherever its chunks are cut.
fn answered(delivery: Delivery, answer: &str) -> (Verdict, String) {
    let form = match delivery {
        Delivery::Document => Form::OpenAiDocument,
        _ => Form::OpenAiEvents,
    };
    let delivery = crate::Delivery::Completion(delivery);
    let translation = delivery.translation(7, 1_767_225_600, "m");
    translation::tests::answered(form, &translation, answer)
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

/// Clients look for one or the other in a chunk.
#[test]
fn what_is_thought_and_what_is_said_in_one_line_are_two_chunks() {
    let call = json!({ "function": { "name": "f", "arguments": {} } });
    for (said, end) in [
        (json!({ "content": "4" }), "stop"),
        (json!({ "content": "", "tool_calls": [call] }), "tool_calls"),
    ] {
        for is_done in [false, true] {
            let mut message = said.clone();
            message["thinking"] = "2+2".into();
            let line = json!({
                "message": message, "logprobs": [{ "token": "4" }], "done": is_done, "done_reason": "stop",
            });
            let last = json!({ "done": true, "done_reason": "stop" });
            let lines = if is_done {
                format!("{line}\n")
            } else {
                format!("{line}\n{last}\n")
            };
            let events = events(&answered(Delivery::Stream, &lines).1);
            let choice = |event: usize| events[event]["choices"][0].clone();
            let thought = json!({ "role": "assistant", "reasoning": "2+2" });
            assert_eq!(choice(0)["delta"], thought);
            assert_eq!(choice(0)["logprobs"]["content"][0]["token"], "4");
            assert_eq!(choice(1)["delta"]["content"], said["content"]);
            assert_eq!(
                choice(1)["delta"]["tool_calls"].is_array(),
                end == "tool_calls"
            );
            for member in ["role", "reasoning"] {
                assert!(choice(1)["delta"].get(member).is_none(), "{member}");
            }
            assert!(choice(1).get("logprobs").is_none());
            assert_eq!(choice(2)["finish_reason"], end);
            assert_eq!(events.len(), 4);
        }
    }
}

#[test]
fn an_answer_that_says_nothing_begins_with_who_says_it() {
    let line = r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#;
    let events = events(&answered(Delivery::Stream, line).1);
    let choice = |event: usize| events[event]["choices"][0].clone();
    assert_eq!(
        choice(0)["delta"],
        json!({ "role": "assistant", "content": "" })
    );
    assert_eq!(choice(1)["finish_reason"], "stop");
    assert_eq!(events.len(), 3);
}

#[test]
fn logprobs_of_the_last_line_are_told_too() {
    let lines = "{\"message\":{\"content\":\"a\"},\"logprobs\":[],\"done\":false}\n\
        {\"message\":{\"content\":\"\"},\"logprobs\":[{\"token\":\"b\"}],\"done\":true}\n";
    let events = events(&answered(Delivery::Stream, lines).1);
    assert!(events[0]["choices"][0].get("logprobs").is_none());
    assert_eq!(
        events[1]["choices"][0]["logprobs"]["content"][0]["token"],
        "b"
    );
    assert_eq!(events.len(), 4);
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
        events[2]["usage"],
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
