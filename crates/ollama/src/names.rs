//! Names of models, as Ollama resolves them: `qwen3` is `registry.ollama.ai/library/qwen3:latest`.
//!
//! # What it does not do
//! It does not know which models there are.

use std::fmt;

mod pattern;

pub use pattern::ModelPattern;

/// Where a name says that its model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `:local`, or nothing said.
    Here,
    /// `:cloud`, or a tag that ends in `-cloud`: Ollama sends the request to ollama.com, signed with the operator's key.
    Cloud,
}

/// The name of a model, resolved. Two spellings of one model are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    source: Source,
    host: String,
    namespace: String,
    model: String,
    tag: String,
}

impl ModelName {
    /// Resolves a name; `None`: Ollama knows no such name, and refuses it.
    pub fn parse(written: &str) -> Option<ModelName> {
        let (base, source) = split_source(written.trim());
        if source.is_some() && split_source(base).1.is_some() {
            return None;
        }
        let (path, tag) = match base.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (base, DEFAULT_TAG),
        };
        let (before, model) = path.rsplit_once('/').unwrap_or((DEFAULT_NAMESPACE, path));
        let (host, namespace) = before.rsplit_once('/').unwrap_or((DEFAULT_HOST, before));
        let host = host.split_once("://").map_or(host, |(_, host)| host);
        let is_valid = is_part(host, MAX_HOST, b"-_.:")
            && is_part(namespace, MAX_PART, b"-_")
            && is_part(model, MAX_PART, b"-_.")
            && is_part(tag, MAX_PART, b"-_.");
        is_valid.then(|| ModelName {
            source: source.unwrap_or(Source::Here),
            host: host.to_ascii_lowercase(),
            namespace: namespace.to_ascii_lowercase(),
            model: model.to_ascii_lowercase(),
            tag: tag.to_ascii_lowercase(),
        })
    }

    /// With all its parts, as Ollama writes it in some of its errors.
    pub fn full(&self) -> String {
        let ModelName {
            host,
            namespace,
            model,
            tag,
            ..
        } = self;
        format!("{host}/{namespace}/{model}:{tag}")
    }

    /// Whether Ollama sends it to the cloud for its name alone.
    pub fn is_cloud(&self) -> bool {
        self.source == Source::Cloud
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != DEFAULT_HOST {
            write!(f, "{}/{}/", self.host, self.namespace)?;
        } else if self.namespace != DEFAULT_NAMESPACE {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{}:{}", self.model, self.tag)?;
        match self.source {
            Source::Here => Ok(()),
            Source::Cloud => f.write_str(":cloud"),
        }
    }
}

/// Takes off what a name says of where its model runs, as far as it says it.
fn split_source(name: &str) -> (&str, Option<Source>) {
    let Some((base, suffix)) = name.rsplit_once(':') else {
        return (name, None);
    };
    let trimmed = suffix.trim();
    if trimmed.eq_ignore_ascii_case("cloud") {
        return (base, Some(Source::Cloud));
    }
    if trimmed.eq_ignore_ascii_case("local") {
        return (base, Some(Source::Here));
    }
    let dash = trimmed.len().checked_sub(CLOUD_TAG.len());
    let is_cloud = dash
        .and_then(|dash| trimmed.get(dash..))
        .is_some_and(|end| end.eq_ignore_ascii_case(CLOUD_TAG));
    if is_cloud && !trimmed.contains('/') {
        let end = name.trim_end().len() - CLOUD_TAG.len();
        return (name.get(..end).unwrap_or(name), Some(Source::Cloud));
    }
    (name, None)
}

fn is_part(part: &str, longest: usize, marks: &[u8]) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first_fits = part.bytes().next().is_some_and(is_word);
    first_fits
        && part.len() <= longest
        && part
            .bytes()
            .all(|byte| is_word(byte) || marks.contains(&byte))
}

const CLOUD_TAG: &str = "-cloud";
const DEFAULT_HOST: &str = "registry.ollama.ai";
const DEFAULT_NAMESPACE: &str = "library";
const DEFAULT_TAG: &str = "latest";
const MAX_HOST: usize = 350;
const MAX_PART: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Option<String> {
        ModelName::parse(name).map(|name| name.to_string())
    }

    #[test]
    fn every_spelling_of_a_model_is_one_name() {
        for name in [
            "qwen3",
            " Qwen3 ",
            "qwen3:latest",
            "QWEN3:LATEST",
            "library/qwen3",
            "registry.ollama.ai/library/qwen3",
            "https://registry.ollama.ai/library/qwen3:latest",
            "qwen3:local",
            "qwen3:latest:local",
        ] {
            assert_eq!(shown(name).as_deref(), Some("qwen3:latest"), "{name}");
        }
        assert_eq!(
            shown("HF.co/bartowski/Llama:Q4_K_M").as_deref(),
            Some("hf.co/bartowski/llama:q4_k_m")
        );
        assert_eq!(shown("me/tool:7b").as_deref(), Some("me/tool:7b"));
        assert_eq!(
            shown("localhost:5000/me/tool").as_deref(),
            Some("localhost:5000/me/tool:latest")
        );
    }

    #[test]
    fn a_cloud_name_is_known_however_it_is_written() {
        for name in [
            "gpt-oss:120b-cloud",
            "gpt-oss:120b-CLOUD ",
            "gpt-oss:120b:cloud",
            "\tgpt-oss:120b:Cloud",
        ] {
            let name = ModelName::parse(name).unwrap();
            assert!(name.is_cloud(), "{name}");
            assert_eq!(name.to_string(), "gpt-oss:120b:cloud");
        }
        assert!(ModelName::parse("qwen3:cloud").unwrap().is_cloud());
        for name in ["my-cloud", "cloud", "x-cloud:7b", "qwen3:7b"] {
            assert!(!ModelName::parse(name).unwrap().is_cloud(), "{name}");
        }
        assert_ne!(
            ModelName::parse("gpt-oss:120b"),
            ModelName::parse("gpt-oss:120b-cloud")
        );
    }

    #[test]
    fn what_ollama_refuses_is_no_name() {
        for name in [
            "",
            " ",
            "a b",
            "x:",
            ":x",
            "/x",
            "x/",
            "../x",
            "x:cloud:local",
            "x:7b-cloud:local",
            "x@sha256:abc",
            "sha256:",
            "é",
            "-x",
        ] {
            assert_eq!(shown(name), None, "{name}");
        }
        assert_eq!(shown(&"x".repeat(MAX_PART + 1)), None);
    }
}
