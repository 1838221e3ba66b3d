//! The project's own commands: `cargo xtask <command>`.
//!
//! One file per command; what they share stands in files of its own: paths, processes, children,
//! Debian's packages, the upstream. Nothing here is part of the product.

mod bench;
mod browser;
mod build;
mod check;
mod children;
mod choice;
mod clients;
mod debian;
mod load;
mod manifest;
mod model;
mod node;
mod paths;
mod process;
mod record;
mod replay;
mod servers;
mod tally;
mod test;
mod tidy;
mod up;
mod upstream;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::paths::Repo;

/// One row of the command table.
struct Command {
    name: &'static str,
    summary: &'static str,
    usage: &'static str,
    run: fn(&Repo, Vec<OsString>) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "up",
        summary: "build, find an Ollama (or start a small model), serve, print the address",
        usage: up::USAGE,
        run: up::run,
    },
    Command {
        name: "test",
        summary: "build and run every test, in Rust and in the browser, and count them",
        usage: test::USAGE,
        run: test::run,
    },
    Command {
        name: "build",
        summary: "build the components for WebAssembly, the host and the simulator",
        usage: build::USAGE,
        run: build::run,
    },
    Command {
        name: "check",
        summary: "formatting, lints, documentation and house rules",
        usage: check::USAGE,
        run: check::run,
    },
    Command {
        name: "load",
        summary: "measure the gate: handoff, makespan, waiting, rate, polling, floods, attackers, large bodies, writes",
        usage: load::USAGE,
        run: load::run,
    },
    Command {
        name: "bench",
        summary: "the same load through nginx, HAProxy, a Node queue, LiteLLM, Sluice, and nothing",
        usage: bench::USAGE,
        run: bench::run,
    },
    Command {
        name: "record",
        summary: "record again how a real Ollama answers, for the tests",
        usage: record::USAGE,
        run: record::run,
    },
    Command {
        name: "replay",
        summary: "the requests of a log under the policy, with other limits",
        usage: replay::USAGE,
        run: replay::run,
    },
    Command {
        name: "clients",
        summary: "the matrix of real clients from npm, PyPI and crates.io: docs/clients.md",
        usage: clients::USAGE,
        run: clients::run,
    },
    Command {
        name: "tidy",
        summary: "the house rules alone",
        usage: tidy::USAGE,
        run: tidy::run,
    },
];

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let name = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    let Some(command) = COMMANDS.iter().find(|command| name == command.name) else {
        return overview(&name);
    };
    let asks_for_help = |arg: &&OsString| *arg == "--help" || *arg == "-h";
    if args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| asks_for_help(&arg))
    {
        println!(
            "cargo xtask {}: {}\n\n{}",
            command.name, command.summary, command.usage
        );
        return ExitCode::SUCCESS;
    }
    match (command.run)(&Repo::locate(), args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {}: {error:#}", command.name);
            ExitCode::FAILURE
        }
    }
}

/// Lists the commands: on standard output when asked for, else as an error.
fn overview(name: &OsString) -> ExitCode {
    let mut text = String::from("cargo xtask <command> [--help]\n\n");
    for command in COMMANDS {
        text += &format!("  {:<7} {}\n", command.name, command.summary);
    }
    if name.is_empty() || name == "help" || name == "--help" || name == "-h" {
        print!("{text}");
        return ExitCode::SUCCESS;
    }
    eprint!(
        "cargo xtask: there is no command {}\n\n{text}",
        name.display()
    );
    ExitCode::FAILURE
}
