//! File mounts: what a component sees of the file system. Everything is read-only.
//!
//! A folder with a place of its own (`{ source = "static", destination = "/" }`) is mounted as it is, so that a changed
//! file is served changed. Patterns and single files have no folder to mount: they are copied once, at start, into a
//! temporary one that is mounted at `/` and goes with the host.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use tempfile::TempDir;

use crate::manifest::FileMount;

/// The mounts of one component.
#[derive(Default)]
pub(crate) struct Mounts {
    /// Folders and where the component sees them.
    pub(crate) folders: Vec<(PathBuf, String)>,
    /// Kept for as long as it is mounted.
    _copies: Option<TempDir>,
}

impl Mounts {
    /// Resolves `files` against `root`, the manifest's folder.
    pub(crate) fn prepare(files: &[FileMount], root: &Path) -> Result<Self, String> {
        let mut mounts = Self::default();
        let mut copies = Vec::new();
        for mount in files {
            match mount {
                FileMount::Placement {
                    source,
                    destination,
                } => {
                    let place = destination.strip_prefix('/').map(Path::new);
                    let Some(place) = place.filter(|place| stays_inside(place)) else {
                        return Err(format!(
                            "the destination `{destination}` must start with `/` and have no `..`"
                        ));
                    };
                    let path = root.join(source);
                    let kind = fs::metadata(&path)
                        .map_err(|err| format!("`{}`: {err}", source.display()))?;
                    if kind.is_dir() {
                        mounts.folders.push((path, destination.clone()));
                    } else {
                        copies.push((path, place.to_owned()));
                    }
                }
                FileMount::Pattern(pattern) => copies.append(&mut matches(pattern, root)?),
            }
        }
        if copies.is_empty() {
            return Ok(mounts);
        }
        if mounts
            .folders
            .iter()
            .any(|(_, destination)| destination == "/")
        {
            return Err("a folder at `/` leaves no place for single files and patterns".into());
        }
        let folder = copy(&copies).map_err(|err| format!("copying: {err}"))?;
        mounts.folders.push((folder.path().to_owned(), "/".into()));
        mounts._copies = Some(folder);
        Ok(mounts)
    }
}

/// The files that `pattern` matches, with their paths relative to `root`. That nothing matches is an error: it is a typing
/// mistake more often than a wish.
fn matches(pattern: &str, root: &Path) -> Result<Vec<(PathBuf, PathBuf)>, String> {
    let mut absolute = Path::new(&glob::Pattern::escape(&root.to_string_lossy())).join(pattern);
    if pattern.ends_with("**") {
        // That matches folders alone; what is meant are the files in them.
        absolute.push("*");
    }
    let paths =
        glob::glob(&absolute.to_string_lossy()).map_err(|err| format!("`{pattern}`: {err}"))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|err| format!("`{pattern}`: {err}"))?;
        let relative = path
            .strip_prefix(root)
            .ok()
            .filter(|relative| stays_inside(relative));
        let relative =
            relative.ok_or_else(|| format!("`{pattern}` leaves the manifest's folder"))?;
        if path.is_file() {
            files.push((path.clone(), relative.to_owned()));
        }
    }
    if files.is_empty() {
        Err(format!("`{pattern}` matches no file"))
    } else {
        Ok(files)
    }
}

fn stays_inside(relative: &Path) -> bool {
    relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
}

fn copy(files: &[(PathBuf, PathBuf)]) -> io::Result<TempDir> {
    let folder = TempDir::with_prefix("sluice-files-")?;
    for (source, relative) in files {
        let target = folder.path().join(relative);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(source, target)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An application's folder with two files in it.
    fn root() -> TempDir {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/one.txt"), "one").unwrap();
        fs::write(root.path().join("a/b/two.txt"), "two").unwrap();
        root
    }

    fn prepare(root: &TempDir, mount: FileMount) -> Mounts {
        Mounts::prepare(&[mount], root.path()).unwrap()
    }

    #[test]
    fn a_folder_is_mounted_as_it_is() {
        let root = root();
        let placement = FileMount::Placement {
            source: "a".into(),
            destination: "/".into(),
        };
        let mounts = prepare(&root, placement);
        assert_eq!(mounts.folders, [(root.path().join("a"), "/".to_owned())]);
    }

    #[test]
    fn a_pattern_takes_the_files_that_match_it_to_the_same_paths() {
        let root = root();
        for (pattern, found) in [("a/**", true), ("a/*", false), ("**/*.txt", true)] {
            let mounts = prepare(&root, FileMount::Pattern(pattern.into()));
            let (folder, destination) = &mounts.folders[0];
            assert_eq!(destination, "/");
            assert_eq!(
                fs::read_to_string(folder.join("a/one.txt")).unwrap(),
                "one",
                "{pattern}"
            );
            assert_eq!(folder.join("a/b/two.txt").exists(), found, "{pattern}");
        }
    }

    #[test]
    fn a_single_file_may_have_another_place() {
        let placement = FileMount::Placement {
            source: "a/one.txt".into(),
            destination: "/x/y.txt".into(),
        };
        let mounts = prepare(&root(), placement);
        assert_eq!(
            fs::read_to_string(mounts.folders[0].0.join("x/y.txt")).unwrap(),
            "one"
        );
    }

    #[test]
    fn copies_go_with_the_mounts() {
        let mounts = prepare(&root(), FileMount::Pattern("a/**".into()));
        let folder = mounts.folders[0].0.clone();
        drop(mounts);
        assert!(!folder.exists());
    }
}
