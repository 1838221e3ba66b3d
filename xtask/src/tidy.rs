//! `cargo xtask tidy`: the house rules as a program.
//!
//! # Why
//! A rule that nobody checks is a wish. Those that a look at the text can decide are decided here; lints do what they can do
//! better.
//!
//! # What it does not do
//! It does not understand Rust: it looks for words in lines, comments left out, so that somebody who wants to get around a
//! rule can. Only `git ls-files` is looked at, with what is not committed yet.

mod circles;
mod source;
mod text;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind::{InvalidData, IsADirectory, NotFound};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths::Repo;
use crate::process;

use self::source::Source;

pub(crate) const USAGE: &str = "Takes no options. Prints file:line and the rule for each finding.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    process::no_arguments(&args)?;
    check(repo)
}

/// Looks at every text file of the repository and fails if a rule is broken.
pub(crate) fn check(repo: &Repo) -> Result<()> {
    let sources = sources(repo)?;
    let mut findings = Vec::new();
    for source in &sources {
        words::stay_where_they_belong(source, &mut findings);
        text::is_in_order(source, &mut findings);
        let exists = |target: &std::path::Path| repo.root().join(target).exists();
        text::links_exist(source, exists, &mut findings);
    }
    circles::there_are_none(&sources, &mut findings);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} findings in {} files", sources.len()),
    }
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from one.
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// The text files of the repository, without those brought in from elsewhere.
fn sources(repo: &Repo) -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    git.current_dir(repo.root()).arg("ls-files");
    git.args([
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]);
    let list = process::output(&mut git)?;
    let is_ours = |path: &&str| !path.split('/').any(|part| part == "vendor");
    let mut sources = Vec::new();
    for path in list.lines().filter(is_ours) {
        match std::fs::read_to_string(repo.root().join(path)) {
            Ok(text) => sources.push(Source::new(path, text)),
            // A picture, a link to a folder, or what was removed and is still in git's index.
            Err(error) if matches!(error.kind(), InvalidData | IsADirectory | NotFound) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        }
    }
    let test_files: Vec<String> = sources.iter().flat_map(Source::test_files).collect();
    for source in &mut sources {
        source.mark_test(&test_files);
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_glossary_has_at_most_twenty_terms() {
        let architecture = include_str!("../../ARCHITECTURE.md");
        let (_, terms) = architecture.split_once("| term | meaning |").unwrap();
        let rows = terms.lines().skip(2);
        let count = rows.take_while(|row| row.starts_with("| ")).count();
        assert!((1..=20).contains(&count), "{count}");
    }
}
