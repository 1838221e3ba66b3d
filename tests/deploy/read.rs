//! Reads the files of the repository: YAML as JSON values, TOML, the variables of the application.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

/// A file of the repository.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

pub fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// All documents of a YAML file.
pub fn yaml(relative: &str) -> Vec<Value> {
    documents(&text(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

pub fn documents(text: &str) -> Result<Vec<Value>, serde_yaml_ng::Error> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(Value::deserialize)
        .collect()
}

/// The one document of a YAML file.
pub fn one(relative: &str) -> Value {
    let mut documents = yaml(relative);
    assert_eq!(documents.len(), 1, "{relative}");
    documents.remove(0)
}

pub fn toml(relative: &str) -> toml::Table {
    text(relative)
        .parse()
        .unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The names of all variables of the application.
pub fn variables() -> BTreeSet<String> {
    let manifest = toml("spin.toml");
    let table = manifest["variables"].as_table().expect("a table");
    table.keys().cloned().collect()
}

/// The default of a variable.
pub fn default_of(name: &str) -> String {
    let manifest = toml("spin.toml");
    let default = manifest["variables"][name]["default"].as_str();
    default
        .unwrap_or_else(|| panic!("{name} has no default"))
        .to_owned()
}

/// The text at a JSON pointer.
#[track_caller]
pub fn at<'a>(document: &'a Value, pointer: &str) -> &'a str {
    let value = document.pointer(pointer);
    value
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} is no text: {document:#}"))
}

/// The Redis that a runtime configuration names, and the number of its connections to Ollama.
pub fn runtime_config(relative: &str) -> (String, i64) {
    let config = toml(relative);
    let store = &config["key_value_store"]["default"];
    assert_eq!(store["type"].as_str(), Some("redis"), "{relative}");
    let url = store["url"].as_str().expect("a URL");
    let host = url
        .strip_prefix("redis://")
        .and_then(|rest| rest.split_once(':'));
    let outbound = config["outbound_http"].as_table().expect("a table");
    // Present without it means off.
    assert_eq!(
        outbound["connection_pooling"].as_bool(),
        Some(true),
        "{relative}"
    );
    assert_eq!(outbound.len(), 2, "Spin refuses keys that it does not know");
    let connections = outbound["max_connections"].as_integer();
    (
        host.expect("a host and a port").0.to_owned(),
        connections.expect("a number"),
    )
}
