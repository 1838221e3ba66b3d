//! What there is: models, version. Nothing here waits or generates.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    body::{self, Body, Dialect, Refusal},
    generate::unknown_model,
    json::{Decoder, Raw},
    model::{BadName, Model, Name, Place},
    request::unreadable,
    state::State,
    wire::rfc3339,
};

/// `GET /api/version`, with the mark by which a gateway recognises this server.
pub(super) fn version(state: &State) -> Response<Body> {
    let mut document = json!({ "version": VERSION });
    if !state.mark.is_empty() {
        document[state.mark] = true.into();
    }
    body::json(StatusCode::OK, &document)
}

/// `GET /api/tags`
pub(super) fn tags(state: &State) -> Response<Body> {
    let models: Vec<_> = state.shelf.all().iter().map(listed).collect();
    body::json(StatusCode::OK, &json!({ "models": models }))
}

/// `GET /api/ps`
pub(super) fn ps(state: &State) -> Response<Body> {
    let runners = state.runners.list().into_iter().map(|runner| {
        let Model {
            name, size, digest, ..
        } = &runner.model;
        json!({
            "name": name,
            "model": name,
            "size": size,
            "digest": digest,
            "details": details(&runner.model),
            "expires_at": rfc3339(runner.expires_at),
            "size_vram": 0,
            "context_length": runner.context,
        })
    });
    let runners: Vec<_> = runners.collect();
    body::json(StatusCode::OK, &json!({ "models": runners }))
}

/// `POST /api/show`
pub(super) fn show(state: &State, body: &[u8]) -> Response<Body> {
    match shown(state, body) {
        Ok(document) => body::json(StatusCode::OK, &document),
        Err(refusal) => refusal.response(Dialect::Ollama, false),
    }
}

fn shown(state: &State, body: &[u8]) -> Result<Value, Refusal> {
    let raw = Raw::first(body).map_err(|error| unreadable(Dialect::Ollama, error))?;
    let (mut model, mut name) = (String::new(), String::new());
    let mut decoder = Decoder::new("ShowRequest");
    for (member, value) in decoder.root(raw, "api") {
        match member.as_str() {
            "model" => decoder.text("model", value, &mut model),
            "name" => decoder.text("name", value, &mut name),
            _ => {}
        }
    }
    decoder.finish().map_err(Refusal::bad_request)?;
    let asked = if model.is_empty() { name } else { model };
    let name = match Name::parse(&asked) {
        Ok((_, Place::Cloud)) if state.no_cloud => {
            let message = "ollama cloud is disabled: remote model details are unavailable";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message));
        }
        Ok((_, Place::Cloud)) => return Err(crate::generate::cloud(state, "/api/show")),
        Ok((name, Place::Here)) => name,
        Err(BadName::Missing) => return Err(Refusal::bad_request("model is required")),
        Err(_) => return Err(Refusal::bad_request("invalid model name")),
    };
    let model = state
        .shelf
        .find(&name)
        .ok_or_else(|| unknown_model(false, &name.short()))?;
    let mut document = json!({
        "modelfile": format!("FROM {}", model.file),
        "parameters": "stop \"<|im_start|>\"\nstop \"<|im_end|>\"",
        "template": "{{ .Prompt }}",
    });
    if !model.system.is_empty() {
        document["system"] = model.system.clone().into();
    }
    document["details"] = details(&model);
    document["model_info"] = model_info(&model).into();
    document["capabilities"] = capabilities(&model);
    document["modified_at"] = model.modified_at.clone().into();
    tell_remote(&model, &mut document);
    Ok(document)
}

fn model_info(model: &Model) -> Map<String, Value> {
    let family = &model.family;
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.to_owned(), value);
    put("general.architecture", family.clone().into());
    let parameters = match model.parameters {
        0 => model.size * 2,
        parameters => parameters,
    };
    put("general.parameter_count", parameters.into());
    put(
        &format!("{family}.context_length"),
        model.context_length.into(),
    );
    put(
        &format!("{family}.embedding_length"),
        model.embedding_length.into(),
    );
    info
}

/// `GET /v1/models`
pub(super) fn openai_models(state: &State) -> Response<Body> {
    let data: Vec<_> = state.shelf.all().iter().map(openai).collect();
    body::line(StatusCode::OK, &json!({ "object": "list", "data": data }))
}

/// `GET /v1/models/{id}`
pub(super) fn openai_model(state: &State, id: &str) -> Response<Body> {
    let name = Name::parse(id).ok().map(|(name, _)| name);
    let found = name.as_ref().and_then(|name| state.shelf.find(name));
    match found {
        Some(model) => body::line(StatusCode::OK, &openai(&model)),
        None => {
            let short = name.map_or_else(|| id.to_owned(), |name| name.short());
            let refusal = unknown_model(false, &short).while_handling();
            refusal.response(Dialect::OpenAi, false)
        }
    }
}

fn listed(model: &Model) -> Value {
    let mut details = details(model);
    if model.context_length > 0 {
        details["context_length"] = model.context_length.into();
    }
    if model.embedding_length > 0 {
        details["embedding_length"] = model.embedding_length.into();
    }
    let mut entry = json!({
        "name": model.name,
        "model": model.name,
        "modified_at": model.modified_at,
        "size": model.size,
        "digest": model.digest,
        "details": details,
        "capabilities": capabilities(model),
    });
    tell_remote(model, &mut entry);
    entry
}

fn tell_remote(model: &Model, document: &mut Value) {
    if let Some(host) = &model.remote_host {
        document["remote_model"] = model.name.clone().into();
        document["remote_host"] = host.clone().into();
    }
}

fn details(model: &Model) -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    })
}

fn capabilities(model: &Model) -> Value {
    let words = model
        .capabilities
        .iter()
        .map(|capability| capability.as_str());
    words.collect()
}

fn openai(model: &Model) -> Value {
    json!({ "id": model.name, "object": "model", "created": 1_767_225_600, "owned_by": "library" })
}

/// The Ollama whose recorded answers this server is compared with.
const VERSION: &str = "0.32.15";
