//! Rules of the way back.

use serde_json::{Value, json};

use crate::framing::Verdict;
use crate::messages::Delivery;
use crate::{Form, translation};

/// What the client gets for an answer, the same wherever its chunks are cut.
fn answered(delivery: Delivery, answer: &str) -> (Verdict, String) {
    let form = match delivery {
        Delivery::Document => Form::AnthropicDocument,
        Delivery::Stream { .. } => Form::AnthropicEvents,
    };
    let translation = crate::Delivery::Message(delivery).translation(7, 0, "m");
    translation::tests::answered(form, &translation, answer)
}

const STREAM: Delivery = Delivery::Stream { prompt_tokens: 5 };

/// The events, each of which has its own name.
fn events(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
        data
    });
    events.collect()
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_000000000000000000000007","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":5,"output_tokens":0}}}"#;

#[test]
fn each_block_is_opened_and_closed_and_the_last_line_ends_the_message() {
    let lines = "{\"message\":{\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n\
        {\"message\":{\"content\":\"za\u{17c} \u{1f600}\"},\"done\":false}\n\
        {\"message\":{\"content\":\"b\u{2028}\",\"tool_calls\":[{\"id\":\"call_1\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},\
        {\"function\":{\"name\":\"g\"}}]},\"done\":false}\n\
        {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":2.0}\n";
    let (verdict, text) = answered(STREAM, lines);
    assert_eq!(verdict, Verdict::Complete);
    assert!(text.contains("b\\u2028"), "{text}");
    let opened = |index: u64, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let more = |index: u64, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let closed = |index: u64| json!({ "type": "content_block_stop", "index": index });
    let call =
        |id: &str, name: &str| json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
    let input = |text: &str| json!({ "type": "input_json_delta", "partial_json": text });
    let expected = vec![
        serde_json::from_str(START).unwrap(),
        opened(0, json!({ "type": "thinking", "thinking": "" })),
        more(0, json!({ "type": "thinking_delta", "thinking": "hm" })),
        closed(0),
        opened(1, json!({ "type": "text", "text": "" })),
        more(
            1,
            json!({ "type": "text_delta", "text": "za\u{17c} \u{1f600}" }),
        ),
        more(1, json!({ "type": "text_delta", "text": "b\u{2028}" })),
        closed(1),
        opened(2, call("call_1", "f")),
        more(2, input("{\"a\":1}")),
        closed(2),
        opened(3, call("toolu_0000000000000007_1", "g")),
        more(3, input("{}")),
        closed(3),
        json!({
            "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null },
            "usage": { "input_tokens": 3, "output_tokens": 2 },
        }),
        json!({ "type": "message_stop" }),
    ];
    assert_eq!(events(&text), expected);
}

#[test]
fn the_reason_is_the_limit_before_the_calls_and_the_end_of_the_turn_else() {
    let call = r#""tool_calls":[{"function":{"name":"f","arguments":{}}}]"#;
    for (reason, calls, expected) in [
        ("stop", "", "end_turn"),
        ("length", "", "max_tokens"),
        ("stop", call, "tool_use"),
        ("length", call, "max_tokens"),
    ] {
        let comma = if calls.is_empty() { "" } else { "," };
        let line = format!(
            "{{\"message\":{{\"content\":\"\"{comma}{calls}}},\"done\":true,\"done_reason\":\"{reason}\"}}"
        );
        let streamed = events(&answered(STREAM, &line).1);
        let delta = &streamed[streamed.len() - 2]["delta"];
        assert_eq!(delta["stop_reason"], expected, "{line}");
        let whole = answered(Delivery::Document, &line).1;
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(whole["stop_reason"], expected, "{line}");
    }
}

#[test]
fn the_input_of_a_call_is_an_object_whatever_the_model_server_says() {
    for arguments in [
        "5", "[1]", "\"x\"", "\"5\"", "\"[1]\"", "\"null\"", "null", "true",
    ] {
        let line = format!(
            "{{\"message\":{{\"tool_calls\":[{{\"function\":{{\"name\":\"f\",\"arguments\":{arguments}}}}}]}},\"done\":true}}"
        );
        let whole = answered(Delivery::Document, &line).1;
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(whole["content"][0]["input"], json!({}), "{arguments}");
        let streamed = events(&answered(STREAM, &line).1);
        let delta = &streamed[2]["delta"];
        assert_eq!(delta["partial_json"], "{}", "{arguments}");
    }
}

#[test]
fn an_error_is_told_as_one_and_an_answer_without_its_end_is_incomplete() {
    let error = "{\"error\":\"out of \\\"memory\\\"\"}\n";
    let told = json!({ "type": "error", "error": { "type": "api_error", "message": "out of \"memory\"" } });
    let begun = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
    let (verdict, text) = answered(STREAM, &format!("{begun}{error}"));
    assert_eq!(verdict, Verdict::Failed);
    assert_eq!(events(&text).last(), Some(&told));
    let (verdict, text) = answered(Delivery::Document, error);
    assert_eq!(verdict, Verdict::Failed);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), told);
    let (verdict, text) = answered(STREAM, begun);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(!text.contains("message_stop"), "{text}");
    // What is incomplete is not begun, so that an error can still be told.
    let none = (Verdict::Incomplete, String::new());
    assert_eq!(answered(Delivery::Document, "{\"message\":"), none);
    assert_eq!(answered(STREAM, "garbage\n\n[]\n"), none);
}

#[test]
fn a_document_becomes_a_document() {
    let chat = r#"{"message":{"role":"assistant","content":"Hi","thinking":"hm","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":1}"}}]},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}"#;
    let (verdict, text) = answered(Delivery::Document, chat);
    assert_eq!(verdict, Verdict::Complete);
    let expected = json!({
        "id": "msg_000000000000000000000007", "type": "message", "role": "assistant", "model": "m",
        "content": [
            { "type": "thinking", "thinking": "hm" },
            { "type": "text", "text": "Hi" },
            { "type": "tool_use", "id": "c", "name": "f", "input": { "a": 1 } },
        ],
        "stop_reason": "tool_use", "stop_sequence": null, "usage": { "input_tokens": 3, "output_tokens": 2 },
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}
