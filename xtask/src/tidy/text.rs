//! Rules about files as text: beginnings, lengths, what is unfinished, paths and links.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::source::Source;

/// Every file of Rust starts with what it is for.
pub(super) fn file_says_what_it_is_for(source: &Source, findings: &mut Vec<Finding>) {
    if source.is(&["rs"]) && !source.text.starts_with("//!") {
        findings.push(source.finding(1, "a file starts with `//!`: what it is for"));
    }
}

/// A file that grew is split.
pub(super) fn file_is_short(source: &Source, findings: &mut Vec<Finding>) {
    let lines = source.text.lines().count();
    if source.is(&["rs", "js", "mjs", "css"]) && lines > LONGEST_FILE {
        let rule = format!("{lines} lines: at {LONGEST_FILE} a file is split");
        findings.push(source.finding(lines, rule));
    }
}

/// Nothing is left for later where only its author would find it.
pub(super) fn nothing_is_unfinished(source: &Source, findings: &mut Vec<Finding>) {
    if source.is(&["rs", "js", "mjs", "css", "html", "toml", "md"]) {
        for_each_line(source, &UNFINISHED, "finish it, or file an issue", findings);
    }
}

/// A path of somebody's machine works on no other.
pub(super) fn no_path_of_a_persons_machine(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.ends_with(".lock") && !source.path.ends_with("lock.json") {
        for_each_line(source, &PERSONAL, "a path of one machine", findings);
    }
}

/// Links between the documents lead somewhere. `exists` takes a path relative to the root.
pub(super) fn links_exist(
    source: &Source,
    exists: impl Fn(&Path) -> bool,
    findings: &mut Vec<Finding>,
) {
    if !source.is(&["md"]) {
        return;
    }
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    let mut is_sample = false;
    for (index, line) in source.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_sample = !is_sample;
        }
        for target in links(line).filter(|_| !is_sample) {
            if !within(folder, target).is_some_and(|target| exists(&target)) {
                findings.push(source.finding(index + 1, format!("a link to nothing: {target}")));
            }
        }
    }
}

/// The relative targets of the links and pictures in a line, without what follows a `#`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = LINKS.iter().flat_map(move |(start, end)| {
        line.match_indices(start).filter_map(move |(at, _)| {
            let rest = &line[at + start.len()..];
            rest.split_once(end).map(|(target, _)| target)
        })
    });
    targets
        .filter_map(|target| target.split([' ', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// A path seen from a folder, `..` resolved; `None` when it leads out of the repository.
fn within(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

fn for_each_line(source: &Source, words: &[&str], rule: &str, findings: &mut Vec<Finding>) {
    for (index, line) in source.text.lines().enumerate() {
        for words in words.iter().filter(|words| line.contains(**words)) {
            findings.push(source.finding(index + 1, format!("{rule}: {words}")));
        }
    }
}

const LONGEST_FILE: usize = 400;

// Written in two parts, so that this file keeps its own rules.
const UNFINISHED: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

const PERSONAL: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
];

/// How a link starts and ends, in Markdown and in the HTML that it may hold.
const LINKS: [(&str, &str); 3] = [("](", ")"), ("src=\"", "\""), ("href=\"", "\"")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::count;

    #[test]
    fn rust_starts_with_its_purpose() {
        assert_eq!(count(file_says_what_it_is_for, "a.rs", "//! Does a.\n"), 0);
        assert_eq!(count(file_says_what_it_is_for, "a.rs", "use b;\n"), 1);
        assert_eq!(count(file_says_what_it_is_for, "a.js", "import b;\n"), 0);
    }

    #[test]
    fn a_file_of_more_than_400_lines_is_too_long() {
        assert_eq!(count(file_is_short, "a.css", &"a\n".repeat(400)), 0);
        assert_eq!(count(file_is_short, "a.css", &"a\n".repeat(401)), 1);
        assert_eq!(count(file_is_short, "a.md", &"a\n".repeat(401)), 0);
    }

    #[test]
    fn what_is_unfinished_is_found() {
        for words in UNFINISHED {
            assert_eq!(count(nothing_is_unfinished, "a.rs", words), 1);
            assert_eq!(count(nothing_is_unfinished, "a.lock", words), 0);
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for words in PERSONAL {
            assert_eq!(count(no_path_of_a_persons_machine, "a.toml", words), 1);
            assert_eq!(count(no_path_of_a_persons_machine, "Cargo.lock", words), 0);
        }
    }

    fn dead_links(path: &str, text: &str) -> Vec<String> {
        let there = ["README.md", "docs/guide.md", "docs/shot.png"];
        let exists = |target: &Path| there.iter().any(|path| Path::new(path) == target);
        let mut findings = Vec::new();
        links_exist(&Source::new(path, text.to_owned()), exists, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "[a](docs/guide.md#part) ![b](docs/shot.png \"Title\") [c](https://example.org)
[d](#part) <img src=\"docs/shot.png\">\n```\n[e](nowhere)\n```\n";
        assert!(dead_links("README.md", text).is_empty());
        assert!(dead_links("docs/guide.md", "[a](../README.md) [b](./shot.png)").is_empty());
    }

    #[test]
    fn links_to_nothing_are_found() {
        let expected = ["docs/guide.md:2: a link to nothing: README.md"];
        assert_eq!(dead_links("docs/guide.md", "\n[a](README.md)"), expected);
        assert_eq!(dead_links("README.md", "[a](../secret.md)").len(), 1);
    }
}
