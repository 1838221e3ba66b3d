//! A body for `/v1/chat/completions` as one for `/api/chat`.

use serde_json::{Map, Value, json};

use super::Delivery;
use crate::request::Invalid;

/// Translates the members, which were checked before, and says how the answer is to be delivered.
///
/// # Errors
/// A part of a message is of a kind that Ollama does not take, or the arguments of a call are no JSON object.
pub(crate) fn to_chat(
    mut members: Map<String, Value>,
) -> Result<(Map<String, Value>, Delivery), Invalid> {
    let is_stream = flag(&members, "stream");
    let delivery = match members.get("stream_options") {
        _ if !is_stream => Delivery::Document,
        Some(Value::Object(options)) if flag(options, "include_usage") => Delivery::StreamWithUsage,
        _ => Delivery::Stream,
    };
    let mut chat = Map::new();
    if let Some(model) = members.shift_remove("model") {
        chat.insert("model".to_owned(), model);
    }
    let messages = match members.shift_remove("messages") {
        Some(Value::Array(messages)) => translate_messages(messages)?,
        _ => Vec::new(),
    };
    chat.insert("messages".to_owned(), messages.into());
    chat.insert("stream".to_owned(), is_stream.into());
    for name in ["tools", "logprobs", "top_logprobs"] {
        if let Some(value) = present(members.shift_remove(name)) {
            chat.insert(name.to_owned(), value);
        }
    }
    if let Some(format) = format(&members) {
        chat.insert("format".to_owned(), format);
    }
    if let Some(think) = think(&members) {
        chat.insert("think".to_owned(), think);
    }
    let options = options(&mut members)?;
    if !options.is_empty() {
        chat.insert("options".to_owned(), options.into());
    }
    Ok((chat, delivery))
}

fn options(members: &mut Map<String, Value>) -> Result<Map<String, Value>, Invalid> {
    let mut options = Map::new();
    for (theirs, ours) in OPTIONS {
        if let Some(value) = present(members.shift_remove(theirs)) {
            options.insert(ours.to_owned(), value);
        }
    }
    match present(members.shift_remove("stop")) {
        Some(Value::String(stop)) => {
            options.insert("stop".to_owned(), json!([stop]));
        }
        Some(Value::Array(stops)) if stops.iter().all(Value::is_string) => {
            options.insert("stop".to_owned(), stops.into());
        }
        Some(_) => {
            return Err(Invalid::request(
                Some("stop"),
                "stop must be a string or an array of strings",
            ));
        }
        None => {}
    }
    Ok(options)
}

fn format(members: &Map<String, Value>) -> Option<Value> {
    let wanted = members.get("response_format")?;
    match wanted["type"].as_str()? {
        "json_object" => Some("json".into()),
        "json_schema" => present(wanted["json_schema"].get("schema").cloned()),
        _ => None,
    }
}

/// How much is to be thought: `none` means not at all, anything else is a word that Ollama knows or refuses.
fn think(members: &Map<String, Value>) -> Option<Value> {
    let effort = members
        .get("reasoning_effort")
        .or_else(|| members.get("reasoning")?.get("effort"))?
        .as_str()?;
    Some(match effort {
        "none" => false.into(),
        effort => effort.into(),
    })
}

fn translate_messages(messages: Vec<Value>) -> Result<Vec<Value>, Invalid> {
    // The names of the calls that were made so far: OpenAI's answer to a call has only the call's id.
    let mut calls: Vec<(String, String)> = Vec::new();
    let mut translated = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let Value::Object(message) = message else {
            continue;
        };
        translated.push(translate_message(
            message,
            &format!("messages[{index}]"),
            &mut calls,
        )?);
    }
    Ok(translated)
}

fn translate_message(
    mut message: Map<String, Value>,
    path: &str,
    calls: &mut Vec<(String, String)>,
) -> Result<Value, Invalid> {
    let mut chat = Map::new();
    if let Some(role) = message.shift_remove("role") {
        chat.insert("role".to_owned(), role);
    }
    let (content, images) = content(message.shift_remove("content"), path)?;
    chat.insert("content".to_owned(), content.into());
    if !images.is_empty() {
        chat.insert("images".to_owned(), images.into());
    }
    for (theirs, ours) in [("reasoning", "thinking"), ("tool_call_id", "tool_call_id")] {
        if let Some(text) = message
            .shift_remove(theirs)
            .filter(|text| text.is_string() && text != "")
        {
            chat.insert(ours.to_owned(), text);
        }
    }
    if let Some(Value::Array(theirs)) = message.shift_remove("tool_calls") {
        let ours: Result<Vec<Value>, Invalid> = theirs
            .into_iter()
            .enumerate()
            .map(|(index, call)| tool_call(call, &format!("{path}.tool_calls[{index}]"), calls))
            .collect();
        chat.insert("tool_calls".to_owned(), ours?.into());
    }
    if chat.get("role").and_then(Value::as_str) == Some("tool") {
        let id = chat.get("tool_call_id").and_then(Value::as_str);
        let known = calls
            .iter()
            .rev()
            .find(|(made, _)| Some(made.as_str()) == id);
        let name = match message.shift_remove("name") {
            Some(Value::String(name)) if !name.is_empty() => Some(name),
            _ => known.map(|(_, name)| name.clone()),
        };
        if let Some(name) = name {
            chat.insert("tool_name".to_owned(), name.into());
        }
    }
    Ok(Value::Object(chat))
}

/// The texts of a content, one below the other, and its pictures as base64.
fn content(content: Option<Value>, path: &str) -> Result<(String, Vec<Value>), Invalid> {
    let parts = match content {
        Some(Value::String(text)) => return Ok((text, Vec::new())),
        Some(Value::Array(parts)) => parts,
        _ => return Ok((String::new(), Vec::new())),
    };
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}.content[{index}]");
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text"), Some(text)) => texts.push(text),
            (Some("image_url"), _) => images.push(image(&part["image_url"], &path)?),
            _ => {
                return Err(Invalid::request(
                    Some(&path),
                    format!("{path} must be a text or an image_url"),
                ));
            }
        }
    }
    Ok((texts.join("\n"), images))
}

fn image(url: &Value, path: &str) -> Result<Value, Invalid> {
    let url = url.as_str().or_else(|| url["url"].as_str());
    let base64 = url
        .and_then(|url| url.strip_prefix("data:"))
        .and_then(|url| url.split_once(";base64,"))
        .map(|(_, base64)| base64);
    match base64 {
        Some(base64) if !base64.is_empty() => Ok(base64.into()),
        _ => Err(Invalid::request(
            Some(&format!("{path}.image_url")),
            format!("{path}.image_url must be a data: URL with base64"),
        )),
    }
}

fn tool_call(call: Value, path: &str, calls: &mut Vec<(String, String)>) -> Result<Value, Invalid> {
    let function = &call["function"];
    let Some(name) = function["name"].as_str() else {
        return Err(Invalid::request(
            Some(&format!("{path}.function.name")),
            format!("{path}.function.name must be a string"),
        ));
    };
    let arguments = match &function["arguments"] {
        Value::Null => json!({}),
        Value::String(text) if text.is_empty() => json!({}),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    if !arguments.is_object() {
        return Err(Invalid::request(
            Some(&format!("{path}.function.arguments")),
            format!("{path}.function.arguments must be a JSON object as text"),
        ));
    }
    let mut ours = json!({ "function": { "name": name, "arguments": arguments } });
    match &call["id"] {
        Value::Null => {}
        Value::String(id) => {
            ours["id"] = id.as_str().into();
            calls.push((id.clone(), name.to_owned()));
        }
        _ => {
            return Err(Invalid::request(
                Some(&format!("{path}.id")),
                format!("{path}.id must be a string"),
            ));
        }
    }
    Ok(ours)
}

fn flag(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).and_then(Value::as_bool) == Some(true)
}

fn present(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !value.is_null())
}

/// OpenAI's members and the options that they are. The later of two that mean the same stands.
const OPTIONS: [(&str, &str); 7] = [
    ("max_tokens", "num_predict"),
    ("max_completion_tokens", "num_predict"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("seed", "seed"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
];
