//! The lists of models: what all upstreams have, as one list.
//!
//! A model is told as the first upstream in order that has it tells it. What is not offered here is left out, and other names for
//! models stand behind them.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use sluice_ollama::{Alias, ModelName};

use crate::config::Config;
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::http::routes::Question;
use crate::upstreams::readings::{self, FRESH_MS, Reading, Told};

/// A list in one of Ollama's forms.
#[derive(Clone, Copy, Debug)]
struct List {
    path: &'static str,
    /// The member that is the list.
    models: &'static str,
    /// The member of a model that is its name.
    name: &'static str,
    /// Whether other names for models stand in it.
    has_aliases: bool,
}

/// The answer to a question for a list; `None`: the question is for something else.
pub async fn answer(config: &Config, question: Question) -> Option<Result<Reply, Refusal>> {
    let list = List::of(question)?;
    let asked = readings::Question::get(list.path);
    let told = readings::all(config, &asked, FRESH_MS).await;
    Some(told.map(|readings| tell(config, list, &readings)))
}

/// An answer of an upstream's with this body.
pub fn reply(told: Option<&Told>, body: Bytes) -> Reply {
    let content_type = told.and_then(|told| told.content_type.clone());
    Reply::new(
        told.map_or(StatusCode::OK, |told| told.status),
        content_type.unwrap_or(HeaderValue::from_static("application/json")),
        body,
    )
}

fn tell(config: &Config, list: List, readings: &[Rc<Reading>]) -> Reply {
    let told: Vec<&Told> = readings
        .iter()
        .filter_map(|reading| reading.as_ref().as_ref().ok())
        .collect();
    let has_aliases = list.has_aliases && !config.policy.aliases.is_empty();
    let stays = told.len() == 1 && config.allowed_models.is_empty() && !has_aliases;
    let Some(first) = told.first().copied() else {
        return reply(None, Bytes::from_static(b"{}"));
    };
    if stays {
        return reply(Some(first), first.body.clone());
    }
    let documents: Vec<&Value> = told.iter().map(|told| told.document()).collect();
    let is_offered = |name: &str| config.allows_model(name);
    let aliases = has_aliases.then_some(config.policy.aliases.as_slice());
    let union = union(list, &documents, is_offered, aliases.unwrap_or_default());
    reply(Some(first), union.to_string().into())
}

fn union(
    list: List,
    documents: &[&Value],
    is_offered: impl Fn(&str) -> bool,
    aliases: &[Alias],
) -> Value {
    let mut union = documents
        .first()
        .map_or(Value::Null, |first| (*first).clone());
    let mut seen: Vec<ModelName> = Vec::new();
    let mut models: Vec<Value> = Vec::new();
    let all = documents
        .iter()
        .flat_map(|document| document[list.models].as_array().into_iter().flatten());
    for model in all {
        let Some(written) = model[list.name].as_str().filter(|name| is_offered(name)) else {
            continue;
        };
        // What cannot be a name is no model that could be asked for, but it is told.
        match ModelName::parse(written) {
            Some(name) if seen.contains(&name) => continue,
            Some(name) => seen.push(name),
            None => {}
        }
        models.push(model.clone());
    }
    let named = aliases
        .iter()
        .filter_map(|alias| list.alias(alias, &models, &seen));
    let named: Vec<Value> = named.collect();
    models.extend(named);
    if let Some(members) = union.as_object_mut() {
        members.insert(list.models.to_owned(), models.into());
    }
    union
}

impl List {
    fn of(question: Question) -> Option<List> {
        let (path, models, name) = match question {
            Question::Tags => ("/api/tags", "models", "name"),
            Question::Loaded => ("/api/ps", "models", "name"),
            Question::OpenAiModels => ("/v1/models", "data", "id"),
            Question::Show | Question::Version | Question::OpenAiModel => return None,
        };
        Some(List {
            path,
            models,
            name,
            has_aliases: question != Question::Loaded,
        })
    }

    /// The model that another name stands for, by that name; `None`: it is none that is told, or a real model has the name.
    fn alias(self, alias: &Alias, models: &[Value], seen: &[ModelName]) -> Option<Value> {
        let name = alias.names.one()?;
        let target = ModelName::parse(&alias.target)?;
        let is_target = |model: &&Value| {
            let written = model[self.name].as_str().unwrap_or_default();
            ModelName::parse(written).as_ref() == Some(&target)
        };
        let mut model = models
            .iter()
            .find(is_target)
            .filter(|_| !seen.contains(name))?
            .clone();
        let members = model.as_object_mut()?;
        for member in ["name", "model", "id"] {
            if let Some(value) = members.get_mut(member) {
                *value = alias.written.as_str().into();
            }
        }
        Some(model)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_ollama::ModelPattern;

    use super::*;

    fn names(list: &Value) -> Vec<&str> {
        let models = list["models"].as_array().into_iter().flatten();
        models.filter_map(|model| model["name"].as_str()).collect()
    }

    fn alias(written: &str, target: &str) -> Alias {
        Alias {
            names: ModelPattern::parse(written).unwrap(),
            written: written.to_owned(),
            target: target.to_owned(),
        }
    }

    #[test]
    fn a_model_is_told_once_as_the_first_that_has_it_tells_it() {
        let first =
            json!({ "models": [{ "name": "a:latest", "size": 1 }, { "name": "b:7b" }], "x": 1 });
        let second =
            json!({ "models": [{ "name": "A", "size": 2 }, { "name": "c:1b" }, { "size": 3 }] });
        let list = List::of(Question::Tags).unwrap();
        let all = union(list, &[&first, &second], |_| true, &[]);
        assert_eq!(names(&all), ["a:latest", "b:7b", "c:1b"]);
        assert_eq!(
            (&all["models"][0]["size"], &all["x"]),
            (&json!(1), &json!(1))
        );
        let some = union(list, &[&first, &second], |name| name != "b:7b", &[]);
        assert_eq!(names(&some), ["a:latest", "c:1b"]);
    }

    #[test]
    fn another_name_stands_behind_the_models_unless_it_is_one() {
        let list = List::of(Question::Tags).unwrap();
        let tags = json!({ "models": [
            { "name": "qwen3:8b", "model": "qwen3:8b", "size": 1 },
            { "name": "real:latest", "model": "real:latest" },
        ] });
        let aliases = [
            alias("gpt-4o", "QWEN3:8b"),
            alias("claude-*", "qwen3:8b"),
            alias("real", "qwen3:8b"),
            alias("gone", "nowhere"),
        ];
        let told = union(list, &[&tags], |_| true, &aliases);
        assert_eq!(names(&told), ["qwen3:8b", "real:latest", "gpt-4o"]);
        let expected = json!({ "name": "gpt-4o", "model": "gpt-4o", "size": 1 });
        assert_eq!(told["models"][2], expected);
        let hidden = union(list, &[&tags], |name| name == "real:latest", &aliases);
        assert_eq!(
            names(&hidden),
            ["real:latest"],
            "what is not offered has no other name"
        );
    }
}
