//! OpenAI's responses, as Ollama serves them: a document, or events with names and numbers. Events have their members in the
//! order of the alphabet, the document has them in its own.

use serde_json::{Map, Value, json};

use super::{Call, Head, Part};

/// A stream on its way.
#[derive(Default)]
pub(super) struct Talk {
    sequence: u64,
    /// Items that are complete.
    items: Vec<Value>,
    /// What the open item has said.
    said: String,
    open: Option<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Reasoning,
    Message,
}

/// A whole answer.
pub(super) fn document(head: &Head<'_>, part: &Part<'_>) -> Value {
    let mut items = Vec::new();
    if !part.thinking.is_empty() {
        items.push(reasoning(head, part.thinking));
    }
    if part.calls.is_empty() {
        items.push(message(head, "completed", json!([text(part.content)])));
    }
    let id = |call: &Call| format!("fc_resp_{}_{}", head.number, call.index);
    let calls = part.calls.iter();
    items.extend(calls.map(|call| function_call(head, call, &id(call), "completed")));
    response(head, items.into(), Some(part))
}

impl Talk {
    /// The events of a part.
    pub(super) fn part(
        &mut self,
        head: &Head<'_>,
        part: &Part<'_>,
        out: &mut Vec<(&'static str, Value)>,
    ) {
        if self.sequence == 0 {
            let begun = response(head, json!([]), None);
            for name in ["response.created", "response.in_progress"] {
                self.event(name, json!({ "response": begun }), out);
            }
        }
        if !part.thinking.is_empty() {
            self.say(head, Item::Reasoning, part.thinking, out);
        }
        if !part.content.is_empty() {
            self.say(head, Item::Message, part.content, out);
        }
        for call in part.calls {
            self.close(head, out);
            self.call(head, call, out);
        }
        if part.end.is_some() {
            if self.open.is_none() && !self.items.iter().any(|item| item["type"] != "reasoning") {
                self.open(head, Item::Message, out);
            }
            self.close(head, out);
            let items = Value::Array(self.items.clone());
            let ended = json!({ "response": response(head, items, Some(part)) });
            self.event("response.completed", ended, out);
        }
    }

    fn say(
        &mut self,
        head: &Head<'_>,
        item: Item,
        said: &str,
        out: &mut Vec<(&'static str, Value)>,
    ) {
        if self.open != Some(item) {
            self.close(head, out);
            self.open(head, item, out);
        }
        self.said.push_str(said);
        let at = self.items.len();
        match item {
            Item::Reasoning => {
                let delta = json!({ "delta": said, "item_id": reasoning_id(head), "output_index": at, "summary_index": 0 });
                self.event("response.reasoning_summary_text.delta", delta, out);
            }
            Item::Message => {
                let delta = json!({ "content_index": 0, "delta": said, "item_id": message_id(head), "logprobs": [], "output_index": at });
                self.event("response.output_text.delta", delta, out);
            }
        }
    }

    fn open(&mut self, head: &Head<'_>, item: Item, out: &mut Vec<(&'static str, Value)>) {
        self.open = Some(item);
        let at = self.items.len();
        let added = match item {
            Item::Reasoning => {
                json!({ "id": reasoning_id(head), "summary": [], "type": "reasoning" })
            }
            Item::Message => message(head, "in_progress", json!([])),
        };
        let added = json!({ "item": added, "output_index": at });
        self.event("response.output_item.added", added, out);
        if item == Item::Message {
            let part = json!({ "content_index": 0, "item_id": message_id(head), "output_index": at, "part": text("") });
            self.event("response.content_part.added", part, out);
        }
    }

    fn close(&mut self, head: &Head<'_>, out: &mut Vec<(&'static str, Value)>) {
        let Some(open) = self.open.take() else { return };
        let said = std::mem::take(&mut self.said);
        let at = self.items.len();
        let item = match open {
            Item::Reasoning => {
                let done = json!({ "item_id": reasoning_id(head), "output_index": at, "summary_index": 0, "text": said });
                self.event("response.reasoning_summary_text.done", done, out);
                reasoning(head, &said)
            }
            Item::Message => {
                let id = message_id(head);
                let done = json!({ "content_index": 0, "item_id": id, "logprobs": [], "output_index": at, "text": said });
                self.event("response.output_text.done", done, out);
                let part = json!({ "content_index": 0, "item_id": id, "output_index": at, "part": text(&said) });
                self.event("response.content_part.done", part, out);
                message(head, "completed", json!([text(&said)]))
            }
        };
        self.finish_item(item, out);
    }

    fn call(&mut self, head: &Head<'_>, call: &Call, out: &mut Vec<(&'static str, Value)>) {
        let id = format!("fc_{}_{}", head.number, call.index);
        let at = self.items.len();
        let mut begun = function_call(head, call, &id, "in_progress");
        begun["arguments"] = "".into();
        let added = json!({ "item": begun, "output_index": at });
        self.event("response.output_item.added", added, out);
        let arguments = call.arguments.to_string();
        let delta = json!({ "delta": arguments, "item_id": id, "output_index": at });
        self.event("response.function_call_arguments.delta", delta, out);
        let done = json!({ "arguments": arguments, "item_id": id, "output_index": at });
        self.event("response.function_call_arguments.done", done, out);
        self.finish_item(function_call(head, call, &id, "completed"), out);
    }

    fn finish_item(&mut self, item: Value, out: &mut Vec<(&'static str, Value)>) {
        let done = json!({ "item": item, "output_index": self.items.len() });
        self.event("response.output_item.done", done, out);
        self.items.push(item);
    }

    fn event(&mut self, name: &'static str, mut data: Value, out: &mut Vec<(&'static str, Value)>) {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        out.push((name, sorted(data)));
    }
}

fn response(head: &Head<'_>, output: Value, part: Option<&Part<'_>>) -> Value {
    let echo = |name: &str| head.echo.get(name).cloned().unwrap_or_default();
    let end = part.and_then(|part| part.end);
    let usage = match (part, end) {
        (None, _) => Value::Null,
        (_, end) => {
            let spent = end.map(|(_, spent)| spent).unwrap_or_default();
            json!({
                "input_tokens": spent.prompt_tokens,
                "output_tokens": spent.tokens,
                "total_tokens": spent.prompt_tokens.saturating_add(spent.tokens),
                "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens_details": { "reasoning_tokens": 0 },
            })
        }
    };
    json!({
        "id": format!("resp_{}", head.number),
        "object": "response",
        "created_at": head.created(),
        "completed_at": part.map(|_| head.created()),
        "status": if part.is_some() { "completed" } else { "in_progress" },
        "incomplete_details": null,
        "model": head.model,
        "previous_response_id": null,
        "instructions": echo("instructions"),
        "output": output,
        "error": null,
        "tools": echo("tools"),
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": true,
        "text": { "format": { "type": "text" } },
        "top_p": echo("top_p"),
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": echo("temperature"),
        "reasoning": echo("reasoning"),
        "usage": usage,
        "max_output_tokens": echo("max_output_tokens"),
        "max_tool_calls": null,
        "store": false,
        "background": false,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": null,
        "prompt_cache_key": null,
    })
}

fn message(head: &Head<'_>, status: &str, content: Value) -> Value {
    json!({ "id": message_id(head), "type": "message", "status": status, "role": "assistant", "content": content })
}

fn reasoning(head: &Head<'_>, said: &str) -> Value {
    let summary = json!([{ "type": "summary_text", "text": said }]);
    json!({ "id": reasoning_id(head), "type": "reasoning", "summary": summary, "encrypted_content": said })
}

fn function_call(head: &Head<'_>, call: &Call, id: &str, status: &str) -> Value {
    json!({
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call.id(head.number),
        "name": call.name,
        "arguments": call.arguments.to_string(),
    })
}

fn message_id(head: &Head<'_>) -> String {
    format!("msg_{}", head.number)
}

fn reasoning_id(head: &Head<'_>) -> String {
    format!("rs_{}", head.number)
}

fn text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// The same with the members of all objects in the order of the alphabet.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let members = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}
