//! A body for `/v1/chat/completions` as one for `/api/chat`, as Ollama itself writes one: each part of a content is a message of
//! its own, in its place.
//!
//! What is the same in both is copied byte for byte; the text that is written is bounded by the one that was read.

use super::Delivery;
use super::message;
use crate::json::{Kind, Raw};
use crate::request::{Draft, Invalid, smaller};
use crate::translation::Output;

/// Translates a checked body, and says how the answer is to be delivered.
///
/// # Errors
/// A part of a message is of a kind that Ollama does not take, or the arguments of a call are no JSON object.
pub(crate) fn to_chat(asked: &Draft) -> Result<(Vec<u8>, Delivery), Invalid> {
    let delivery = delivery(asked);
    let mut out = Output::new(asked.text().len());
    out.push(b"{\"messages\":[")?;
    let messages = asked.value("messages");
    message::translate_all(messages.into_iter().flat_map(Raw::items), &mut out)?;
    out.push(b"]")?;
    for name in ["model", "tools", "logprobs", "top_logprobs"] {
        if let Some(value) = asked.value(name) {
            out.member(name, value.bytes())?;
        }
    }
    stream(delivery, &mut out)?;
    match format(asked) {
        Some(Format::Json) => out.member("format", b"\"json\"")?,
        Some(Format::Schema(schema)) => {
            let name = "response_format.json_schema.schema";
            out.member("format", schema_bytes(schema, name)?)?;
        }
        None => {}
    }
    if let Some(think) = think(effort(asked), "reasoning_effort")? {
        out.member("think", think)?;
    }
    out.push(b",\"options\":{")?;
    options(asked, &mut out)?;
    out.push(b"}}")?;
    Ok((out.into_text(), delivery))
}

/// How much is to be thought, in the client's words. The newer member hides the older one, whatever it says.
pub(crate) fn effort(asked: &Draft) -> Option<Raw<'_>> {
    match asked.value("reasoning") {
        Some(reasoning) => reasoning.member("effort"),
        None => asked.value("reasoning_effort"),
    }
}

/// How the answer is to be delivered.
pub(super) fn delivery(asked: &Draft) -> Delivery {
    let is_stream = flag(asked.value("stream"));
    match asked.value("stream_options") {
        _ if !is_stream => Delivery::Document,
        Some(options) if flag(options.member("include_usage")) => Delivery::StreamWithUsage,
        _ => Delivery::Stream,
    }
}

/// Ollama's own routes stream unless they are told not to.
pub(super) fn stream(delivery: Delivery, out: &mut Output) -> Result<(), Invalid> {
    let is_stream: &[u8] = match delivery {
        Delivery::Document => b"false",
        Delivery::Stream | Delivery::StreamWithUsage => b"true",
    };
    out.member("stream", is_stream)
}

/// The options that Ollama's own `/v1` sends.
fn options(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    for name in ["temperature", "top_p"] {
        let value = asked.value(name).map_or(&b"1.0"[..], Raw::bytes);
        out.member(name, value)?;
    }
    for name in ["seed", "frequency_penalty", "presence_penalty"] {
        if let Some(value) = asked.value(name) {
            out.member(name, value.bytes())?;
        }
    }
    limit(asked, out)?;
    // What is no string is passed over, as there.
    stops(asked, out)
}

/// The bound on the tokens, under its older name and its newer one.
pub(super) fn limit(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    let tokens = ["max_tokens", "max_completion_tokens"]
        .into_iter()
        .filter_map(|name| asked.value(name)?.whole())
        .reduce(smaller);
    match tokens {
        Some(tokens) => out.member("num_predict", tokens.to_string().as_bytes()),
        None => Ok(()),
    }
}

/// The texts that end an answer: one, or those of a list that are any.
pub(super) fn stops(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    let stops = asked.value("stop");
    let Some(stops) = stops.filter(|stops| matches!(stops.kind(), Kind::Text | Kind::Array)) else {
        return Ok(());
    };
    let one = Some(stops).filter(|stop| stop.kind() == Kind::Text);
    out.member("stop", b"[")?;
    for stop in one.into_iter().chain(stops.items()) {
        if stop.kind() == Kind::Text {
            out.separate()?;
            out.push(stop.bytes())?;
        }
    }
    out.push(b"]")
}

enum Format<'a> {
    Json,
    Schema(Raw<'a>),
}

fn format<'a>(asked: &'a Draft) -> Option<Format<'a>> {
    let wanted = asked.value("response_format")?;
    let kind = wanted.member("type")?.text(LONGEST_WORD)?;
    match kind.trim().to_lowercase().as_str() {
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let schema = wanted.member("json_schema")?.member("schema")?;
            Some(Format::Schema(schema))
        }
        _ => None,
    }
}

/// A schema as Ollama takes one, which it would refuse after the wait; it stands under this name.
pub(crate) fn schema_bytes<'a>(schema: Raw<'a>, name: &str) -> Result<&'a [u8], Invalid> {
    match schema.kind() {
        Kind::Object | Kind::Text => Ok(schema.bytes()),
        _ => Err(Invalid::request(
            Some(name),
            format!("{name} must be an object"),
        )),
    }
}

/// How much is to be thought, in Ollama's words; the effort was asked for under this name.
pub(crate) fn think(effort: Option<Raw<'_>>, name: &str) -> Result<Option<&'static [u8]>, Invalid> {
    let Some(effort) = effort else {
        return Ok(None);
    };
    Ok(Some(
        match &*effort.text(LONGEST_WORD).unwrap_or_default() {
            "" if effort.is_written("") => return Ok(None),
            "none" => b"false",
            "minimal" | "low" => b"\"low\"",
            "medium" => b"\"medium\"",
            "high" => b"\"high\"",
            "xhigh" | "ultra" | "max" => b"\"max\"",
            _ => {
                let words = "none, minimal, low, medium, high, xhigh, ultra or max";
                return Err(Invalid::request(
                    Some(name),
                    format!("{name} must be {words}"),
                ));
            }
        },
    ))
}

fn flag(value: Option<Raw<'_>>) -> bool {
    value.and_then(Raw::flag) == Some(true)
}

/// No word that means anything here is longer, in bytes.
const LONGEST_WORD: usize = 64;
