//! Rules of the way back.

use super::*;
use crate::Form;
use crate::framing::{MAX_LINE, Passage, Verdict};
use crate::translation;

fn translation(way: Way) -> crate::Translation {
    let repeated = Bytes::from_static(b"\"instructions\":\"be\",\"tools\":[]");
    crate::Delivery::Response(Delivery { way, repeated }).translation(7, 1_767_225_600, "m")
}

/// What the client gets for an answer, the same wherever its chunks are cut.
fn answered(way: Way, answer: &str) -> (Verdict, String) {
    let form = match way {
        Way::Document => Form::OpenAiDocument,
        Way::Stream => Form::OpenAiEvents,
    };
    translation::tests::answered(form, &translation(way), answer)
}

/// The events, whose names and numbers are as they have to be.
fn events(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n").enumerate();
    let events = events.map(|(number, event)| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
        assert_eq!(data["sequence_number"], number, "{text}");
        data
    });
    events.collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

const LINES: &str = "{\"message\":{\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n\
    {\"message\":{\"content\":\"zażółć\"},\"done\":false}\n\
    {\"message\":{\"content\":\" 😀\"},\"done\":false}\n\
    {\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]},\"done\":false}\n\
    {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"total_duration\":3100000000,\"prompt_eval_count\":3,\"eval_count\":2}\n";

#[test]
fn lines_become_items_one_after_the_other() {
    let (verdict, text) = answered(Way::Stream, LINES);
    assert_eq!(verdict, Verdict::Complete);
    let events = events(&text);
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events[0]["response"]["instructions"], "be");
    assert_eq!(events[0]["response"]["output"], json!([]));
    assert_eq!(events[10]["text"], "zażółć 😀");
    let places: Vec<&Value> = events.iter().map(|event| &event["output_index"]).collect();
    assert_eq!(places[2..17], [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
    let last = &events[17]["response"];
    let done: Vec<Value> = [5, 12, 16].map(|at| events[at]["item"].clone()).into();
    assert_eq!(last["output"], json!(done));
    assert_eq!(last["output"][2]["arguments"], "{\"a\":1}");
    assert_eq!(
        (&last["status"], &last["completed_at"]),
        (&json!("completed"), &json!(1_767_225_603))
    );
    assert_eq!(last["usage"]["total_tokens"], 5);
}

#[test]
fn a_document_has_the_same_items() {
    let chat = r#"{"message":{"content":"Hi","thinking":"hm","tool_calls":[{"id":"c","function":{"name":"f","arguments":{}}}]},"done":true,"prompt_eval_count":3,"eval_count":2}"#;
    let (verdict, text) = answered(Way::Document, chat);
    assert_eq!(verdict, Verdict::Complete);
    let response: Value = serde_json::from_str(&text).unwrap();
    let kinds: Vec<&Value> = response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(response["output"][2]["call_id"], "c");
    assert_eq!(response["instructions"], "be");
    // What is incomplete is not begun, so that an error can still be told.
    assert_eq!(
        answered(Way::Document, &chat[..9]),
        (Verdict::Incomplete, String::new())
    );
}

#[test]
fn an_answer_without_a_word_is_an_empty_message_in_a_document_and_no_item_in_a_stream() {
    let line = r#"{"message":{"content":""},"done":true,"done_reason":"load"}"#;
    let whole: Value = serde_json::from_str(&answered(Way::Document, line).1).unwrap();
    assert_eq!(whole["output"][0]["content"][0]["text"], "");
    let events = events(&answered(Way::Stream, line).1);
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.completed"
        ]
    );
    assert_eq!(events[2]["response"]["output"], json!([]));
}

#[test]
fn an_error_is_told_in_both_ways_and_an_answer_without_done_has_no_end() {
    let begun = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
    let (verdict, text) = answered(Way::Stream, &format!("{begun}{{\"error\":\"gone\"}}\n"));
    assert_eq!(verdict, Verdict::Failed);
    let told = events(&text);
    assert_eq!(names(&told)[5..], ["response.failed", "error"]);
    assert_eq!(told[5]["response"]["error"]["message"], "gone");
    assert_eq!(told[6]["error"]["message"], "gone");
    let (verdict, text) = answered(Way::Stream, begun);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(!text.contains("response.completed"), "{text}");
    let (verdict, text) = answered(Way::Document, r#"{"error":"gone"}"#);
    assert_eq!(verdict, Verdict::Failed);
    assert!(text.contains(r#""message":"gone""#), "{text}");
}

#[test]
fn more_than_the_end_can_repeat_is_not_passed_on() {
    let line = format!(
        "{{\"message\":{{\"content\":\"{}\"}},\"done\":false}}\n",
        "x".repeat(MAX_LINE / 2)
    );
    let mut passage = Passage::new(Form::OpenAiEvents, Some(&translation(Way::Stream)));
    assert!(passage.pass(line.clone().into_bytes()).is_ok());
    assert!(passage.pass(line.clone().into_bytes()).is_ok());
    assert!(passage.pass(line.into_bytes()).is_err());
}
