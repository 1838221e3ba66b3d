//! Whether a request may be answered at all: its model, and what that model can do.

use http::StatusCode;

use crate::{
    body::Refusal,
    json::Raw,
    model::{BadName, Capability, Model, Name, Place},
    request::{Ask, Form, Said, Thinking},
    runner::NoRunner,
    state::State,
};

/// The model of a request that it can answer.
pub(super) fn admit(state: &State, ask: &Ask) -> Result<Model, Refusal> {
    find(state, ask)
        .and_then(|(name, model)| check(ask, &name, &model).map(|()| model))
        .map_err(Refusal::while_handling)
}

fn find(state: &State, ask: &Ask) -> Result<(Name, Model), Refusal> {
    let name = match Name::parse(&ask.model) {
        Ok((_, Place::Cloud)) => return Err(cloud(state, ask.form.path())),
        Ok((name, Place::Here)) => name,
        Err(BadName::Missing) => {
            return Err(match ask.form {
                Form::Generate | Form::Completion | Form::Embed | Form::OpenAiEmbeddings => {
                    Refusal::new(StatusCode::NOT_FOUND, "model '' not found")
                }
                _ => Refusal::bad_request("model is required"),
            });
        }
        Err(BadName::Invalid) => return Err(Refusal::bad_request("invalid model name")),
        Err(BadName::Both(name)) => {
            let message = format!("use either :local or :cloud, not both: {name:?}");
            return Err(Refusal::bad_request(message));
        }
    };
    match state.shelf.find(&name) {
        Some(model) if model.remote_host.is_some() => Err(cloud(state, ask.form.path())),
        Some(model) => Ok((name, model)),
        None => Err(unknown_model(ask.form.is_embedding(), &ask.model)),
    }
}

fn check(ask: &Ask, name: &Name, model: &Model) -> Result<(), Refusal> {
    let lacks = |capability| !model.can(capability);
    if ask.form.is_embedding() {
        return ask.options.check();
    }
    // Anthropic's form drops it where a model does not think.
    if ask.thinking == Thinking::Asked && lacks(Capability::Thinking) && ask.form != Form::Messages
    {
        let message = format!("{:?} does not support thinking", ask.model);
        return Err(Refusal::bad_request(message));
    }
    if is_unload(ask) {
        return Ok(());
    }
    if lacks(Capability::Completion) {
        let what = if ask.form.is_generate() {
            "generate"
        } else {
            "chat"
        };
        let message = format!("{:?} does not support {what}", ask.model);
        return Err(Refusal::bad_request(message));
    }
    if ask.has_suffix && lacks(Capability::Insert) {
        let message = format!("{} does not support insert", name.full());
        return Err(Refusal::bad_request(message));
    }
    if !ask.tools.is_empty() && lacks(Capability::Tools) {
        let message = format!("{} does not support tools", name.full());
        return Err(Refusal::bad_request(message));
    }
    ask.options.check()
}

/// Nothing is said, and the model is not to stay.
pub(super) fn is_unload(ask: &Ask) -> bool {
    ask.said == Said::Nothing
        && ask
            .keep_alive
            .is_some_and(|keep_alive| keep_alive.is_zero())
}

/// Ollama's answer for a model that is not there.
pub(crate) fn unknown_model(is_embedding: bool, model: &str) -> Refusal {
    let message = if is_embedding {
        format!("model {model:?} not found, try pulling it first")
    } else {
        format!("model '{model}' not found")
    };
    Refusal::new(StatusCode::NOT_FOUND, message)
}

/// What becomes of a request under `/v1` whose member `model`, exactly so written, is a cloud model: it is looked for before
/// anything is decoded, and refused in the form of `/api`.
pub(crate) fn cloud_model(state: &State, form: Form, body: &[u8]) -> Option<Refusal> {
    let raw = Raw::first(body).ok()?;
    let members = raw.members();
    let (_, model) = members.iter().rfind(|(name, _)| name == "model")?;
    let (_, place) = Name::parse(&model.text()?).ok()?;
    (place == Place::Cloud).then(|| cloud(state, form.path()))
}

/// Cloud models are out of reach.
pub(crate) fn cloud(state: &State, path: &str) -> Refusal {
    if state.no_cloud {
        let message = "ollama cloud is disabled: remote model is unavailable";
        return Refusal::new(StatusCode::FORBIDDEN, message);
    }
    let message = format!(
        "Post \"https://ollama.com:443{path}?ts=0\": dial tcp: lookup ollama.com on DNS: no such host"
    );
    Refusal::new(StatusCode::BAD_GATEWAY, message)
}

/// Why there is no runner, in Ollama's words.
pub(super) fn no_runner(why: NoRunner) -> Refusal {
    let (status, message) = match why {
        NoRunner::Busy => (StatusCode::SERVICE_UNAVAILABLE, BUSY.to_owned()),
        NoRunner::TimedOut => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "timed out waiting for llama-server to start - ".to_owned(),
        ),
        NoRunner::Failed(message) => (StatusCode::INTERNAL_SERVER_ERROR, message),
        NoRunner::Died => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "llama-server process no longer running: unknown ".to_owned(),
        ),
    };
    Refusal::new(status, message).while_handling()
}

/// The runner died before the first token.
pub(super) fn died() -> Refusal {
    let died = crate::wire::DIED;
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, died).while_handling()
}

/// The same words as the real one, to be recognised.
pub(super) const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";
