//! What there is: models, version. Nothing here waits or generates.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    body::{self, Body, Dialect},
    generate::unknown_model,
    state::State,
};

/// `GET /api/version`; `simulator` is how the gateway recognises this server.
pub(crate) fn version() -> Response<Body> {
    body::json(
        StatusCode::OK,
        &json!({ "version": VERSION, "simulator": true }),
    )
}

/// `GET /api/tags`
pub(crate) fn tags(state: &State) -> Response<Body> {
    let models: Vec<_> = state.models.iter().map(|name| model(name)).collect();
    body::json(StatusCode::OK, &json!({ "models": models }))
}

/// `GET /api/ps`: the models that have been asked for count as loaded.
pub(crate) fn ps(state: &State) -> Response<Body> {
    let loaded = state.ledger.counts().models;
    let models: Vec<_> = loaded
        .keys()
        .map(|name| {
            let mut model = model(name);
            model["expires_at"] = json!("2318-01-01T00:00:00Z");
            model["size_vram"] = json!(SIZE);
            model["context_length"] = json!(CONTEXT);
            model
        })
        .collect();
    body::json(StatusCode::OK, &json!({ "models": models }))
}

/// `POST /api/show`
pub(crate) fn show(state: &State, request: &Value) -> Response<Body> {
    let name = request["model"]
        .as_str()
        .or(request["name"].as_str())
        .unwrap_or_default();
    if state.model(name).is_none() {
        return unknown_model(Dialect::Ollama, name).response(Dialect::Ollama);
    }
    let document = json!({
        "license": "Apache-2.0",
        "modelfile": format!("FROM {name}"),
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": details(),
        "model_info": { "general.architecture": "simulator", "simulator.context_length": CONTEXT },
        "capabilities": ["completion", "thinking"],
        "modified_at": MODIFIED,
    });
    body::json(StatusCode::OK, &document)
}

/// `GET /v1/models`
pub(crate) fn openai_models(state: &State) -> Response<Body> {
    let data: Vec<_> = state.models.iter().map(|name| openai(name)).collect();
    body::json(StatusCode::OK, &json!({ "object": "list", "data": data }))
}

/// `GET /v1/models/{id}`
pub(crate) fn openai_model(state: &State, id: &str) -> Response<Body> {
    match state.model(id) {
        Some(name) => body::json(StatusCode::OK, &openai(name)),
        None => unknown_model(Dialect::OpenAi, id).response(Dialect::OpenAi),
    }
}

fn model(name: &str) -> Value {
    json!({
        "name": name,
        "model": name,
        "modified_at": MODIFIED,
        "size": SIZE,
        "digest": "0".repeat(64),
        "details": details(),
    })
}

fn details() -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": "simulator",
        "families": ["simulator"],
        "parameter_size": "0B",
        "quantization_level": "none",
    })
}

fn openai(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 1_767_225_600, "owned_by": "library" })
}

/// A version that knows every field that is sent here.
const VERSION: &str = "0.12.0";
const MODIFIED: &str = "2026-01-01T00:00:00Z";
const SIZE: u64 = 1_000_000_000;
const CONTEXT: u32 = 4096;
