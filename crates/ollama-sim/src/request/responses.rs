//! `/v1/responses`

use serde_json::{Map, Value, json};

use super::{Ask, Message, Said, openai::Sampling, parts};
use crate::{
    body::Refusal,
    json::{Decoder, Raw},
    wire::sorted,
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("ResponsesRequest");
    let mut sampling = Sampling::default();
    let mut stream = None;
    let mut instructions = String::new();
    let mut members = Map::new();
    for (name, value) in decoder.root(raw, "openai") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "stream" => decoder.truth("stream", value, &mut stream),
            "instructions" => decoder.text("instructions", value, &mut instructions),
            "max_output_tokens" => {
                decoder.integer("max_output_tokens", value, &mut sampling.max_tokens);
            }
            "temperature" | "top_p" => sampling.member(&name, value, &mut decoder),
            "input" | "tools" | "reasoning" | "text" | "truncation" => {
                members.insert(name, value.value());
            }
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    let member = |name: &str| members.get(name).unwrap_or(&Value::Null);
    let mut said = Vec::new();
    if !instructions.is_empty() {
        said.push(Message {
            role: "system".to_owned(),
            content: instructions.clone(),
        });
    }
    read_input(member("input"), ask, &mut said);
    if !said.is_empty() {
        ask.said = Said::Messages(said);
    }
    let effort = member("reasoning")["effort"].as_str();
    ask.thinking = parts::effort(effort.unwrap_or_default())?;
    let format = &member("text")["format"];
    if format["type"] == "json_schema" {
        ask.format = Some(format["schema"].clone());
    }
    let tools = member("tools").as_array().into_iter().flatten();
    let mut repeated = Vec::new();
    for tool in tools {
        ask.tools.push(parts::function(
            &tool["name"],
            &tool["description"],
            &tool["parameters"],
        ));
        repeated.push(json!({
            "type": "function",
            "name": tool["name"],
            "description": tool["description"],
            "strict": tool["strict"],
            "parameters": sorted(tool["parameters"].clone()),
        }));
    }
    ask.stream(stream);
    let or_null = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ask.echo = [
        ("instructions", or_null(&instructions).into()),
        ("tools", repeated.into()),
        ("top_p", sampling.top_p.map_or(json!(1), Value::from)),
        (
            "temperature",
            sampling.temperature.map_or(json!(1), Value::from),
        ),
        ("max_output_tokens", sampling.max_tokens.into()),
        ("reasoning", member("reasoning").clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    sampling.apply(ask);
    Ok(())
}

/// The input is a text, or a list of items.
fn read_input(input: &Value, ask: &mut Ask, said: &mut Vec<Message>) {
    match input {
        Value::String(text) if !text.is_empty() => said.push(Message {
            role: "user".to_owned(),
            content: text.clone(),
        }),
        Value::Array(items) => {
            for item in items {
                let content = match &item["content"] {
                    Value::String(text) => text.clone(),
                    Value::Array(parts) => {
                        ask.has_images |= parts.iter().any(|part| part["type"] == "input_image");
                        let texts = parts.iter().filter_map(|part| part["text"].as_str());
                        texts.collect::<Vec<_>>().join("\n")
                    }
                    _ => item["output"].as_str().unwrap_or_default().to_owned(),
                };
                let role = item["role"].as_str().unwrap_or("tool").to_owned();
                said.push(Message { role, content });
            }
        }
        _ => {}
    }
}
