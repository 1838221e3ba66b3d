//! Questions to an upstream that need no slot: they cost it next to nothing, and one answer serves all who ask
//! ([`crate::upstreams::readings`]).

use bytes::Bytes;
use serde_json::json;
use sluice_ollama::messages;
use sluice_ollama::request::{MAX_MODEL_NAME, show};

use crate::config::Config;
use crate::http::refuse::{Refusal, Wording};
use crate::http::reply::Reply;
use crate::http::routes::Question;
use crate::request::{self, Asked};
use crate::upstreams::catalog;
use crate::upstreams::readings::{self, FRESH_MS, Told};

use super::lists::{self, reply};

/// The largest body of a question: the name of a model.
const MAX_BODY: usize = 16 * 1024;

/// Answers a question: a list as what all upstreams have, any other as the first upstream does that has an answer.
///
/// # Errors
/// The question cannot be understood, is about a model that is not offered, or no upstream answers.
pub async fn answer(asked: Asked, question: Question, segment: &str) -> Result<Reply, Refusal> {
    let wording = asked.head.wording();
    let mut reply = told(asked, question, segment).await?;
    if wording == Wording::Anthropic
        && let Ok(document) = serde_json::from_slice(&reply.body)
        && let Some(models) = messages::models(&document)
    {
        reply.body = models.to_string().into();
    }
    Ok(reply)
}

async fn told(asked: Asked, question: Question, segment: &str) -> Result<Reply, Refusal> {
    let limits = asked.limits(MAX_BODY);
    let Asked { body, config, .. } = asked;
    if let Some(list) = lists::answer(&config, question).await {
        return list;
    }
    // Whose name stands in the answer: what is shown of a model, megabytes of it perhaps, has none.
    let mut asked = About::default();
    let question = match question {
        Question::Show => {
            let show = show(body.read(limits).await?.into_parts().0)?;
            let about = About::named(&config, show.model).await?;
            show_question(&about.model, show.verbose).of_client()
        }
        Question::OpenAiModel => {
            asked = About::named(&config, model_name(segment)?).await?;
            readings::Question::get(&format!("/v1/models/{}", asked.model)).of_client()
        }
        _ => readings::Question::get("/api/version"),
    };
    match &*readings::first(&config, &question, FRESH_MS).await? {
        Ok(told) => Ok(reply(Some(told), asked.tell(told))),
        Err(refusal) => Err(refusal.clone()),
    }
}

/// The model that a question is about, where it is about one.
#[derive(Debug, Default)]
struct About {
    /// The model.
    model: String,
    /// What it was called.
    asked: String,
}

impl About {
    /// The model of a name, which may be another name for it.
    ///
    /// # Errors
    /// It is not offered here.
    async fn named(config: &Config, asked: String) -> Result<About, Refusal> {
        let mut names = Vec::new();
        if !config.policy.aliases.is_empty() {
            names = catalog::names(config).await;
        }
        let target = config.policy.target_of(&asked, &names);
        let model = target.map_or_else(|| asked.clone(), str::to_owned);
        request::may_be_asked(config, &model)?;
        Ok(About { model, asked })
    }

    /// What is told, by the name that was asked for.
    fn tell(&self, told: &Told) -> Bytes {
        if self.model == self.asked {
            return told.body.clone();
        }
        let mut document = told.document().clone();
        match document.get_mut("id") {
            Some(id) => {
                *id = self.asked.as_str().into();
                document.to_string().into()
            }
            None => told.body.clone(),
        }
    }
}

/// The name of one model in a path. Clients encode the colon; nothing else in a name needs it.
fn model_name(segment: &str) -> Result<String, Refusal> {
    let name = segment.replace("%3A", ":").replace("%3a", ":");
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:@".contains(&byte));
    if is_name && name.len() <= MAX_MODEL_NAME {
        Ok(name)
    } else {
        Err(Refusal::InvalidPath)
    }
}

/// `/api/show`, written anew: the name of a model and nothing but members that Ollama reads there.
fn show_question(model: &str, is_verbose: bool) -> readings::Question {
    let mut question = readings::Question::show(model);
    if is_verbose {
        let body = json!({ "model": model, "verbose": true });
        question.body = body.to_string().into();
    }
    question
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::config::tests::config_with;

    #[test]
    fn nobody_asks_about_a_model_that_would_be_looked_for_with_the_operators_account() {
        let refused = |settings: &[(&'static str, &'static str)], model: &str| {
            let config = config_with(settings);
            block_on(About::named(&config, model.to_owned())).err()
        };
        for model in ["gpt-oss:20b-cloud", " GPT-OSS:Cloud"] {
            let found = refused(&[], model);
            assert!(
                matches!(found, Some(Refusal::CloudNotAllowed { .. })),
                "{model}: {found:?}"
            );
            assert_eq!(refused(&[("allow_cloud", "true")], model), None, "{model}");
        }
        let named = [("allowed_models", "qwen3:1.7b gpt-oss:20b-cloud")];
        assert_eq!(refused(&named, "gpt-oss:20b-cloud"), None);
        assert_eq!(refused(&[], "qwen3:1.7b"), None);
    }

    #[test]
    fn a_models_name_passes_with_its_colon_encoded_or_not_and_nothing_else_encoded() {
        let expected = Ok("qwen3:1.7b".to_owned());
        assert_eq!(model_name("qwen3:1.7b"), expected);
        assert_eq!(model_name("qwen3%3A1.7b"), expected);
        for name in ["a%20b", "a?b", "a#b", "a;b"] {
            assert_eq!(model_name(name), Err(Refusal::InvalidPath), "{name}");
        }
    }

    #[test]
    fn a_question_about_a_model_is_written_anew() {
        let written = |body: &str| {
            let show = show(body.as_bytes().to_vec()).unwrap();
            show_question(&show.model, show.verbose).body
        };
        let body = r#"{"name":"m","model":"n","verbose":true,"options":{"num_ctx":1}}"#;
        assert_eq!(written(body), r#"{"model":"n","verbose":true}"#);
        assert_eq!(written(r#"{"name":"m"}"#), r#"{"model":"m"}"#);
    }
}
