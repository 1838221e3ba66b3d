//! Packages of Debian: tools installed where that may be done without asking anybody, servers unpacked only.
//!
//! An installed server is also started, on its usual port, and again at every boot. On somebody's machine that is no business
//! of a test run. So of redis-server, nginx and HAProxy the files are unpacked below `target`, which needs no root either.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths::Repo;
use crate::process;

/// Unpacks a package of a server, and the libraries it needs that are not installed. The answer is a folder for the `PATH` that
/// has `program`.
pub(crate) fn unpack(repo: &Repo, package: &str, program: &str) -> Result<PathBuf> {
    let folder = repo.target().join("debian").join(package);
    let path = folder.join("bin");
    if path.join(program).is_file() {
        return Ok(path);
    }
    if process::on_path("apt-get").is_none() || process::on_path("dpkg-deb").is_none() {
        bail!("this is no Debian; install {package}");
    }
    let missing = match missing_packages(package) {
        Ok(names) => names,
        // A machine that never had a list of packages.
        Err(error) => {
            let prefix = privilege().ok_or(error)?;
            process::run(apt_get(prefix).args(["-qq", "update"]))?;
            missing_packages(package)?
        }
    };
    if missing.is_empty() {
        bail!("{package} is installed, and has no {program} on the PATH");
    }
    let unpacked = folder.join("files");
    fs::create_dir_all(&unpacked)?;
    let mut download = Command::new("apt-get");
    download
        .current_dir(&folder)
        .args(["-qq", "download"])
        .args(&missing);
    process::run(&mut download)?;
    for entry in fs::read_dir(&folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            process::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&unpacked))?;
            fs::remove_file(file)?;
        }
    }
    write_starter(&unpacked, &path, program)?;
    Ok(path)
}

/// The packages that an installation would bring, by name.
fn missing_packages(package: &str) -> Result<Vec<String>> {
    let mut command = Command::new("apt-get");
    command.args([
        "-qq",
        "-y",
        "--no-install-recommends",
        "--print-uris",
        "install",
        package,
    ]);
    process::output(&mut command).map(|uris| package_names(&uris))
}

/// Lines of `apt-get --print-uris`: the address, and the name of the file, which begins with that of the package.
fn package_names(uris: &str) -> Vec<String> {
    let file_names = uris
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(1));
    file_names
        .filter_map(|file| Some(file.split_once('_')?.0.to_owned()))
        .collect()
}

/// Writes a script that starts an unpacked program with the libraries beside it.
fn write_starter(unpacked: &Path, path: &Path, program: &str) -> Result<()> {
    let places = ["usr/bin", "usr/sbin"].map(|place| unpacked.join(place).join(program));
    let found = places.iter().find(|place| place.exists());
    let found = found.with_context(|| format!("the package has no {program}"))?;
    let libraries = unpacked
        .join("usr/lib")
        .join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
        libraries.display(),
        found.display()
    );
    fs::create_dir_all(path)?;
    let starter = path.join(program);
    fs::write(&starter, script)?;
    fs::set_permissions(starter, Permissions::from_mode(0o755))?;
    Ok(())
}

/// Adds folders to the PATH that a command sees.
pub(crate) fn add_to_path(command: &mut Command, folders: &[PathBuf]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    // Only a folder with a colon in its name cannot stand there.
    if let Ok(path) = std::env::join_paths(all) {
        command.env("PATH", path);
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_by_their_files() {
        let uris = "'http://deb.debian.org/debian/pool/main/libl/liblzf/liblzf1_3.6-3_amd64.deb' liblzf1_3.6-3_amd64.deb 10192 MD5Sum:698d\n\
                    'http://deb.debian.org/r/redis-server_7.0.15-1%7edeb12u10_amd64.deb' redis-server_5%3a7.0.15-1~deb12u10_amd64.deb 73908 \n";
        assert_eq!(package_names(uris), ["liblzf1", "redis-server"]);
        assert!(package_names("").is_empty());
    }

    #[test]
    fn an_unpacked_program_is_started_with_its_libraries_and_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let (unpacked, path) = (folder.path().join("files"), folder.path().join("bin"));
        fs::create_dir_all(unpacked.join("usr/bin")).unwrap();
        let program = unpacked.join("usr/bin/server");
        fs::write(&program, "#!/bin/sh\necho \"$LD_LIBRARY_PATH $1\"\n").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        write_starter(&unpacked, &path, "server").unwrap();
        let said = process::output(Command::new(path.join("server")).arg("a b")).unwrap();
        let libraries = unpacked.join("usr/lib");
        assert!(said.starts_with(&*libraries.to_string_lossy()), "{said}");
        assert!(said.ends_with("-linux-gnu a b"), "{said}");
        assert!(write_starter(&unpacked, &path, "other").is_err());
    }
}
