//! Where the model's file is found: in a cache outside the repository, where `cargo xtask up` and `cargo xtask test` put it.

use std::{env, path::PathBuf};

use crate::{error::ModelError, model::ModelFile};

/// Reads the model from the cache.
///
/// # Errors
/// It is not there, or is damaged.
pub fn cached() -> Result<ModelFile, ModelError> {
    let path = cache()?.join(FILE);
    let file = ModelFile::read(&path)?;
    if file.digest() == DIGEST {
        Ok(file)
    } else {
        Err(ModelError::Damaged(path))
    }
}

/// The folder for what can be fetched again.
fn cache() -> Result<PathBuf, ModelError> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(cache.ok_or(ModelError::NoCache)?.join("sluice"))
}

/// The file's name in the package and in the cache.
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// SHA-256 of the file.
const DIGEST: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
