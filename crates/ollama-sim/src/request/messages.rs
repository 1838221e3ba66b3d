//! `/v1/messages`: Anthropic's form.

use serde_json::Value;

use super::{Ask, Message, Said, Thinking, parts};
use crate::{
    body::Refusal,
    json::{Decoder, Raw},
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("MessagesRequest");
    let (mut max_tokens, mut stream) = (None, None);
    let (mut temperature, mut top_p) = (None, None);
    let mut messages = Vec::new();
    let mut system = Value::Null;
    for (name, value) in decoder.root(raw, "anthropic") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "max_tokens" => decoder.integer("max_tokens", value, &mut max_tokens),
            "messages" => messages = decoder.array("messages", value, "[]anthropic.MessageParam"),
            "system" => system = value.value(),
            "stream" => decoder.truth("stream", value, &mut stream),
            "temperature" => decoder.float("temperature", value, &mut temperature),
            "top_p" => decoder.float("top_p", value, &mut top_p),
            "stop_sequences" => ask.options.set("stop", value.value()),
            "tools" => {
                let tools = decoder.array("tools", value, "[]anthropic.Tool");
                let tools = tools.into_iter().map(Raw::value);
                ask.tools = tools
                    .map(|tool| {
                        parts::function(&tool["name"], &tool["description"], &tool["input_schema"])
                    })
                    .collect();
            }
            "thinking" => {
                ask.thinking = match value.value()["type"].as_str() {
                    Some("enabled" | "adaptive") => Thinking::Asked,
                    Some("disabled") => Thinking::Off,
                    _ => Thinking::Unsaid,
                };
            }
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    if ask.model.is_empty() {
        return Err(Refusal::bad_request("model is required"));
    }
    let Some(limit) = max_tokens.filter(|limit| *limit > 0) else {
        return Err(Refusal::bad_request(
            "max_tokens is required and must be positive",
        ));
    };
    if messages.is_empty() {
        return Err(Refusal::bad_request("messages is required"));
    }
    let mut said = Vec::new();
    let system = text(&system);
    if !system.is_empty() {
        said.push(Message {
            role: "system".to_owned(),
            content: system,
        });
    }
    for message in messages {
        let message = message.value();
        ask.has_images |= has_image(&message["content"]);
        said.push(Message {
            role: message["role"].as_str().unwrap_or_default().to_owned(),
            content: text(&message["content"]),
        });
    }
    ask.said = Said::Messages(said);
    ask.stream(stream);
    ask.options.set("num_predict", limit);
    for (name, value) in [("temperature", temperature), ("top_p", top_p)] {
        if let Some(value) = value {
            ask.options.set(name, value);
        }
    }
    Ok(())
}

/// A content as text: a string, or the texts of its blocks.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn has_image(content: &Value) -> bool {
    let blocks = content.as_array().into_iter().flatten();
    blocks.into_iter().any(|block| block["type"] == "image")
}
