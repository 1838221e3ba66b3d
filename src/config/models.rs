//! What is set of single models: their options, other names for them, and how many at once.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};
use sluice_ollama::options::{Kind, NAMES, kind_of};
use sluice_ollama::{Alias, ModelName, ModelPattern, Override};

use super::form::{self, Form, Wrong, items};

/// Options of some models.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOptions {
    /// Which models, and what goes with their requests.
    pub own: Override,
    /// How long a request for one of them may wait.
    pub queue_timeout: Option<Duration>,
    /// How long one of their answers may take.
    pub request_timeout: Option<Duration>,
}

/// How many answers of some models one upstream gives at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLimit {
    /// Which models.
    pub models: ModelPattern,
    /// How many; 0: no limit, and no guess.
    pub at_once: u8,
}

/// Options by the name of a model or a pattern, as JSON; empty: none.
pub(super) fn options(timeout: fn() -> Form<Duration>) -> Form<Vec<ModelOptions>> {
    let expected = "empty, or JSON by names or patterns such as {\"qwen3:*\": {\"num_ctx\": 8192, \"num_gpu\": null}}, \
        with Ollama's options, keep_alive, shift, queue_timeout and request_timeout";
    Form::telling(expected, move |text| {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let InOrder(entries) = serde_json::from_str(text).map_err(|_| Wrong(None))?;
        let entries = entries.iter().enumerate();
        let read = entries.map(|(index, (models, own))| {
            options_of(models, own, &timeout())
                .map_err(|what| Wrong(Some(format!("entry {} {what}", index + 1))))
        });
        read.collect()
    })
}

/// Other names for models.
pub(super) fn aliases() -> Form<Vec<Alias>> {
    Form::new(
        "a list of name=model such as gpt-4o=qwen3:8b, or claude-*=qwen3-coder",
        |text| {
            let alias = |item: &str| {
                let (names, target) = item.split_once('=')?;
                ModelName::parse(target)?;
                Some(Alias {
                    names: ModelPattern::parse(names)?,
                    written: names.to_owned(),
                    target: target.to_owned(),
                })
            };
            items(text).map(alias).collect()
        },
    )
}

/// How many answers of a model at once.
pub(super) fn limits() -> Form<Vec<ModelLimit>> {
    Form::new(
        "a list of name=number such as qwen3:*=2, nomic-embed-text=1; *=0: no limit, and no guess",
        |text| {
            let limit = |item: &str| {
                let (models, at_once) = item.split_once('=')?;
                Some(ModelLimit {
                    models: ModelPattern::parse(models)?,
                    at_once: at_once.parse().ok()?,
                })
            };
            items(text).map(limit).collect()
        },
    )
}

/// The members of an object in the order in which they are written.
struct InOrder(Vec<(String, Map<String, Value>)>);

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<InOrder, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = InOrder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(InOrder(members))
    }
}

fn options_of(
    models: &str,
    own: &Map<String, Value>,
    timeout: &Form<Duration>,
) -> Result<ModelOptions, String> {
    let models = ModelPattern::parse(models).ok_or("has no name of a model")?;
    let mut read = ModelOptions {
        own: Override {
            models,
            options: Map::new(),
            keep_alive: None,
            shift: None,
        },
        queue_timeout: None,
        request_timeout: None,
    };
    for (name, value) in own {
        let own = &mut read.own;
        match (name.as_str(), value) {
            ("keep_alive", Value::Null) => own.keep_alive = Some(None),
            ("keep_alive", value) => {
                own.keep_alive = Some(Some(by(&form::keep_alive(), name, value)?))
            }
            ("shift", Value::Null) => own.shift = Some(None),
            ("shift", Value::Bool(shift)) => own.shift = Some(Some(*shift)),
            ("queue_timeout", value) => read.queue_timeout = Some(by(timeout, name, value)?),
            ("request_timeout", value) => read.request_timeout = Some(by(timeout, name, value)?),
            (name, value) => {
                let known = NAMES.into_iter().find(|known| *known == name);
                let kind = known.and_then(kind_of);
                let kind = kind.ok_or("has a member that is no option")?;
                if !fits(kind, value) {
                    return Err(format!("has {name} of a wrong type"));
                }
                own.options.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(read)
}

/// A value that has the form of a setting.
fn by<T: 'static>(form: &Form<T>, name: &str, value: &Value) -> Result<T, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    form.read(&text)
        .map_err(|problem| format!("has {name}, which {problem}"))
}

fn fits(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) | (Kind::Number, Value::Number(_)) | (Kind::Flag, Value::Bool(_)) => true,
        (Kind::Strings, Value::Array(items)) => items.iter().all(Value::is_string),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<ModelOptions>, String> {
        let timeout = || form::duration(Duration::from_secs(1), Duration::from_secs(3_600));
        options(timeout).read(text)
    }

    #[test]
    fn options_are_read_in_the_order_in_which_they_are_written() {
        let read = read(
            r#"{"z":{"num_ctx":8192,"num_gpu":null,"stop":["x"],"keep_alive":-1,"request_timeout":"10m"},"a*":{"shift":false,"keep_alive":null,"queue_timeout":"1h"}}"#,
        );
        let [first, second] = read.unwrap().try_into().unwrap();
        assert_eq!(first.own.models, ModelPattern::parse("z").unwrap());
        let options = json!({ "num_ctx": 8192, "num_gpu": null, "stop": ["x"] });
        assert_eq!(Value::from(first.own.options), options);
        assert_eq!(first.own.keep_alive, Some(Some(json!(-1))));
        let times = (first.queue_timeout, first.request_timeout);
        assert_eq!(times, (None, Some(Duration::from_secs(600))));
        let times = (second.queue_timeout, second.request_timeout);
        assert_eq!(times, (Some(Duration::from_secs(3_600)), None));
        assert_eq!(
            (second.own.shift, second.own.keep_alive),
            (Some(Some(false)), Some(None))
        );
        assert_eq!(super::tests::read("").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        for (text, end) in [
            ("{", "request_timeout"),
            ("[]", "request_timeout"),
            (r#"{"a":1}"#, "request_timeout"),
            (r#"{"a b":{}}"#, "entry 1 has no name of a model"),
            (
                r#"{"a":{},"b":{"secret":1}}"#,
                "entry 2 has a member that is no option",
            ),
            (
                r#"{"a":{"num_parallel":1}}"#,
                "entry 1 has a member that is no option",
            ),
            (
                r#"{"a":{"num_ctx":"big"}}"#,
                "entry 1 has num_ctx of a wrong type",
            ),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.ends_with(end), "{text}: {problem}");
        }
        assert!(read(r#"{"a":{"queue_timeout":"soon"}}"#).is_err());
        assert!(read(r#"{"a":{"request_timeout":"soon"}}"#).is_err());
        assert!(read(r#"{"a":{"keep_alive":"soon"}}"#).is_err());
    }

    #[test]
    fn aliases_and_limits_are_lists_of_two_sides() {
        let aliases = aliases()
            .read("gpt-4o=qwen3:8b, claude-*=qwen3-coder")
            .unwrap();
        assert_eq!(aliases[1].target, "qwen3-coder");
        for text in ["x", "=y", "a b=c:", "x=", "x=a*"] {
            assert!(super::aliases().read(text).is_err(), "{text}");
        }
        let limits = limits().read("qwen3:*=2 *=0").unwrap();
        assert_eq!((limits[0].at_once, limits[1].at_once), (2, 0));
        for text in ["x", "x=-1", "x=300", "=1"] {
            assert!(super::limits().read(text).is_err(), "{text}");
        }
    }
}
