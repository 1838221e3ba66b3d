//! Words that stay where they belong: who may use what, what would trap an instance, what is unfinished.

use super::Finding;
use super::source::{Source, has};

/// Words that may be used in some places only.
struct Rule {
    /// Where the rule holds; an empty path is everywhere.
    within: &'static [&'static str],
    /// Where the words may be used all the same.
    except: &'static [&'static str],
    lines: Lines,
    words: &'static [&'static str],
    says: &'static str,
}

/// Which lines are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Rust outside tests.
    Product,
    /// Rust.
    Code,
    /// Everything.
    Text,
}

const RULES: &[Rule] = &[
    Rule {
        within: COMPONENTS,
        except: &["src/store/"],
        lines: Lines::Product,
        words: &["key_value", "keyvalue"],
        says: "only src/store/ touches the key-value store",
    },
    Rule {
        within: &["crates/host/src/"],
        except: &["crates/host/src/store"],
        lines: Lines::Product,
        words: &["rusqlite::", "redis::"],
        says: "in the host only the store files touch a database",
    },
    Rule {
        within: &["src/"],
        except: &["src/config"],
        lines: Lines::Product,
        words: &["variables::"],
        says: "only src/config reads variables",
    },
    Rule {
        within: &["crates/gate/src/", "crates/ollama/src/"],
        except: &[],
        lines: Lines::Product,
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
        says: "a pure crate has no I/O, clock or randomness",
    },
    Rule {
        within: COMPONENTS,
        except: &[],
        lines: Lines::Product,
        words: &[".unwrap()", ".expect(", "panic!(", "unreachable!("],
        says: "a panic silences every stream of the instance",
    },
    // In two parts, so that this file keeps its own rules.
    Rule {
        within: &[""],
        except: &[],
        lines: Lines::Code,
        words: &[concat!("#[", "ignore"), concat!("should", "_panic")],
        says: "a test says what is wrong, and is not left out",
    },
    Rule {
        within: &[""],
        except: &["Cargo.lock"],
        lines: Lines::Text,
        words: &[
            concat!("to", "do!("),
            concat!("unimple", "mented!("),
            concat!("FIX", "ME"),
        ],
        says: "finish it, or file an issue",
    },
    Rule {
        within: &[""],
        except: &["Cargo.lock"],
        lines: Lines::Text,
        words: &[
            concat!("/ho", "me/"),
            concat!("/Us", "ers/"),
            concat!("/ro", "ot/"),
            concat!("/tm", "p/"),
        ],
        says: "a path of one machine",
    },
];

/// Code that runs in an instance, with the streams of others.
const COMPONENTS: &[&str] = &[
    "src/",
    "crates/gate/src/",
    "crates/ollama/src/",
    "crates/fileserver/src/",
];

/// Finds words outside the places that may use them.
pub(super) fn stay_where_they_belong(source: &Source, findings: &mut Vec<Finding>) {
    let rules = RULES.iter();
    for rule in rules.filter(|rule| source.is_in(rule.within) && !source.is_in(rule.except)) {
        let lines: &mut dyn Iterator<Item = (usize, &str)> = match rule.lines {
            Lines::Product => &mut source.product_code(),
            Lines::Code => &mut source.code(),
            Lines::Text => &mut source.lines(),
        };
        for (number, line) in lines {
            let is_here = |words: &&&str| match rule.lines {
                Lines::Text => line.contains(**words),
                _ => has(line, words),
            };
            for words in rule.words.iter().filter(is_here) {
                findings.push(source.finding(number, format!("{}: {words}", rule.says)));
            }
        }
    }
    error_responses(source, findings);
}

/// Responses with the status of an error are made in one file. To compare an upstream's status with one is fine, and so is a
/// report of bad health.
fn error_responses(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_in(&["src/"]) || source.is_in(&["src/http/refuse", "src/operate/health"]) {
        return;
    }
    for (number, line) in source.product_code() {
        let is_fine = has(line, "StatusCode::OK") || has(line, "StatusCode::NO_CONTENT");
        if has(line, "Reply::") && has(line, "StatusCode::") && !is_fine {
            findings.push(source.finding(number, "only src/http/refuse makes error responses"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        let mut findings = Vec::new();
        stay_where_they_belong(&Source::new(path, text.to_owned()), &mut findings);
        findings.len()
    }

    #[test]
    fn each_word_is_found_where_its_rule_holds_and_only_there() {
        for rule in RULES {
            let within = match rule.within[0] {
                "" => "tests/a.rs".to_owned(),
                folder => format!("{folder}a.rs"),
            };
            for words in rule.words {
                let text = format!("a; {words};\n");
                assert!(count(&within, &text) >= 1, "{words}");
                if rule.lines != Lines::Text {
                    assert_eq!(count(&within, &format!("// {text}")), 0, "{words}");
                }
                if rule.lines == Lines::Product {
                    assert_eq!(count("tests/a.rs", &text), 0, "{words}");
                    let test = format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
                    assert_eq!(count(&within, &test), 0, "{words}");
                }
                for place in rule.except.iter().filter(|place| place.ends_with(".rs")) {
                    assert_eq!(count(place, &text), 0, "{words}");
                }
            }
        }
    }

    #[test]
    fn error_responses_belong_to_one_file() {
        let text = "Reply::json(StatusCode::BAD_GATEWAY, &value)";
        assert_eq!(count("src/router.rs", text), 1);
        assert_eq!(count("src/http/refuse.rs", text), 0);
        assert_eq!(
            count("src/router.rs", "Reply::json(StatusCode::OK, &value)"),
            0
        );
        assert_eq!(
            count("src/router.rs", "status == StatusCode::BAD_GATEWAY"),
            0
        );
    }
}
