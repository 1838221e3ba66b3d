//! A body for `/v1/messages` as one for `/api/chat`.
//!
//! What is the same in both is copied byte for byte; the text that is written is bounded by the one that was read.

use super::Delivery;
use super::content::{Chat, message, system};
use crate::json::{Kind, Raw};
use crate::request::{Draft, Invalid};

/// A translated request.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The body for `/api/chat`.
    pub(crate) chat: Vec<u8>,
    /// How the answer is to be delivered.
    pub(crate) delivery: Delivery,
    /// How much is to be thought.
    pub(crate) think: Option<Think>,
}

/// Ollama's `think`, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Think {
    /// For any model.
    Not,
    /// For one that thinks: others would refuse the request.
    So(&'static str),
}

/// Translates a checked body.
///
/// # Errors
/// Ollama would not take it.
pub(crate) fn to_chat(asked: &Draft) -> Result<Asked, Invalid> {
    let is_stream = asked.value("stream").and_then(Raw::flag) == Some(true);
    let mut chat = Chat::new(asked.text().len());
    chat.out.push(b"{\"messages\":[")?;
    if let Some(raw) = asked.value("system") {
        system(raw, &mut chat)?;
    }
    let messages = asked.value("messages");
    for (index, raw) in messages.into_iter().flat_map(Raw::items).enumerate() {
        message(raw, &format!("messages[{index}]"), &mut chat)?;
    }
    chat.out.push(b"]")?;
    if let Some(model) = asked.value("model") {
        chat.out.member("model", model.bytes())?;
    }
    tools(asked, &mut chat)?;
    let stream: &[u8] = if is_stream { b"true" } else { b"false" };
    chat.out.member("stream", stream)?;
    chat.out.member("options", b"{")?;
    options(asked, &mut chat)?;
    chat.out.push(b"}}")?;
    let delivery = match is_stream {
        true => Delivery::Stream {
            prompt_tokens: chat.tokens(),
        },
        false => Delivery::Document,
    };
    Ok(Asked {
        delivery,
        think: think(asked),
        chat: chat.out.into_text(),
    })
}

/// The tools as functions. What a tool has besides (`cache_control`, `defer_loading`, …) is Anthropic's own.
fn tools(asked: &Draft, chat: &mut Chat) -> Result<(), Invalid> {
    let Some(tools) = asked.value("tools") else {
        return Ok(());
    };
    chat.out.member("tools", b"[")?;
    for (index, tool) in tools.items().enumerate() {
        let [name, description, schema] = tool.read(["name", "description", "input_schema"]);
        let Some(name) = name else {
            let path = format!("tools[{index}].name");
            return Err(Invalid::request(Some(&path), format!("{path} is missing")));
        };
        chat.out.separate()?;
        chat.out.push(b"{\"type\":\"function\"")?;
        chat.out.member("function", b"{")?;
        for (to, value) in [
            ("name", Some(name)),
            ("description", description),
            ("parameters", schema),
        ] {
            if let Some(value) = value {
                chat.out.member(to, value.bytes())?;
                chat.weigh(value);
            }
        }
        chat.out.push(b"}}")?;
    }
    chat.out.push(b"]")
}

/// The options that Ollama's own `/v1/messages` sends.
fn options(asked: &Draft, chat: &mut Chat) -> Result<(), Invalid> {
    for (from, to) in [
        ("max_tokens", "num_predict"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("top_k", "top_k"),
    ] {
        if let Some(value) = asked.value(from) {
            chat.out.member(to, value.bytes())?;
        }
    }
    let stops = asked.value("stop_sequences");
    let mut stops = stops.into_iter().flat_map(Raw::items).peekable();
    if stops.peek().is_none() {
        return Ok(());
    }
    chat.out.member("stop", b"[")?;
    for stop in stops.filter(|stop| stop.kind() == Kind::Text) {
        chat.out.separate()?;
        chat.out.push(stop.bytes())?;
    }
    chat.out.push(b"]")
}

/// Whether the model thinks is said first, how much second; `adaptive` leaves how much to the model.
fn think(asked: &Draft) -> Option<Think> {
    let kind = asked.value("thinking").and_then(|one| one.member("type"));
    let is = |word: &str| kind.is_some_and(|kind| kind.is(word));
    if is("disabled") {
        return Some(Think::Not);
    }
    if is("enabled") {
        return Some(Think::So("true"));
    }
    let effort = asked
        .value("output_config")
        .and_then(|config| config.member("effort"));
    let effort = effort.and_then(|effort| effort.text(LONGEST_WORD));
    let effort = effort.unwrap_or_default();
    match effort.trim().to_ascii_lowercase().as_str() {
        "low" => Some(Think::So("\"low\"")),
        "medium" => Some(Think::So("\"medium\"")),
        "high" | "xhigh" => Some(Think::So("\"high\"")),
        "max" => Some(Think::So("\"max\"")),
        _ => is("adaptive").then_some(Think::So("true")),
    }
}

/// No word that means anything here is longer, in bytes.
const LONGEST_WORD: usize = 64;
