//! When and where it is measured.

use std::{fs, process::Command};

use crate::figures::Made;

/// Today, this machine, this commit.
pub fn made() -> Made {
    Made {
        date: output("date", &["-u", "+%Y-%m-%d"]),
        machine: machine(),
        commit: output("git", &["rev-parse", "--short", "HEAD"]),
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let word = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned());
        value.unwrap_or_default()
    };
    let processor = word("/proc/cpuinfo", "model name");
    let memory = word("/proc/meminfo", "MemTotal");
    let kib: u64 = memory
        .split(' ')
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0);
    let system = output("uname", &["-sr"]);
    format!("{cores} cores of {processor}, {} GiB, {system}", kib >> 20)
}

/// What a command prints; nothing where it fails.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
