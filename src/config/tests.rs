//! Rules of the settings, on the manifest's own defaults.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;

fn manifest() -> toml::Table {
    include_str!("../../spin.toml").parse().unwrap()
}

fn defaults() -> BTreeMap<String, String> {
    let manifest = manifest();
    let variables = manifest["variables"].as_table().unwrap();
    let default = |value: &toml::Value| value["default"].as_str().unwrap().to_owned();
    variables
        .iter()
        .map(|(name, variable)| (name.clone(), default(variable)))
        .collect()
}

fn parsed(overrides: &[(&str, &str)]) -> Result<Config, Misconfigured> {
    let mut values = defaults();
    for (name, value) in overrides {
        assert!(
            values
                .insert((*name).to_owned(), (*value).to_owned())
                .is_some(),
            "no variable {name}"
        );
    }
    Config::parse(&|name| Ok(values.get(name).cloned()))
}

/// The manifest's defaults with some variables set otherwise.
pub(crate) fn config_with(overrides: &[(&str, &str)]) -> Config {
    parsed(overrides).unwrap()
}

/// The room while all upstreams can be used.
fn room(config: &Config) -> sluice_gate::Room {
    let limits = config
        .upstreams
        .iter()
        .map(|upstream| upstream.max_concurrent);
    sluice_gate::Room::new(config.max_concurrent, limits)
}

fn faulty(overrides: &[(&str, &str)]) -> Vec<String> {
    let faults = parsed(overrides).unwrap_err().0;
    faults.into_iter().map(|fault| fault.variable).collect()
}

#[test]
fn the_manifest_defines_and_hands_on_exactly_the_variables_that_are_read() {
    let asked = RefCell::new(BTreeSet::new());
    let values = defaults();
    let config = Config::parse(&|name| {
        asked.borrow_mut().insert(name.to_owned());
        Ok(values.get(name).cloned())
    });
    assert!(config.is_ok());
    let defined: BTreeSet<String> = values.keys().cloned().collect();
    assert_eq!(asked.into_inner(), defined);
    assert_eq!(
        reader::names().into_iter().collect::<BTreeSet<_>>(),
        defined
    );
    let manifest = manifest();
    let handed_on = manifest["component"]["sluice"]["variables"]
        .as_table()
        .unwrap();
    let expected: toml::Table = defined
        .iter()
        .map(|name| (name.clone(), format!("{{{{ {name} }}}}").into()))
        .collect();
    assert_eq!(*handed_on, expected);
}

#[test]
fn the_readme_tells_of_every_variable_and_its_default() {
    // A cell lists names, or values, in backticks; where all are empty, nothing.
    let listed = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    let readme = include_str!("../../README.md");
    let (_, table) = readme
        .split_once("| variable | default | what it sets |")
        .unwrap();
    let (_, rows) = table.split_once("|---|---|---|\n").unwrap();
    let mut told = BTreeMap::new();
    for row in rows.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [names, values, meaning] = cells[..] else {
            panic!("three cells: {row}")
        };
        assert!(!meaning.trim().is_empty(), "{row}");
        let (names, mut values) = (listed(names), listed(values));
        if values.is_empty() {
            values.resize(names.len(), String::new());
        }
        assert_eq!(names.len(), values.len(), "{row}");
        for pair in names.into_iter().zip(values) {
            let again = told.insert(pair.0.clone(), pair.1);
            assert_eq!(again, None, "{}", pair.0);
        }
    }
    // The first upstream's stand for those of all, which have no defaults.
    for name in (2..=MAX_UPSTREAMS).flat_map(upstream::names) {
        told.insert(name, String::new());
    }
    assert_eq!(told, defaults());
    assert!(rows.contains(&format!("`{}`", upstream::names(MAX_UPSTREAMS)[0])));
}

#[test]
fn the_component_may_reach_the_configured_upstreams_and_nothing_else() {
    let manifest = manifest();
    let allowed = manifest["component"]["sluice"]["allowed_outbound_hosts"]
        .as_array()
        .unwrap();
    let expected: Vec<toml::Value> = (1..=MAX_UPSTREAMS)
        .map(|number| format!("{{{{ {} }}}}", upstream::names(number)[0]).into())
        .collect();
    assert_eq!(*allowed, expected);
}

#[test]
fn every_secret_is_marked_as_one() {
    let manifest = manifest();
    for (name, variable) in manifest["variables"].as_table().unwrap() {
        let is_secret = variable
            .get("secret")
            .is_some_and(|secret| secret.as_bool() == Some(true));
        assert_eq!(is_secret, name.contains("api_key"), "{name}");
    }
}

#[test]
fn the_defaults_are_the_missions() {
    let config = config_with(&[]);
    let options = json!({
        "num_ctx": 4096, "num_gpu": 1, "num_thread": 4, "num_parallel": 4,
        "temperature": 0.7, "top_p": 0.9, "repeat_penalty": 1.1, "seed": -1,
    });
    assert_eq!(json!(config.policy.options), options);
    assert_eq!(config.policy.model, "qwen3:1.7b");
    assert_eq!(
        (
            config.max_concurrent,
            room(&config).capacity(),
            config.retry_attempts
        ),
        (4, 4, 2)
    );
    assert_eq!(config.request_timeout, Duration::from_secs(300));
    assert_eq!(config.retry_delay, Duration::from_secs(1));
    assert_eq!(config.connect_timeout, Duration::from_secs(60));
    assert_eq!(config.upstreams.len(), 1);
    assert_eq!(config.upstreams[0].to_string(), "http://127.0.0.1:11434");
    assert!(config.keys.is_empty());
}

#[test]
fn every_fault_is_reported_and_no_value_is_quoted() {
    let overrides = [
        ("ollama_host", "ftp://hidden"),
        ("ollama_base_path", "/hidden/../x"),
        ("ollama_host2", "https://hidden/ollama/"),
        ("num_ctx", "hidden"),
        ("use_mmap", "1"),
        ("max_concurrent", "0"),
        ("queue_timeout", "300"),
        ("retry_delay", "1 hidden"),
        ("record_ttl", "31s"),
        ("max_body", "33MiB"),
        ("api_key", "hid den"),
        ("api_keys", "a:nobody:hidden"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("cors_origins", "hidden.example"),
        ("keep_alive", "hidden"),
        ("ollama_model", ""),
    ];
    let misconfigured = parsed(&overrides).unwrap_err();
    let found: BTreeSet<&str> = misconfigured
        .0
        .iter()
        .map(|fault| fault.variable.as_str())
        .collect();
    assert_eq!(found, overrides.iter().map(|(name, _)| *name).collect());
    let text = misconfigured.to_string();
    assert!(
        !text.contains("hidden") && !text.contains("hid den"),
        "{text}"
    );
}

#[test]
fn a_variable_that_cannot_be_read_is_one_fault() {
    let values = defaults();
    let unread = Config::parse(&|name| match name {
        "ollama_host" => Err("the vault is sealed".to_owned()),
        _ => Ok(values.get(name).cloned()),
    });
    let faults = unread.unwrap_err().0;
    assert_eq!(faults.len(), 1);
    assert!(faults[0].problem.contains("the vault is sealed"));
}

#[test]
fn an_origin_with_a_path_says_where_the_path_goes() {
    assert_eq!(
        faulty(&[("ollama_host", "https://vspace.store/ollama/")]),
        ["ollama_host"]
    );
    let config = config_with(&[
        ("ollama_host", "https://vspace.store/"),
        ("ollama_base_path", "/ollama/"),
    ]);
    assert_eq!(
        config.upstreams[0].to_string(),
        "https://vspace.store/ollama"
    );
}

#[test]
fn upstreams_have_limits_of_their_own_and_the_smaller_sum_is_in_force() {
    let config = config_with(&[
        ("max_concurrent", "8"),
        ("ollama_max_concurrent", "2"),
        ("ollama_host3", "http://b:1"),
        ("ollama_max_concurrent3", "3"),
        ("ollama_api_key3", "k"),
    ]);
    assert_eq!(config.upstreams.len(), 2);
    assert_eq!(room(&config).capacity(), 5);
    assert_eq!([0, 1].map(|index| room(&config).limit(index)), [2, 3]);
    assert_eq!(
        format!("{:?}", config.upstreams[1].api_key),
        "Some(Secret(…))"
    );
}

#[test]
fn an_empty_option_is_not_sent() {
    let config = config_with(&[("num_gpu", ""), ("seed", ""), ("use_mmap", "false")]);
    assert_eq!(config.policy.options.get("num_gpu"), None);
    assert_eq!(config.policy.options["use_mmap"], json!(false));
}

#[test]
fn a_name_that_two_keys_have_is_a_fault() {
    assert_eq!(
        faulty(&[("api_keys", "a:batch:x a:operator:y")]),
        ["api_keys"]
    );
    assert_eq!(
        faulty(&[("api_key", "x"), ("api_keys", "default:batch:y")]),
        ["api_keys"]
    );
}

#[test]
fn allowed_models_know_the_default_tag() {
    let config = config_with(&[("allowed_models", "qwen3:1.7b, llama3")]);
    assert!(config.allows_model("llama3:latest") && config.allows_model("Llama3"));
    assert!(!config.allows_model("llama3:8b"));
    assert!(config_with(&[]).allows_model("anything"));
}

#[test]
fn a_network_contains_its_addresses_and_no_others() {
    let config = config_with(&[("trusted_proxies", "10.1.0.0/16 ::1 0.0.0.0/0")]);
    let within = |index: usize, address: &str| {
        config.trusted_proxies[index].contains(address.parse().unwrap())
    };
    assert!(within(0, "10.1.255.1") && within(0, "::ffff:10.1.0.1") && !within(0, "10.2.0.1"));
    assert!(within(1, "::1") && !within(1, "::2") && !within(1, "127.0.0.1"));
    assert!(within(2, "203.0.113.1") && !within(2, "2001:db8::1"));
}
