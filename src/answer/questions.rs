//! Questions to an upstream that need no slot: they cost it next to nothing, and one answer serves all who ask
//! ([`crate::upstreams::readings`]).

use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::{Value, json};
use sluice_ollama::request::{self, MAX_MODEL_NAME};

use crate::config::Config;
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::http::routes::Question;
use crate::request::Asked;
use crate::upstreams::readings::{self, FRESH_MS, Told};

/// The largest body of a question: the name of a model.
const MAX_BODY: usize = 16 * 1024;

/// Answers a question as the first upstream does that has an answer; models that are not offered here are left out.
///
/// # Errors
/// The question cannot be understood, is about a model that is not offered, or no upstream answers.
pub async fn answer(asked: Asked, question: Question, segment: &str) -> Result<Reply, Refusal> {
    let limits = asked.limits(MAX_BODY);
    let Asked { body, config, .. } = asked;
    let body = match question {
        Question::Show => model_question(body.read(limits).await?.into_parts().0)?,
        _ => Bytes::new(),
    };
    let asked = readings::Question {
        path: path_of(question, segment)?,
        body,
    };
    if let Some(model) = model_asked_for(question, &asked)
        && !config.allows_model(&model)
    {
        return Err(Refusal::ModelNotAllowed { model });
    }
    match &*readings::first(&config, &asked, FRESH_MS).await? {
        Ok(told) => Ok(reply(&config, question, told)),
        Err(refusal) => Err(refusal.clone()),
    }
}

fn reply(config: &Config, question: Question, told: &Told) -> Reply {
    let content_type = told.content_type.clone();
    Reply {
        status: told.status,
        headers: [
            (
                header::CONTENT_TYPE,
                content_type.unwrap_or(HeaderValue::from_static("application/json")),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ]
        .into_iter()
        .collect(),
        body: offered(config, question, told).unwrap_or_else(|| told.body.clone()),
    }
}

/// The list of models without those that are not offered here; `None` where it stays as it is.
fn offered(config: &Config, question: Question, told: &Told) -> Option<Bytes> {
    let (list, name) = match question {
        Question::Tags | Question::Loaded => ("models", "name"),
        Question::OpenAiModels => ("data", "id"),
        Question::Show | Question::Version | Question::OpenAiModel => return None,
    };
    if config.allowed_models.is_empty() {
        return None;
    }
    let mut document = told.document().clone();
    let is_offered = |model: &Value| {
        let name = model.get(name).and_then(Value::as_str);
        name.is_some_and(|name| config.allows_model(name))
    };
    document
        .get_mut(list)?
        .as_array_mut()?
        .retain(|model| is_offered(model));
    Some(document.to_string().into())
}

/// The one model that a question is about.
fn model_asked_for(question: Question, asked: &readings::Question) -> Option<String> {
    match question {
        Question::OpenAiModel => asked.path.strip_prefix("/v1/models/").map(str::to_owned),
        Question::Show => {
            let body: Value = serde_json::from_slice(&asked.body).ok()?;
            Some(body.get("model")?.as_str()?.to_owned())
        }
        _ => None,
    }
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
fn model_question(body: Vec<u8>) -> Result<Bytes, Refusal> {
    let show = request::show(body)?;
    let mut question = json!({ "model": show.model });
    if show.verbose {
        question["verbose"] = true.into();
    }
    Ok(question.to_string().into())
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
        let question = |body: &str| model_question(body.as_bytes().to_vec());
        let written =
            question(r#"{"name":"m","model":"n","verbose":true,"options":{"num_ctx":1}}"#);
        assert_eq!(written.unwrap(), r#"{"model":"n","verbose":true}"#);
        assert_eq!(question(r#"{"name":"m"}"#).unwrap(), r#"{"model":"m"}"#);
        let by_name = question(r#"{"model":"","name":"m"}"#);
        assert_eq!(by_name.unwrap(), r#"{"model":"m"}"#);
        for body in ["", "[]", "{}", r#"{"model":""}"#, r#"{"model":5}"#] {
            assert_eq!(
                question(body).unwrap_err().status(),
                StatusCode::BAD_REQUEST,
                "{body}"
            );
        }
    }
}
