//! A body for `/v1/responses` as one for `/api/chat`.
//!
//! What is the same in both is copied byte for byte; the text that is written is bounded by the one that was read.

use super::input::messages;
use super::repeated::repeated;
use super::tools::tools;
use super::{Delivery, Way};
use crate::json::Raw;
use crate::openai::{schema_bytes, think};
use crate::request::{Draft, Invalid};
use crate::translation::Output;

/// Translates a checked body, and says how the answer is to be delivered.
///
/// # Errors
/// Ollama would not take it.
pub(crate) fn to_chat(asked: &Draft) -> Result<(Vec<u8>, Delivery), Invalid> {
    let way = match asked.value("stream").and_then(Raw::flag) {
        Some(true) => Way::Stream,
        _ => Way::Document,
    };
    let mut out = Output::new(asked.text().len());
    out.push(b"{\"messages\":[")?;
    messages(asked, &mut out)?;
    out.push(b"]")?;
    if let Some(model) = asked.value("model") {
        out.member("model", model.bytes())?;
    }
    tools(asked, &mut out)?;
    let is_stream: &[u8] = match way {
        Way::Document => b"false",
        Way::Stream => b"true",
    };
    out.member("stream", is_stream)?;
    if let Some(schema) = schema(asked) {
        out.member("format", schema_bytes(schema, "text.format.schema")?)?;
    }
    let effort = asked
        .value("reasoning")
        .and_then(|one| one.member("effort"));
    if let Some(think) = think(effort, "reasoning.effort")? {
        out.member("think", think)?;
    }
    out.push(b",\"options\":{")?;
    options(asked, &mut out)?;
    out.push(b"}}")?;
    let repeated = repeated(asked).into();
    Ok((out.into_text(), Delivery { way, repeated }))
}

/// The schema that the answer is to follow.
fn schema(asked: &Draft) -> Option<Raw<'_>> {
    let format = asked.value("text")?.member("format")?;
    let is_schema = format.has_type("json_schema");
    format.member("schema").filter(|_| is_schema)
}

/// The options that Ollama's own `/v1/responses` sends: the model's own `top_p` holds where the client sets none.
fn options(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    let temperature = asked.value("temperature");
    out.member("temperature", temperature.map_or(&b"1.0"[..], Raw::bytes))?;
    for (from, to) in [("top_p", "top_p"), ("max_output_tokens", "num_predict")] {
        if let Some(value) = asked.value(from) {
            out.member(to, value.bytes())?;
        }
    }
    Ok(())
}
