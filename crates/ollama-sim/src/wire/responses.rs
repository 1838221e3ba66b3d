//! OpenAI's responses, as Ollama serves them under `/v1/responses`: one output message with one text.

use std::io::Write;

use serde_json::{Value, json};

use super::{Part, Spent, openai::Head};
use crate::plan::DoneReason;

/// How far the events of one answer are.
#[derive(Debug, Default)]
pub(super) struct Talk {
    sequence: u64,
    text: String,
}

/// A whole answer.
pub(super) fn document(
    out: impl Write,
    head: &Head<'_>,
    part: &Part<'_>,
) -> serde_json::Result<()> {
    serde_json::to_writer(out, &response(head, part.content, part.end))
}

impl Talk {
    /// The events of one part: the first is preceded by those that open the answer, the last ends it.
    pub(super) fn part(
        &mut self,
        out: &mut impl Write,
        head: &Head<'_>,
        part: &Part<'_>,
    ) -> serde_json::Result<()> {
        let id = item_id(head);
        if self.sequence == 0 {
            let begun = response(head, "", None);
            self.event(out, "response.created", json!({ "response": begun }))?;
            self.event(out, "response.in_progress", json!({ "response": begun }))?;
            let item = item(head, "in_progress", json!([]));
            self.event(
                out,
                "response.output_item.added",
                json!({ "output_index": 0, "item": item }),
            )?;
            let opened =
                json!({ "item_id": id, "output_index": 0, "content_index": 0, "part": text("") });
            self.event(out, "response.content_part.added", opened)?;
        }
        let Some(end) = part.end else {
            self.text.push_str(part.content);
            let delta = json!({ "item_id": id, "output_index": 0, "content_index": 0, "delta": part.content, "logprobs": [] });
            return self.event(out, "response.output_text.delta", delta);
        };
        let said = std::mem::take(&mut self.text);
        let whole = json!({ "item_id": id, "output_index": 0, "content_index": 0, "text": said, "logprobs": [] });
        self.event(out, "response.output_text.done", whole)?;
        let closed =
            json!({ "item_id": id, "output_index": 0, "content_index": 0, "part": text(&said) });
        self.event(out, "response.content_part.done", closed)?;
        let item = item(head, "completed", json!([text(&said)]));
        self.event(
            out,
            "response.output_item.done",
            json!({ "output_index": 0, "item": item }),
        )?;
        let ended = json!({ "response": response(head, &said, Some(end)) });
        self.event(out, "response.completed", ended)
    }

    fn event(
        &mut self,
        out: &mut impl Write,
        name: &str,
        mut data: Value,
    ) -> serde_json::Result<()> {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        write!(out, "event: {name}\ndata: {data}\n\n").map_err(serde_json::Error::io)
    }
}

fn response(head: &Head<'_>, said: &str, end: Option<(DoneReason, Spent)>) -> Value {
    let (status, output, usage) = match end {
        None => ("in_progress", json!([]), Value::Null),
        Some((_, spent)) => (
            "completed",
            json!([item(head, "completed", json!([text(said)]))]),
            json!({
                "input_tokens": spent.prompt_tokens,
                "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": spent.tokens,
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": spent.prompt_tokens.saturating_add(spent.tokens),
            }),
        ),
    };
    json!({
        "id": format!("resp_{}", head.number),
        "object": "response",
        "created_at": head.created,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "model": head.model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    })
}

fn item(head: &Head<'_>, status: &str, content: Value) -> Value {
    json!({ "id": item_id(head), "type": "message", "status": status, "role": "assistant", "content": content })
}

fn item_id(head: &Head<'_>) -> String {
    format!("msg_{}", head.number)
}

fn text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}
