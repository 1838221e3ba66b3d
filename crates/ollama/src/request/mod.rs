//! A request's body: parsed, checked, and written out again with what the operator adds.
//!
//! # What it checks
//! The members that Ollama reads, by their types, and bounds with names. Everything else passes through unchanged and in
//! its order: a client may use what Ollama learns tomorrow.
//!
//! # What it does not do
//! It does not ask whether a model exists, nor what a text says.

mod check;
mod invalid;

use serde_json::{Map, Value, json};

use crate::endpoint::{Endpoint, Family, Form};
use crate::openai::{self, Delivery};
use crate::options::{self, Policy, Scope};
use check::{Check, array, expect, flag, number, object, text};
pub use invalid::{Code, Invalid};

/// The most messages in one request. No context holds so many, and each costs a check.
pub const MAX_MESSAGES: usize = 4096;

/// How deep arrays and objects may lie in each other. Tool schemas need about ten; whoever walks a value does so on a small
/// stack.
pub const MAX_DEPTH: usize = 64;

/// The longest name of a model, in bytes. It stands in every line of a waiting client.
pub const MAX_MODEL_NAME: usize = 256;

/// A request for one of the gated endpoints, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    endpoint: Endpoint,
    stream: bool,
    members: Map<String, Value>,
}

impl Request {
    /// Parses and checks a body. `/api/chat` also takes the short form `{"prompt":"…"}`, which becomes one user message.
    ///
    /// # Errors
    /// What is wrong, and with which member: see [`Code`].
    pub fn parse(endpoint: Endpoint, body: &[u8]) -> Result<Request, Invalid> {
        let value: Value = serde_json::from_slice(body).map_err(|error| Invalid::json(&error))?;
        let Value::Object(mut members) = value else {
            return Err(Invalid::request(None, "the body must be a JSON object"));
        };
        if members
            .values()
            .any(|value| is_deeper(value, MAX_DEPTH - 1))
        {
            return Err(Invalid::request(
                None,
                format!("arrays and objects may lie in each other {MAX_DEPTH} deep at most"),
            ));
        }
        if endpoint == Endpoint::Chat {
            expand_prompt(&mut members)?;
        }
        check_members(endpoint, &members)?;
        let stream = match members.get("stream") {
            Some(Value::Bool(stream)) => *stream,
            _ => endpoint.family() == Family::Ollama,
        };
        Ok(Request {
            endpoint,
            stream: stream && endpoint.streams(),
            members,
        })
    }

    /// The endpoint that it is for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The model that it names; after [`Request::settle`] there is one if the operator has a default.
    pub fn model(&self) -> Option<&str> {
        self.members
            .get("model")
            .and_then(Value::as_str)
            .filter(|model| !model.is_empty())
    }

    /// Whether the answer is a stream.
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// The form in which it is answered, `accept` being the request's header: a client of Ollama's own streams can ask for
    /// server-sent events.
    pub fn form(&self, accept: Option<&str>) -> Form {
        match (self.endpoint.family(), self.stream) {
            (Family::Ollama, true) if accept.is_some_and(asks_for_events) => Form::Events,
            (Family::Ollama, true) => Form::Lines,
            (Family::Ollama, false) => Form::Document,
            (Family::OpenAi, true) => Form::OpenAiEvents,
            (Family::OpenAi, false) => Form::OpenAiDocument,
        }
    }

    /// Turns a chat completion into a chat of Ollama's if the operator's runner options must go with it, and says how its
    /// answer is to be delivered; `None`: it goes as it came. The form of its answer is to be asked for before.
    ///
    /// # Errors
    /// It says something that cannot be translated, and that Ollama would not take either.
    pub fn translate(&mut self, policy: &Policy) -> Result<Option<Delivery>, Invalid> {
        if self.endpoint != Endpoint::OpenAiChat || !policy.sets_runner_options() {
            return Ok(None);
        }
        let (members, delivery) = openai::to_chat(std::mem::take(&mut self.members))?;
        self.endpoint = Endpoint::Chat;
        self.members = members;
        Ok(Some(delivery))
    }

    /// Adds the operator's model, options, cap and keep-alive, and says which members of the client's were dropped because
    /// they are the operator's alone.
    pub fn settle(&mut self, policy: &Policy) -> Vec<&'static str> {
        if self.model().is_none() && !policy.model.is_empty() {
            self.members
                .insert("model".to_owned(), policy.model.clone().into());
        }
        if self.endpoint.family() == Family::OpenAi {
            self.cap_openai(policy);
            return Vec::new();
        }
        let scope = match self.endpoint {
            Endpoint::Embed | Endpoint::Embeddings => Scope::Embedding,
            _ => Scope::Generating,
        };
        let mut options = match self.members.get_mut("options").map(Value::take) {
            Some(Value::Object(options)) => options,
            _ => Map::new(),
        };
        let mut dropped = policy.merge(&mut options, scope);
        if options.is_empty() {
            self.members.shift_remove("options");
        } else {
            self.members
                .insert("options".to_owned(), Value::Object(options));
        }
        // How long a model stays loaded is everybody's concern: `0` would unload it under the others.
        if self.members.shift_remove("keep_alive").is_some() {
            dropped.push("keep_alive");
        }
        if let Some(keep_alive) = &policy.keep_alive {
            self.members
                .insert("keep_alive".to_owned(), keep_alive.clone());
        }
        dropped
    }

    /// The body for the upstream.
    pub fn into_bytes(self) -> Vec<u8> {
        Value::Object(self.members).to_string().into_bytes()
    }

    fn cap_openai(&mut self, policy: &Policy) {
        match self.endpoint {
            Endpoint::OpenAiChat if self.members.contains_key("max_completion_tokens") => {
                policy.cap(&mut self.members, "max_completion_tokens");
            }
            Endpoint::OpenAiChat | Endpoint::OpenAiCompletions => {
                policy.cap(&mut self.members, "max_tokens")
            }
            Endpoint::OpenAiResponses => policy.cap(&mut self.members, "max_output_tokens"),
            _ => {}
        }
    }
}

/// The short form: `{"prompt":"…"}` is one user message.
fn expand_prompt(members: &mut Map<String, Value>) -> Result<(), Invalid> {
    if members.contains_key("messages") {
        return Ok(());
    }
    match members.shift_remove("prompt") {
        Some(Value::String(prompt)) if !prompt.trim().is_empty() => {
            let messages = json!([{ "role": "user", "content": prompt }]);
            members.insert("messages".to_owned(), messages);
            Ok(())
        }
        Some(_) => Err(Invalid::request(
            Some("prompt"),
            "prompt must be a string that is not empty",
        )),
        None => Err(Invalid::request(
            Some("messages"),
            "messages (an array) or prompt (a string) is missing",
        )),
    }
}

fn check_members(endpoint: Endpoint, members: &Map<String, Value>) -> Result<(), Invalid> {
    let rules: &[(&str, Check)] = match endpoint {
        Endpoint::Chat => CHAT,
        Endpoint::Generate => GENERATE,
        Endpoint::Embed | Endpoint::OpenAiEmbeddings => EMBED,
        Endpoint::Embeddings => EMBEDDINGS,
        Endpoint::OpenAiChat => OPENAI_CHAT,
        Endpoint::OpenAiCompletions => OPENAI_COMPLETIONS,
        Endpoint::OpenAiResponses => OPENAI_RESPONSES,
    };
    for (name, check) in COMMON.iter().chain(rules) {
        expect(members, name, *check)?;
    }
    if let Some(Value::Object(options)) = members.get("options")
        && rules.iter().any(|(name, _)| *name == "options")
    {
        options::check_types(options)?;
    }
    let required = match endpoint {
        Endpoint::OpenAiChat => Some("messages"),
        Endpoint::Embed | Endpoint::OpenAiEmbeddings | Endpoint::OpenAiResponses => Some("input"),
        Endpoint::Embeddings | Endpoint::OpenAiCompletions => Some("prompt"),
        // Without a prompt Ollama loads the model, which its own command line asks for.
        Endpoint::Generate | Endpoint::Chat => None,
    };
    match required {
        Some(name) if members.get(name).is_none_or(Value::is_null) => {
            Err(Invalid::request(Some(name), format!("{name} is missing")))
        }
        _ => Ok(()),
    }
}

const COMMON: &[(&str, Check)] = &[("model", check::model), ("stream", flag)];

const CHAT: &[(&str, Check)] = &[
    ("messages", check::messages),
    ("tools", array),
    ("format", check::text_or_object),
    ("think", check::flag_or_text),
    ("options", object),
    ("truncate", flag),
    ("shift", flag),
    ("logprobs", flag),
    ("top_logprobs", number),
];

const GENERATE: &[(&str, Check)] = &[
    ("prompt", text),
    ("suffix", text),
    ("system", text),
    ("template", text),
    ("images", check::texts),
    ("raw", flag),
    ("format", check::text_or_object),
    ("think", check::flag_or_text),
    ("options", object),
    ("truncate", flag),
    ("shift", flag),
    ("logprobs", flag),
    ("top_logprobs", number),
];

const EMBED: &[(&str, Check)] = &[
    ("input", check::text_or_array),
    ("options", object),
    ("truncate", flag),
];

const EMBEDDINGS: &[(&str, Check)] = &[("prompt", text), ("options", object)];

const OPENAI_CHAT: &[(&str, Check)] = &[
    ("messages", check::openai_messages),
    ("tools", array),
    ("stream_options", object),
    ("temperature", number),
    ("top_p", number),
    ("frequency_penalty", number),
    ("presence_penalty", number),
    ("seed", number),
    ("max_tokens", number),
    ("max_completion_tokens", number),
    ("response_format", object),
];

const OPENAI_COMPLETIONS: &[(&str, Check)] = &[
    ("prompt", check::text_or_array),
    ("stream_options", object),
    ("temperature", number),
    ("top_p", number),
    ("max_tokens", number),
];

const OPENAI_RESPONSES: &[(&str, Check)] = &[
    ("input", check::text_or_array),
    ("instructions", text),
    ("tools", array),
    ("temperature", number),
    ("top_p", number),
    ("max_output_tokens", number),
];

fn asks_for_events(accept: &str) -> bool {
    accept.split(',').any(|range| {
        range
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

/// Whether a value holds arrays or objects more than `allowed` deep.
fn is_deeper(value: &Value, allowed: usize) -> bool {
    match value {
        Value::Array(items) => {
            allowed == 0 || items.iter().any(|item| is_deeper(item, allowed - 1))
        }
        Value::Object(members) => {
            allowed == 0 || members.values().any(|item| is_deeper(item, allowed - 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
