//! `cargo xtask check`: what must be clean before a commit, without running a test.

use std::ffi::OsString;

use anyhow::Result;

use crate::build::WASM;
use crate::paths::Repo;
use crate::process::{cargo, no_arguments, run as show_and_run};
use crate::{build, tidy};

pub(crate) const USAGE: &str = "\
Takes no options. In order: the house rules, cargo fmt, cargo clippy for this machine and for
WebAssembly, cargo doc. Ends at the first that fails.";

pub(crate) fn run(repo: &Repo, args: Vec<OsString>) -> Result<()> {
    no_arguments(&args)?;
    tidy::check(repo)?;
    show_and_run(cargo(repo, "fmt").args(["--all", "--check"]))?;
    show_and_run(
        cargo(repo, "clippy")
            .args(["--release", "--workspace", "--all-targets"])
            .args(DENY_WARNINGS),
    )?;
    build::ensure_wasm_target(repo)?;
    show_and_run(
        cargo(repo, "clippy")
            .args(["--release", "--target", WASM])
            .args(build::COMPONENTS)
            .args(DENY_WARNINGS),
    )?;
    // `--lib --examples` for the reason that `build::programs` has: clippy's work is used again.
    show_and_run(
        cargo(repo, "doc")
            .args([
                "--release",
                "--workspace",
                "--no-deps",
                "--lib",
                "--examples",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
