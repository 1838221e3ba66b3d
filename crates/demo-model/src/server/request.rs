//! What a request asks for, read from its JSON as Ollama reads it.

use http::StatusCode;
use serde_json::{Map, Value};

use super::{body::Refusal, catalog};
use crate::{
    MODEL,
    sampler::Settings,
    template::{Message, Role},
    wire::{Delivery, Dialect, Form, Usage},
};

/// A request for an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) form: Form,
    pub(super) said: Said,
    pub(super) delivery: Delivery,
    pub(super) usage: Usage,
    pub(super) settings: Settings,
    /// The most tokens of the answer.
    pub(super) limit: Option<usize>,
    pub(super) stops: Vec<String>,
}

/// What the model is to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: load the model.
    Nothing,
    Messages(Vec<Message>),
    /// A text as it is (`raw`).
    Raw(String),
}

impl Ask {
    /// Reads a request.
    pub(super) fn read(form: Form, body: &Value) -> Result<Self, Refusal> {
        match body["model"].as_str() {
            Some(MODEL) => {}
            None | Some("") => return Err(Refusal::bad_request("model is required")),
            Some(other) => return Err(catalog::unknown(other)),
        }
        refuse_what_cannot_be(body)?;
        let is_openai = form.dialect() == Dialect::OpenAi;
        let streams = body["stream"].as_bool().unwrap_or(!is_openai);
        let empty = Map::new();
        let options = if is_openai {
            Options {
                map: body.as_object().unwrap_or(&empty),
                prefix: "",
            }
        } else {
            match &body["options"] {
                Value::Null => Options {
                    map: &empty,
                    prefix: "option ",
                },
                Value::Object(map) => Options {
                    map,
                    prefix: "option ",
                },
                _ => return Err(Refusal::bad_request("options must be an object")),
            }
        };
        let limit = match (is_openai, &body["max_completion_tokens"]) {
            (true, Value::Null) => options.integer("max_tokens")?,
            (true, _) => options.integer("max_completion_tokens")?,
            (false, _) => options.integer("num_predict")?,
        };
        let includes_usage = body["stream_options"]["include_usage"].as_bool() == Some(true);
        Ok(Self {
            form,
            said: said(form, body)?,
            delivery: if streams {
                Delivery::Streamed
            } else {
                Delivery::Whole
            },
            usage: if includes_usage {
                Usage::Included
            } else {
                Usage::Off
            },
            settings: settings(&options, is_openai)?,
            // Nothing and less mean no limit, as with Ollama.
            limit: limit
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| *limit > 0),
            stops: options.stops()?,
        })
    }
}

fn settings(options: &Options<'_>, is_openai: bool) -> Result<Settings, Refusal> {
    let usual = Settings::default();
    let size = |name: &str, usual: usize| {
        let number = options.integer(name)?;
        Ok::<_, Refusal>(number.map_or(usual, |number| usize::try_from(number).unwrap_or(0)))
    };
    let seed = options.integer("seed")?.filter(|seed| *seed >= 0);
    Ok(Settings {
        // OpenAI's usual temperature is 1, and Ollama's own /v1 has it.
        temperature: options.float("temperature")?.unwrap_or(if is_openai {
            1.0
        } else {
            usual.temperature
        }),
        top_k: size("top_k", usual.top_k)?,
        top_p: options
            .float("top_p")?
            .unwrap_or(if is_openai { 1.0 } else { usual.top_p }),
        min_p: options.float("min_p")?.unwrap_or(usual.min_p),
        repeat_penalty: options
            .float("repeat_penalty")?
            .filter(|penalty| *penalty > 0.0)
            .unwrap_or(usual.repeat_penalty),
        repeat_last: match options.integer("repeat_last_n")? {
            Some(-1) => usize::MAX,
            Some(number) => usize::try_from(number).unwrap_or(0),
            None => usual.repeat_last,
        },
        seed: seed.map_or_else(random, i64::cast_unsigned),
    })
}

/// Another number each time: what the standard library keys its maps with.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// What such a model has not learnt is refused with Ollama's words.
fn refuse_what_cannot_be(body: &Value) -> Result<(), Refusal> {
    let is_given = |name: &str| match &body[name] {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let cannot = |what: &str| {
        Err(Refusal::bad_request(format!(
            "{MODEL:?} does not support {what}"
        )))
    };
    if is_given("tools") {
        return cannot("tools");
    }
    if is_given("think") {
        return cannot("thinking");
    }
    if is_given("suffix") {
        return cannot("insert");
    }
    if is_given("format")
        || is_given("response_format") && body["response_format"]["type"] != "text"
    {
        return cannot("formats");
    }
    let messages = body["messages"].as_array().into_iter().flatten();
    let mut images = messages
        .map(|message| &message["images"])
        .chain([&body["images"]]);
    if images.any(|images| images.as_array().is_some_and(|images| !images.is_empty())) {
        return cannot("images");
    }
    Ok(())
}

fn said(form: Form, body: &Value) -> Result<Said, Refusal> {
    if form == Form::Generate {
        let text = |name: &str| match &body[name] {
            Value::Null => Ok(""),
            Value::String(text) => Ok(text.as_str()),
            _ => Err(Refusal::bad_request(format!("{name} must be a string"))),
        };
        let (prompt, system) = (text("prompt")?, text("system")?);
        if prompt.is_empty() {
            return Ok(Said::Nothing);
        }
        if body["raw"].as_bool() == Some(true) {
            return Ok(Said::Raw(prompt.to_owned()));
        }
        let said = |role, content: &str| Message {
            role,
            content: content.to_owned(),
        };
        let system = (!system.is_empty()).then(|| said(Role::System, system));
        return Ok(Said::Messages(
            system
                .into_iter()
                .chain([said(Role::User, prompt)])
                .collect(),
        ));
    }
    let messages = match &body["messages"] {
        Value::Null => &[][..],
        Value::Array(messages) => messages,
        _ => return Err(Refusal::bad_request("messages must be an array")),
    };
    if messages.is_empty() {
        return match form.dialect() {
            Dialect::Ollama => Ok(Said::Nothing),
            Dialect::OpenAi => Err(Refusal::bad_request("[] is too short - 'messages'")),
        };
    }
    messages
        .iter()
        .map(message)
        .collect::<Result<_, _>>()
        .map(Said::Messages)
}

fn message(message: &Value) -> Result<Message, Refusal> {
    let role = message["role"].as_str().unwrap_or_default();
    let role = Role::named(role).ok_or_else(|| {
        Refusal::bad_request(format!("a role is system, user or assistant, not {role:?}"))
    })?;
    let content = match &message["content"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let text = |part: &Value| Some(part["text"].as_str()?.to_owned());
            let texts: Option<Vec<_>> = parts.iter().map(text).collect();
            texts
                .ok_or_else(|| Refusal::bad_request(format!("{MODEL:?} does not support images")))?
                .join("\n")
        }
        _ => return Err(Refusal::bad_request("content must be a string")),
    };
    Ok(Message { role, content })
}

/// Options by name. A wrong type is refused, with Ollama's status for it; an unknown name is ignored, as it does.
struct Options<'a> {
    map: &'a Map<String, Value>,
    prefix: &'static str,
}

impl Options<'_> {
    fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        Ok(self
            .number(name, "of type integer")?
            .map(|number| number as i64))
    }

    fn float(&self, name: &str) -> Result<Option<f32>, Refusal> {
        Ok(self
            .number(name, "of type float32")?
            .map(|number| number as f32))
    }

    fn number(&self, name: &str, kind: &str) -> Result<Option<f64>, Refusal> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_f64()
                .map(Some)
                .ok_or_else(|| self.wrong(name, kind)),
        }
    }

    /// Ollama takes a list, OpenAI a single text as well.
    fn stops(&self) -> Result<Vec<String>, Refusal> {
        let wrong = || self.wrong("stop", "of an array of strings");
        match self.map.get("stop") {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(stop)) if self.prefix.is_empty() => Ok(vec![stop.clone()]),
            Some(Value::Array(stops)) if stops.len() <= MOST_STOPS => {
                let stops = stops.iter().map(|stop| Some(stop.as_str()?.to_owned()));
                stops.collect::<Option<_>>().ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    fn wrong(&self, name: &str, kind: &str) -> Refusal {
        let message = format!("{}{name:?} must be {kind}", self.prefix);
        let status = if self.prefix.is_empty() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Refusal::new(status, message)
    }
}

/// Each is looked for after each token.
const MOST_STOPS: usize = 64;

#[cfg(test)]
mod tests;
