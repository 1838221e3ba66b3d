//! The numbers of what upstreams run: what the gate knows a model by.
//!
//! Names of one file share a runner if the options with which Ollama starts it are the same; so they have one number. Where the
//! file is not known, each name has its own.

use std::cell::RefCell;
use std::collections::HashMap;

use sluice_ollama::options::PINNED;
use sluice_ollama::{ModelName, Policy};

use crate::upstreams::catalog::Facts;

/// The most names that are remembered.
const MOST: usize = 512;

/// A model that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: ModelName,
    /// It makes vectors and cannot answer.
    pub only_embeds: bool,
}

/// The number of what runs for a model; never 0, which is no model's.
pub fn number_of(policy: &Policy, name: &ModelName, facts: Option<&Facts>) -> u64 {
    let number = match facts.and_then(|facts| Some((facts, facts.blob.as_deref()?))) {
        None => of_name(name),
        Some((facts, blob)) => {
            let policy = policy.of(&name.to_string());
            let options = PINNED.into_iter().filter_map(|name| {
                // It is no runner's, but the server's.
                let value = policy
                    .options
                    .get(name)
                    .filter(|_| name != "num_parallel")?;
                Some(format!("{name}={value}"))
            });
            // What the model itself sets counts where the operator sets nothing.
            let own = facts.parameters.lines().filter_map(|line| {
                let (name, value) = line.split_once(char::is_whitespace)?;
                let is_free = PINNED.contains(&name) && !policy.options.contains_key(name);
                is_free.then(|| format!("{name}={}", value.trim()))
            });
            let shift = policy.shift.map(|shift| format!("shift={shift}"));
            let parts: Vec<String> = options.chain(own).chain(shift).collect();
            let parts = parts.iter().map(String::as_str);
            hash([blob].into_iter().chain(parts))
        }
    };
    remember(number, name, facts);
    number
}

/// The number of a model of which no more than its name is known.
pub(super) fn of_name(name: &ModelName) -> u64 {
    hash([name.to_string().as_str()])
}

/// A name of the model with this number, the first that was seen here.
pub fn name_of(number: u64) -> Option<String> {
    named(number).map(|named| named.name.to_string())
}

/// The same with what a load needs to know.
pub fn named(number: u64) -> Option<Named> {
    NAMES.with_borrow(|names| names.get(&number).cloned())
}

/// FNV-1a, which is the same on every host; the parts are told apart.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash.max(1)
}

fn remember(number: u64, name: &ModelName, facts: Option<&Facts>) {
    NAMES.with_borrow_mut(|names| {
        if names.len() < MOST {
            names.entry(number).or_insert_with(|| Named {
                name: name.clone(),
                only_embeds: false,
            });
        }
        let Some(facts) = facts else {
            return;
        };
        // Before anybody said what it is it was seen by its name's number.
        for number in [number, of_name(name)] {
            if let Some(named) = names.get_mut(&number) {
                named.only_embeds = facts.only_embeds();
            }
        }
    });
}

thread_local! {
    static NAMES: RefCell<HashMap<u64, Named>> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_ollama::{ModelPattern, Override};

    use super::*;

    fn facts(blob: Option<&str>, parameters: &str) -> Facts {
        Facts {
            blob: blob.map(str::to_owned),
            parameters: parameters.to_owned(),
            ..Facts::default()
        }
    }

    fn number(policy: &Policy, name: &str, facts: &Facts) -> u64 {
        number_of(policy, &ModelName::parse(name).unwrap(), Some(facts))
    }

    #[test]
    fn names_of_one_file_with_the_same_options_are_one() {
        let policy = Policy::default().with_overrides([Override {
            models: ModelPattern::parse("big").unwrap(),
            options: json!({ "num_ctx": 8192 }).as_object().cloned().unwrap(),
            keep_alive: None,
            shift: None,
        }]);
        let plain = facts(Some("sha256-1"), "stop   \"x\"\ntemperature 0");
        let one = number(&policy, "one", &plain);
        assert_eq!(one, number(&policy, "other", &plain));
        assert_eq!(one, number(&policy, "other", &facts(Some("sha256-1"), "")));
        for (name, facts) in [
            ("one", &facts(Some("sha256-2"), "")),
            (
                "one",
                &facts(Some("sha256-1"), "num_ctx                512"),
            ),
            ("big", &plain),
        ] {
            assert_ne!(one, number(&policy, name, facts), "{name}");
        }
        assert!(["one:latest", "other:latest"].contains(&name_of(one).unwrap().as_str()));
    }

    #[test]
    fn a_model_that_was_seen_by_its_name_alone_is_known_to_embed_once_that_is_said() {
        let policy = Policy::default();
        let name = ModelName::parse("vectors").unwrap();
        let by_name = number_of(&policy, &name, None);
        assert!(!named(by_name).unwrap().only_embeds);
        let embeds = Facts {
            capabilities: Some(vec!["embedding".to_owned()]),
            ..facts(Some("sha256-3"), "")
        };
        let by_file = number_of(&policy, &name, Some(&embeds));
        assert_ne!(by_name, by_file);
        assert!([by_name, by_file].map(|number| named(number).unwrap().only_embeds) == [true; 2]);
    }

    #[test]
    fn where_the_file_is_not_known_each_name_is_its_own() {
        let policy = Policy::default();
        let unknown = facts(None, "");
        let one = number(&policy, "one", &unknown);
        assert_eq!(one, number(&policy, "ONE:latest", &unknown));
        assert_ne!(one, number(&policy, "other", &unknown));
        assert_eq!(name_of(0), None);
    }
}
