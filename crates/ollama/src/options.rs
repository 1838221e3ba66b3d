//! The options of a request: which the client may set, which are the operator's alone, and of which type each must be.

use serde_json::{Map, Value};

use crate::request::{Code, Invalid};

/// The type that Ollama demands of an option. It takes any JSON number where it wants one, and truncates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Flag,
    /// An array of strings.
    Strings,
}

/// Options that belong to the operator alone. A change of the runner's (all but the last) makes Ollama load the model anew
/// for everybody; `num_parallel` is the server's and is ignored in a request.
pub const PINNED: [&str; 8] = [
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "num_thread",
    "draft_num_predict",
    "num_parallel",
];

/// What the operator adds to requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The model for requests that name none.
    pub model: String,
    /// Options for requests that do not set them, and the pinned ones for all. Pinned ones are told by [`PINNED`].
    pub options: Map<String, Value>,
    /// The most tokens a request may ask for; `None`: no cap.
    pub num_predict_cap: Option<u64>,
    /// How long the model stays loaded, as Ollama takes it; `None`: Ollama's default.
    pub keep_alive: Option<Value>,
}

/// Where the options of a request go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A model that generates: the operator's defaults and pinned options apply.
    Generating,
    /// An embedding model: the client's pinned options are dropped, and nothing is added (a context that suits a chat
    /// model does not suit these).
    Embedding,
}

impl Policy {
    /// Whether an option is set for which Ollama loads the model anew when a request comes without it.
    pub fn sets_runner_options(&self) -> bool {
        PINNED
            .iter()
            .any(|name| *name != "num_parallel" && self.options.contains_key(*name))
    }

    /// Merges the operator's options into a request's `options`, and says which of the client's were dropped.
    pub(crate) fn merge(
        &self,
        options: &mut Map<String, Value>,
        scope: Scope,
    ) -> Vec<&'static str> {
        let dropped = PINNED
            .into_iter()
            .filter(|name| options.shift_remove(*name).is_some())
            .collect();
        if scope == Scope::Generating {
            for (name, value) in &self.options {
                options.entry(name).or_insert_with(|| value.clone());
            }
            self.cap(options, "num_predict");
        }
        dropped
    }

    /// Bounds a member that asks for a number of tokens. A negative one asks for as many as the model likes, so it is
    /// bounded too; an absent one is set, since the absence means the same.
    pub(crate) fn cap(&self, members: &mut Map<String, Value>, name: &str) {
        let Some(cap) = self.num_predict_cap else {
            return;
        };
        let asked = members.get(name).and_then(Value::as_f64);
        if asked.is_none_or(|asked| asked < 0.0 || asked > cap as f64) {
            members.insert(name.to_owned(), cap.into());
        }
    }
}

/// Checks the types of a request's options. Unknown ones pass: Ollama warns about them and goes on. So does null, which it
/// takes for absent.
///
/// # Errors
/// The first option whose type is not Ollama's.
pub fn check_types(options: &Map<String, Value>) -> Result<(), Invalid> {
    for (name, value) in options {
        let Some(kind) = kind_of(name) else { continue };
        let fits = match kind {
            Kind::Number => value.is_number(),
            Kind::Flag => value.is_boolean(),
            Kind::Strings => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
        };
        if !fits && !value.is_null() {
            return Err(Invalid {
                code: Code::InvalidOption,
                param: Some(format!("options.{name}")),
                message: format!("options.{name} must be {}", kind.expected()),
            });
        }
    }
    Ok(())
}

/// The type of an option that Ollama knows.
pub fn kind_of(name: &str) -> Option<Kind> {
    match name {
        "num_keep" | "seed" | "num_predict" | "top_k" | "top_p" | "min_p" | "typical_p"
        | "repeat_last_n" | "temperature" | "repeat_penalty" | "presence_penalty"
        | "frequency_penalty" | "num_ctx" | "num_batch" | "num_gpu" | "main_gpu" | "num_thread"
        | "draft_num_predict" => Some(Kind::Number),
        "use_mmap" => Some(Kind::Flag),
        "stop" => Some(Kind::Strings),
        _ => None,
    }
}

impl Kind {
    fn expected(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Flag => "true or false",
            Kind::Strings => "an array of strings",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn policy() -> Policy {
        Policy {
            options: map(json!({ "num_ctx": 4096, "temperature": 0.7 })),
            num_predict_cap: Some(100),
            ..Policy::default()
        }
    }

    #[test]
    fn a_clients_sampling_option_stands_over_the_operators_default() {
        let mut options = map(json!({ "temperature": 0.1 }));
        assert!(policy().merge(&mut options, Scope::Generating).is_empty());
        assert_eq!(options["temperature"], json!(0.1));
    }

    #[test]
    fn a_clients_runner_option_is_dropped_and_said() {
        let mut options = map(json!({ "num_ctx": 9, "main_gpu": 1 }));
        assert_eq!(
            policy().merge(&mut options, Scope::Generating),
            ["num_ctx", "main_gpu"]
        );
        assert_eq!(options["num_ctx"], json!(4096));
        assert!(!options.contains_key("main_gpu"));
    }

    #[test]
    fn an_embedding_gets_nothing_added() {
        let mut options = map(json!({ "num_ctx": 9 }));
        assert_eq!(policy().merge(&mut options, Scope::Embedding), ["num_ctx"]);
        assert!(options.is_empty());
    }

    #[test]
    fn more_tokens_than_the_cap_negative_or_none_asked_for_become_the_cap() {
        for asked in [
            json!({ "num_predict": 101 }),
            json!({ "num_predict": -1 }),
            json!({}),
        ] {
            let mut options = map(asked);
            policy().merge(&mut options, Scope::Generating);
            assert_eq!(options["num_predict"], json!(100));
        }
        let mut options = map(json!({ "num_predict": 7 }));
        policy().merge(&mut options, Scope::Generating);
        assert_eq!(options["num_predict"], json!(7));
    }

    #[test]
    fn a_wrong_type_is_named_and_null_or_an_unknown_option_passes() {
        assert!(
            check_types(&map(
                json!({ "seed": null, "num_parallel": "x", "stop": ["a"] })
            ))
            .is_ok()
        );
        for (options, param) in [
            (json!({ "temperature": "hot" }), "options.temperature"),
            (json!({ "stop": "x" }), "options.stop"),
            (json!({ "use_mmap": 1 }), "options.use_mmap"),
        ] {
            let invalid = check_types(&map(options)).unwrap_err();
            assert_eq!(
                (invalid.code, invalid.param.as_deref()),
                (Code::InvalidOption, Some(param))
            );
        }
    }
}
