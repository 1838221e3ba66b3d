//! Rules about code: what tests do not do, and what must not trap an instance.

use super::Finding;
use super::source::{Source, has};

/// Tests neither wait for time to pass, nor are left out, nor pass by a panic of any kind.
pub(super) fn tests_do_not_cheat(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.code() {
        for (words, rule) in CHEATS {
            if has(line, words) {
                findings.push(source.finding(number, rule));
            }
        }
    }
}

/// A panic in a component silences every stream of its instance, up to 127 others.
pub(super) fn nothing_traps_the_instance(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_in(IN_THE_INSTANCE) {
        return;
    }
    for (number, line) in source.product_code() {
        for words in TRAPS.into_iter().filter(|words| has(line, words)) {
            let rule = format!("a panic silences every stream of the instance: {words}");
            findings.push(source.finding(number, rule));
        }
    }
}

const CHEATS: [(&str, &str); 3] = [
    (
        concat!("#[", "ignore"),
        "a test that is left out tests nothing",
    ),
    (
        concat!("should", "_panic"),
        "a test says what is wrong, not that something is",
    ),
    (
        concat!("thread", "::sleep"),
        "wait for a signal, not for time to pass",
    ),
];

const TRAPS: [&str; 4] = [".unwrap()", ".expect(", "panic!(", "unreachable!("];

const IN_THE_INSTANCE: &[&str] = &[
    "src/",
    "crates/gate/src/",
    "crates/ollama/src/",
    "crates/fileserver/src/",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::count;

    #[test]
    fn each_way_to_cheat_is_found() {
        for (words, _) in CHEATS {
            assert_eq!(count(tests_do_not_cheat, "tests/a.rs", words), 1, "{words}");
            let quoted = format!("\"{words}\"");
            assert_eq!(
                count(tests_do_not_cheat, "tests/a.rs", &quoted),
                0,
                "{words}"
            );
        }
    }

    #[test]
    fn a_trap_is_found_where_streams_share_an_instance() {
        for words in TRAPS {
            let text = format!("fn f() {{ a{words}; }}").replace("apanic", "panic");
            let text = text.replace("aunreachable", "unreachable");
            assert_eq!(
                count(nothing_traps_the_instance, "src/answer/relay.rs", &text),
                1,
                "{words}"
            );
            assert_eq!(
                count(nothing_traps_the_instance, "crates/host/src/lib.rs", &text),
                0
            );
            let test = format!("#[cfg(test)]\nmod tests {{\n{text}\n}}");
            assert_eq!(
                count(nothing_traps_the_instance, "src/answer/relay.rs", &test),
                0
            );
        }
    }
}
