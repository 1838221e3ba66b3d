//! `cargo xtask tidy`: the house rules as a program.
//!
//! # Why
//! A rule that nobody checks is a wish. Those that a look at the text can decide are decided here;
//! lints do what they can do better.
//!
//! # What it does not do
//! It does not understand Rust: it looks for words in the code, with comments and literals blanked
//! out, so that somebody who wants to get around a rule can. Only `git ls-files` is looked at, with
//! what is not committed yet.

mod arrows;
mod blank;
mod code;
mod source;
mod text;

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
        for rule in RULES {
            rule(source, &mut findings);
        }
        text::links_exist(
            source,
            |target| repo.root().join(target).exists(),
            &mut findings,
        );
    }
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

/// A rule that one file is enough to judge.
type Rule = fn(&Source, &mut Vec<Finding>);

const RULES: &[Rule] = &[
    text::file_says_what_it_is_for,
    text::file_is_short,
    text::nothing_is_unfinished,
    text::no_path_of_a_persons_machine,
    arrows::words_stay_where_they_belong,
    arrows::refusal_makes_the_error_responses,
    code::tests_do_not_cheat,
    code::nothing_traps_the_instance,
];

/// How often a rule is broken in such a file.
#[cfg(test)]
fn count(rule: Rule, path: &str, text: &str) -> usize {
    let mut findings = Vec::new();
    rule(&Source::new(path, text.to_owned()), &mut findings);
    findings.len()
}

/// The text files of the repository, without those brought in from elsewhere.
fn sources(repo: &Repo) -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    git.current_dir(repo.root());
    git.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]);
    let list = process::output(&mut git)?;
    let mut sources = Vec::new();
    for path in list
        .lines()
        .filter(|path| !path.split('/').any(|part| part == "vendor"))
    {
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
