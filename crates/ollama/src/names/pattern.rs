//! Patterns of names: one name, or several with `*`.

use super::ModelName;

/// A pattern of names of models. Without a `*` it is one name, as Ollama resolves it; a `*` stands for any letters, tag and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPattern {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    One(ModelName),
    /// In small letters, without what a short name leaves out.
    Several(String),
}

impl ModelPattern {
    /// Reads a pattern; `None`: there can be no such name.
    pub fn parse(written: &str) -> Option<ModelPattern> {
        let written = written.trim();
        if !written.contains('*') {
            let kind = Kind::One(ModelName::parse(written)?);
            return Some(ModelPattern { kind });
        }
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"*-_.:/".contains(&byte);
        if written.len() > MAX || !written.bytes().all(is_letter) {
            return None;
        }
        let small = written.to_ascii_lowercase();
        let short = ["registry.ollama.ai/library/", "library/"]
            .into_iter()
            .find_map(|prefix| small.strip_prefix(prefix));
        let kind = Kind::Several(short.unwrap_or(&small).to_owned());
        Some(ModelPattern { kind })
    }

    /// The one name that it stands for; `None`: there may be several.
    pub fn one(&self) -> Option<&ModelName> {
        match &self.kind {
            Kind::One(name) => Some(name),
            Kind::Several(_) => None,
        }
    }

    /// Whether a name is one of those. The tag `latest` may be left out of a pattern as it may of a name.
    pub fn matches(&self, name: &ModelName) -> bool {
        match &self.kind {
            Kind::One(one) => one == name,
            Kind::Several(pattern) => {
                let name = name.to_string();
                let short = name.strip_suffix(":latest").unwrap_or(&name);
                fits(pattern, &name) || fits(pattern, short)
            }
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for anything. Each star takes as little as it can, so that the work is bounded
/// by the product of both lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    // Without a star the whole text must have been the first part.
    rest.is_empty()
}

/// The longest pattern, in bytes.
const MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let name = ModelName::parse(name).unwrap();
        ModelPattern::parse(pattern).unwrap().matches(&name)
    }

    #[test]
    fn without_a_star_it_is_one_name_in_any_spelling() {
        assert!(matches("qwen3", "Library/QWEN3:latest"));
        assert!(!matches("qwen3", "qwen3:8b"));
        assert!(ModelPattern::parse("qwen3:8b").unwrap().one().is_some());
    }

    #[test]
    fn a_star_stands_for_anything_with_the_tag_or_without() {
        for (pattern, name) in [
            ("*", "anything"),
            ("qwen3:*", "qwen3"),
            ("qwen3:*", "QWEN3:8b"),
            ("Qwen3*", "qwen3-coder:30b"),
            ("library/qwen3:*", "qwen3:8b"),
            ("claude-*", "claude-sonnet-4-5"),
            ("*-embed-text", "nomic-embed-text"),
            ("*embed*", "nomic-embed-text:v1.5"),
            ("hf.co/*:q4_k_m", "hf.co/me/Llama:Q4_K_M"),
            ("a*b*c", "axbxbxc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("qwen3:*", "qwen3-coder:30b"),
            ("claude-*", "my-claude-x"),
            ("*-embed-text", "nomic-embed-text:v1.5"),
            ("a*b*c", "axc"),
            ("ab*ba", "aba"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(ModelPattern::parse("qwen3:*").unwrap().one().is_none());
    }

    #[test]
    fn what_no_name_can_be_is_no_pattern() {
        for pattern in ["", "a b", "x:", "a*b c", "é*", &"*".repeat(MAX + 1)] {
            assert!(ModelPattern::parse(pattern).is_none(), "{pattern}");
        }
    }
}
