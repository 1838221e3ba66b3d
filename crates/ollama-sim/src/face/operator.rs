//! Routes that change something on a real Ollama, or that tell of its account. Here they change nothing: what a registry or a
//! cloud would be asked for is out of reach.

use http::{Method, Response, StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::{
    body::{self, Body, Dialect, Refusal},
    json::Raw,
    model::{BadName, Name},
    state::State,
};

/// Answers one of these routes; `None`: it is none.
pub(super) fn answer(
    state: &State,
    parts: &Parts,
    path: &str,
    body: &[u8],
) -> Option<Response<Body>> {
    let answered = match path {
        "/api/status" => {
            let source = if state.no_cloud { "env" } else { "none" };
            let cloud = json!({ "disabled": state.no_cloud, "source": source });
            Ok(body::json(StatusCode::OK, &json!({ "cloud": cloud })))
        }
        "/api/me" => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "account unavailable",
        )),
        "/api/signout" => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "there was an error signing out",
        )),
        "/api/experimental/model-recommendations" => {
            let empty = json!({ "recommendations": [] });
            Ok(body::json(StatusCode::OK, &empty))
        }
        "/v1/audio/transcriptions" => {
            let message =
                "failed to parse multipart form: request Content-Type isn't multipart/form-data";
            let refusal = Refusal::bad_request(message);
            return Some(refusal.response(Dialect::OpenAi, false));
        }
        "/api/copy" => copy(state, body),
        "/api/delete" => delete(state, body),
        "/api/create" => create(state, body),
        "/api/pull" => pull(body),
        "/api/push" => push(state, body),
        path => blob(&parts.method, path.strip_prefix("/api/blobs/")?),
    };
    Some(answered.unwrap_or_else(|refusal| refusal.response(Dialect::Ollama, false)))
}

fn copy(state: &State, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let source = members(body)?["source"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if is_known(state, &source) {
        Ok(body::empty(StatusCode::OK))
    } else {
        let message = format!("model {source:?} not found");
        Err(Refusal::new(StatusCode::NOT_FOUND, message))
    }
}

fn delete(state: &State, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let model = model(&members(body)?);
    if is_known(state, &model) {
        Ok(body::empty(StatusCode::OK))
    } else {
        let message = format!("model '{model}' not found");
        Err(Refusal::new(StatusCode::NOT_FOUND, message))
    }
}

fn create(state: &State, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let members = members(body)?;
    let from = match &members["from"] {
        Value::String(from) => from,
        _ if members["files"].is_object() => "",
        _ => {
            let message = "neither 'from' or 'files' was specified";
            let refusal = Refusal::bad_request(message).while_running();
            return Ok(refusal.response(Dialect::Ollama, true));
        }
    };
    let digest = "0".repeat(64);
    let lines = if from.is_empty() || is_known(state, from) {
        vec![
            json!({ "status": format!("using existing layer sha256:{digest}") }),
            json!({ "status": format!("creating new layer sha256:{digest}") }),
            json!({ "status": format!("using existing layer sha256:{digest}") }),
            json!({ "status": "writing manifest" }),
            json!({ "status": "success" }),
        ]
    } else {
        unreachable(from)
    };
    progress(&members, lines)
}

fn pull(body: &[u8]) -> Result<Response<Body>, Refusal> {
    let members = members(body)?;
    let model = model(&members);
    match Name::parse(&model) {
        Ok(_) => progress(&members, unreachable(&model)),
        Err(_) => Err(Refusal::bad_request("invalid model name")),
    }
}

fn push(state: &State, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let members = members(body)?;
    let model = model(&members);
    let retrieving = json!({ "status": "retrieving manifest" });
    let lines = if is_known(state, &model) {
        let message = format!(
            "Head \"https://registry.ollama.ai/v2/library/{model}/blobs/sha256:{}\": {NO_HOST}",
            "0".repeat(64)
        );
        vec![retrieving, json!({ "error": message })]
    } else {
        let message =
            format!("open manifests/registry.ollama.ai/{model}/latest: no such file or directory");
        let status = json!({ "status": "couldn't retrieve manifest" });
        vec![retrieving, status, json!({ "error": message })]
    };
    progress(&members, lines)
}

fn blob(method: &Method, digest: &str) -> Result<Response<Body>, Refusal> {
    let hexadecimal = digest.strip_prefix("sha256:").unwrap_or_default();
    let is_digest =
        hexadecimal.len() == 64 && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digest {
        return Err(Refusal::bad_request("invalid digest format"));
    }
    if method == Method::HEAD {
        let message = format!("blob {digest:?} not found");
        return Err(Refusal::new(StatusCode::NOT_FOUND, message));
    }
    // Nothing is kept, so that it is new each time.
    Ok(body::empty(StatusCode::CREATED))
}

/// What a registry would have been asked.
fn unreachable(model: &str) -> Vec<Value> {
    let message = format!(
        "pull model manifest: Get \"https://registry.ollama.ai/v2/library/{model}/manifests/latest\": {NO_HOST}"
    );
    vec![
        json!({ "status": "pulling manifest" }),
        json!({ "error": message }),
    ]
}

/// Lines that tell how far it is, or the last of them alone where no stream is wanted.
fn progress(members: &Value, lines: Vec<Value>) -> Result<Response<Body>, Refusal> {
    let last = lines.last().cloned().unwrap_or_default();
    if members["stream"] == false {
        let status = match last["error"].as_str() {
            Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
            None => StatusCode::OK,
        };
        return Ok(body::whole(status, body::JSON, body::written(&last)));
    }
    let pieces = lines.into_iter().map(|line| {
        let mut text = body::written(&line);
        text.push(b'\n');
        Ok(text.into())
    });
    let pieces = futures::stream::iter(pieces.collect::<Vec<_>>());
    Ok(body::chunked(
        StatusCode::OK,
        "application/x-ndjson",
        pieces,
    ))
}

fn members(body: &[u8]) -> Result<Value, Refusal> {
    let raw =
        Raw::first(body).map_err(|error| crate::request::unreadable(Dialect::Ollama, error))?;
    Ok(raw.value())
}

fn model(members: &Value) -> String {
    let named = ["model", "name"]
        .iter()
        .find_map(|name| members[*name].as_str());
    named.unwrap_or_default().to_owned()
}

fn is_known(state: &State, model: &str) -> bool {
    let name: Result<_, BadName> = Name::parse(model);
    name.is_ok_and(|(name, _)| state.shelf.find(&name).is_some())
}

const NO_HOST: &str = "dial tcp: lookup registry.ollama.ai on DNS: no such host";
