//! Rules about files as text: how they begin, how long they are, where their links lead.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::source::Source;

/// A file of Rust starts with what it is for, and one that grew is split.
pub(super) fn is_in_order(source: &Source, findings: &mut Vec<Finding>) {
    if source.is(&["rs"]) && !source.text.starts_with("//!") {
        findings.push(source.finding(1, "a file starts with `//!`: what it is for"));
    }
    let lines = source.text.lines().count();
    if source.is(&["rs", "js", "mjs", "css"]) && lines > LONGEST_FILE {
        let rule = format!("{lines} lines: at {LONGEST_FILE} a file is split");
        findings.push(source.finding(lines, rule));
    }
}

/// Links between the documents lead somewhere. `exists` takes a path relative to the root.
pub(super) fn links_exist(
    source: &Source,
    exists: impl Fn(&Path) -> bool,
    findings: &mut Vec<Finding>,
) {
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    let mut is_sample = false;
    for (number, line) in source.lines().filter(|_| source.is(&["md"])) {
        is_sample ^= line.trim_start().starts_with("```");
        for target in links(line).filter(|_| !is_sample) {
            if !within(folder, target).is_some_and(|target| exists(&target)) {
                findings.push(source.finding(number, format!("a link to nothing: {target}")));
            }
        }
    }
}

/// The relative targets of the links and pictures in a line, without what follows a `#`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = LINKS.iter().flat_map(move |(start, end)| {
        let found = line.match_indices(start);
        found.filter_map(move |(at, _)| line[at + start.len()..].split_once(end))
    });
    targets
        .filter_map(|(target, _)| target.split([' ', '#']).next())
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

const LONGEST_FILE: usize = 400;

/// How a link starts and ends, in Markdown and in the HTML that it may hold.
const LINKS: [(&str, &str); 3] = [("](", ")"), ("src=\"", "\""), ("href=\"", "\"")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_for_and_is_short() {
        let count = |path, text: &str| {
            let mut findings = Vec::new();
            is_in_order(&Source::new(path, text.to_owned()), &mut findings);
            findings.len()
        };
        assert_eq!(count("a.rs", "//! Does a.\n"), 0);
        assert_eq!(count("a.rs", "use b;\n"), 1);
        assert_eq!(count("a.css", &"a\n".repeat(400)), 0);
        assert_eq!(count("a.css", &"a\n".repeat(401)), 1);
        assert_eq!(count("a.md", &"a\n".repeat(401)), 0);
    }

    #[test]
    fn links_lead_somewhere() {
        let dead = |path, text: &str| {
            let there = ["README.md", "docs/guide.md", "docs/shot.png"];
            let exists = |target: &Path| there.iter().any(|path| Path::new(path) == target);
            let mut findings = Vec::new();
            links_exist(&Source::new(path, text.to_owned()), exists, &mut findings);
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let text = "[a](docs/guide.md#part) ![b](docs/shot.png \"Title\") [c](https://example.org)
[d](#part) <img src=\"docs/shot.png\">\n```\n[e](nowhere)\n```\n";
        assert!(dead("README.md", text).is_empty());
        assert!(dead("docs/guide.md", "[a](../README.md) [b](./shot.png)").is_empty());
        let expected = ["docs/guide.md:2: a link to nothing: README.md"];
        assert_eq!(dead("docs/guide.md", "\n[a](README.md)"), expected);
        assert_eq!(dead("README.md", "[a](../secret.md)").len(), 1);
    }
}
