//! Ollama's answer to a chat as Anthropic's message: a document, or events as the lines come.

use serde_json::{Value, json};

use super::{Delivery, error_document};
use crate::framing::write_event;
use crate::translation::{self, Translation, calls, count};

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct Writer {
    translation: Translation<Delivery>,
    has_begun: bool,
    /// The kind of the block that is open.
    open: Option<&'static str>,
    /// The number of the block that is open, or of the next.
    index: u64,
    calls: u64,
}

impl Writer {
    /// For one answer.
    pub(crate) fn new(translation: Translation<Delivery>) -> Writer {
        Writer {
            translation,
            has_begun: false,
            open: None,
            index: 0,
            calls: 0,
        }
    }
}

impl translation::Writer for Writer {
    fn line(&mut self, said: &Value, out: &mut Vec<u8>) -> bool {
        self.begin(out);
        let message = &said["message"];
        for (kind, delta, text) in [
            ("thinking", "thinking_delta", &message["thinking"]),
            ("text", "text_delta", &message["content"]),
        ] {
            if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                self.say(kind, delta, text, out);
            }
        }
        for call in calls(message) {
            self.call(call, out);
        }
        let is_done = said["done"] == true;
        if is_done {
            self.end(said, out);
        }
        is_done
    }

    fn error(&mut self, message: &str, out: &mut Vec<u8>) {
        event("error", &self.error_document(message), out);
    }

    fn document(&self, said: &Value) -> Vec<u8> {
        let message = &said["message"];
        let mut content = Vec::new();
        for (kind, text) in [
            ("thinking", &message["thinking"]),
            ("text", &message["content"]),
        ] {
            if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                content.push(json!({ "type": kind, kind: text }));
            }
        }
        let mut number = 0;
        for call in calls(message) {
            let mut block = self.translation.tool_use(call, number);
            block["input"] = arguments(call);
            content.push(block);
            number += 1;
        }
        let mut whole = self.translation.message(content);
        whole["stop_reason"] = stop_reason(said, number);
        whole["stop_sequence"] = Value::Null;
        whole["usage"] = usage(said);
        whole.to_string().into_bytes()
    }

    fn error_document(&self, message: &str) -> Value {
        error_document("api_error", message)
    }
}

impl Writer {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let tokens = match self.translation.delivery {
            Delivery::Stream { prompt_tokens } => prompt_tokens,
            Delivery::Document => 0,
        };
        let mut message = self.translation.message(Vec::new());
        message["usage"] = json!({ "input_tokens": tokens, "output_tokens": 0 });
        let begun = json!({ "type": "message_start", "message": message });
        event("message_start", &begun, out);
    }

    fn say(&mut self, kind: &'static str, delta: &str, text: &str, out: &mut Vec<u8>) {
        if self.open != Some(kind) {
            self.close(out);
            self.open(kind, &json!({ "type": kind, kind: "" }), out);
        }
        self.delta(json!({ "type": delta, kind: text }), out);
    }

    /// A call comes whole, and so it is told: its input in one piece.
    fn call(&mut self, call: &Value, out: &mut Vec<u8>) {
        self.close(out);
        let mut block = self.translation.tool_use(call, self.calls);
        block["input"] = json!({});
        self.calls += 1;
        self.open("tool_use", &block, out);
        let input = arguments(call).to_string();
        self.delta(
            json!({ "type": "input_json_delta", "partial_json": input }),
            out,
        );
        self.close(out);
    }

    fn open(&mut self, kind: &'static str, block: &Value, out: &mut Vec<u8>) {
        self.open = Some(kind);
        let opened =
            json!({ "type": "content_block_start", "index": self.index, "content_block": block });
        event("content_block_start", &opened, out);
    }

    fn delta(&self, delta: Value, out: &mut Vec<u8>) {
        let more = json!({ "type": "content_block_delta", "index": self.index, "delta": delta });
        event("content_block_delta", &more, out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_none() {
            return;
        }
        let closed = json!({ "type": "content_block_stop", "index": self.index });
        event("content_block_stop", &closed, out);
        self.index += 1;
    }

    fn end(&mut self, said: &Value, out: &mut Vec<u8>) {
        self.close(out);
        let delta = json!({ "stop_reason": stop_reason(said, self.calls), "stop_sequence": null });
        let last = json!({ "type": "message_delta", "delta": delta, "usage": usage(said) });
        event("message_delta", &last, out);
        event("message_stop", &json!({ "type": "message_stop" }), out);
    }
}

impl Translation<Delivery> {
    fn message(&self, content: Vec<Value>) -> Value {
        json!({
            "id": format!("msg_{:024x}", self.id),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
        })
    }

    /// A call without its input. An older Ollama gives it no id, and a client's answer needs one.
    fn tool_use(&self, call: &Value, number: u64) -> Value {
        let id = match call["id"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("toolu_{:016x}_{number}", self.id),
        };
        json!({ "type": "tool_use", "id": id, "name": call["function"]["name"] })
    }
}

/// What a call is given; older servers write it as a text. Anthropic's clients take an object alone.
fn arguments(call: &Value) -> Value {
    let given = match &call["function"]["arguments"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        given => given.clone(),
    };
    match given {
        Value::Object(members) => Value::Object(members),
        _ => json!({}),
    }
}

/// Calls are the reason only where the model stopped by itself.
fn stop_reason(said: &Value, calls: u64) -> Value {
    match said["done_reason"].as_str() {
        Some("length") => "max_tokens".into(),
        _ if calls > 0 => "tool_use".into(),
        _ => "end_turn".into(),
    }
}

fn usage(said: &Value) -> Value {
    let (input, output) = (count(said, "prompt_eval_count"), count(said, "eval_count"));
    json!({ "input_tokens": input, "output_tokens": output })
}

fn event(name: &str, data: &Value, out: &mut Vec<u8>) {
    write_event(name, data.to_string().as_bytes(), out);
}
