//! What `docs/operating.md` says to type without an engine sets what the files of the same set-up set.

use std::collections::BTreeMap;

use crate::read;

/// Where it is, and who may: these differ between a network of containers and one machine.
const PLACES: [&str; 4] = ["ollama_host", "trusted_proxies", "api_key", "api_keys"];

/// The settings in the commands of a section.
fn typed(heading: &str) -> BTreeMap<String, String> {
    let page = read::text("docs/operating.md");
    let section = page.split_once(heading).expect(heading).1;
    let section = section.split("\n#").next().unwrap_or_default();
    let words = section.split_whitespace();
    let settings = words.filter_map(|word| word.strip_prefix("SPIN_VARIABLE_")?.split_once('='));
    settings
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect()
}

/// The settings of a compose file that are not the manifest's defaults.
fn set(file: &str) -> BTreeMap<String, String> {
    let compose = read::one(file);
    let environment = compose["services"]["sluice"]["environment"].as_object();
    let environment = environment.expect("an environment").iter();
    let settings = environment.filter_map(|(name, value)| {
        let name = name.strip_prefix("SPIN_VARIABLE_")?.to_lowercase();
        let value = value.as_str().expect("a text");
        let value = match value.split_once(":-") {
            Some((_, default)) => default.trim_end_matches('}'),
            None => value,
        };
        let is_default = value == read::default_of(&name);
        (!is_default).then(|| (name, value.to_owned()))
    });
    settings.collect()
}

fn without_places(mut settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
    settings.retain(|name, _| !PLACES.contains(&name.as_str()));
    settings
}

#[test]
fn what_is_typed_without_an_engine_sets_what_the_files_set() {
    for (heading, file) in [
        (
            "### Open WebUI in front",
            "deploy/setups/open-webui/compose.yaml",
        ),
        (
            "### Three boxes and two hosts",
            "deploy/setups/three-boxes/host.yaml",
        ),
    ] {
        let (typed, set) = (typed(heading), set(file));
        assert_eq!(
            typed.contains_key("trusted_proxies"),
            set.contains_key("trusted_proxies"),
            "{heading}"
        );
        assert_eq!(without_places(typed), without_places(set), "{heading}");
    }
}
