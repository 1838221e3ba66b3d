//! `cargo xtask test`: every test there is, counted over all runners.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::children::Children;
use crate::paths::Repo;
use crate::tally::Tally;
use crate::{browser, build, debian, process};

pub(crate) const USAGE: &str = "\
  --no-browser   leave out the tests that need Node and Chromium
  --browser      fail where they cannot run; without it they are skipped then
  --long         the long configurations too (model check, property tests, random documents)

Ends with the counts of all runners on a line of their own.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    let options = Options::parse(args)?;
    if let Err(error) = build::everything_for_tests(repo)? {
        println!(
            "The tests with the real model are skipped, a tiny one takes its place: {error:#}."
        );
    }
    let mut servers = Vec::new();
    if process::on_path("redis-server").is_none() {
        match debian::unpack(repo, "redis-server", "redis-server") {
            Ok(folder) => servers.push(folder),
            Err(why) => println!("The tests on Redis are skipped: {why:#}."),
        }
    }

    let mut tally = Tally::default();
    let mut children = Children::new()?;
    test_workspace(repo, &options, &servers, &mut children, &mut tally)?;
    if options.browser != Browser::No {
        browser::test(repo, &options, &mut children, &mut tally)?;
    }
    // What they still say comes before the count.
    drop(children);
    println!("\n{tally}");
    if tally.passed == 0 {
        bail!("no test ran");
    }
    if tally.failed > 0 {
        bail!("{} failed", tally.failed);
    }
    Ok(())
}

/// What is tested.
pub(crate) struct Options {
    pub(crate) browser: Browser,
    /// The long configurations too.
    pub(crate) long: bool,
}

/// Whether the browser tests run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Browser {
    No,
    /// They are skipped where something that they need cannot be had.
    IfPossible,
    /// It is a failure if they cannot run.
    Demanded,
}

impl Options {
    fn parse(args: Vec<OsString>) -> Result<Self> {
        let mut options = Self {
            browser: Browser::IfPossible,
            long: false,
        };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                lexopt::Arg::Long("no-browser") => options.browser = Browser::No,
                lexopt::Arg::Long("browser") => options.browser = Browser::Demanded,
                lexopt::Arg::Long("long") => options.long = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Runs every Rust test, in all packages even when one of them fails.
fn test_workspace(
    repo: &Repo,
    options: &Options,
    servers: &[PathBuf],
    children: &mut Children,
    tally: &mut Tally,
) -> Result<()> {
    let mut command = process::cargo(repo, "test");
    debian::add_to_path(&mut command, servers);
    command.args(["--release", "--workspace", "--no-fail-fast"]);
    let threads = if options.long {
        command.env("SLUICE_LONG", "1");
        THREADS_WHEN_LONG
    } else {
        THREADS
    };
    if std::env::var_os(TEST_THREADS).is_none() {
        command.env(TEST_THREADS, threads);
    }
    process::show(&command);
    children.start("cargo test", &mut command)?;
    let status = children.wait_for_end("cargo test", |line| tally.read_cargo(line))?;
    if !status.success() {
        tally.blame_runner(0);
    }
    Ok(())
}

/// The variable by which the runner of Rust's tests is told how many to run at once.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// More than there are cores: end to end, a test mostly waits.
const THREADS: &str = "4";

/// One of the long model checks may need most of the memory.
const THREADS_WHEN_LONG: &str = "1";
