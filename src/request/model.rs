//! What is known of the model that a request asks for: whether it thinks, whether it runs elsewhere, whether it is loaded.
//!
//! # Where it comes from
//! The upstreams' own answers, read once for all who ask ([`crate::upstreams::readings`]): what a model is at most a minute
//! old, what is loaded two seconds. Nobody waits long for them: what nobody could say in time is unknown, but for whether the model
//! runs elsewhere: as that was said last it holds ([`catalog::runs_elsewhere`]).

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use sluice_ollama::ModelName;

use crate::clock::within;
use crate::config::Config;
use crate::http::refuse::Refusal;
use crate::upstreams::catalog::{self, Facts};
use crate::upstreams::readings;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// How much longer where models may take turns: one that came by its name alone would be another model than the file it is, and
/// take turns with itself.
const LONGER: Duration = Duration::from_millis(4_500);

/// What is known of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Ollama sends what it is asked elsewhere, with its operator's account.
    pub runs_elsewhere: bool,
    /// Whether it thinks; `None`: nobody could say.
    pub thinks: Option<bool>,
    /// Whether it completes texts; `None`: nobody could say.
    pub completes: Option<bool>,
}

/// Looks what a model is, and which upstreams have it. One upstream has what there is. `take_turns`: whether models may take turns,
/// which is asked when patience is at its end.
pub async fn look(
    config: &Config,
    model: &str,
    take_turns: impl Fn() -> bool,
) -> (Known, catalog::Known) {
    let mut found = catalog::Known {
        silent: (0..config.upstreams.len()).collect(),
        ..catalog::Known::default()
    };
    if config.upstreams.len() > 1 {
        let known = within(PATIENCE, catalog::known(config, model)).await;
        found = known.unwrap_or(found);
    }
    if found.facts.is_none() && !model.is_empty() {
        let mut telling = pin!(readings::show(config, model));
        let mut told = within(PATIENCE, telling.as_mut()).await;
        if told.is_none() && take_turns() {
            told = within(LONGER, telling).await;
        }
        if let Some(Ok(told)) = told.flatten().as_deref() {
            found.facts = Some(Rc::new(Facts::of(told.document())));
        }
    }
    let mut known = found.facts.as_deref().map(Known::of).unwrap_or_default();
    known.runs_elsewhere = catalog::runs_elsewhere(config, model, &found).await;
    (known, found)
}

/// Whether a request for a model is going to load it at this upstream, as far as is known.
pub async fn loads(config: &Config, upstream: usize, model: &str) -> bool {
    let told = within(PATIENCE, readings::loaded(config, upstream))
        .await
        .flatten();
    match told.as_deref() {
        Some(Ok(told)) => !is_listed(told.document(), model),
        _ => false,
    }
}

impl Known {
    fn of(facts: &Facts) -> Known {
        Known {
            runs_elsewhere: facts.runs_elsewhere,
            thinks: facts.can("thinking"),
            completes: facts.can("completion"),
        }
    }

    /// Whether the operator lets it run where it runs.
    ///
    /// # Errors
    /// It runs elsewhere, and nobody said that it may.
    pub fn may_run(self, config: &Config, model: &str) -> Result<(), Refusal> {
        if !self.runs_elsewhere || config.allow_cloud || config.names_model(model) {
            return Ok(());
        }
        Err(Refusal::CloudNotAllowed {
            what: format!("the model {model:?}"),
        })
    }
}

fn is_listed(ps: &Value, model: &str) -> bool {
    let wanted = ModelName::parse(model);
    let models = ps["models"].as_array().into_iter().flatten();
    models
        .filter_map(|entry| entry["name"].as_str())
        .any(|name| wanted.is_some() && ModelName::parse(name) == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tests::config_with;

    #[test]
    fn a_model_thinks_or_runs_elsewhere_if_its_upstream_says_so() {
        let known = |thinks: Option<bool>, runs_elsewhere| Known {
            runs_elsewhere,
            thinks,
            completes: thinks.map(|_| true),
        };
        for (show, expected) in [
            (json!({}), known(None, false)),
            (
                json!({ "capabilities": ["completion"] }),
                known(Some(false), false),
            ),
            (
                json!({ "capabilities": ["completion", "thinking"], "remote_host": "" }),
                known(Some(true), false),
            ),
            (
                json!({ "remote_host": "https://ollama.com:443" }),
                known(None, true),
            ),
            (json!({ "remote_model": "gpt-oss:120b" }), known(None, true)),
            (Value::Null, known(None, false)),
        ] {
            assert_eq!(Known::of(&Facts::of(&show)), expected, "{show}");
        }
    }

    #[test]
    fn what_runs_elsewhere_takes_a_word_of_the_operators() {
        let elsewhere = Known {
            runs_elsewhere: true,
            ..Known::default()
        };
        let may = |config, model| elsewhere.may_run(&config_with(config), model).is_ok();
        assert!(!may(&[], "stub"));
        assert!(may(&[("allow_cloud", "true")], "stub"));
        let allowed = [("allowed_models", "qwen3:1.7b stub")];
        assert!(may(&allowed, "stub:latest"));
        assert!(Known::default().may_run(&config_with(&[]), "stub").is_ok());
    }

    #[test]
    fn a_loaded_model_is_known_by_any_of_its_names() {
        let ps = json!({ "models": [{ "name": "qwen3:latest" }, { "size": 1 }] });
        assert!(is_listed(&ps, " Library/QWEN3 "));
        assert!(!is_listed(&ps, "qwen3:8b"));
        assert!(!is_listed(&ps, "a b"));
        assert!(!is_listed(&Value::Null, "qwen3"));
    }
}
