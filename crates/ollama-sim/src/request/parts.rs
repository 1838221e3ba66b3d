//! What several requests have in common: messages, tools, thinking, pictures, efforts.

use serde_json::{Value, json};

use super::{Ask, Message, Thinking};
use crate::{
    body::Refusal,
    json::{Decoder, Kind, Raw},
};

/// Messages of `/api/chat`.
pub(super) fn messages(raw: Raw<'_>, ask: &mut Ask, decoder: &mut Decoder) -> Vec<Message> {
    let items = decoder.array("messages", raw, "[]api.Message");
    let read = items.into_iter().map(|item| {
        let mut message = Message::default();
        for (name, value) in decoder.object("messages", item, "api.Message") {
            match name.as_str() {
                "role" => decoder.text("messages.role", value, &mut message.role),
                "content" => decoder.text("messages.content", value, &mut message.content),
                "images" => images("messages.images", value, ask, decoder),
                "tool_calls" => {
                    let calls = decoder.array("messages.tool_calls", value, "[]api.ToolCall");
                    for call in calls {
                        tool_call(call, decoder);
                    }
                }
                _ => {}
            }
        }
        message.role = message.role.to_lowercase();
        message
    });
    read.collect()
}

fn tool_call(call: Raw<'_>, decoder: &mut Decoder) {
    for (name, value) in decoder.object("messages.tool_calls", call, "api.ToolCall") {
        if name != "function" {
            continue;
        }
        let path = "messages.tool_calls.function";
        for (name, value) in decoder.object(path, value, "api.ToolCallFunction") {
            if name == "arguments" && !matches!(value.kind(), Kind::Object | Kind::Null) {
                // An ordered map has a reader of its own.
                decoder.fail("Value looks like object, but can't find closing '}' symbol".into());
            }
        }
    }
}

/// Pictures as base64.
pub(super) fn images(path: &str, raw: Raw<'_>, ask: &mut Ask, decoder: &mut Decoder) {
    for image in decoder.array(path, raw, "[]api.ImageData") {
        let mut text = String::new();
        decoder.text(path, image, &mut text);
        ask.has_images = true;
        if let Some(at) = text.bytes().position(|byte| !is_base64(byte)) {
            decoder.fail(format!("illegal base64 data at input byte {at}"));
        }
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n')
}

/// Functions, as `/api/chat` and OpenAI's API write them.
pub(super) fn tools(raw: Raw<'_>, ask: &mut Ask, decoder: &mut Decoder) {
    if !matches!(raw.kind(), Kind::Array | Kind::Null) {
        let kind = if raw.kind() == Kind::Object {
            "object"
        } else {
            "string"
        };
        decoder.mismatch("tools", kind, "api.Tools");
    }
    ask.tools = raw.items().into_iter().map(Raw::value).collect();
}

/// The member `think`.
pub(super) fn think(raw: Raw<'_>, ask: &mut Ask, decoder: &mut Decoder) {
    ask.thinking = match (raw.kind(), raw.text()) {
        (Kind::Null, _) => return,
        (Kind::Bool, _) if raw.truth() == Some(true) => Thinking::Asked,
        (Kind::Bool, _) => Thinking::Off,
        (_, Some(level)) if LEVELS.contains(&level.as_str()) => Thinking::Asked,
        (_, Some(level)) => {
            return decoder.fail(format!(
                "invalid think value: {level:?} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
            ));
        }
        _ => {
            return decoder.fail(
                "think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)".into(),
            );
        }
    };
}

const LEVELS: [&str; 4] = ["high", "medium", "low", "max"];

/// OpenAI's word for how much is to be thought.
pub(super) fn effort(effort: &str) -> Result<Thinking, Refusal> {
    match effort {
        "" => Ok(Thinking::Unsaid),
        "none" => Ok(Thinking::Off),
        "minimal" | "low" | "medium" | "high" | "xhigh" | "ultra" | "max" => Ok(Thinking::Asked),
        effort => Err(Refusal::bad_request(format!(
            "invalid reasoning value: {effort:?} (must be \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\", \"ultra\", \"max\", or \"none\")"
        ))),
    }
}

/// OpenAI's `response_format` as Ollama's `format`.
pub(super) fn format(wanted: &Value) -> Option<Value> {
    match wanted["type"].as_str()? {
        "json_object" => Some("json".into()),
        "json_schema" => Some(wanted["json_schema"]["schema"].clone()).filter(|it| !it.is_null()),
        _ => None,
    }
}

/// A picture in a `data:` URL.
pub(super) fn data_url(url: &str) -> Result<(), Refusal> {
    if url.starts_with("http://") || url.starts_with("https://") {
        let message =
            "image URLs are not currently supported, please use base64 encoded data instead";
        return Err(Refusal::bad_request(message));
    }
    let types = ["jpeg", "jpg", "png", "webp"];
    let is_known = url == "data:;base64"
        || types
            .iter()
            .any(|kind| url.starts_with(&format!("data:image/{kind};base64,")));
    if is_known {
        Ok(())
    } else {
        Err(Refusal::bad_request("invalid image input"))
    }
}

/// A function in the form of OpenAI's API.
pub(super) fn function(name: &Value, description: &Value, parameters: &Value) -> Value {
    json!({
        "type": "function",
        "function": { "name": name, "description": description, "parameters": parameters },
    })
}
