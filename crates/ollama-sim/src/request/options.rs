//! Options: what a request may set, by Ollama's names.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::{
    body::Refusal,
    json::{Decoder, Raw},
};

/// Options that a request sets. Unknown ones are ignored, null is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options(Map<String, Value>);

impl<'a> FromIterator<(&'a str, f64)> for Options {
    fn from_iter<T: IntoIterator<Item = (&'a str, f64)>>(options: T) -> Self {
        let options = options.into_iter();
        let options = options.map(|(name, value)| (name.to_owned(), value.into()));
        Self(options.collect())
    }
}

impl Options {
    /// A number, where it is set.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// A number without its fraction, as Ollama cuts it.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.number(name).map(|number| number as i64)
    }

    /// Texts at which the answer ends.
    pub fn stops(&self) -> Vec<String> {
        let stops = self.0.get("stop").and_then(Value::as_array);
        let texts = stops.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(crate) fn truth(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// The most tokens to send; nothing and less are no limit.
    pub(crate) fn limit(&self) -> Option<u32> {
        let limit = self.integer("num_predict")?;
        u32::try_from(limit).ok().filter(|limit| *limit > 0)
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn set_where_absent(&mut self, name: &str, value: impl Into<Value>) {
        self.0.entry(name).or_insert_with(|| value.into());
    }

    /// Reads the member `options`. Given twice, the maps merge.
    pub(super) fn read(&mut self, raw: Raw<'_>, decoder: &mut Decoder) {
        // The names inside a map do not fold.
        decoder.object("options", raw, "map[string]interface {}");
        for (name, value) in raw.members() {
            if value.number().is_some_and(f64::is_infinite) {
                let source = format!("number {}", value.source());
                decoder.mismatch("options", &source, "float64");
            }
            self.0.insert(name, value.value());
        }
    }

    /// Refuses an option of a wrong type, with Ollama's status and words.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        for (name, value) in &self.0 {
            let wrong = match name.as_str() {
                _ if value.is_null() => None,
                name if INTEGERS.contains(&name) => {
                    (!value.is_number()).then_some("of type integer")
                }
                name if FLOATS.contains(&name) => (!value.is_number()).then_some("of type float32"),
                "use_mmap" => (!value.is_boolean()).then_some("of type boolean"),
                "stop" => match value.as_array() {
                    Some(stops) if stops.iter().all(Value::is_string) => None,
                    Some(_) => Some("of an array of strings"),
                    None => Some("of type array"),
                },
                _ => None,
            };
            if let Some(expected) = wrong {
                let message = format!("option {name:?} must be {expected}");
                return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message));
            }
        }
        Ok(())
    }
}

const INTEGERS: &[&str] = &[
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
];

const FLOATS: &[&str] = &[
    "top_p",
    "min_p",
    "typical_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
];
