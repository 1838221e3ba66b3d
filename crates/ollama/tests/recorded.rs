//! The translation of answers against recordings: what Ollama said to a chat on its own route, translated, has to have the form of
//! what it said to the same chat under `/v1`. Same members, in the same events, in the same order; values differ.
//!
//! The transcripts are the simulator's (`crates/ollama-sim/tests/transcripts/`).

use serde_json::Value;
use sluice_ollama::openai::{Delivery, Translation};
use sluice_ollama::{Form, Passage, Verdict};

/// A chat, the same chat under `/v1`, and how its answer is delivered.
const PAIRS: &[(&str, &str, Delivery)] = &[
    ("chat-stream-false", "v1-chat", Delivery::Document),
    ("chat-stream-default", "v1-chat-stream", Delivery::Stream),
    (
        "chat-stream-default",
        "v1-chat-stream-usage",
        Delivery::StreamWithUsage,
    ),
    (
        "chat-thinking-nonstream",
        "v1-chat-thinking",
        Delivery::Document,
    ),
    (
        "chat-thinking-default",
        "v1-chat-thinking-stream",
        Delivery::Stream,
    ),
    (
        "chat-tools-go-schema-nonstream",
        "v1-chat-tools",
        Delivery::Document,
    ),
    (
        "chat-tools-go-schema-stream",
        "v1-chat-tools-stream",
        Delivery::StreamWithUsage,
    ),
];

#[test]
fn a_translated_answer_has_the_form_of_ollamas_own() {
    for (chat, v1, delivery) in PAIRS {
        let (verdict, translated) = translated(&recorded(CHATS, chat), *delivery);
        assert_eq!(verdict, Verdict::Complete, "{chat}");
        let expected = recorded(V1, v1).concat();
        assert_eq!(shape(&translated), shape(&expected), "{chat} as {v1}");
    }
}

/// Here the two differ on purpose: Ollama ends an answer of more than 30 equal tokens without a word, and under `/v1` no client
/// can tell it from a whole one. Translated it is incomplete, which the gateway says.
#[test]
fn an_answer_that_ollama_ends_without_a_word_is_incomplete() {
    for (chat, delivery) in [
        ("chat-repeated-token", Delivery::Stream),
        ("chat-repeated-token-nonstream", Delivery::Document),
    ] {
        let (verdict, text) = translated(&recorded(CHATS, chat), delivery);
        assert_eq!(verdict, Verdict::Incomplete, "{chat}");
        assert!(!text.contains("[DONE]"), "{text}");
    }
    let v1 = recorded(V1, "v1-chat-repeated-token-stream").concat();
    assert!(!v1.contains("error") && !v1.contains("[DONE]"), "{v1}");
}

fn translated(frames: &[String], delivery: Delivery) -> (Verdict, String) {
    let form = match delivery {
        Delivery::Document => Form::OpenAiDocument,
        Delivery::Stream | Delivery::StreamWithUsage => Form::OpenAiEvents,
    };
    let translation = Translation {
        id: 7,
        created_s: 1_767_225_600,
        model: "m".into(),
        delivery,
    };
    let mut passage = Passage::new(form, Some(&translation));
    let mut out = Vec::new();
    for frame in frames {
        out.extend(passage.pass(frame.clone().into_bytes()).unwrap());
    }
    let (verdict, rest) = passage.end();
    out.extend(rest);
    (verdict, String::from_utf8(out).unwrap())
}

/// The chunks of a transcript.
fn recorded(transcripts: &str, name: &str) -> Vec<String> {
    let transcripts = transcripts.lines();
    let mut transcripts = transcripts.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = transcripts.find(|transcript| transcript["case"] == name);
    let frames = found.unwrap_or_else(|| panic!("{name} is recorded"))["frames"].clone();
    let frames = frames.as_array().unwrap().iter();
    frames
        .map(|frame| frame.as_str().unwrap().to_owned())
        .collect()
}

/// Each line without its values; of several alike that follow one another one is kept.
fn shape(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.is_empty());
    let mut shapes: Vec<String> = lines
        .map(|line| {
            let (field, data) = match line.strip_prefix("data: ") {
                Some(data) => ("data: ", data),
                None => ("", line),
            };
            match serde_json::from_str(data) {
                Ok(value) => format!("{field}{}", of_value("", &value)),
                Err(_) => line.to_owned(),
            }
        })
        .collect();
    shapes.dedup();
    shapes
}

fn of_value(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(_) => "n".to_owned(),
        // How long a model talks is its own.
        Value::String(reason) if name == "finish_reason" && reason != "tool_calls" => "s".into(),
        Value::String(word) if WORDS.contains(&name) => word.clone(),
        Value::String(_) => "s".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| of_value("", item)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{name}:{}", of_value(name, value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

/// Members whose values are words of the protocol.
const WORDS: [&str; 4] = ["object", "role", "type", "finish_reason"];

const CHATS: &str = include_str!("../../ollama-sim/tests/transcripts/chat.jsonl");
const V1: &str = include_str!("../../ollama-sim/tests/transcripts/v1.jsonl");
