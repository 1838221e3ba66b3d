//! Which path is what.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    State, answer,
    body::{Body, Refusal},
    catalog,
    request::Ask,
};
use crate::wire::{Dialect, Form};

/// Answers one request.
pub(super) async fn handle(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path();
    let dialect = if path.starts_with("/v1/") {
        Dialect::OpenAi
    } else {
        Dialect::Ollama
    };
    let body = match read(incoming).await {
        Ok(body) => body,
        Err(refusal) => return Ok(refusal.response(dialect)),
    };
    let answer = route(&state, &parts.method, path, &body).await;
    Ok(answer.unwrap_or_else(|refusal| refusal.response(dialect)))
}

async fn route(
    state: &Arc<State>,
    method: &Method,
    path: &str,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    let form = match (method.as_str(), path) {
        ("POST", "/api/chat") => Form::Chat,
        ("POST", "/api/generate") => Form::Generate,
        ("POST", "/v1/chat/completions") => Form::ChatCompletion,
        ("POST", "/api/embed" | "/api/embeddings" | "/v1/embeddings") => {
            let message = "this model does not support embeddings";
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message));
        }
        ("POST", "/api/show") => return catalog::show(&state.model, &document(body)?),
        _ => return Ok(catalog::plain(&state.model, method, path)),
    };
    let ask = Ask::read(form, &document(body)?)?;
    answer::generate(state, ask).await
}

fn document(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(Refusal::bad_request("missing request body"));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The whole body.
async fn read(incoming: Incoming) -> Result<Bytes, Refusal> {
    match Limited::new(incoming, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "http: request body too large",
        )),
        // Nobody is there to read this.
        Err(error) => Err(Refusal::bad_request(error.to_string())),
    }
}

/// More than any text that the context could hold.
const MAX_BODY: usize = 8 << 20;
