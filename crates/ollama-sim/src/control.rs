//! `/sim/…`: what a test or a person asks of the simulator itself. These requests are neither counted nor recorded.

use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::{
    body::{self, Body, Dialect, Refusal},
    script::{BadScript, Script},
    state::State,
};

/// Answers `/sim/{path}`.
///
/// `GET counts`, `GET requests`: JSON. `POST script`: one script a line, for the requests to come. `POST default`: the
/// script of all others. `POST kill`: all runners die. `POST reset`: forgets scripts, counts and records.
pub(crate) fn control(state: &State, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    match (method.as_str(), path) {
        ("GET", "counts") => body::json(StatusCode::OK, &state.ledger.counts()),
        ("GET", "requests") => body::json(StatusCode::OK, &state.ledger.records()),
        ("POST", "script") => match scripts(body) {
            Ok(scripts) => {
                scripts
                    .into_iter()
                    .for_each(|script| state.push_script(script));
                done()
            }
            Err(bad) => refuse(StatusCode::BAD_REQUEST, bad.to_string()),
        },
        ("POST", "default") => match String::from_utf8_lossy(body).parse() {
            Ok(script) => {
                state.set_default(script);
                done()
            }
            Err(bad) => refuse(StatusCode::BAD_REQUEST, bad.to_string()),
        },
        ("POST", "kill") => {
            state.runners.kill();
            done()
        }
        ("POST", "reset") => {
            state.reset();
            done()
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            "no such route of the simulator".to_owned(),
        ),
    }
}

/// All scripts, or none if one is bad.
fn scripts(body: &[u8]) -> Result<Vec<Script>, BadScript> {
    String::from_utf8_lossy(body)
        .lines()
        .map(str::parse)
        .collect()
}

fn done() -> Response<Body> {
    body::json(StatusCode::OK, &json!({ "status": "success" }))
}

fn refuse(status: StatusCode, message: String) -> Response<Body> {
    Refusal::new(status, message).response(Dialect::Ollama, false)
}
