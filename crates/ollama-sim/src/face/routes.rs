//! Which path is what.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::{catalog, operator, origins::Entrance};
use crate::{
    body::{self, Body, Dialect, Refusal, Reply, Severed},
    control::control,
    entry::Entry,
    generate::{cloud_model, generate},
    ledger::Outcome,
    request::Form,
    state::State,
};

/// Answers one request.
pub(crate) async fn handle(state: Arc<State>, request: Request<Incoming>) -> Reply {
    let (parts, incoming) = request.into_parts();
    let path = decoded(parts.uri.path());
    if let Some(path) = path.strip_prefix("/sim/") {
        return Ok(match read(incoming).await? {
            Ok(body) => control(&state, &parts.method, path, &body),
            Err(refusal) => refusal.response(Dialect::Ollama, false),
        });
    }
    let Some(path) = path.strip_prefix(&state.base_path) else {
        return Ok(not_found());
    };
    let query = parts.uri.query();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let recorded = format!("{path}{query}");
    let entry = Entry::open(&state.ledger, &state.stopping, &parts, &recorded);
    match state.origins.look(&parts, allowed(path)) {
        Entrance::Closed(response) => Ok(finish(entry, response)),
        Entrance::Open(headers) => {
            let mut response = route(&state, &parts, path, incoming, entry).await?;
            response.headers_mut().extend(headers);
            Ok(response)
        }
    }
}

async fn route(
    state: &Arc<State>,
    parts: &Parts,
    path: &str,
    incoming: Incoming,
    entry: Entry,
) -> Reply {
    if let Some(clean) = cleaned(path) {
        let location = format!("{}{clean}", state.base_path);
        return Ok(finish(entry, moved(&parts.method, &location)));
    }
    let body = match read(incoming).await? {
        Ok(body) => body,
        Err(refusal) => {
            let response = refusal.response(Dialect::of(path), false);
            return Ok(finish(entry, response));
        }
    };
    let json = serde_json::from_slice::<Value>(&body);
    if let (Ok(json), true) = (&json, body.len() <= MAX_RECORDED) {
        entry.body(json.clone());
    }
    if let Some(allow) = allowed(path)
        && !allow.split(", ").any(|method| method == parts.method)
    {
        let mut response = body::whole(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "405 method not allowed",
        );
        let allow = HeaderValue::from_static(allow);
        response.headers_mut().insert(header::ALLOW, allow);
        return Ok(finish(entry, response));
    }
    if let Some(form) = Form::of(path) {
        let is_v1 = form.dialect() != Dialect::Ollama;
        if let Some(refusal) = is_v1.then(|| cloud_model(state, form, &body)).flatten() {
            return Ok(finish(entry, refusal.response(Dialect::Ollama, false)));
        }
        return generate(state, entry, form, &body).await;
    }
    tokio::time::sleep(state.takes(path)).await;
    let response = plain(state, parts, path, &body);
    Ok(finish(entry, response))
}

/// The routes that do not generate.
fn plain(state: &State, parts: &Parts, path: &str, body: &[u8]) -> Response<Body> {
    match path {
        "/" | "" => body::whole(
            StatusCode::OK,
            "text/plain; charset=utf-8",
            "Ollama is running",
        ),
        "/api/version" => catalog::version(state),
        "/api/tags" => catalog::tags(state),
        "/api/ps" => catalog::ps(state),
        "/api/show" => catalog::show(state, body),
        "/v1/models" => catalog::openai_models(state),
        path => match path.strip_prefix(OPENAI_MODEL) {
            Some(id) if !id.is_empty() && !id.contains('/') => catalog::openai_model(state, id),
            _ => operator::answer(state, parts, path, body).unwrap_or_else(not_found),
        },
    }
}

/// The methods of a path that there is, as its `allow` header names them.
fn allowed(path: &str) -> Option<&'static str> {
    match path {
        "/" | "" | "/api/version" | "/api/tags" => Some("HEAD, GET"),
        "/api/ps" | "/v1/models" | "/api/status" | "/api/experimental/model-recommendations" => {
            Some("GET")
        }
        "/api/delete" => Some("DELETE"),
        "/api/show"
        | "/api/pull"
        | "/api/push"
        | "/api/create"
        | "/api/copy"
        | "/api/me"
        | "/api/signout"
        | "/v1/audio/transcriptions" => Some("POST"),
        path if Form::of(path).is_some() => Some("POST"),
        path if path.starts_with(OPENAI_MODEL) => Some("GET"),
        path if path.starts_with("/api/blobs/") => Some("HEAD, POST"),
        _ => None,
    }
}

/// The path that a client is sent to that has written one too carelessly.
fn cleaned(path: &str) -> Option<String> {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    let clean: String = parts.flat_map(|part| ["/", part]).collect();
    (path.len() > 1 && clean != path && allowed(&clean).is_some()).then_some(clean)
}

fn moved(method: &Method, location: &str) -> Response<Body> {
    let mut response = if method == Method::GET {
        let page = format!("<a href=\"{location}\">Moved Permanently</a>.\n\n");
        body::whole(
            StatusCode::MOVED_PERMANENTLY,
            "text/html; charset=utf-8",
            page,
        )
    } else {
        body::empty(StatusCode::TEMPORARY_REDIRECT)
    };
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A path with its escaped letters as letters.
fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// The whole body; or that it is too large; or that the client left while it was sent.
async fn read(incoming: Incoming) -> Result<Result<Bytes, Refusal>, Severed> {
    match Limited::new(incoming, MAX_BODY).collect().await {
        Ok(body) => Ok(Ok(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "http: request body too large",
        ))),
        Err(_) => Err(Severed::Closed),
    }
}

fn finish(entry: Entry, response: Response<Body>) -> Response<Body> {
    entry.end(if response.status().is_success() {
        Outcome::Finished
    } else {
        Outcome::Refused
    });
    response
}

fn not_found() -> Response<Body> {
    body::whole(StatusCode::NOT_FOUND, TEXT, "404 page not found")
}

const OPENAI_MODEL: &str = "/v1/models/";
const TEXT: &str = "text/plain";

/// Images come inside the JSON, so bodies are large; the gateway's own limit is far below. Ollama has none.
const MAX_BODY: usize = 64 << 20;

/// Larger bodies are answered but not recorded.
const MAX_RECORDED: usize = 256 << 10;
