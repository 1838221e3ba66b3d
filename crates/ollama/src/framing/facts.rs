//! The members of an answer that matter here, of either family.
//!
//! Only `done` and `error` decide anything. The figures are read as leniently as they can be: a server that speaks Ollama's API
//! may leave one out, or write `null`, `-1`, `1234.5` or a text, and its answer is whole all the same. Of a member that
//! comes twice the last counts, as it does for Go.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::json;

/// What an object says at its top level. Everything else is skipped unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) done: Option<bool>,
    /// There is an `error` that says something: not null, and no empty text.
    pub(super) is_error: bool,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) tokens: Option<u64>,
    pub(super) prompt_eval_duration_ns: Option<u64>,
    pub(super) eval_duration_ns: Option<u64>,
}

impl Facts {
    /// Reads one JSON object; `None`: it is none.
    pub(super) fn read(text: &[u8]) -> Option<Facts> {
        let value = serde_json::from_slice(text).ok();
        match value.or_else(|| serde_json::from_slice(&json::readable(text)?).ok()) {
            Some(Value::Object(facts)) => Some(*facts),
            _ => None,
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        match name {
            "done" => self.done = value.truth(),
            "error" => self.is_error = value.says_something(),
            "prompt_eval_count" | "prompt_tokens" | "input_tokens" => {
                self.prompt_tokens = value.figure();
            }
            "eval_count" | "completion_tokens" | "output_tokens" => self.tokens = value.figure(),
            "prompt_eval_duration" => self.prompt_eval_duration_ns = value.figure(),
            "eval_duration" => self.eval_duration_ns = value.figure(),
            // OpenAI's and Anthropic's figures have an object of their own.
            "usage" => {
                if let Value::Object(usage) = value {
                    self.prompt_tokens = usage.prompt_tokens.or(self.prompt_tokens);
                    self.tokens = usage.tokens.or(self.tokens);
                }
            }
            _ => {}
        }
    }
}

/// Whether a member is worth reading.
fn matters(name: &str) -> bool {
    MEMBERS.contains(&name)
}

const MEMBERS: [&str; 11] = [
    "done",
    "error",
    "usage",
    "prompt_eval_count",
    "eval_count",
    "prompt_eval_duration",
    "eval_duration",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
];

/// A value, as far as it matters.
enum Value {
    Null,
    Truth(bool),
    Figure(Option<u64>),
    /// Some servers send `"error": ""` with each line.
    EmptyText,
    Text,
    Array,
    Object(Box<Facts>),
}

impl Value {
    fn truth(&self) -> Option<bool> {
        match self {
            Value::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    fn figure(&self) -> Option<u64> {
        match self {
            Value::Figure(figure) => *figure,
            _ => None,
        }
    }

    fn says_something(&self) -> bool {
        !matches!(self, Value::Null | Value::EmptyText)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Value, D::Error> {
        json.deserialize_any(Any)
    }
}

/// Takes whatever there is.
struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_u64<E>(self, figure: u64) -> Result<Value, E> {
        Ok(Value::Figure(Some(figure)))
    }

    fn visit_i64<E>(self, figure: i64) -> Result<Value, E> {
        Ok(Value::Figure(u64::try_from(figure).ok()))
    }

    fn visit_f64<E>(self, figure: f64) -> Result<Value, E> {
        // What is below zero is no count; a cast ends at the bounds of its type.
        Ok(Value::Figure((figure >= 0.0).then_some(figure as u64)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(if text.is_empty() {
            Value::EmptyText
        } else {
            Value::Text
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut facts = Facts::default();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if matters(&name) {
                facts.set(&name, members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(Box::new(facts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_figure_is_none_and_spoils_nothing() {
        for (figure, expected) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("1234.5", Some(1234)),
            ("null", None),
            ("-1", None),
            ("-0.5", None),
            ("\"5\"", None),
            ("[5]", None),
            ("{\"a\":5}", None),
            ("1e300", Some(u64::MAX)),
        ] {
            let text = format!("{{\"done\":true,\"eval_count\":{figure},\"eval_duration\":7}}");
            let facts = Facts::read(text.as_bytes()).unwrap();
            assert_eq!((facts.done, facts.tokens), (Some(true), expected), "{text}");
            assert_eq!(facts.eval_duration_ns, Some(7), "{text}");
        }
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let facts = Facts::read(br#"{"eval_count":1,"done":false,"done":true,"eval_count":2}"#);
        let facts = facts.unwrap();
        assert_eq!((facts.done, facts.tokens), (Some(true), Some(2)));
    }

    #[test]
    fn an_error_that_says_nothing_is_none() {
        for (error, expected) in [
            ("null", false),
            ("\"\"", false),
            ("\"x\"", true),
            ("{}", true),
        ] {
            let text = format!("{{\"error\":{error}}}");
            assert_eq!(Facts::read(text.as_bytes()).unwrap().is_error, expected);
        }
    }

    #[test]
    fn a_usage_that_is_none_spoils_nothing() {
        for usage in ["null", "[]", "5", "\"x\"", "true", "-1", "0.5"] {
            let text = format!("{{\"usage\":{usage},\"done\":true}}");
            assert_eq!(Facts::read(text.as_bytes()).unwrap().done, Some(true));
        }
        let usage = Facts::read(br#"{"usage":{"input_tokens":3,"output_tokens":4.0,"x":[]}}"#);
        let usage = usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.tokens), (Some(3), Some(4)));
    }

    #[test]
    fn half_an_emoji_in_a_text_spoils_nothing() {
        let facts = Facts::read(br#"{"message":{"content":"\ud83d"},"done":true}"#);
        assert_eq!(facts.unwrap().done, Some(true));
        for error in [&br#"{"error":"\ud83d"}"#[..], b"{\"error\":\"\xff\"}"] {
            assert!(Facts::read(error).unwrap().is_error);
        }
        for garbage in ["{\"error\":\"x\"", "{\"done\":}", "no JSON"] {
            assert_eq!(Facts::read(garbage.as_bytes()), None);
        }
    }
}
