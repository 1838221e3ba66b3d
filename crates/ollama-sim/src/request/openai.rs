//! `/v1/chat/completions`, as Ollama turns it into a chat.

use serde_json::Value;

use super::{Ask, Message, Said, Usage, chat::set_logprobs, parts};
use crate::{
    body::Refusal,
    json::{Decoder, Raw},
};

/// Members that several of OpenAI's requests have.
#[derive(Default)]
pub(super) struct Sampling {
    pub(super) max_tokens: Option<i64>,
    pub(super) seed: Option<i64>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    stop: Value,
}

pub(super) fn read(raw: Raw<'_>, ask: &mut Ask) -> Result<(), Refusal> {
    let mut decoder = Decoder::new("ChatCompletionRequest");
    let mut sampling = Sampling::default();
    let mut messages = Vec::new();
    let (mut stream, mut logprobs, mut top) = (None, None, None);
    let mut effort = String::new();
    for (name, value) in decoder.root(raw, "openai") {
        match name.as_str() {
            "model" => decoder.text("model", value, &mut ask.model),
            "messages" => messages = decoder.array("messages", value, "[]openai.Message"),
            "stream" => decoder.truth("stream", value, &mut stream),
            "stream_options" => ask.usage = usage(value),
            "response_format" => ask.format = parts::format(&value.value()),
            "tools" => parts::tools(value, ask, &mut decoder),
            "reasoning_effort" => decoder.text("reasoning_effort", value, &mut effort),
            "reasoning" => {
                for (name, value) in decoder.object("reasoning", value, "openai.Reasoning") {
                    if name == "effort" {
                        decoder.text("reasoning.effort", value, &mut effort);
                    }
                }
            }
            "logprobs" => decoder.truth("logprobs", value, &mut logprobs),
            "top_logprobs" => decoder.integer("top_logprobs", value, &mut top),
            name => sampling.member(name, value, &mut decoder),
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    if messages.is_empty() {
        return Err(Refusal::bad_request("[] is too short - 'messages'"));
    }
    let mut said = Vec::new();
    for message in messages {
        push_message(&message.value(), ask, &mut said)?;
    }
    ask.said = Said::Messages(said);
    ask.thinking = parts::effort(&effort)?;
    set_logprobs(ask, logprobs, top)?;
    ask.stream(stream);
    sampling.apply(ask);
    Ok(())
}

/// One message becomes one for each part of its content.
fn push_message(message: &Value, ask: &mut Ask, said: &mut Vec<Message>) -> Result<(), Refusal> {
    let role = message["role"].as_str().unwrap_or_default().to_owned();
    let mut push = |content: &str| {
        said.push(Message {
            role: role.clone(),
            content: content.to_owned(),
        });
    };
    match &message["content"] {
        Value::String(content) => push(content),
        Value::Array(content) => {
            for part in content {
                match part["type"].as_str() {
                    Some("text") if part["text"].is_string() => {
                        push(part["text"].as_str().unwrap_or_default());
                    }
                    Some("image_url") => {
                        let url = &part["image_url"];
                        let url = url.as_str().or_else(|| url["url"].as_str());
                        parts::data_url(url.unwrap_or_default())?;
                        ask.has_images = true;
                        push("");
                    }
                    Some("input_audio") if part["input_audio"]["data"].is_string() => {
                        ask.has_images = true;
                        push("");
                    }
                    _ => return Err(Refusal::bad_request("invalid message format")),
                }
            }
        }
        Value::Null if message["tool_calls"].is_array() => push(""),
        other => {
            let kind = match other {
                Value::Null => "<nil>",
                Value::Bool(_) => "bool",
                Value::Number(_) => "float64",
                _ => "map[string]interface {}",
            };
            let message = format!("invalid message content type: {kind}");
            return Err(Refusal::bad_request(message));
        }
    }
    Ok(())
}

pub(super) fn usage(raw: Raw<'_>) -> Usage {
    if raw.value()["include_usage"] == true {
        Usage::Included
    } else {
        Usage::Off
    }
}

impl Sampling {
    pub(super) fn member(&mut self, name: &str, value: Raw<'_>, decoder: &mut Decoder) {
        match name {
            "max_tokens" => decoder.integer(name, value, &mut self.max_tokens),
            "seed" => decoder.integer(name, value, &mut self.seed),
            "temperature" => decoder.float(name, value, &mut self.temperature),
            "top_p" => decoder.float(name, value, &mut self.top_p),
            "frequency_penalty" => decoder.float(name, value, &mut self.frequency_penalty),
            "presence_penalty" => decoder.float(name, value, &mut self.presence_penalty),
            "stop" => self.stop = value.value(),
            // `max_completion_tokens`, `n`, `logit_bias`, `tool_choice`, … are not looked at.
            _ => {}
        }
    }

    /// As options. Temperature and `top_p` are set to 1 where they are not named, over the model's own.
    pub(super) fn apply(self, ask: &mut Ask) {
        let options = &mut ask.options;
        match &self.stop {
            Value::String(stop) => options.set("stop", vec![stop.clone()]),
            Value::Array(stops) => {
                let texts = stops.iter().filter(|stop| stop.is_string());
                options.set("stop", texts.cloned().collect::<Vec<_>>());
            }
            _ => {}
        }
        let integers = [("num_predict", self.max_tokens), ("seed", self.seed)];
        for (name, value) in integers {
            if let Some(value) = value {
                options.set(name, value);
            }
        }
        let floats = [
            ("temperature", self.temperature),
            ("top_p", self.top_p),
            ("frequency_penalty", self.frequency_penalty),
            ("presence_penalty", self.presence_penalty),
        ];
        for (name, value) in floats {
            if let Some(value) = value {
                options.set(name, value);
            }
        }
        options.set_where_absent("temperature", 1.0);
        options.set_where_absent("top_p", 1.0);
    }
}
