//! Ollama's answer to a chat as OpenAI's response: a document, or typed events as the lines come.

use serde_json::{Value, json};

use super::{Delivery, failed};
use crate::framing::{MAX_LINE, write_event};
use crate::openai::{add_told, arguments, error_document};
use crate::translation::{self, Translation, calls, count};

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct Writer {
    translation: Translation<Delivery>,
    has_begun: bool,
    /// The number of the next event.
    sequence: u64,
    /// The items that are complete.
    items: Vec<Value>,
    open: Option<Open>,
    /// What the open item has said.
    said: String,
    /// Bytes of all that was said: the end repeats it.
    kept: usize,
    calls: usize,
}

/// The item that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Reasoning,
    Message,
}

impl Writer {
    /// For one answer.
    pub(crate) fn new(translation: Translation<Delivery>) -> Writer {
        Writer {
            translation,
            has_begun: false,
            sequence: 0,
            items: Vec::new(),
            open: None,
            said: String::new(),
            kept: 0,
            calls: 0,
        }
    }
}

impl translation::Writer for Writer {
    fn line(&mut self, said: &Value, out: &mut Vec<u8>) -> bool {
        self.begin(out);
        let message = &said["message"];
        for (item, text) in [
            (Open::Reasoning, &message["thinking"]),
            (Open::Message, &message["content"]),
        ] {
            if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                self.say(item, text, out);
            }
        }
        for call in calls(message) {
            self.call(call, out);
        }
        let is_done = said["done"] == true;
        if is_done {
            self.close(out);
            let mut response = self.translation.response("completed", &self.items);
            self.translation.end(said, &mut response);
            self.tell("response.completed", response, out);
        }
        is_done
    }

    fn error(&mut self, message: &str, out: &mut Vec<u8>) {
        self.begin(out);
        let response = self.translation.response("failed", &self.items);
        let frames = failed(
            response,
            "server_error",
            "api_error",
            message,
            self.sequence,
        );
        out.extend_from_slice(frames.as_bytes());
    }

    fn document(&self, said: &Value) -> Vec<u8> {
        let message = &said["message"];
        let text = |name: &str| message[name].as_str().unwrap_or_default();
        let (thinking, content) = (text("thinking"), text("content"));
        let mut items = Vec::new();
        if !thinking.is_empty() {
            items.push(self.translation.reasoning(items.len(), thinking));
        }
        if !content.is_empty() || calls(message).next().is_none() {
            items.push(
                self.translation
                    .message(items.len(), "completed", json!([part(content)])),
            );
        }
        for (number, call) in calls(message).enumerate() {
            items.push(self.translation.function_call(items.len(), number, call));
        }
        let mut response = self.translation.response("completed", &items);
        self.translation.end(said, &mut response);
        self.translation.whole(&response)
    }

    fn error_document(&self, message: &str) -> Value {
        error_document(message)
    }

    fn is_full(&self) -> bool {
        self.kept > MAX_LINE
    }
}

impl Writer {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = self.translation.response("in_progress", &[]);
            self.tell(name, response, out);
        }
    }

    fn say(&mut self, item: Open, text: &str, out: &mut Vec<u8>) {
        if self.open != Some(item) {
            self.close(out);
            self.open(item, out);
        }
        self.said.push_str(text);
        self.kept += text.len();
        let mut delta = self.place(item);
        delta["delta"] = text.into();
        self.event(
            match item {
                Open::Reasoning => "response.reasoning_summary_text.delta",
                Open::Message => "response.output_text.delta",
            },
            delta,
            out,
        );
    }

    fn open(&mut self, item: Open, out: &mut Vec<u8>) {
        self.open = Some(item);
        let at = self.items.len();
        let id = self.translation.item_id(item.kind(), at);
        let begun = match item {
            Open::Reasoning => json!({ "id": id, "type": "reasoning", "summary": [] }),
            Open::Message => self.translation.message(at, "in_progress", json!([])),
        };
        let added = json!({ "output_index": at, "item": begun });
        self.event("response.output_item.added", added, out);
        if item == Open::Message {
            let added = json!({
                "item_id": id, "output_index": at, "content_index": 0, "part": part(""),
            });
            self.event("response.content_part.added", added, out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(item) = self.open.take() else {
            return;
        };
        let said = std::mem::take(&mut self.said);
        let at = self.items.len();
        let mut done = self.place(item);
        done["text"] = said.as_str().into();
        let whole = match item {
            Open::Reasoning => {
                self.event("response.reasoning_summary_text.done", done, out);
                self.translation.reasoning(at, &said)
            }
            Open::Message => {
                self.event("response.output_text.done", done, out);
                let part = part(&said);
                let done = json!({
                    "item_id": self.translation.item_id(item.kind(), at), "output_index": at, "content_index": 0,
                    "part": part,
                });
                self.event("response.content_part.done", done, out);
                self.translation.message(at, "completed", json!([part]))
            }
        };
        self.finish(whole, out);
    }

    /// A call comes whole, and so it is told: its arguments in one piece.
    fn call(&mut self, call: &Value, out: &mut Vec<u8>) {
        self.close(out);
        let at = self.items.len();
        let whole = self.translation.function_call(at, self.calls, call);
        self.calls += 1;
        let mut begun = whole.clone();
        begun["status"] = "in_progress".into();
        begun["arguments"] = "".into();
        let added = json!({ "output_index": at, "item": begun });
        self.event("response.output_item.added", added, out);
        let arguments = &whole["arguments"];
        self.kept += arguments.as_str().map_or(0, str::len);
        let place = json!({ "item_id": whole["id"], "output_index": at });
        for (name, member) in [
            ("response.function_call_arguments.delta", "delta"),
            ("response.function_call_arguments.done", "arguments"),
        ] {
            let mut told = place.clone();
            told[member] = arguments.clone();
            self.event(name, told, out);
        }
        self.finish(whole, out);
    }

    fn finish(&mut self, item: Value, out: &mut Vec<u8>) {
        let done = json!({ "output_index": self.items.len(), "item": item });
        self.event("response.output_item.done", done, out);
        self.items.push(item);
    }

    /// Where what the open item says belongs.
    fn place(&self, item: Open) -> Value {
        let at = self.items.len();
        let mut place =
            json!({ "item_id": self.translation.item_id(item.kind(), at), "output_index": at });
        match item {
            Open::Reasoning => place["summary_index"] = 0.into(),
            Open::Message => {
                place["content_index"] = 0.into();
                place["logprobs"] = json!([]);
            }
        }
        place
    }

    fn event(&mut self, name: &str, mut data: Value, out: &mut Vec<u8>) {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        write_event(name, data.to_string().as_bytes(), out);
    }

    /// The response as it is now.
    fn tell(&mut self, name: &str, response: Value, out: &mut Vec<u8>) {
        let begin = json!({ "type": name, "sequence_number": self.sequence }).to_string();
        self.sequence += 1;
        let mut data = begin.into_bytes();
        data.pop();
        data.extend_from_slice(b",\"response\":");
        data.extend_from_slice(&self.translation.whole(&response));
        data.push(b'}');
        write_event(name, &data, out);
    }
}

impl Open {
    fn kind(self) -> &'static str {
        match self {
            Open::Reasoning => "rs",
            Open::Message => "msg",
        }
    }
}

impl Translation<Delivery> {
    /// The response, without what was asked.
    fn response(&self, status: &str, items: &[Value]) -> Value {
        json!({
            "id": format!("resp_{:x}", self.id),
            "object": "response",
            "created_at": self.created_s,
            "completed_at": null,
            "status": status,
            "incomplete_details": null,
            "model": self.model,
            "previous_response_id": null,
            "output": items,
            "error": null,
            "tool_choice": "auto",
            "parallel_tool_calls": true,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "usage": null,
            "max_tool_calls": null,
            "store": false,
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": null,
            "prompt_cache_key": null,
        })
    }

    /// What the end adds: how long it took, and what was used.
    fn end(&self, said: &Value, response: &mut Value) {
        let (input, output) = (count(said, "prompt_eval_count"), count(said, "eval_count"));
        let took_s = count(said, "total_duration") / 1_000_000_000;
        response["completed_at"] = self.created_s.saturating_add(took_s).into();
        response["usage"] = json!({
            "input_tokens": input,
            "output_tokens": output,
            "total_tokens": input.saturating_add(output),
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens_details": { "reasoning_tokens": 0 },
        });
        add_told(said, response);
    }

    /// The response with what was asked.
    fn whole(&self, response: &Value) -> Vec<u8> {
        let mut whole = response.to_string().into_bytes();
        whole.pop();
        whole.push(b',');
        whole.extend_from_slice(&self.delivery.repeated);
        whole.push(b'}');
        whole
    }

    fn item_id(&self, kind: &str, at: usize) -> String {
        format!("{kind}_{:x}_{at}", self.id)
    }

    fn message(&self, at: usize, status: &str, content: Value) -> Value {
        json!({
            "id": self.item_id("msg", at),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        })
    }

    /// What was thought; a client that sends it back sends what is called encrypted.
    fn reasoning(&self, at: usize, thought: &str) -> Value {
        json!({
            "id": self.item_id("rs", at),
            "type": "reasoning",
            "summary": [{ "type": "summary_text", "text": thought }],
            "encrypted_content": thought,
        })
    }

    /// A call; an older Ollama gives it no id, and a client's answer needs one.
    fn function_call(&self, at: usize, number: usize, call: &Value) -> Value {
        let id = match call["id"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("call_{:x}_{number}", self.id),
        };
        json!({
            "id": self.item_id("fc", at),
            "type": "function_call",
            "status": "completed",
            "call_id": id,
            "name": call["function"]["name"],
            "arguments": arguments(call),
        })
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}
