//! Questions that are passed on to an upstream without the gate: they cost it next to nothing.
//!
//! The answer is spliced: the host forwards it without waking this instance.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value};
use sluice_ollama::request::{Code, Invalid, MAX_MODEL_NAME};

use spin_sdk::wasip3::http::types::Response;

use crate::http::log::Line;
use crate::http::refuse::Refusal;
use crate::http::reply::Answer;
use crate::http::routes::Question;
use crate::request::Asked;
use crate::upstreams::{self, Call, State, UpstreamResponse, breakers};

/// How long an upstream may take to answer a question: it looks into its files at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest body of a question: the name of a model.
const MAX_BODY: usize = 16 * 1024;

/// Asks the first upstream that can be reached, leaving out those whose breaker is open.
///
/// # Errors
/// The question cannot be understood, or no upstream answers.
pub async fn pass_on(asked: Asked, question: Question, segment: &str) -> Result<Answer, Refusal> {
    let Asked {
        head,
        body,
        config,
        carried,
        ..
    } = asked;
    let path = path_of(question, segment)?;
    let (method, body) = match question {
        Question::Show => (
            Method::POST,
            model_question(body.read(MAX_BODY).await?.bytes())?,
        ),
        _ => (Method::GET, Bytes::new()),
    };
    breakers::refresh(&config).await;
    let mut last = Refusal::upstream_down(breakers::reopens_in(&config));
    for index in 0..config.upstreams.len() {
        if breakers::state(&config, index) == State::Open {
            continue;
        }
        let call = Call {
            method: method.clone(),
            path: &path,
            headers: &head.headers,
            body: body.clone().into(),
            patience: PATIENCE,
        };
        match upstreams::send(&config, index, call).await {
            Ok(response) => {
                if !response.status.is_server_error() {
                    breakers::answered(&config, index);
                }
                Line::new("request")
                    .with("method", head.method.as_str())
                    .with("path", head.path)
                    .with("upstream", index)
                    .with("status", response.status.as_u16())
                    .write();
                return Ok(Answer::Streamed(splice(response, carried)));
            }
            Err(error) => {
                Line::new("upstream_error")
                    .with("upstream", index)
                    .with("path", path.as_str())
                    .with("error", error.to_string())
                    .write();
                if error.is_upstreams_fault() {
                    breakers::failed(&config, index);
                }
                last = Refusal::from(&error);
            }
        }
    }
    Err(last)
}

fn path_of(question: Question, segment: &str) -> Result<String, Refusal> {
    let path = match question {
        Question::Tags => "/api/tags",
        Question::Show => "/api/show",
        Question::Loaded => "/api/ps",
        Question::Version => "/api/version",
        Question::OpenAiModels => "/v1/models",
        Question::OpenAiModel => return model_path(segment),
    };
    Ok(path.to_owned())
}

/// The path of one model. Clients encode the colon of a name; nothing else in a name needs it.
fn model_path(segment: &str) -> Result<String, Refusal> {
    let name = segment.replace("%3A", ":").replace("%3a", ":");
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:@".contains(&byte));
    if is_name && name.len() <= MAX_MODEL_NAME {
        Ok(format!("/v1/models/{name}"))
    } else {
        Err(Refusal::InvalidPath)
    }
}

/// The body of `/api/show`, written anew: the name of a model and nothing but members that Ollama reads there.
fn model_question(body: &[u8]) -> Result<Bytes, Refusal> {
    let invalid = |message: &str| Invalid {
        code: Code::InvalidRequest,
        param: Some("model".to_owned()),
        message: message.to_owned(),
    };
    let members: Map<String, Value> = serde_json::from_slice(body).map_err(|error| Invalid {
        code: Code::InvalidJson,
        param: None,
        message: format!("the body is not a JSON object: {error}"),
    })?;
    // `name` is the older word.
    let name = members
        .get("model")
        .or_else(|| members.get("name"))
        .and_then(Value::as_str);
    let Some(name) = name.filter(|name| !name.is_empty() && name.len() <= MAX_MODEL_NAME) else {
        return Err(invalid("model must be the name of a model").into());
    };
    let mut question = Map::new();
    question.insert("model".to_owned(), name.into());
    if let Some(verbose) = members.get("verbose").and_then(Value::as_bool) {
        question.insert("verbose".to_owned(), verbose.into());
    }
    Ok(Value::Object(question).to_string().into())
}

fn splice(response: UpstreamResponse, mut headers: HeaderMap) -> Response {
    let UpstreamResponse {
        status,
        content_type,
        body,
        ..
    } = response;
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    body.splice(status, headers)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_models_name_passes_with_its_colon_encoded_or_not_and_nothing_else_encoded() {
        let expected = Ok("/v1/models/qwen3:1.7b".to_owned());
        assert_eq!(path_of(Question::OpenAiModel, "qwen3:1.7b"), expected);
        assert_eq!(path_of(Question::OpenAiModel, "qwen3%3A1.7b"), expected);
        for name in ["a%20b", "a?b", "a#b", "a;b"] {
            assert_eq!(
                path_of(Question::OpenAiModel, name),
                Err(Refusal::InvalidPath),
                "{name}"
            );
        }
    }

    #[test]
    fn a_question_about_a_model_is_written_anew() {
        let question = |body: &str| model_question(body.as_bytes());
        let written =
            question(r#"{"name":"m","model":"n","verbose":true,"options":{"num_ctx":1}}"#);
        assert_eq!(written.unwrap(), r#"{"model":"n","verbose":true}"#);
        assert_eq!(question(r#"{"name":"m"}"#).unwrap(), r#"{"model":"m"}"#);
        for body in ["", "[]", "{}", r#"{"model":""}"#, r#"{"model":5}"#] {
            assert_eq!(
                question(body).unwrap_err().status(),
                StatusCode::BAD_REQUEST,
                "{body}"
            );
        }
    }
}
