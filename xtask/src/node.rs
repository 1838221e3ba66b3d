//! Node: that of the machine where it is recent enough, else one from npm, unpacked below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::paths::Repo;
use crate::{debian, process};

/// Makes sure of npm and a Node that can run the browser tests. The answer is the latter; or what is missing where they cannot be had.
/// npm is always run by the machine's own Node: Debian's finds its parts by that alone.
pub(crate) fn ensure(repo: &Repo) -> Result<PathBuf, String> {
    if process::on_path("node").is_none() || process::on_path("npm").is_none() {
        debian::install(&["nodejs", "npm"])?;
    }
    let own = PathBuf::from("node");
    let version = version_of(&own)?;
    if is_recent(&version) {
        return Ok(own);
    }
    fetch(repo).map_err(|why| {
        format!(
            "Node {OLDEST} or newer is needed, this is {version}, and npm has given no other: {why}"
        )
    })
}

/// Debian 12 has Node 18. The package of a platform is the program alone: nothing is run to install it.
fn fetch(repo: &Repo) -> Result<PathBuf, String> {
    let folder = repo.target().join("node");
    let node = folder.join("node_modules/.bin/node");
    if !version_of(&node).is_ok_and(|version| is_recent(&version)) {
        let platform = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => return Err(format!("there is none for {other}")),
        };
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-save", "--no-audit"]);
        npm.args(["--no-fund", "--prefix"]).arg(&folder);
        npm.arg(format!("node-linux-{platform}@{FETCHED}"));
        process::run(&mut npm).map_err(|error| format!("{error:#}"))?;
        version_of(&node)?;
    }
    Ok(node)
}

fn version_of(node: &Path) -> Result<String, String> {
    let version = process::output(Command::new(node).arg("--version"));
    version.map_err(|error| format!("{error:#}"))
}

/// Whether Node, by what it prints as its version (`v20.11.0`), can run the tests.
fn is_recent(version: &str) -> bool {
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST)
}

/// The tests use `import.meta.dirname` and a test runner that ends with a summary.
const OLDEST: u32 = 20;

/// The version that is fetched.
const FETCHED: &str = "22.23.3";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_not_recent() {
        assert!(is_recent("v20.20.2"));
        assert!(is_recent("v24.0.0"));
        assert!(!is_recent("v18.20.4"));
        assert!(!is_recent(""));
    }
}
