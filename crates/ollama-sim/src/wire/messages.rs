//! Anthropic's messages: a document, or blocks that open and close.

use serde_json::{Value, json};

use super::{Head, Part};
use crate::plan::DoneReason;

/// The blocks of a stream.
#[derive(Default)]
pub(super) struct Blocks {
    has_begun: bool,
    /// The kind of the block that is open.
    open: Option<&'static str>,
    index: u32,
}

/// A whole answer.
pub(super) fn document(head: &Head<'_>, part: &Part<'_>) -> Value {
    let mut content = Vec::new();
    if !part.thinking.is_empty() {
        content.push(json!({ "type": "thinking", "thinking": part.thinking }));
    }
    if !part.content.is_empty() {
        content.push(json!({ "type": "text", "text": part.content }));
    }
    for call in part.calls {
        content.push(json!({
            "type": "tool_use",
            "id": call.id(head.number),
            "name": call.name,
            "input": call.arguments,
        }));
    }
    let mut document = message(head, content);
    document["stop_reason"] = stop_reason(head, part);
    document["usage"] = usage(part);
    document
}

impl Blocks {
    /// The events of a part.
    pub(super) fn part(
        &mut self,
        head: &Head<'_>,
        part: &Part<'_>,
        out: &mut Vec<(&'static str, Value)>,
    ) {
        if !self.has_begun {
            self.has_begun = true;
            let mut message = message(head, Vec::new());
            // Before anything is generated it is a guess.
            message["usage"] = json!({ "input_tokens": head.prompt_tokens, "output_tokens": 0 });
            let begun = json!({ "type": "message_start", "message": message });
            out.push(("message_start", begun));
        }
        if !part.thinking.is_empty() {
            self.say("thinking", "thinking_delta", part.thinking, out);
        }
        if !part.content.is_empty() {
            self.say("text", "text_delta", part.content, out);
        }
        for call in part.calls {
            self.close(out);
            let block = json!({ "type": "tool_use", "id": call.id(head.number), "name": call.name, "input": {} });
            self.open("tool_use", block, out);
            let arguments = call.arguments.to_string();
            self.delta(
                json!({ "type": "input_json_delta", "partial_json": arguments }),
                out,
            );
            self.close(out);
        }
        if part.end.is_some() {
            self.close(out);
            let delta = json!({ "stop_reason": stop_reason(head, part) });
            let last = json!({ "type": "message_delta", "delta": delta, "usage": usage(part) });
            out.push(("message_delta", last));
            out.push(("message_stop", json!({ "type": "message_stop" })));
        }
    }

    fn say(
        &mut self,
        kind: &'static str,
        delta: &str,
        text: &str,
        out: &mut Vec<(&'static str, Value)>,
    ) {
        if self.open != Some(kind) {
            self.close(out);
            self.open(kind, json!({ "type": kind, kind: "" }), out);
        }
        self.delta(json!({ "type": delta, kind: text }), out);
    }

    fn open(&mut self, kind: &'static str, block: Value, out: &mut Vec<(&'static str, Value)>) {
        self.open = Some(kind);
        let event =
            json!({ "type": "content_block_start", "index": self.index, "content_block": block });
        out.push(("content_block_start", event));
    }

    fn delta(&self, delta: Value, out: &mut Vec<(&'static str, Value)>) {
        let event = json!({ "type": "content_block_delta", "index": self.index, "delta": delta });
        out.push(("content_block_delta", event));
    }

    fn close(&mut self, out: &mut Vec<(&'static str, Value)>) {
        if self.open.take().is_some() {
            let event = json!({ "type": "content_block_stop", "index": self.index });
            out.push(("content_block_stop", event));
            self.index += 1;
        }
    }
}

fn message(head: &Head<'_>, content: Vec<Value>) -> Value {
    json!({
        "id": format!("msg_{:024x}", head.number),
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
    })
}

fn usage(part: &Part<'_>) -> Value {
    let spent = part.end.map(|(_, spent)| spent).unwrap_or_default();
    json!({ "input_tokens": spent.prompt_tokens, "output_tokens": spent.tokens })
}

fn stop_reason(head: &Head<'_>, part: &Part<'_>) -> Value {
    match part.end {
        Some((DoneReason::Length, _)) => "max_tokens".into(),
        Some(_) if head.calls > 0 => "tool_use".into(),
        Some(_) => "end_turn".into(),
        None => Value::Null,
    }
}
