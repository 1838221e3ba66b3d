//! Names of models: what a client writes, and the model that is meant.

/// A name without its default parts: `smollm2:135m`, `hf.co/a/b:latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Registry and namespace where they are not the usual ones.
    prefix: String,
    model: String,
    tag: String,
    has_tag: bool,
}

/// Where a model is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    Cloud,
}

/// Why a name is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadName {
    Missing,
    Invalid,
    /// `:local` and `:cloud` at once.
    Both(String),
}

impl Name {
    /// Reads a name. Case does not matter, nor the usual registry and namespace, nor spaces around it.
    pub(crate) fn parse(text: &str) -> Result<(Self, Place), BadName> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(BadName::Missing);
        }
        let lower = trimmed.to_lowercase();
        let mut rest = lower.as_str();
        let mut place = Place::Here;
        if let Some(local) = rest.strip_suffix(":local") {
            if local.ends_with(":cloud") || local.ends_with("-cloud") {
                return Err(BadName::Both(text.to_owned()));
            }
            rest = local;
        } else if let Some(cloud) = rest.strip_suffix(":cloud") {
            place = Place::Cloud;
            rest = cloud;
        } else if rest.ends_with("-cloud") {
            place = Place::Cloud;
        }
        let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
        let rest = rest.strip_prefix("registry.ollama.ai/").unwrap_or(rest);
        let rest = rest.strip_prefix("library/").unwrap_or(rest);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        let (prefix, model) = path.rsplit_once('/').unwrap_or(("", path));
        let parts = prefix.split('/').filter(|_| !prefix.is_empty());
        let mut parts = parts.chain([model]).chain(tag);
        if !parts.all(is_part) {
            return Err(BadName::Invalid);
        }
        let name = Self {
            prefix: prefix.to_owned(),
            model: model.to_owned(),
            tag: tag.unwrap_or("latest").to_owned(),
            has_tag: tag.is_some(),
        };
        Ok((name, place))
    }

    /// The name as lists have it.
    pub(crate) fn short(&self) -> String {
        let Self {
            prefix, model, tag, ..
        } = self;
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{model}:{tag}")
    }

    /// The name with its registry and namespace.
    pub(crate) fn full(&self) -> String {
        let prefix = match self.prefix.as_str() {
            "" => "registry.ollama.ai/library".to_owned(),
            prefix if prefix.contains('/') => prefix.to_owned(),
            prefix => format!("registry.ollama.ai/{prefix}"),
        };
        format!("{prefix}/{}:{}", self.model, self.tag)
    }
}

fn is_part(part: &str) -> bool {
    let starts_well = part
        .chars()
        .next()
        .is_some_and(|first| first.is_alphanumeric() || first == '_');
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    starts_well && part.len() <= MAX_PART && part.chars().all(is_name)
}

const MAX_PART: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Result<(String, Place), BadName> {
        Name::parse(text).map(|(name, place)| (name.short(), place))
    }

    #[test]
    fn many_names_mean_the_same_model() {
        for text in [
            "smollm2:135m",
            "SmolLM2:135M",
            " smollm2:135m ",
            "library/smollm2:135m",
            "registry.ollama.ai/library/smollm2:135m",
            "https://registry.ollama.ai/library/smollm2:135m",
            "smollm2:135m:local",
        ] {
            assert_eq!(
                short(text),
                Ok(("smollm2:135m".into(), Place::Here)),
                "{text}"
            );
        }
        assert_eq!(short("m"), Ok(("m:latest".into(), Place::Here)));
        assert_eq!(short("me/m:1"), Ok(("me/m:1".into(), Place::Here)));
        let (name, _) = Name::parse("m:1").unwrap();
        assert_eq!(name.full(), "registry.ollama.ai/library/m:1");
    }

    #[test]
    fn a_name_that_cannot_be_is_told_apart_from_a_missing_one() {
        assert_eq!(short(" "), Err(BadName::Missing));
        for text in ["a b", "m:", "../../etc/passwd", "m@sha256:00", "m?", "-m"] {
            assert_eq!(short(text), Err(BadName::Invalid), "{text}");
        }
        assert_eq!(
            short("x:cloud:local"),
            Err(BadName::Both("x:cloud:local".into()))
        );
        assert_eq!(short("m:1b-cloud").unwrap().1, Place::Cloud);
        assert_eq!(short("m:1b:cloud").unwrap().1, Place::Cloud);
    }
}
