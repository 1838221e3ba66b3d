//! OpenAI's older completions, which continue a text, in terms of Ollama's own generation, and back.
//!
//! Ollama takes one text alone: a list of prompts, `echo`, `n` and `best_of` are not read. It counts `logprobs` among what it asks
//! of the model, and tells none.

use serde_json::{Value, json};

use super::answer::{END, add_told, event, usage};
use super::ask::{delivery, limit, stops, stream};
use super::{Delivery, error_document};
use crate::json::{Kind, Raw};
use crate::request::{Draft, Invalid};
use crate::translation::{self, Output, Translation};

/// Translates a checked body, and says how the answer is to be delivered.
///
/// # Errors
/// A stop is no string.
pub(crate) fn to_generate(asked: &Draft) -> Result<(Vec<u8>, Delivery), Invalid> {
    let delivery = delivery(asked);
    let mut out = Output::new(asked.text().len());
    out.push(b"{")?;
    for name in ["model", "prompt", "suffix"] {
        if let Some(value) = asked.value(name) {
            out.member(name, value.bytes())?;
        }
    }
    let alternatives = asked.value("logprobs").and_then(Raw::whole);
    if let Some(count) = alternatives.filter(|count| *count > 0) {
        out.member("logprobs", b"true")?;
        out.member("top_logprobs", count.to_string().as_bytes())?;
    }
    stream(delivery, &mut out)?;
    out.member("options", b"{")?;
    options(asked, &mut out)?;
    out.push(b"}}")?;
    Ok((out.into_text(), delivery))
}

/// The options that Ollama's own `/v1/completions` sends: each has a default, over the model's own.
fn options(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    for (name, default) in [
        ("temperature", "1.0"),
        ("top_p", "1.0"),
        ("frequency_penalty", "0"),
        ("presence_penalty", "0"),
    ] {
        let given = asked.value(name);
        // It does not tell a `top_p` of zero from none.
        let given = given.filter(|value| name != "top_p" || value.number() != Some(0.0));
        out.member(name, given.map_or(default.as_bytes(), Raw::bytes))?;
    }
    if let Some(seed) = asked.value("seed") {
        out.member("seed", seed.bytes())?;
    }
    limit(asked, out)?;
    let mut stops_asked = asked.value("stop").into_iter().flat_map(Raw::items);
    if stops_asked.any(|stop| stop.kind() != Kind::Text) {
        return Err(Invalid::request(
            Some("stop"),
            "stop must be a string or an array of strings",
        ));
    }
    stops(asked, out)
}

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct Writer {
    translation: Translation<Delivery>,
}

impl translation::Writer for Writer {
    fn line(&mut self, said: &Value, out: &mut Vec<u8>) -> bool {
        let has_usage = self.translation.delivery == Delivery::StreamWithUsage;
        let is_done = said["done"] == true;
        let mut chunk = self.chunk(json!([choice(said)]));
        if has_usage {
            // What was used is told at the end, and nothing until then.
            chunk["usage"] = usage(&Value::Null);
        }
        if is_done {
            add_told(said, &mut chunk);
        }
        event(&chunk, out);
        if !is_done {
            return false;
        }
        if has_usage {
            let mut last = self.chunk(json!([]));
            last["usage"] = usage(said);
            event(&last, out);
        }
        out.extend_from_slice(END);
        true
    }

    fn error(&mut self, message: &str, out: &mut Vec<u8>) {
        event(&error_document(message), out);
    }

    fn document(&self, said: &Value) -> Vec<u8> {
        let mut whole = json!({
            "id": self.id(),
            "object": "text_completion",
            "created": self.translation.created_s,
            "model": self.translation.model,
            "system_fingerprint": "fp_ollama",
            "choices": [choice(said)],
            "usage": usage(said),
        });
        add_told(said, &mut whole);
        whole.to_string().into_bytes()
    }

    fn error_document(&self, message: &str) -> Value {
        error_document(message)
    }
}

impl Writer {
    /// For one answer.
    pub(crate) fn new(translation: Translation<Delivery>) -> Writer {
        Writer { translation }
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id(),
            "object": "text_completion",
            "created": self.translation.created_s,
            "choices": choices,
            "model": self.translation.model,
            "system_fingerprint": "fp_ollama",
        })
    }

    fn id(&self) -> String {
        format!("cmpl-{}", self.translation.id)
    }
}

fn choice(said: &Value) -> Value {
    let text = said["response"].as_str().unwrap_or_default();
    let reason = said["done_reason"]
        .as_str()
        .filter(|reason| !reason.is_empty());
    json!({ "text": text, "index": 0, "finish_reason": reason })
}
