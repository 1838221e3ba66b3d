//! What `spin.toml` says about the variables of the application.

use anyhow::{Context, Result};

use crate::paths::Repo;

/// The manifest's variables.
pub(crate) struct Variables {
    table: toml::Table,
}

impl Variables {
    /// Reads the manifest of the repository.
    pub(crate) fn read(repo: &Repo) -> Result<Self> {
        let path = repo.root().join("spin.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).context("spin.toml is not TOML")
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut manifest: toml::Table = text.parse()?;
        let table = match manifest.remove("variables") {
            Some(toml::Value::Table(table)) => table,
            _ => toml::Table::new(),
        };
        Ok(Self { table })
    }

    /// The value that a variable has where neither the environment (`SPIN_VARIABLE_…`) nor the
    /// command line says another; empty where there is none.
    pub(crate) fn default_of(&self, name: &str) -> &str {
        let default = self
            .table
            .get(name)
            .and_then(|variable| variable.get("default"));
        default.and_then(toml::Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_read_and_an_absent_one_is_empty() {
        let manifest = "[variables]\nmodel = { default = \"m:1b\" }\nkey = { required = true }\n";
        let variables = Variables::parse(manifest).unwrap();
        assert_eq!(variables.default_of("model"), "m:1b");
        assert_eq!(variables.default_of("key"), "");
        assert_eq!(variables.default_of("unknown"), "");
    }
}
