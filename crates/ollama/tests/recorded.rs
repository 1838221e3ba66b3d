//! The translation of answers against recordings: what Ollama said to a request on its own route, translated, has to have the form
//! of what it said to the same request under `/v1`. Same members, in the same events, in the same order; values differ.
//!
//! The transcripts are the simulator's (`crates/ollama-sim/tests/transcripts/`).

use serde_json::Value;
use sluice_ollama::{
    Asker, Delivery, Endpoint, Form, Passage, Policy, Verdict, messages, openai, prepare, responses,
};

const DOCUMENT: Delivery = Delivery::Completion(openai::Delivery::Document);
const STREAM: Delivery = Delivery::Completion(openai::Delivery::Stream);
const STREAM_WITH_USAGE: Delivery = Delivery::Completion(openai::Delivery::StreamWithUsage);
const TEXT: Delivery = Delivery::Text(openai::Delivery::Document);
const TEXT_STREAM_WITH_USAGE: Delivery = Delivery::Text(openai::Delivery::StreamWithUsage);
const MESSAGE: Delivery = Delivery::Message(messages::Delivery::Document);
const MESSAGE_STREAM: Delivery = Delivery::Message(messages::Delivery::Stream { prompt_tokens: 2 });

/// A chat, the same chat under `/v1`, and how its answer is delivered.
const PAIRS: &[(&str, &str, Delivery)] = &[
    ("chat-stream-false", "v1-chat", DOCUMENT),
    ("chat-stream-default", "v1-chat-stream", STREAM),
    (
        "chat-stream-default",
        "v1-chat-stream-usage",
        STREAM_WITH_USAGE,
    ),
    ("chat-thinking-nonstream", "v1-chat-thinking", DOCUMENT),
    ("chat-thinking-default", "v1-chat-thinking-stream", STREAM),
    ("chat-tools-go-schema-nonstream", "v1-chat-tools", DOCUMENT),
    (
        "chat-tools-go-schema-stream",
        "v1-chat-tools-stream",
        STREAM_WITH_USAGE,
    ),
];

#[test]
fn a_translated_answer_has_the_form_of_ollamas_own() {
    for (chat, v1, delivery) in PAIRS {
        let (verdict, translated) = translated(&recorded(CHATS, chat), delivery.clone());
        assert_eq!(verdict, Verdict::Complete, "{chat}");
        let expected = recorded(V1, v1).concat();
        assert_eq!(shape(&translated), shape(&expected), "{chat} as {v1}");
    }
}

/// A generation, the same text under `/v1`, and how its answer is delivered.
const TEXTS: &[(&str, &str, Delivery)] = &[
    ("generate-stream-false", "v1-completions", TEXT),
    (
        "generate-stream-default",
        "v1-completions-stream-usage",
        TEXT_STREAM_WITH_USAGE,
    ),
    ("generate-load", "v1-completions-empty-prompt", TEXT),
];

#[test]
fn a_translated_text_has_the_form_of_ollamas_own() {
    for (generate, v1, delivery) in TEXTS {
        let (verdict, translated) = translated(&recorded(GENERATIONS, generate), delivery.clone());
        assert_eq!(verdict, Verdict::Complete, "{generate}");
        let expected = recorded(V1, v1).concat();
        assert_eq!(shape(&translated), shape(&expected), "{generate} as {v1}");
    }
}

/// A chat, and one like it as a response.
const RESPONSES: &[(&str, &str)] = &[
    ("chat-stream-false", "v1-responses"),
    ("chat-stream-false", "v1-responses-previous-id"),
    ("chat-load-no-messages", "v1-responses-no-input"),
    ("chat-stream-default", "v1-responses-stream"),
    ("chat-thinking-default", "v1-responses-thinking-stream"),
    ("chat-tools-go-schema-nonstream", "v1-responses-tool-call"),
    (
        "chat-tools-go-schema-stream",
        "v1-responses-tool-call-stream",
    ),
];

/// The order of members is nobody's: Ollama's own events have them as their maps are sorted, the document in an order of its own.
#[test]
fn a_translated_response_has_the_members_and_events_of_ollamas_own() {
    for (chat, v1) in RESPONSES {
        let asked = transcript(CASES, v1)["body"].to_string().into_bytes();
        let mut policy = Policy::default();
        policy.options.insert("num_ctx".to_owned(), 4096.into());
        let asker = Asker::default();
        let prepared = prepare(Endpoint::OpenAiResponses, asked, &asker, &policy).unwrap();
        let delivery = prepared.delivery.expect("a translation");
        let (verdict, translated) = translated(&recorded(CHATS, chat), delivery);
        assert_eq!(verdict, Verdict::Complete, "{chat}");
        let expected = recorded(V1, v1).concat();
        assert_eq!(
            shape(&sorted(&translated)),
            shape(&sorted(&expected)),
            "{chat} as {v1}"
        );
    }
}

/// The same with the members of all objects in the order of the alphabet.
fn sorted(text: &str) -> String {
    fn of(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(of).collect(),
            Value::Object(members) => {
                let mut members: Vec<_> = members.into_iter().collect();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                let members = members.into_iter().map(|(name, value)| (name, of(value)));
                Value::Object(members.collect())
            }
            other => other,
        }
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let (field, data) = match line.strip_prefix("data: ") {
            Some(data) => ("data: ", data),
            None => ("", line),
        };
        match serde_json::from_str(data.trim_end()) {
            Ok(value) => format!("{field}{}\n", of(value)),
            Err(_) => line.to_owned(),
        }
    });
    lines.collect()
}

/// A chat, one like it as a message of Anthropic's, and how its answer is delivered.
const MESSAGES: &[(&str, &str, Delivery)] = &[
    ("chat-stream-false", "v1-messages", MESSAGE),
    (
        "chat-stream-false",
        "v1-messages-thinking-on-plain-model",
        MESSAGE,
    ),
    ("chat-stream-default", "v1-messages-stream", MESSAGE_STREAM),
    (
        "chat-stream-default",
        "v1-messages-tools-stream",
        MESSAGE_STREAM,
    ),
    (
        "chat-thinking-default",
        "v1-messages-thinking-stream",
        MESSAGE_STREAM,
    ),
    (
        "chat-tools-go-schema-nonstream",
        "v1-messages-tool-use",
        MESSAGE,
    ),
    (
        "chat-tools-go-schema-stream",
        "v1-messages-tool-use-stream",
        MESSAGE_STREAM,
    ),
];

/// The one difference in a whole answer: Anthropic's own names the stop sequence that ended it, and typed clients want the member.
/// Ollama does not say which it was: it is null.
#[test]
fn a_translated_message_has_the_form_of_ollamas_own_and_names_its_stop_sequence() {
    for (chat, v1, delivery) in MESSAGES {
        let (verdict, translated) = translated(&recorded(CHATS, chat), delivery.clone());
        assert_eq!(verdict, Verdict::Complete, "{chat}");
        let without = translated.replacen(",\"stop_sequence\":null", "", 1);
        assert_ne!(without, translated, "{chat}");
        let expected = recorded(V1, v1).concat();
        assert_eq!(shape(&without), shape(&expected), "{chat} as {v1}");
    }
}

/// Here the two differ on purpose: a runner that dies ends Ollama's own message without a word.
#[test]
fn an_error_in_the_midst_is_told_where_ollamas_own_message_just_ends() {
    let begun = "{\"message\":{\"content\":\"a\"},\"done\":false}\n".to_owned();
    let error = "{\"error\":\"llama-server has died\"}\n".to_owned();
    let (verdict, text) = translated(&[begun, error], MESSAGE_STREAM);
    assert_eq!(verdict, Verdict::Failed);
    assert!(text.contains("event: error\ndata: "), "{text}");
}

/// Here the two differ on purpose: Ollama ends an answer of more than 30 equal tokens without a word, and under `/v1` no client
/// can tell it from a whole one. Translated it is incomplete, which the gateway says.
#[test]
fn an_answer_that_ollama_ends_without_a_word_is_incomplete() {
    for (chat, delivery) in [
        ("chat-repeated-token", STREAM),
        ("chat-repeated-token-nonstream", DOCUMENT),
        ("chat-repeated-token", MESSAGE_STREAM),
        ("chat-repeated-token-nonstream", MESSAGE),
        ("generate-repeated-token", TEXT_STREAM_WITH_USAGE),
    ] {
        let transcripts = match delivery {
            Delivery::Text(_) => GENERATIONS,
            _ => CHATS,
        };
        let (verdict, text) = translated(&recorded(transcripts, chat), delivery);
        assert_eq!(verdict, Verdict::Incomplete, "{chat}");
        assert!(
            !text.contains("[DONE]") && !text.contains("message_stop"),
            "{text}"
        );
    }
    let v1 = recorded(V1, "v1-chat-repeated-token-stream").concat();
    assert!(!v1.contains("error") && !v1.contains("[DONE]"), "{v1}");
}

fn translated(frames: &[String], delivery: Delivery) -> (Verdict, String) {
    let form = match delivery {
        DOCUMENT | TEXT => Form::OpenAiDocument,
        Delivery::Completion(_) | Delivery::Text(_) => Form::OpenAiEvents,
        Delivery::Response(ref response) => match response.way {
            responses::Way::Document => Form::OpenAiDocument,
            responses::Way::Stream => Form::OpenAiEvents,
        },
        MESSAGE => Form::AnthropicDocument,
        Delivery::Message(_) => Form::AnthropicEvents,
    };
    let translation = delivery.translation(7, 1_767_225_600, "m");
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
    let frames = transcript(transcripts, name)["frames"].clone();
    let frames = frames.as_array().unwrap().iter();
    frames
        .map(|frame| frame.as_str().unwrap().to_owned())
        .collect()
}

fn transcript(transcripts: &str, name: &str) -> Value {
    let transcripts = transcripts.lines();
    let mut transcripts = transcripts.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = transcripts.find(|one| one["case"] == name || one["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is recorded"))
}

/// Each line without its values; of several alike that follow one another one is kept.
fn shape(text: &str) -> Vec<String> {
    // An event's name and its data are one.
    let frames = text
        .split("\n\n")
        .flat_map(|frame| match frame.split_once("\ndata: ") {
            Some((name, data)) => vec![(format!("{name} data: "), data)],
            None => frame
                .lines()
                .map(|line| match line.strip_prefix("data: ") {
                    Some(data) => ("data: ".to_owned(), data),
                    None => (String::new(), line),
                })
                .collect(),
        });
    let mut shapes: Vec<String> = frames
        .filter(|(_, data)| !data.is_empty())
        .map(|(field, data)| match serde_json::from_str(data) {
            Ok(value) => format!("{field}{}", of_value("", &value)),
            Err(_) => format!("{field}{data}"),
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
        Value::String(reason) if name == "stop_reason" && reason != "tool_use" => "s".into(),
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
const WORDS: [&str; 5] = ["object", "role", "type", "finish_reason", "stop_reason"];

const CHATS: &str = include_str!("../../ollama-sim/tests/transcripts/chat.jsonl");
const GENERATIONS: &str = include_str!("../../ollama-sim/tests/transcripts/generate.jsonl");
const CASES: &str = include_str!("../../ollama-sim/tests/transcripts/cases.jsonl");
const V1: &str = include_str!("../../ollama-sim/tests/transcripts/v1.jsonl");
