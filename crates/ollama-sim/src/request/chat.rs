//! `/api/chat`

use super::{Ask, Said, duration, parts};
use crate::{
    body::Refusal,
    json::{Decoder, Raw},
};

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("ChatRequest");
    let mut messages = Vec::new();
    let (mut stream, mut logprobs, mut top, mut render) = (None, None, None, None);
    for (name, value) in decoder.root(raw, "api") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "messages" if value.is_null() => {}
            "messages" => messages = parts::messages(value, ask, &mut decoder),
            "stream" => decoder.truth("stream", value, &mut stream),
            "format" => ask.format = Some(value.value()),
            "keep_alive" => match duration::read(value) {
                Ok(keep_alive) => ask.keep_alive = keep_alive.or(ask.keep_alive),
                Err(message) => decoder.fail(message),
            },
            "tools" => parts::tools(value, ask, &mut decoder),
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
    if !messages.is_empty() {
        ask.said = Said::Messages(messages);
    }
    Ok(())
}

pub(super) fn set_logprobs(
    ask: &mut Ask,
    logprobs: Option<bool>,
    top: Option<i64>,
) -> Result<(), Refusal> {
    let top = top.unwrap_or(0);
    match u32::try_from(top) {
        Ok(top @ 0..=20) => ask.logprobs = (logprobs == Some(true)).then_some(top),
        _ => {
            return Err(Refusal::bad_request(
                "top_logprobs must be between 0 and 20",
            ));
        }
    }
    Ok(())
}
