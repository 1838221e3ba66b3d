//! From the bytes that came to what goes to the upstream: one call, one result.

use super::accept::asks_for_events;
use super::checking::Checked;
use super::conversation;
use super::draft::{Body, Draft};
use super::named::Named;
use super::needs::Needs;
use super::settle::{Scope, Settling, Work, settle_own, settle_relayed, think};
use super::{Invalid, fields, shape};
use crate::endpoint::{Endpoint, Family, Form};
use crate::json::{self, Fault, Kind, Raw};
use crate::messages::{self, Think};
use crate::names::ModelName;
use crate::options::Policy;
use crate::translation::Delivery;
use crate::{openai, responses};

/// Who asks, as far as it matters to what is sent and in which form it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asker<'a> {
    /// The `accept` of the request: a client of Ollama's own streams can ask for server-sent events.
    pub accept: Option<&'a str>,
    /// The key is an operator's.
    pub is_operator: bool,
    /// The names of models that there are: they win over other names for models.
    pub names: &'a [ModelName],
    /// There are several upstreams: it matters which conversation it is.
    pub has_choice: bool,
}

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The path at the upstream.
    pub path: &'static str,
    /// The form in which the client is answered.
    pub form: Form,
    /// How a translated answer is delivered; `None`: it is passed on as it comes.
    pub delivery: Option<Delivery>,
    /// The model that is asked, as the client or the operator writes it; empty: neither names one.
    pub model: String,
    /// The name that answers tell: what the client wrote, where that is another name for the model.
    pub asked: String,
    /// A number that the requests of one conversation share; 0: none is known.
    pub conversation: u64,
    /// The members of the client's that were dropped, because they are the operator's alone.
    pub dropped: Vec<&'static str>,
    /// Whether Ollama is asked to search the web, which it does with the operator's account.
    pub searches_web: bool,
    /// What it asks of its model.
    pub needs: Needs,
    /// What is sent.
    pub body: Body,
}

/// Reads, checks and settles a body. `/api/chat` also takes the short form `{"prompt":"…"}`, which becomes one user message.
///
/// # Errors
/// What is wrong, and with which member: see [`Code`](super::Code).
pub fn prepare(
    endpoint: Endpoint,
    body: Vec<u8>,
    asker: &Asker<'_>,
    policy: &Policy,
) -> Result<Prepared, Invalid> {
    prepare_checked(endpoint, Checked::at_once(body)?, asker, policy)
}

/// The same for a body that was checked already.
///
/// # Errors
/// The same, but for its grammar.
pub fn prepare_checked(
    endpoint: Endpoint,
    body: Checked,
    asker: &Asker<'_>,
    policy: &Policy,
) -> Result<Prepared, Invalid> {
    let mut text = body.into_text();
    let root = Raw::of(&text);
    if root.kind() != Kind::Object {
        return Err(Invalid::request(None, "the body must be a JSON object"));
    }
    let begin = json::begin_of(&text);
    shape::normalize(&mut text, begin, fields::of(endpoint))?;
    let mut draft = Draft::new(endpoint, text, begin);
    let work = work(endpoint, &mut draft)?;
    let form = form(endpoint, &draft, work, asker);
    let needs = Needs::of(endpoint, &draft, work);
    let searches_web = draft.value("tools").is_some_and(searches_web);

    let conversation = match asker.has_choice {
        true => conversation::of(&draft),
        false => 0,
    };
    let named = Named::read(&draft, asker, policy);
    let policy = policy.of(&named.model);

    let mut sent_to = endpoint;
    let mut delivery = None;
    let mut scope = Scope::Own;
    if let Some(translated) = translated(endpoint, &draft, policy, searches_web)? {
        json::check(&translated.body).map_err(Invalid::json)?;
        sent_to = translated.to;
        delivery = Some(translated.delivery);
        scope = Scope::Translated;
        draft = Draft::new(sent_to, translated.body, 0);
        if let Some(asked) = translated.think {
            think(&mut draft, asked);
        }
    }
    let dropped = match sent_to.family() {
        Family::OpenAi | Family::Anthropic => {
            settle_relayed(&mut draft, sent_to, &named, policy);
            Vec::new()
        }
        Family::Ollama => {
            let scope = match sent_to {
                Endpoint::Embed | Endpoint::Embeddings => Scope::Embedding,
                _ => scope,
            };
            let settling = Settling {
                scope,
                work,
                asker,
                policy,
            };
            settle_own(&mut draft, &named, &settling)?
        }
    };
    Ok(Prepared {
        path: sent_to.path(),
        form,
        delivery,
        model: named.model,
        asked: named.asked,
        conversation,
        dropped,
        searches_web: searches_web
            && matches!(endpoint, Endpoint::OpenAiResponses | Endpoint::Messages),
        needs,
        body: draft.finish(),
    })
}

/// A body in Ollama's own terms.
struct Translated {
    body: Vec<u8>,
    /// Where it is sent.
    to: Endpoint,
    delivery: Delivery,
    think: Option<Think>,
}

/// Translates what cannot go to the upstream as it came.
fn translated(
    endpoint: Endpoint,
    asked: &Draft,
    policy: &Policy,
    searches_web: bool,
) -> Result<Option<Translated>, Invalid> {
    let translated = match endpoint {
        Endpoint::OpenAiChat if policy.sets_runner_options() => {
            let (body, delivery) = openai::to_chat(asked)?;
            Translated {
                body,
                to: Endpoint::Chat,
                delivery: Delivery::Completion(delivery),
                think: None,
            }
        }
        Endpoint::OpenAiCompletions if policy.sets_runner_options() => {
            let (body, delivery) = openai::to_generate(asked)?;
            Translated {
                body,
                to: Endpoint::Generate,
                delivery: Delivery::Text(delivery),
                think: None,
            }
        }
        // What Ollama itself has to search the web for goes to it as it came.
        Endpoint::OpenAiResponses if policy.sets_runner_options() && !searches_web => {
            let (body, delivery) = responses::to_chat(asked)?;
            Translated {
                body,
                to: Endpoint::Chat,
                delivery: Delivery::Response(delivery),
                think: None,
            }
        }
        Endpoint::Messages if !searches_web => {
            let asked = messages::to_chat(asked)?;
            Translated {
                body: asked.chat,
                to: Endpoint::Chat,
                delivery: Delivery::Message(asked.delivery),
                think: asked.think,
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(translated))
}

/// Whether there is anything to work on; expands the short form of a chat.
fn work(endpoint: Endpoint, draft: &mut Draft) -> Result<Work, Invalid> {
    let has = |draft: &Draft, name: &str| {
        draft.value(name).is_some_and(|value| match value.kind() {
            Kind::Text => value.bytes() != b"\"\"",
            Kind::Array => value.items().next().is_some(),
            _ => true,
        })
    };
    match endpoint {
        Endpoint::Chat => chat_work(draft),
        Endpoint::Generate => Ok(if has(draft, "prompt") {
            Work::Some
        } else {
            Work::Load
        }),
        Endpoint::Messages if draft.value("max_tokens").and_then(Raw::whole) < Some(1) => {
            Err(Invalid::request(
                Some("max_tokens"),
                "max_tokens is required and must be positive",
            ))
        }
        Endpoint::OpenAiChat | Endpoint::Messages => match draft.value("messages") {
            None => Err(Invalid::request(Some("messages"), "messages is missing")),
            Some(_) if has(draft, "messages") => Ok(Work::Some),
            Some(_) => Err(Invalid::request(
                Some("messages"),
                "messages must not be empty",
            )),
        },
        Endpoint::OpenAiEmbeddings => required(draft, "input"),
        // Ollama answers a response without input with an empty text.
        Endpoint::OpenAiResponses => {
            let says = has(draft, "input") || has(draft, "instructions");
            Ok(if says { Work::Some } else { Work::Load })
        }
        Endpoint::Embed | Endpoint::Embeddings | Endpoint::OpenAiCompletions => {
            let name = if endpoint == Endpoint::Embed {
                "input"
            } else {
                "prompt"
            };
            if !has(draft, "model") {
                required(draft, name)?;
            }
            Ok(if has(draft, name) {
                Work::Some
            } else {
                Work::Load
            })
        }
    }
}

fn required(draft: &Draft, name: &str) -> Result<Work, Invalid> {
    match draft.value(name) {
        Some(_) => Ok(Work::Some),
        None => Err(Invalid::request(Some(name), format!("{name} is missing"))),
    }
}

/// Without messages Ollama loads the model; so it does here, for whoever names one.
fn chat_work(draft: &mut Draft) -> Result<Work, Invalid> {
    let has_messages = draft
        .value("messages")
        .is_some_and(|messages| messages.items().next().is_some());
    let prompt = draft.value("prompt").and(draft.member("prompt")).cloned();
    let Some(prompt) = prompt else {
        let names_model = draft
            .value("model")
            .is_some_and(|model| model.bytes() != b"\"\"");
        if !has_messages && !names_model {
            return Err(Invalid::request(
                Some("messages"),
                "messages (an array) or prompt (a string) is missing",
            ));
        }
        return Ok(if has_messages { Work::Some } else { Work::Load });
    };
    if draft.value("messages").is_some() {
        return Err(Invalid::request(
            Some("prompt"),
            "prompt must not stand beside messages: Ollama would not read it",
        ));
    }
    if is_blank(Raw::at(draft.text(), prompt.value.clone())) {
        return Err(Invalid::request(
            Some("prompt"),
            "prompt must be a string that is not empty",
        ));
    }
    draft.remove("messages");
    draft.insert(
        prompt.value.start,
        "\"messages\":[{\"role\":\"user\",\"content\":",
    );
    draft.insert(prompt.value.end, "}]");
    draft.blank(prompt.name.start..prompt.value.start);
    Ok(Work::Some)
}

/// Whether a string is nothing but white space, as it is usually written.
fn is_blank(text: Raw<'_>) -> bool {
    let inner = text.bytes().get(1..).unwrap_or_default();
    let mut rest = inner.strip_suffix(b"\"").unwrap_or(inner);
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after.split_first()) {
            (b' ', _) => after,
            (b'\\', Some((b'n' | b'r' | b't' | b'f', after))) => after,
            _ => return false,
        };
    }
    true
}

fn form(endpoint: Endpoint, draft: &Draft, work: Work, asker: &Asker<'_>) -> Form {
    let family = endpoint.family();
    let asked = draft
        .value("stream")
        .and_then(Raw::flag)
        .unwrap_or(family == Family::Ollama);
    // A load is answered with one document, whatever was asked for; OpenAI's events hold that too.
    let may_stream = work == Work::Some || family == Family::OpenAi;
    let is_stream = asked && endpoint.streams() && may_stream;
    match (family, is_stream) {
        (Family::Ollama, true) if asker.accept.is_some_and(asks_for_events) => Form::Events,
        (Family::Ollama, true) => Form::Lines,
        (Family::Ollama, false) => Form::Document,
        (Family::OpenAi, true) => Form::OpenAiEvents,
        (Family::OpenAi, false) => Form::OpenAiDocument,
        (Family::Anthropic, true) => Form::AnthropicEvents,
        (Family::Anthropic, false) => Form::AnthropicDocument,
    }
}

/// Whether one of these tools of OpenAI's or Anthropic's makes Ollama itself search the web.
fn searches_web(tools: Raw<'_>) -> bool {
    tools.items().any(|tool| {
        tool.member("type")
            .is_some_and(|kind| kind.begins_with("web_search"))
    })
}

impl Invalid {
    pub(super) fn json(fault: Fault) -> Invalid {
        match fault {
            Fault::Depth => Invalid::request(None, fault.to_string()),
            fault => Invalid::no_json(format!("the body is not JSON: {fault}")),
        }
    }
}
