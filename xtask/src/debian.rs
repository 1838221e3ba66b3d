//! Packages of Debian, installed where that may be done without asking anybody.

use std::process::Command;

use crate::process;

/// Installs packages, or says why not, with the command that a person would run.
///
/// It may be done where there is an `apt-get` and this user is root or has `sudo` without a
/// password. It is shown when it is done.
pub(crate) fn install(packages: &[&str]) -> Result<(), String> {
    let by_hand = format!("run: apt-get install {}", packages.join(" "));
    if process::on_path("apt-get").is_none() {
        return Err(format!(
            "there is no apt-get here; install {}",
            packages.join(", ")
        ));
    }
    let Some(prefix) = privilege() else {
        return Err(format!("needs root, or sudo without a password; {by_hand}"));
    };
    // An old list may still do, so that a failed update is no end.
    if let Err(error) = process::run(apt_get(prefix).args(["-qq", "update"])) {
        eprintln!("{error:#}");
    }
    let mut command = apt_get(prefix);
    command
        .args(["-qq", "-y", "--no-install-recommends", "install"])
        .args(packages);
    process::run(&mut command).map_err(|error| format!("{error:#}; {by_hand}"))
}

/// What has to stand before a command that only root may run; `None` when nothing helps.
fn privilege() -> Option<&'static [&'static str]> {
    if rustix::process::geteuid().is_root() {
        return Some(&["env"]);
    }
    let sudo = process::succeeds(Command::new("sudo").args(["-n", "true"]));
    sudo.then_some(&["sudo", "-n", "env"])
}

fn apt_get(prefix: &[&str]) -> Command {
    let mut command = Command::new(prefix[0]);
    command
        .args(&prefix[1..])
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}
