//! File mounts: what a component sees of the file system. Everything is read-only.
//!
//! A folder with a place of its own (`{ source = "static", destination = "/" }`) is mounted as it is, so that a changed
//! file is served changed. Patterns and single files have no folder to mount: they are copied once, at start, into a
//! temporary one that is mounted at `/` and goes with the host.

use std::{
    fs, io,
    path::{Path, PathBuf},
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
                    if !destination.starts_with('/') {
                        return Err(format!(
                            "the destination `{destination}` must start with `/`"
                        ));
                    }
                    let path = root.join(source);
                    let kind = fs::metadata(&path)
                        .map_err(|err| format!("`{}`: {err}", source.display()))?;
                    if kind.is_dir() {
                        mounts.folders.push((path, destination.clone()));
                    } else {
                        copies.push((path, PathBuf::from(destination.trim_start_matches('/'))));
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
    let escaped = Path::new(&glob::Pattern::escape(&root.to_string_lossy())).join(pattern);
    let paths =
        glob::glob(&escaped.to_string_lossy()).map_err(|err| format!("`{pattern}`: {err}"))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|err| format!("`{pattern}`: {err}"))?;
        if path.is_file() {
            let relative = path
                .strip_prefix(root)
                .map_err(|_| format!("`{pattern}` leaves the manifest's folder"))?;
            files.push((path.clone(), relative.to_owned()));
        }
    }
    if files.is_empty() {
        Err(format!("`{pattern}` matches no file"))
    } else {
        Ok(files)
    }
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
