//! `/v1/completions`

use super::{
    Ask, Said,
    openai::{Sampling, usage},
};
use crate::{
    body::Refusal,
    json::{Decoder, Raw},
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("CompletionRequest");
    let mut sampling = Sampling::default();
    let (mut text, mut suffix) = (String::new(), String::new());
    let mut stream = None;
    for (name, value) in decoder.root(raw, "openai") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "prompt" => decoder.text("prompt", value, &mut text),
            "suffix" => decoder.text("suffix", value, &mut suffix),
            "stream" => decoder.truth("stream", value, &mut stream),
            "stream_options" => ask.usage = usage(value),
            name => sampling.member(name, value, &mut decoder),
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    ask.stream(stream);
    ask.has_suffix = !suffix.is_empty();
    sampling.apply(ask);
    if !text.is_empty() {
        ask.said = Said::Prompt {
            system: String::new(),
            text,
            is_raw: false,
        };
    }
    Ok(())
}
