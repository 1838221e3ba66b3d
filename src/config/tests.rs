//! Rules of the settings, on the manifest's own defaults.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::*;

mod keys;

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
    let faults = parsed(overrides).unwrap_err().faults;
    faults.into_iter().map(|fault| fault.variable).collect()
}

#[test]
fn what_is_read_is_what_the_table_names_and_every_default_can_be_used() {
    let asked = RefCell::new(BTreeSet::new());
    let values = defaults();
    let config = Config::parse(&|name| {
        asked.borrow_mut().insert(name.to_owned());
        Ok(values.get(name).cloned())
    });
    assert_eq!(config.unwrap().warnings, []);
    let named: BTreeSet<String> = table::names().into_iter().collect();
    assert_eq!(asked.into_inner(), named);
    assert_eq!(values.into_keys().collect::<BTreeSet<_>>(), named);
}

#[test]
fn every_pinned_option_is_a_setting_and_every_setting_an_option() {
    let names = table::OPTIONS.map(|row| row.name);
    for pinned in sluice_ollama::options::PINNED {
        assert!(names.contains(&pinned), "{pinned}");
    }
    for name in names {
        assert!(
            sluice_ollama::options::kind_of(name).is_some() || name == "num_parallel",
            "{name}"
        );
    }
}

#[test]
fn every_secret_is_marked_as_one() {
    for setting in table::all() {
        let name = setting.row.name;
        assert_eq!(setting.is_secret, name.contains("api_key"), "{name}");
    }
}

#[test]
fn a_variable_that_the_manifest_does_not_define_has_its_default_and_is_named() {
    let missing = ["max_queue", "ollama_host3", "num_ctx"];
    let mut values = defaults();
    for name in missing {
        values.remove(name);
    }
    let config = Config::parse(&|name| Ok(values.get(name).cloned())).unwrap();
    assert_eq!(config.max_queue, 64);
    assert_eq!(config.policy.options["num_ctx"], json!(4096));
    let named: BTreeSet<&str> = config
        .warnings
        .iter()
        .map(|warning| warning.variable.as_str())
        .collect();
    assert_eq!(named, BTreeSet::from(missing));
}

#[test]
fn a_renamed_setting_is_read_by_its_old_name_where_the_new_one_is_not_defined() {
    let row = reader::Row {
        name: "new",
        was: Some("old"),
        default: "1",
        since: "0.2.0",
        what: "",
    };
    let take = |values: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let found = values.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        let mut reader = reader::Reader::new(&lookup);
        let value = reader.take(&row, 1, &form::count(1, 9));
        let told = reader.finish().map(|warnings| {
            let names = warnings.into_iter().map(|warning| warning.variable);
            names.collect::<Vec<_>>()
        });
        (value, told)
    };
    assert_eq!(take(&[("old", "5")]), (5, Ok(vec!["old".to_owned()])));
    assert_eq!(take(&[("old", "5"), ("new", "6")]), (6, Ok(vec![])));
    assert_eq!(take(&[]), (1, Ok(vec!["new".to_owned()])));
    assert!(take(&[("old", "0")]).1.is_err());
}

#[test]
fn durations_and_sizes_have_units_and_bounds() {
    let duration = |text: &str| {
        form::duration(Duration::from_secs(1), Duration::from_secs(90))
            .read(text)
            .ok()
    };
    assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
    assert_eq!(duration(" 1m 30s "), Some(Duration::from_secs(90)));
    assert_eq!(duration("1500ms"), Some(Duration::from_millis(1_500)));
    for wrong in ["90", "91s", "0s", "", "s", "-5s", "1e3s"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
    let size = |text: &str| form::size(1 << 20).read(text).ok();
    assert_eq!(size("1MiB"), Some(1 << 20));
    assert_eq!(size("512 KiB"), Some(512 << 10));
    assert_eq!(size("100B"), Some(100));
    for wrong in ["100", "2MiB", "0B", "", "MiB", "-1KiB"] {
        assert_eq!(size(wrong), None, "{wrong}");
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
        ("max_body", "49MiB"),
        ("api_key", "hid den"),
        ("api_keys", "a:nobody:hidden"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("keep_alive", "hidden"),
        ("ollama_model", ""),
    ];
    let misconfigured = parsed(&overrides).unwrap_err();
    let found: BTreeSet<&str> = misconfigured
        .faults
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
        "api_keys" => Ok(Some("ops:operator:secret".to_owned())),
        _ => Ok(values.get(name).cloned()),
    });
    let misconfigured = unread.unwrap_err();
    let faults = &misconfigured.faults;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].problem, "cannot be read from its provider");
    assert_eq!(faults[0].cause.as_deref(), Some("the vault is sealed"));
    assert!(misconfigured.to_string().ends_with(": the vault is sealed"));
    // Whoever runs the place is known all the same, and may see that.
    assert_eq!(misconfigured.rest.keys[0].name, "ops");
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
    let told: Vec<&str> = config
        .warnings
        .iter()
        .map(|warning| warning.variable.as_str())
        .collect();
    assert_eq!(told, ["ollama_host3"], "it has the number of another");
}

#[test]
fn an_empty_option_is_not_sent() {
    let config = config_with(&[("num_gpu", ""), ("seed", ""), ("use_mmap", "false")]);
    assert_eq!(config.policy.options.get("num_gpu"), None);
    assert_eq!(config.policy.options["use_mmap"], json!(false));
}

#[test]
fn a_keep_alive_is_what_ollama_takes() {
    for (text, is_one) in [
        ("300", true),
        ("-1", true),
        ("5m", true),
        ("1h15m", true),
        ("-1ns", true),
        ("5xm", false),
        ("1.5.5m", false),
        ("m", false),
    ] {
        let config = parsed(&[("keep_alive", text)]);
        assert_eq!(config.is_ok(), is_one, "{text}");
    }
}

#[test]
fn allowed_models_are_compared_as_ollama_resolves_names() {
    let config = config_with(&[("allowed_models", "qwen3:1.7b, hf.co/me/llama3")]);
    for model in [
        "qwen3:1.7b",
        " Library/QWEN3:1.7B ",
        "registry.ollama.ai/library/qwen3:1.7b",
        "qwen3:1.7b:local",
        "HF.CO/me/llama3:latest",
    ] {
        assert!(config.allows_model(model), "{model}");
    }
    for model in [
        "qwen3",
        "qwen3:1.7b-cloud",
        "llama3",
        "you/qwen3:1.7b",
        "",
        "qwen3:",
    ] {
        assert!(!config.allows_model(model), "{model}");
    }
    assert!(config_with(&[]).allows_model("anything"));
    assert_eq!(
        faulty(&[("allowed_models", "qwen3:1.7b, a:b:c/")]),
        ["allowed_models"]
    );
}

#[test]
fn a_default_model_that_nobody_may_ask_for_is_a_fault() {
    assert_eq!(faulty(&[("allowed_models", "llama3")]), ["ollama_model"]);
    assert_eq!(
        faulty(&[("ollama_model", "gpt-oss:120b-cloud")]),
        ["ollama_model"]
    );
    let allowed = [
        ("ollama_model", "gpt-oss:120b-cloud"),
        ("allowed_models", "gpt-oss:120b:cloud"),
    ];
    config_with(&allowed);
    config_with(&[
        ("ollama_model", "gpt-oss:120b-cloud"),
        ("allow_cloud", "true"),
    ]);
}

#[test]
fn a_network_contains_its_addresses_and_no_others() {
    let config = config_with(&[("trusted_proxies", "10.1.0.0/16 ::1 0.0.0.0/0")]);
    let within = |index: usize, address: &str| {
        let address: IpAddr = address.parse().unwrap();
        config.trusted_proxies[index].contains(&address.to_canonical())
    };
    assert!(within(0, "10.1.255.1") && within(0, "::ffff:10.1.0.1") && !within(0, "10.2.0.1"));
    assert!(within(1, "::1") && !within(1, "::2") && !within(1, "127.0.0.1"));
    assert!(within(2, "203.0.113.1") && !within(2, "2001:db8::1"));
    let mapped = config_with(&[("trusted_proxies", "::ffff:10.0.0.0/104")]);
    assert!(mapped.trusted_proxies[0].contains(&IpAddr::from([10, 9, 9, 9])));
}

#[test]
fn an_entry_of_a_list_that_is_none_disables_itself_alone() {
    let config = config_with(&[
        ("allowed_hosts", "https://a.example b.example"),
        ("cors_origins", "a.example, https://b.example"),
    ]);
    assert!(config.allowed_hosts.allows("b.example", false));
    assert!(!config.allowed_hosts.allows("a.example", false));
    assert!(config.cors_origins.allow("https://b.example"));
    assert_eq!(
        (config.allowed_hosts.faulty, config.cors_origins.faulty),
        (vec![1], vec![1])
    );
}
