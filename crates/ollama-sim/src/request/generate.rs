//! `/api/generate`

use super::{Ask, Said, chat::set_logprobs, duration, parts};
use crate::{
    body::Refusal,
    json::{Decoder, Kind, Raw},
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("GenerateRequest");
    let (mut text, mut system, mut template, mut suffix) =
        (String::new(), String::new(), String::new(), String::new());
    let (mut stream, mut is_raw, mut logprobs, mut top, mut render) =
        (None, None, None, None, None);
    let mut has_context = false;
    for (name, value) in decoder.root(raw, "api") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "prompt" => decoder.text("prompt", value, &mut text),
            "suffix" => decoder.text("suffix", value, &mut suffix),
            "system" => decoder.text("system", value, &mut system),
            "template" => decoder.text("template", value, &mut template),
            "context" => has_context = value.kind() == Kind::Array && !value.items().is_empty(),
            "stream" => decoder.truth("stream", value, &mut stream),
            "raw" => decoder.truth("raw", value, &mut is_raw),
            "format" => ask.format = Some(value.value()),
            "keep_alive" => match duration::read(value) {
                Ok(keep_alive) => ask.keep_alive = keep_alive.or(ask.keep_alive),
                Err(message) => decoder.fail(message),
            },
            "images" => parts::images("images", value, ask, &mut decoder),
            "options" => ask.options.read(value, &mut decoder),
            "think" => parts::think(value, ask, &mut decoder),
            "truncate" => decoder.truth("truncate", value, &mut ask.truncate),
            "shift" => decoder.truth("shift", value, &mut ask.shift),
            "logprobs" => decoder.truth("logprobs", value, &mut logprobs),
            "top_logprobs" => decoder.integer("top_logprobs", value, &mut top),
            "_debug_render_only" => decoder.truth("_debug_render_only", value, &mut render),
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    set_logprobs(ask, logprobs, top)?;
    ask.stream(stream);
    ask.render_only = render == Some(true);
    ask.has_suffix = !suffix.is_empty();
    let is_raw = is_raw == Some(true);
    if is_raw && (!template.is_empty() || !system.is_empty() || has_context) {
        return Err(Refusal::bad_request(
            "raw mode does not support template, system, or context",
        ));
    }
    if template.matches("{{").count() > template.matches("}}").count() {
        ask.template_fault = Some("template: :1: unclosed action".to_owned());
    }
    if !text.is_empty() {
        ask.said = Said::Prompt {
            system,
            text,
            is_raw,
        };
    }
    Ok(())
}
