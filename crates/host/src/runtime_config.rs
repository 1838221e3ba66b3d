//! `runtime-config.toml`: the stores, the outbound connections, the state folder. Unknown keys are errors, as in Spin; of
//! Spin's keys only those of features that this host has are known.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::Error;

/// The checked runtime config; the default stands for an absent file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeConfig {
    /// Where SQLite stores lie, unless the command line says so.
    pub(crate) state_dir: Option<PathBuf>,
    /// Bytes of linear memory for one instance, unless the command line allows less.
    pub(crate) max_instance_memory: Option<usize>,
    /// `[key_value_store.label]` tables.
    #[serde(default)]
    pub(crate) key_value_store: BTreeMap<String, StoreConfig>,
    /// The `[outbound_http]` table.
    pub(crate) outbound_http: Option<OutboundHttp>,
}

/// One key-value store.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum StoreConfig {
    /// SQLite; without a path the store lives in memory, and as long as the host.
    Spin {
        /// The database file, relative to the runtime config.
        path: Option<PathBuf>,
    },
    /// Redis.
    Redis {
        /// `redis://[user:password@]host[:port][/database]`
        url: String,
    },
}

/// Limits of outbound HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboundHttp {
    /// Whether connections are kept for the next request. False when the table is there without it, true without the table.
    #[serde(default)]
    pub(crate) connection_pooling: bool,
    /// Connections in use at the same time; without it there is no limit.
    pub(crate) max_connections: Option<usize>,
}

impl RuntimeConfig {
    /// Reads and checks the file at `path`. Relative store paths are resolved against its folder.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|err| Error::File {
            path: path.to_owned(),
            reason: err.to_string(),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for store in config.key_value_store.values_mut() {
            if let StoreConfig::Spin { path: Some(path) } = store {
                *path = folder.join(&*path);
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuntimeConfig, String> {
        toml::from_str(text).map_err(|err| err.to_string())
    }

    #[test]
    fn stores_of_both_types_are_known() {
        let config = parse(
            "[key_value_store.default]\ntype = 'redis'\nurl = 'redis://h'\n[key_value_store.other]\ntype = 'spin'\npath = 'p'\n",
        );
        let stores = config.unwrap().key_value_store;
        assert!(matches!(&stores["default"], StoreConfig::Redis { url } if url == "redis://h"));
        assert!(
            matches!(&stores["other"], StoreConfig::Spin { path: Some(path) } if path == Path::new("p"))
        );
    }

    #[test]
    fn pooling_is_off_only_where_the_table_is_there_without_it() {
        assert!(parse("").unwrap().outbound_http.is_none());
        let config = parse("[outbound_http]\nmax_connections = 3\n")
            .unwrap()
            .outbound_http
            .unwrap();
        assert_eq!(
            (config.connection_pooling, config.max_connections),
            (false, Some(3))
        );
    }

    #[test]
    fn unknown_keys_are_errors_that_name_them() {
        for text in [
            "colour = 'blue'\n",
            "[outbound_http]\ncolour = 1\n",
            "[key_value_store.default]\ntype = 'redis'\nurl = 'u'\ncolour = 1\n",
            "[key_value_store.default]\ntype = 'colour'\n",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("colour"), "{error}");
        }
    }
}
