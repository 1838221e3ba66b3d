//! What `/api/tags` and `/api/ps` say of each model. Pure.

use serde_json::Value;
use sluice_ollama::ModelName;

use super::when;

/// The most models of one upstream that are looked at.
const MOST: usize = 4_096;

/// A model that an upstream has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as Ollama resolves it.
    pub name: ModelName,
    /// Its digest: two names of one model have the same.
    pub digest: String,
    /// Its size on the disk, in bytes.
    pub size: u64,
    /// Its family, as `details` tell it; empty: not told.
    pub family: String,
    /// What it can do; `None`: an Ollama too old to list that.
    pub capabilities: Option<Vec<String>>,
    /// Ollama sends what it is asked elsewhere.
    pub runs_elsewhere: bool,
}

/// A model that an upstream has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The name that loaded it. Others may share its runner.
    pub name: ModelName,
    /// The digest of that name.
    pub digest: String,
    /// What it takes, in bytes.
    pub size: u64,
    /// What of that lies on a GPU.
    pub size_vram: u64,
    /// Its context in tokens; `None`: not told.
    pub context: Option<u64>,
    /// When it is unloaded if nobody uses it, in milliseconds since 1970 by the upstream's clock; `None`: not told.
    pub expires_ms: Option<u64>,
}

/// The models of a list. What has no name that Ollama could resolve is left out.
pub fn entries(tags: &Value) -> Vec<Entry> {
    list(tags)
        .filter_map(|model| {
            Some(Entry {
                name: name(model)?,
                digest: text(&model["digest"]),
                size: model["size"].as_u64().unwrap_or(0),
                family: text(&model["details"]["family"]),
                capabilities: words(&model["capabilities"]),
                runs_elsewhere: runs_elsewhere(model),
            })
        })
        .collect()
}

/// The models of a list that are loaded.
pub fn loaded(ps: &Value) -> Vec<Loaded> {
    list(ps)
        .filter_map(|model| {
            Some(Loaded {
                name: name(model)?,
                digest: text(&model["digest"]),
                size: model["size"].as_u64().unwrap_or(0),
                size_vram: model["size_vram"].as_u64().unwrap_or(0),
                context: model["context_length"].as_u64(),
                expires_ms: model["expires_at"].as_str().and_then(when::millis),
            })
        })
        .collect()
}

/// Whether an entry, or what `/api/show` tells, is of a model that is served elsewhere.
pub(super) fn runs_elsewhere(model: &Value) -> bool {
    let is_said = |name: &str| model[name].as_str().is_some_and(|text| !text.is_empty());
    is_said("remote_host") || is_said("remote_model")
}

/// A list of words; `None`: there is none.
pub(super) fn words(list: &Value) -> Option<Vec<String>> {
    let words = list.as_array()?.iter().filter_map(Value::as_str);
    Some(words.map(str::to_owned).collect())
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(document: &Value) -> impl Iterator<Item = &Value> {
    let models = document["models"].as_array().into_iter().flatten();
    models.take(MOST)
}

fn name(model: &Value) -> Option<ModelName> {
    let name = model["name"].as_str().or_else(|| model["model"].as_str());
    ModelName::parse(name?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_read_whatever_else_stands_in_it() {
        let tags = json!({ "models": [
            { "name": "Qwen3", "digest": "d1", "size": 7, "details": { "family": "qwen3" },
              "capabilities": ["completion", "thinking"] },
            { "model": "me/tool:7b", "size": -1 },
            { "name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443" },
            { "name": "a b" },
            { "size": 1 },
            "x",
        ] });
        let entries = entries(&tags);
        let told: Vec<_> = entries
            .iter()
            .map(|entry| (entry.name.to_string(), entry.runs_elsewhere))
            .collect();
        assert_eq!(
            told,
            [
                ("qwen3:latest".to_owned(), false),
                ("me/tool:7b".to_owned(), false),
                ("gpt-oss:120b:cloud".to_owned(), true),
            ]
        );
        assert_eq!(entries[0].family, "qwen3");
        let capabilities = entries[0].capabilities.as_deref();
        assert_eq!(
            capabilities,
            Some(&["completion".to_owned(), "thinking".to_owned()][..])
        );
        assert_eq!(
            (entries[1].size, entries[1].capabilities.as_ref()),
            (0, None)
        );
        for other in [Value::Null, json!([]), json!({ "models": 1 })] {
            assert_eq!(super::entries(&other), []);
        }
    }

    #[test]
    fn what_is_loaded_is_told_with_what_it_takes() {
        let ps = json!({ "models": [{
            "name": "qwen3:8b", "digest": "d", "size": 5, "size_vram": 4, "context_length": 4096,
            "expires_at": "2026-11-28T14:12:52.743563181Z",
        }] });
        let [loaded] = loaded(&ps).try_into().unwrap();
        assert_eq!(loaded.name.to_string(), "qwen3:8b");
        assert_eq!(
            (loaded.size, loaded.size_vram, loaded.context),
            (5, 4, Some(4096))
        );
        assert_eq!(loaded.expires_ms, Some(1_795_875_172_743));
    }
}
