//! The options of a request: which the client may set, which are the operator's alone, and of which type each must be.

use serde_json::{Map, Value};

use crate::by_model::{Alias, ForModels};
use crate::json::{self, Raw, named_among};
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

/// Every option that Ollama knows, and `num_parallel`, which it knows no more.
pub const NAMES: [&str; 21] = [
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_last_n",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "num_thread",
    "draft_num_predict",
    "num_parallel",
];

/// Whose sampling holds where a client sets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// The operator's, of [`SAMPLED`].
    #[default]
    Operator,
    /// The model's own: these three are not sent.
    Model,
}

/// The options that [`Sampling`] is about.
pub const SAMPLED: [&str; 3] = ["temperature", "top_p", "repeat_penalty"];

/// What the operator adds to requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The model for requests that name none.
    pub model: String,
    /// Options for requests that do not set them, and the pinned ones for all. Pinned ones are told by [`PINNED`].
    pub options: Map<String, Value>,
    /// Whose sampling holds.
    pub sampling: Sampling,
    /// The most tokens a request may ask for; `None`: no cap.
    pub num_predict_cap: Option<u64>,
    /// How long the model stays loaded, as Ollama takes it; `None`: Ollama's default.
    pub keep_alive: Option<Value>,
    /// Whether a full context drops its oldest messages, which Ollama loads the model for; `None`: as the model has it.
    pub shift: Option<bool>,
    /// Options for embeddings: what suits a chat model does not suit them, so these are said of a model by name.
    pub embedding: Map<String, Value>,
    /// What holds for some models in its place.
    pub by_model: Vec<ForModels>,
    /// Other names for models.
    pub aliases: Vec<Alias>,
}

impl Policy {
    /// Whether an option is set for which Ollama loads the model anew when a request comes without it.
    pub fn sets_runner_options(&self) -> bool {
        self.shift.is_some()
            || PINNED
                .iter()
                .any(|name| *name != "num_parallel" && self.options.contains_key(*name))
    }

    /// The bound that must be sent for a request that asks for so many tokens; `None`: what it asks for may stand. Ollama
    /// drops a fraction, and takes zero and whatever is below it for no limit.
    pub(crate) fn bound(&self, asked: Option<f64>) -> Option<u64> {
        let cap = self.num_predict_cap?;
        let may_stand = asked.is_some_and(|asked| asked >= 1.0 && asked <= cap as f64);
        (!may_stand).then_some(cap)
    }
}

/// Checks the types of a request's options. Unknown ones pass: Ollama warns about them and goes on. So does null, which it
/// takes for absent. Of two with one name the last counts.
///
/// # Errors
/// The first option whose type is not Ollama's.
pub(crate) fn check_types(options: Raw<'_>) -> Result<(), Invalid> {
    let mut last = [None; NAMES.len()];
    for (name, value) in options.members() {
        let known = named_among(name.bytes(), NAMES.into_iter());
        if let Some(place) = known.and_then(|index| last.get_mut(index)) {
            *place = Some(value);
        }
    }
    for (name, value) in NAMES.into_iter().zip(last) {
        let (Some(kind), Some(value)) = (kind_of(name), value) else {
            continue;
        };
        let fits = match kind {
            Kind::Number => value.number().is_some(),
            Kind::Flag => value.flag().is_some(),
            Kind::Strings => {
                value.kind() == json::Kind::Array
                    && value.items().all(|item| item.kind() == json::Kind::Text)
            }
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
        "num_parallel" => None,
        "use_mmap" => Some(Kind::Flag),
        "stop" => Some(Kind::Strings),
        name => NAMES.contains(&name).then_some(Kind::Number),
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

    fn checked(options: &str) -> Result<(), Invalid> {
        check_types(Raw::of(options.as_bytes()))
    }

    #[test]
    fn none_less_than_one_and_more_than_the_cap_become_the_cap() {
        let policy = Policy {
            num_predict_cap: Some(100),
            ..Policy::default()
        };
        for asked in [
            None,
            Some(0.0),
            Some(0.5),
            Some(-1.0),
            Some(-2.0),
            Some(100.5),
            Some(1e300),
        ] {
            assert_eq!(policy.bound(asked), Some(100), "{asked:?}");
        }
        for asked in [1.0, 1.9, 99.0, 100.0] {
            assert_eq!(policy.bound(Some(asked)), None, "{asked}");
        }
        assert_eq!(Policy::default().bound(Some(0.0)), None);
    }

    #[test]
    fn a_wrong_type_is_named_and_null_or_an_unknown_option_passes() {
        assert!(checked(r#"{"seed":null,"num_parallel":"x","SEED":"x","stop":["a"]}"#).is_ok());
        assert!(checked(r#"{"seed":"x","seed":1}"#).is_ok());
        for (options, param) in [
            (r#"{"temperature":"hot"}"#, "options.temperature"),
            (r#"{"t\u0065mperature":"hot"}"#, "options.temperature"),
            (r#"{"stop":"x"}"#, "options.stop"),
            (r#"{"stop":[null]}"#, "options.stop"),
            (r#"{"use_mmap":1}"#, "options.use_mmap"),
        ] {
            let invalid = checked(options).unwrap_err();
            assert_eq!(
                (invalid.code, invalid.param.as_deref()),
                (Code::InvalidOption, Some(param))
            );
        }
    }
}
