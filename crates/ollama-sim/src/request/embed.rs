//! Embeddings: `/api/embed`, `/api/embeddings` and `/v1/embeddings`.

use super::{Ask, Said, duration};
use crate::{
    body::Refusal,
    json::{Decoder, Kind, Raw},
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("EmbedRequest");
    let mut input = None;
    let mut dimensions = None;
    for (name, value) in decoder.root(raw, "api") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "input" => input = Some(value),
            "dimensions" => decoder.integer("dimensions", value, &mut dimensions),
            "truncate" => decoder.truth("truncate", value, &mut ask.truncate),
            "keep_alive" => match duration::read(value) {
                Ok(keep_alive) => ask.keep_alive = keep_alive.or(ask.keep_alive),
                Err(message) => decoder.fail(message),
            },
            "options" => ask.options.read(value, &mut decoder),
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    ask.dimensions = dimensions.and_then(|dimensions| usize::try_from(dimensions).ok());
    let inputs = match input {
        Some(input) => texts(input).ok_or_else(|| Refusal::bad_request("invalid input type"))?,
        None => Vec::new(),
    };
    ask.said = Said::Inputs(inputs);
    Ok(())
}

pub(super) fn read_old(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("EmbeddingRequest");
    let mut prompt = String::new();
    for (name, value) in decoder.root(raw, "api") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "prompt" => decoder.text("prompt", value, &mut prompt),
            "keep_alive" => match duration::read(value) {
                Ok(keep_alive) => ask.keep_alive = keep_alive.or(ask.keep_alive),
                Err(message) => decoder.fail(message),
            },
            "options" => ask.options.read(value, &mut decoder),
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    let inputs = (!prompt.is_empty()).then_some(prompt);
    ask.said = Said::Inputs(inputs.into_iter().collect());
    Ok(())
}

pub(super) fn read_openai(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("EmbedRequest");
    let mut input = None;
    let mut dimensions = None;
    let mut encoding = String::new();
    for (name, value) in decoder.root(raw, "openai") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "input" => input = Some(value),
            "dimensions" => decoder.integer("dimensions", value, &mut dimensions),
            "encoding_format" => decoder.text("encoding_format", value, &mut encoding),
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    match encoding.as_str() {
        "" | "float" => {}
        "base64" => ask.base64 = true,
        other => {
            return Err(Refusal::bad_request(format!(
                "Invalid value for 'encoding_format' = {other}. Supported values: ['float', 'base64']."
            )));
        }
    }
    ask.dimensions = dimensions.and_then(|dimensions| usize::try_from(dimensions).ok());
    let inputs = input.and_then(texts).unwrap_or_default();
    let is_empty_text = input.is_some_and(|input| input.text().is_some_and(|text| text.is_empty()));
    if inputs.is_empty() || is_empty_text {
        return Err(Refusal::bad_request("invalid input"));
    }
    ask.said = Said::Inputs(inputs);
    Ok(())
}

/// One text or a list of texts; an empty text alone is nothing. `None`: it is neither.
fn texts(raw: Raw<'_>) -> Option<Vec<String>> {
    match raw.kind() {
        Kind::Null => Some(Vec::new()),
        Kind::String => Some(
            raw.text()
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect(),
        ),
        Kind::Array => raw.items().into_iter().map(Raw::text).collect(),
        _ => None,
    }
}
