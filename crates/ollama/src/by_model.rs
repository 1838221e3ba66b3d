//! What the operator says of single models: options of their own, and other names for them.

use serde_json::{Map, Value};

use crate::names::{ModelName, ModelPattern};
use crate::options::Policy;

/// What holds for some models in place of the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Which models.
    pub models: ModelPattern,
    /// Options in place of the operator's; one that is null is not sent.
    pub options: Map<String, Value>,
    /// How long the model stays loaded; `Some(None)`: as long as Ollama has it.
    pub keep_alive: Option<Option<Value>>,
    /// Whether a full context drops its oldest messages; `Some(None)`: as the model has it.
    pub shift: Option<Option<bool>>,
}

/// Another name for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The names that are answered so.
    pub names: ModelPattern,
    /// The same as the operator writes them.
    pub written: String,
    /// The model that answers.
    pub target: String,
}

/// The policy for some models, as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ForModels {
    models: ModelPattern,
    policy: Policy,
}

impl Policy {
    /// The same, where for some models other options hold: of those that match a model the first.
    pub fn with_overrides(self, overrides: impl IntoIterator<Item = Override>) -> Policy {
        let by_model = overrides.into_iter().map(|own| ForModels {
            policy: self.overridden(&own),
            models: own.models,
        });
        Policy {
            by_model: by_model.collect(),
            ..self
        }
    }

    /// The policy that holds for a model.
    pub fn of(&self, model: &str) -> &Policy {
        if self.by_model.is_empty() {
            return self;
        }
        let Some(name) = ModelName::parse(model) else {
            return self;
        };
        let own = self.by_model.iter().find(|own| own.models.matches(&name));
        own.map_or(self, |own| &own.policy)
    }

    /// The model that answers to a name, where it is another's; `real`: the names of models that there are, which win.
    pub fn target_of(&self, asked: &str, real: &[ModelName]) -> Option<&str> {
        if self.aliases.is_empty() {
            return None;
        }
        let name = ModelName::parse(asked).filter(|name| !real.contains(name))?;
        let alias = self
            .aliases
            .iter()
            .find(|alias| alias.names.matches(&name))?;
        Some(&alias.target)
    }

    fn overridden(&self, own: &Override) -> Policy {
        let mut policy = Policy {
            by_model: Vec::new(),
            aliases: Vec::new(),
            ..self.clone()
        };
        for (name, value) in &own.options {
            match value {
                Value::Null => {
                    policy.options.remove(name);
                }
                value => {
                    policy.options.insert(name.clone(), value.clone());
                    policy.embedding.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some(keep_alive) = &own.keep_alive {
            policy.keep_alive = keep_alive.clone();
        }
        if let Some(shift) = own.shift {
            policy.shift = shift;
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> Policy {
        let options = json!({ "num_ctx": 4096, "num_gpu": 1, "seed": 7 });
        Policy {
            options: options.as_object().cloned().unwrap(),
            keep_alive: Some(json!("5m")),
            ..Policy::default()
        }
    }

    fn own(models: &str, options: Value) -> Override {
        Override {
            models: ModelPattern::parse(models).unwrap(),
            options: options.as_object().cloned().unwrap(),
            keep_alive: None,
            shift: None,
        }
    }

    #[test]
    fn the_first_that_matches_holds_over_the_defaults_and_null_is_not_sent() {
        let policy = policy().with_overrides([
            own("qwen3:8b", json!({ "num_ctx": 8192, "num_gpu": null })),
            Override {
                keep_alive: Some(None),
                shift: Some(Some(false)),
                ..own("qwen3:*", json!({}))
            },
        ]);
        let first = policy.of("Qwen3:8b");
        assert_eq!(
            Value::from(first.options.clone()),
            json!({ "num_ctx": 8192, "seed": 7 })
        );
        assert_eq!(first.keep_alive, Some(json!("5m")));
        let second = policy.of("qwen3");
        assert_eq!((&second.keep_alive, second.shift), (&None, Some(false)));
        assert_eq!(second.options, policy.options);
        for other in ["other", "", "a b"] {
            assert_eq!(policy.of(other), &policy, "{other}");
        }
    }

    #[test]
    fn an_embedding_gets_nothing_but_what_is_said_of_its_model() {
        let policy =
            policy().with_overrides([own("nomic*", json!({ "num_ctx": 2048, "seed": null }))]);
        assert!(policy.embedding.is_empty());
        let own = policy.of("nomic-embed-text").embedding.clone();
        assert_eq!(Value::from(own), json!({ "num_ctx": 2048 }));
    }

    #[test]
    fn a_real_model_of_a_name_wins_over_an_alias() {
        let alias = |names: &str, target: &str| Alias {
            names: ModelPattern::parse(names).unwrap(),
            written: names.to_owned(),
            target: target.to_owned(),
        };
        let policy = Policy {
            aliases: vec![
                alias("gpt-4o", "qwen3:8b"),
                alias("claude-*", "qwen3-coder"),
            ],
            ..Policy::default()
        };
        let real = [ModelName::parse("claude-tiny").unwrap()];
        assert_eq!(policy.target_of("GPT-4o:latest", &real), Some("qwen3:8b"));
        assert_eq!(
            policy.target_of("claude-sonnet-4-5", &real),
            Some("qwen3-coder")
        );
        assert_eq!(policy.target_of("claude-tiny", &real), None);
        assert_eq!(policy.target_of("qwen3:8b", &real), None);
    }
}
