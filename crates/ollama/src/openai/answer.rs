//! Ollama's answer to a chat as OpenAI's chat completion: a document, or events as the lines come.

use serde_json::{Map, Value, json};

use super::{Delivery, error_document};
use crate::framing::{CUT_MEMBER, WAITED_MEMBER, write_data};
use crate::translation::{self, Translation, count};

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct Writer {
    translation: Translation<Delivery>,
    /// Who speaks is said once.
    has_role: bool,
    /// Calls that a stream has told: each has its own number, over all lines.
    calls: usize,
}

impl Writer {
    /// For one answer.
    pub(crate) fn new(translation: Translation<Delivery>) -> Writer {
        Writer {
            translation,
            has_role: false,
            calls: 0,
        }
    }
}

impl translation::Writer for Writer {
    fn line(&mut self, said: &Value, out: &mut Vec<u8>) -> bool {
        let is_done = said["done"] == true;
        let mut delta = self.translation.message(said, &mut self.calls);
        // The last line says nothing as a rule, and its end is a chunk of its own. Of an answer that says nothing at all it is told who
        // does not.
        if !is_done || !self.has_role || says_something(&delta) || logprobs(said).is_some() {
            let beside = said_beside_thought(&mut delta);
            if !self.has_role {
                delta = with_role(delta);
                self.has_role = true;
            }
            self.translation.chunk(said, delta.into(), out);
            if let Some(beside) = beside {
                self.translation.chunk(&Value::Null, beside.into(), out);
            }
        }
        if !is_done {
            return false;
        }
        let choice =
            json!({ "index": 0, "delta": {}, "finish_reason": finish_reason(said, self.calls) });
        let chunk = |choices| {
            self.translation
                .completion("chat.completion.chunk", choices)
        };
        let mut end = chunk(json!([choice]));
        add_told(said, &mut end);
        event(&end, out);
        if self.translation.delivery == Delivery::StreamWithUsage {
            let mut last = chunk(json!([]));
            last["usage"] = usage(said);
            event(&last, out);
        }
        out.extend_from_slice(END);
        true
    }

    fn error(&mut self, message: &str, out: &mut Vec<u8>) {
        event(&error_document(message), out);
    }

    fn document(&self, said: &Value) -> Vec<u8> {
        let mut calls = 0;
        let message = with_role(self.translation.message(said, &mut calls));
        let mut choice = json!({
            "index": 0,
            "message": message,
            "finish_reason": finish_reason(said, calls),
        });
        add_logprobs(said, &mut choice);
        let mut completion = self
            .translation
            .completion("chat.completion", json!([choice]));
        completion["usage"] = usage(said);
        add_told(said, &mut completion);
        completion.to_string().into_bytes()
    }

    fn error_document(&self, message: &str) -> Value {
        error_document(message)
    }
}

/// What ends an event stream of OpenAI's.
pub(super) const END: &[u8] = b"data: [DONE]\n\n";

impl Translation<Delivery> {
    fn chunk(&self, said: &Value, delta: Value, out: &mut Vec<u8>) {
        let mut choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
        add_logprobs(said, &mut choice);
        let chunk = self.completion("chat.completion.chunk", json!([choice]));
        event(&chunk, out);
    }

    fn completion(&self, object: &str, choices: Value) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.id),
            "object": object,
            "created": self.created_s,
            "model": self.model,
            "system_fingerprint": "fp_ollama",
            "choices": choices,
        })
    }

    /// What was said, without the role. `calls` counts the calls of the whole answer.
    fn message(&self, said: &Value, calls: &mut usize) -> Map<String, Value> {
        let message = &said["message"];
        let mut ours = Map::new();
        let content = message["content"].as_str().unwrap_or_default();
        ours.insert("content".to_owned(), content.into());
        if let Some(thinking) = message["thinking"].as_str().filter(|text| !text.is_empty()) {
            ours.insert("reasoning".to_owned(), thinking.into());
        }
        if let Some(made) = message["tool_calls"]
            .as_array()
            .filter(|made| !made.is_empty())
        {
            let numbers = *calls..;
            let theirs = made.iter().zip(numbers);
            let theirs: Vec<Value> = theirs
                .map(|(call, number)| self.tool_call(number, call))
                .collect();
            *calls = calls.saturating_add(theirs.len());
            ours.insert("tool_calls".to_owned(), theirs.into());
        }
        ours
    }

    /// A call; an older Ollama gives it no id, and OpenAI's clients want one.
    fn tool_call(&self, number: usize, call: &Value) -> Value {
        let function = &call["function"];
        let id = match call["id"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("call_{}_{number}", self.id),
        };
        json!({
            "id": id,
            "index": number,
            "type": "function",
            "function": { "name": function["name"], "arguments": arguments(call) },
        })
    }
}

/// What a call is given, as a text; older servers write one already.
pub(crate) fn arguments(call: &Value) -> String {
    match &call["function"]["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    }
}

fn with_role(mut message: Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::new();
    whole.insert("role".to_owned(), "assistant".into());
    whole.append(&mut message);
    whole
}

/// Takes out of a message what is said beside a thought: clients that find a thought in a chunk look for nothing else in it.
fn said_beside_thought(message: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    let has_text = message.get("content").is_some_and(|content| content != "");
    if !has_text && !message.contains_key("tool_calls") {
        return None;
    }
    let thought = message.remove("reasoning")?;
    let thought = Map::from_iter([("reasoning".to_owned(), thought)]);
    Some(std::mem::replace(message, thought))
}

/// What Sluice itself says of the answer, where it does.
pub(crate) fn add_told(said: &Value, completion: &mut Value) {
    for member in [CUT_MEMBER, WAITED_MEMBER] {
        if let Some(told) = said.get(member) {
            completion[member] = told.clone();
        }
    }
}

fn add_logprobs(said: &Value, choice: &mut Value) {
    if let Some(logprobs) = logprobs(said) {
        choice["logprobs"] = json!({ "content": logprobs });
    }
}

fn logprobs(said: &Value) -> Option<&Vec<Value>> {
    let logprobs = said["logprobs"].as_array();
    logprobs.filter(|logprobs| !logprobs.is_empty())
}

/// Whether a message has more than an empty content.
fn says_something(message: &Map<String, Value>) -> bool {
    message.len() > 1 || message.get("content").is_some_and(|content| content != "")
}

/// Ollama's own word. Calls are the reason only where the model stopped by itself: of calls that were cut at the limit a
/// client must know that something may be missing.
fn finish_reason(said: &Value, calls: usize) -> Value {
    match said["done_reason"].as_str() {
        Some("stop") | None if calls > 0 => "tool_calls".into(),
        None | Some("") => "stop".into(),
        Some(reason) => reason.into(),
    }
}

pub(super) fn usage(said: &Value) -> Value {
    let (prompt, completion) = (count(said, "prompt_eval_count"), count(said, "eval_count"));
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
    })
}

pub(super) fn event(value: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    write_data(value.to_string().as_bytes(), out);
}
