//! The operator's rules on a body for Ollama's own `/api`, and what is left of them on `/v1`.

use serde_json::Value;

use super::draft::{Added, Draft, When};
use super::duration::keep_alive_ns;
use super::named::Named;
use super::{Asker, Invalid};
use crate::endpoint::Endpoint;
use crate::json::{Kind, Members, Raw, named_among};
use crate::messages::Think;
use crate::options::{self, PINNED, Policy, SAMPLED, Sampling};

/// What kind of body is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A chat or a generation that came in Ollama's own terms.
    Own,
    /// A request that came in another dialect, and was translated: as Ollama serves it, what its route there sends holds, and the
    /// model's own sampling where it sends none.
    Translated,
    /// An embedding: the client's pinned options are dropped, and nothing is added but what is said of its model by name (a
    /// context that suits a chat model does not suit these). A model for chats gets the options of its chats, so that it is not
    /// loaded anew to say that it does not embed, nor by who only loads it.
    Embedding,
}

/// Whether a request makes the model work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It does.
    Some,
    /// It has nothing to work on: Ollama loads the model, and that is all.
    Load,
}

/// By what a body for `/api` is settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling<'a> {
    /// What kind of body it is.
    pub(super) scope: Scope,
    /// Whether it makes the model work.
    pub(super) work: Work,
    /// Who asks.
    pub(super) asker: &'a Asker<'a>,
    /// What holds for its model.
    pub(super) policy: &'a Policy,
}

/// Applies the operator's rules to a body for `/api`; says which members of the client's were dropped.
///
/// # Errors
/// It would unload a model, and who asks is no operator.
pub(super) fn settle_own(
    draft: &mut Draft,
    named: &Named,
    settling: &Settling<'_>,
) -> Result<Vec<&'static str>, Invalid> {
    let Settling {
        scope,
        work,
        asker,
        policy,
    } = *settling;
    let mut added = named.write(draft);
    let mut dropped = options(draft, scope, policy, &mut added);
    let unloads =
        work == Work::Load && draft.value("keep_alive").and_then(keep_alive_ns) == Some(0);
    if unloads && !asker.is_operator {
        return Err(Invalid::request(
            Some("keep_alive"),
            "keep_alive 0 without anything to work on unloads the model for everybody: that takes an operator's key",
        ));
    }
    // How long a model stays loaded is everybody's concern: a client's zero would unload it under the others, and any other
    // takes an eviction back, for which the users of another model wait.
    if !unloads {
        if draft.remove("keep_alive").is_some() {
            dropped.push("keep_alive");
        }
        if let Some(keep_alive) = &policy.keep_alive {
            added.push(Added::new(When::Loading, "keep_alive", keep_alive));
        }
    }
    if scope != Scope::Embedding {
        if draft.remove("shift").is_some() {
            dropped.push("shift");
        }
        if let Some(shift) = policy.shift {
            added.push(Added::new(When::Always, "shift", shift));
        }
        draft.remove("_debug_render_only");
        if work == Work::Some && draft.value("truncate").is_none() {
            draft.remove("truncate");
            added.push(Added::new(When::Uncut, "truncate", false));
        }
    }
    draft.add(added);
    Ok(dropped)
}

/// Applies to a body for `/v1` what can be: it carries no options.
pub(super) fn settle_relayed(
    draft: &mut Draft,
    endpoint: Endpoint,
    named: &Named,
    policy: &Policy,
) {
    let mut added = named.write(draft);
    draft.remove("_debug_render_only");
    match endpoint {
        Endpoint::OpenAiChat | Endpoint::OpenAiCompletions => {
            // Ollama reads the older name alone, so that the newer one by itself would be no limit.
            let asked = ["max_tokens", "max_completion_tokens"]
                .into_iter()
                .filter_map(|name| draft.value(name)?.whole())
                .reduce(smaller);
            tokens(
                draft,
                &["max_tokens", "max_completion_tokens"],
                asked,
                policy,
                &mut added,
            );
        }
        Endpoint::Messages => {
            let asked = draft.value("max_tokens").and_then(Raw::whole);
            tokens(draft, &["max_tokens"], asked, policy, &mut added);
        }
        Endpoint::OpenAiResponses => {
            let asked = draft.value("max_output_tokens").and_then(Raw::whole);
            tokens(draft, &["max_output_tokens"], asked, policy, &mut added);
        }
        _ => {}
    }
    draft.add(added);
}

/// Adds how much a message is to be thought about.
pub(super) fn think(draft: &mut Draft, think: Think) {
    draft.add(vec![match think {
        Think::Not => Added::new(When::Always, "think", false),
        // Ollama's own `/v1/messages` drops it for a model that does not think, where its chat refuses.
        Think::So(how) => Added::new(When::Thinking, "think", how),
    }]);
}

/// Of two bounds on the tokens the one that holds both: below 1 none is meant.
pub(crate) fn smaller(one: i64, other: i64) -> i64 {
    if one >= 1 && (other < 1 || one < other) {
        one
    } else {
        other
    }
}

fn tokens(
    draft: &mut Draft,
    names: &[&'static str],
    asked: Option<i64>,
    policy: &Policy,
    added: &mut Vec<Added>,
) {
    let bounded = policy.bound(asked.map(|asked| asked as f64));
    let Some(first) = names.first() else { return };
    let value = match (bounded, asked) {
        (Some(cap), _) => cap.to_string(),
        (None, Some(asked)) => asked.to_string(),
        (None, None) => return,
    };
    for name in names {
        draft.remove(name);
    }
    added.push(Added::new(When::Always, first, value));
}

/// Merges the operator's options into the client's: they have none of their own where nothing is to be sent.
fn options(
    draft: &mut Draft,
    scope: Scope,
    policy: &Policy,
    members: &mut Vec<Added>,
) -> Vec<&'static str> {
    let has_tools = draft
        .value("tools")
        .is_some_and(|tools| tools.items().next().is_some());
    let object = draft
        .value("options")
        .filter(|options| options.kind() == Kind::Object)
        .and(draft.member("options"))
        .map(|member| member.value.start);
    let client = object.map(|object| Clients::read(draft.text(), object));
    let client = client.unwrap_or_default();
    let mut taken_out: Vec<&str> = PINNED.to_vec();
    let mut added = Vec::new();
    let own = match scope {
        Scope::Embedding => &policy.embedding,
        Scope::Own | Scope::Translated => &policy.options,
    };
    let tokens = own.get("num_predict").and_then(Value::as_f64);
    let capped = match scope {
        Scope::Embedding => None,
        _ => policy.bound(client.tokens.or(tokens)),
    };
    for (name, value) in own {
        let when = match name.as_str() {
            name if PINNED.contains(&name) => When::Always,
            name if client.has(name) => continue,
            "num_predict" if capped.is_some() => continue,
            name if SAMPLED.contains(&name)
                && (policy.sampling == Sampling::Model || scope == Scope::Translated) =>
            {
                continue;
            }
            "repeat_penalty" if has_tools => continue,
            "repeat_penalty" => When::Unthinking,
            _ => When::Always,
        };
        taken_out.push(name);
        added.push(Added::new(when, name, value));
    }
    if scope == Scope::Embedding {
        let of_chats = policy.options.iter();
        let of_chats = of_chats.filter(|(name, _)| {
            PINNED.contains(&name.as_str()) && !policy.embedding.contains_key(*name)
        });
        added.extend(of_chats.map(|(name, value)| Added::new(When::Completing, name, value)));
    }
    if let Some(cap) = capped {
        taken_out.push("num_predict");
        added.push(Added::new(When::Always, "num_predict", cap));
    }
    match object {
        Some(object) => {
            take_out(draft, object, &taken_out);
            draft.add_to(object, added);
        }
        None => {
            draft.remove("options");
            members.extend(Added::object("options", added));
        }
    }
    PINNED
        .into_iter()
        .filter(|name| client.pinned.contains(name))
        .collect()
}

/// What a client's options say that matters here. Keys are those of a map: the last of two counts, and null is absent.
#[derive(Debug, Default)]
struct Clients {
    pinned: Vec<&'static str>,
    given: Vec<&'static str>,
    tokens: Option<f64>,
}

impl Clients {
    fn read(text: &[u8], object: usize) -> Clients {
        let mut clients = Clients::default();
        let mut members = Members::of(object);
        while let Some(member) = members.next_member(text) {
            let name = Raw::at(text, member.name);
            let Some(name) = named_among(name.bytes(), options::NAMES.into_iter())
                .and_then(|index| options::NAMES.get(index).copied())
            else {
                continue;
            };
            if PINNED.contains(&name) && !clients.pinned.contains(&name) {
                clients.pinned.push(name);
            }
            let value = Raw::at(text, member.value);
            clients.given.retain(|given| *given != name);
            if !value.is_null() {
                clients.given.push(name);
            }
            if name == "num_predict" {
                clients.tokens = value.number();
            }
        }
        clients
    }

    fn has(&self, name: &str) -> bool {
        self.given.contains(&name)
    }
}

/// Blanks the members of these names.
fn take_out(draft: &mut Draft, object: usize, names: &[&str]) {
    let mut members = Members::of(object);
    while let Some(member) = members.next_member(draft.text()) {
        let name = Raw::at(draft.text(), member.name.clone());
        if named_among(name.bytes(), names.iter().copied()).is_some() {
            draft.blank_member(&member);
        }
    }
}
