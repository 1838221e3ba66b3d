//! What there is: the model, the version. Nothing here generates.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body, Refusal};
use crate::{MODEL, model::Model, template};

/// The routes that need no body.
pub(super) fn plain(model: &Model, method: &Method, path: &str) -> Response<Body> {
    let document = match (method.as_str(), path) {
        ("GET" | "HEAD", "/") => {
            return body::whole(StatusCode::OK, TEXT, "Ollama is running");
        }
        // `demo_model` is how the gateway recognises this server.
        ("GET" | "HEAD", "/api/version") => json!({ "version": VERSION, "demo_model": true }),
        ("GET" | "HEAD", "/api/tags") => json!({ "models": [entry(model)] }),
        ("GET", "/api/ps") => json!({ "models": [loaded(model)] }),
        ("GET", "/v1/models") => json!({ "object": "list", "data": [openai()] }),
        ("GET", path) if path.strip_prefix("/v1/models/") == Some(MODEL) => openai(),
        _ => return body::whole(StatusCode::NOT_FOUND, TEXT, "404 page not found"),
    };
    body::json(StatusCode::OK, &document)
}

/// `POST /api/show`
pub(super) fn show(model: &Model, request: &Value) -> Result<Response<Body>, Refusal> {
    let name = request["model"]
        .as_str()
        .or(request["name"].as_str())
        .unwrap_or_default();
    if name != MODEL {
        return Err(unknown(name));
    }
    let shape = model.llama.shape();
    let document = json!({
        "license": "Apache-2.0",
        "modelfile": format!("FROM {MODEL}"),
        "parameters": "stop \"<|im_start|>\"\nstop \"<|im_end|>\"",
        "template": template::IN_OLLAMAS_WORDS,
        "details": details(model),
        "model_info": {
            "general.architecture": "llama",
            "general.parameter_count": model.facts.parameters,
            "llama.attention.head_count": shape.heads,
            "llama.attention.head_count_kv": shape.key_heads,
            "llama.block_count": shape.layers,
            "llama.context_length": shape.context,
            "llama.embedding_length": shape.width,
            "llama.vocab_size": model.llama.vocabulary(),
        },
        "capabilities": ["completion"],
        "modified_at": MODIFIED,
    });
    Ok(body::json(StatusCode::OK, &document))
}

/// Ollama's words for a model that is not there.
pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("model '{name}' not found"))
}

fn entry(model: &Model) -> Value {
    json!({
        "name": MODEL,
        "model": MODEL,
        "modified_at": MODIFIED,
        "size": model.facts.size,
        "digest": model.facts.digest,
        "details": details(model),
    })
}

/// It is always loaded, and never on a GPU.
fn loaded(model: &Model) -> Value {
    let mut entry = entry(model);
    entry["expires_at"] = json!("2318-01-01T00:00:00Z");
    entry["size_vram"] = json!(0);
    entry["context_length"] = json!(model.llama.shape().context);
    entry
}

fn details(model: &Model) -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": format!("{:.2}M", model.facts.parameters as f64 / 1e6),
        "quantization_level": "Q4_1",
    })
}

fn openai() -> Value {
    json!({ "id": MODEL, "object": "model", "created": 1_738_886_400, "owned_by": "library" })
}

/// The Ollama whose API this is; it knows every field that is sent here.
const VERSION: &str = "0.12.0";

/// When the package with the model was published.
const MODIFIED: &str = "2025-02-07T00:00:00Z";
const TEXT: &str = "text/plain";
