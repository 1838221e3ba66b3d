//! Which path is what.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{
    body::{self, Body, Dialect, Refusal, Reply, Severed},
    catalog, control,
    entry::Entry,
    generate::generate,
    ledger::Outcome,
    request::Form,
    state::State,
};

/// Answers one request.
pub(crate) async fn handle(state: Arc<State>, request: Request<Incoming>) -> Reply {
    let mut response = route(&state, request).await?;
    response
        .headers_mut()
        .insert(header::SERVER, HeaderValue::from_static("ollama-sim"));
    Ok(response)
}

async fn route(state: &Arc<State>, request: Request<Incoming>) -> Reply {
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path();
    if let Some(path) = path.strip_prefix("/sim/") {
        return Ok(match read(incoming).await? {
            Ok(body) => control::control(state, &parts.method, path, &body),
            Err(refusal) => refusal.response(Dialect::Ollama),
        });
    }
    let Some(path) = path.strip_prefix(&state.base_path) else {
        return Ok(not_found());
    };
    let query = parts
        .uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let entry = Entry::open(
        &state.ledger,
        &state.stopping,
        &parts,
        &format!("{path}{query}"),
    );
    let body = match read(incoming).await? {
        Ok(body) => body,
        Err(refusal) => return Ok(finish(entry, refusal.response(Dialect::of(path)))),
    };
    let json = serde_json::from_slice::<Value>(&body);
    if let (Ok(json), true) = (&json, body.len() <= MAX_RECORDED) {
        entry.body(json.clone());
    }
    if parts.method == Method::POST
        && let Some(form) = Form::of(path)
    {
        return match json {
            Ok(json) => generate(state, entry, form, &json).await,
            Err(error) => Ok(finish(
                entry,
                unreadable(&body, &error).response(form.dialect()),
            )),
        };
    }
    let response = plain(state, &parts.method, path, &json.unwrap_or_default());
    Ok(finish(entry, response))
}

/// The routes that do not generate.
fn plain(state: &State, method: &Method, path: &str, body: &Value) -> Response<Body> {
    match (method.as_str(), path) {
        ("GET" | "HEAD", "/" | "") => body::whole(
            StatusCode::OK,
            TEXT,
            Bytes::from_static(b"Ollama is running"),
        ),
        ("GET" | "HEAD", "/api/version") => catalog::version(),
        ("GET" | "HEAD", "/api/tags") => catalog::tags(state),
        ("GET", "/api/ps") => catalog::ps(state),
        ("POST", "/api/show") => catalog::show(state, body),
        ("GET", "/v1/models") => catalog::openai_models(state),
        _ if OPERATOR.iter().any(|operator| path.starts_with(operator)) => {
            body::json(StatusCode::OK, &json!({ "status": "success" }))
        }
        ("GET", _) if path.starts_with(OPENAI_MODEL) => {
            catalog::openai_model(state, &path[OPENAI_MODEL.len()..])
        }
        _ => not_found(),
    }
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

fn unreadable(body: &[u8], error: &serde_json::Error) -> Refusal {
    let message = if body.is_empty() {
        "missing request body".to_owned()
    } else {
        error.to_string()
    };
    Refusal::new(StatusCode::BAD_REQUEST, message)
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
    body::whole(
        StatusCode::NOT_FOUND,
        TEXT,
        Bytes::from_static(b"404 page not found"),
    )
}

/// Routes that change something on a real Ollama. Here they change nothing and say yes.
const OPERATOR: &[&str] = &[
    "/api/pull",
    "/api/push",
    "/api/create",
    "/api/copy",
    "/api/delete",
    "/api/blobs/",
    "/api/signout",
    "/api/me",
];

const OPENAI_MODEL: &str = "/v1/models/";
const TEXT: &str = "text/plain";

/// Images come inside the JSON, so bodies are large; the gateway's own limit is far below.
const MAX_BODY: usize = 64 << 20;

/// Larger bodies are answered but not recorded.
const MAX_RECORDED: usize = 256 << 10;
