//! Who may use what: the arrows of the house, as words that stay where they belong.

use super::Finding;
use super::source::{Source, has};

/// Words that may be used in some places of a part of the repository only.
struct Confinement {
    /// Where the rule holds.
    within: &'static [&'static str],
    /// Where the words may be used all the same.
    allowed: &'static [&'static str],
    words: &'static [&'static str],
    rule: &'static str,
}

const CONFINEMENTS: &[Confinement] = &[
    Confinement {
        within: &[
            "src/",
            "crates/fileserver/src/",
            "crates/gate/src/",
            "crates/ollama/src/",
        ],
        allowed: &["src/store.rs"],
        words: &["key_value", "keyvalue"],
        rule: "only src/store.rs touches the key-value store",
    },
    Confinement {
        within: &["crates/host/src/"],
        allowed: &["crates/host/src/store"],
        words: &["rusqlite::", "redis::"],
        rule: "in the host only the store files touch a database",
    },
    Confinement {
        within: &["src/"],
        allowed: &["src/config"],
        words: &["variables::"],
        rule: "only src/config reads variables",
    },
    Confinement {
        within: &["crates/gate/src/", "crates/ollama/src/"],
        allowed: &[],
        words: &[
            "Instant",
            "SystemTime",
            "fs::",
            "net::",
            "env::",
            "process::",
            "thread::",
            "rand::",
            "getrandom::",
            "tokio::",
            "hyper::",
            "spin_sdk",
            "wasip3",
            "wit_bindgen",
        ],
        rule: "a pure crate has no I/O, clock or randomness",
    },
];

/// Finds words outside the places that may use them. Tests may use anything.
pub(super) fn words_stay_where_they_belong(source: &Source, findings: &mut Vec<Finding>) {
    for confinement in CONFINEMENTS {
        if !source.is_in(confinement.within) || source.is_in(confinement.allowed) {
            continue;
        }
        for (number, line) in source.product_code() {
            for words in confinement.words.iter().filter(|words| has(line, words)) {
                findings.push(source.finding(number, format!("{}: {words}", confinement.rule)));
            }
        }
    }
}

/// Finds responses with the status of an error outside the file that makes them. To compare an
/// upstream's status with one is fine, and so is a report of bad health.
pub(super) fn refusal_makes_the_error_responses(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_in(&["src/"]) || source.is_in(&["src/http/refuse", "src/operate/health"]) {
        return;
    }
    for (number, line) in source.product_code() {
        let is_fine = ["StatusCode::OK", "StatusCode::NO_CONTENT"]
            .iter()
            .any(|word| has(line, word));
        if has(line, "Reply::") && has(line, "StatusCode::") && !is_fine {
            findings.push(source.finding(number, "only src/http/refuse.rs makes error responses"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        let source = Source::new(path, text.to_owned());
        words_stay_where_they_belong(&source, &mut findings);
        refusal_makes_the_error_responses(&source, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_store_belongs_to_one_file() {
        let text = "\nuse spin_sdk::key_value::Store;";
        let expected =
            ["src/router.rs:2: only src/store.rs touches the key-value store: key_value"];
        assert_eq!(findings("src/router.rs", text), expected);
        assert!(findings("src/store.rs", text).is_empty());
    }

    #[test]
    fn databases_belong_to_the_hosts_store() {
        assert_eq!(
            findings("crates/host/src/serve.rs", "rusqlite::open()").len(),
            1
        );
        assert!(findings("crates/host/src/store/sqlite.rs", "rusqlite::open()").is_empty());
    }

    #[test]
    fn variables_belong_to_config() {
        assert_eq!(
            findings("src/answer/relay.rs", "variables::get(name)").len(),
            1
        );
        assert!(findings("src/config/mod.rs", "variables::get(name)").is_empty());
        assert!(findings("src/answer/relay.rs", "// not variables::get").is_empty());
    }

    #[test]
    fn error_responses_belong_to_refusal() {
        let text = "Reply::json(StatusCode::BAD_GATEWAY, &value)";
        assert_eq!(findings("src/router.rs", text).len(), 1);
        assert!(findings("src/http/refuse.rs", text).is_empty());
        assert!(findings("src/router.rs", "Reply::json(StatusCode::OK, &value)").is_empty());
        assert!(findings("src/answer/relay.rs", "status == StatusCode::BAD_GATEWAY").is_empty());
    }

    #[test]
    fn pure_crates_are_pure_outside_tests() {
        for text in [
            "use std::{fs, time::Instant};",
            "std::net::TcpStream",
            "let x = rand::rng();",
        ] {
            assert_eq!(findings("crates/gate/src/lib.rs", text).len(), 1, "{text}");
            assert!(findings("crates/gate/tests/model.rs", text).is_empty());
            assert!(findings("crates/host/src/lib.rs", text).is_empty());
        }
    }
}
