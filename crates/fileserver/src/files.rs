//! The files of the mount: their tags, and the bytes of the small ones, remembered while they do not change.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{encoding::Encoding, path::FilePath};

/// The files below a folder.
pub(crate) struct Files {
    root: PathBuf,
    kept: Mutex<Kept>,
}

/// One representation of a file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The file that holds it.
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) length: u64,
    /// A strong entity tag, quoted: a hash of the bytes.
    pub(crate) etag: String,
    /// The bytes, if they are few.
    pub(crate) bytes: Option<Bytes>,
    pub(crate) encoding: Encoding,
    modified: Option<SystemTime>,
}

/// What is remembered, oldest first.
#[derive(Default)]
struct Kept {
    files: HashMap<PathBuf, Found>,
    order: VecDeque<PathBuf>,
    bytes: u64,
}

impl Files {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            kept: Mutex::default(),
        }
    }

    /// Whether there is such a directory.
    pub(crate) fn is_directory(&self, path: &FilePath) -> bool {
        fs::metadata(self.root.join(path.as_str())).is_ok_and(|metadata| metadata.is_dir())
    }

    /// The file in the first of these encodings that it has. `None`: there is no such file.
    pub(crate) fn find(
        &self,
        path: &FilePath,
        encodings: impl Iterator<Item = Encoding>,
    ) -> io::Result<Option<Found>> {
        let plain = self.root.join(path.as_str());
        let Some((length, modified)) = stat(&plain) else {
            return Ok(None);
        };
        let source = self.load(plain, length, modified, Encoding::Identity)?;
        for encoding in encodings {
            if encoding == Encoding::Identity {
                break;
            }
            if let Some(found) = self.encoded(&source, encoding)? {
                return Ok(Some(found));
            }
        }
        Ok(Some(source))
    }

    /// What the build made of exactly these bytes. The name says so, and what is known by it never changes.
    fn encoded(&self, source: &Found, encoding: Encoding) -> io::Result<Option<Found>> {
        let mut name = source.path.clone().into_os_string();
        name.push(".");
        name.push(source.digest());
        name.push(encoding.suffix());
        let path = PathBuf::from(name);
        if let Some(known) = self.kept().files.get(&path) {
            return Ok(Some(known.clone()));
        }
        match stat(&path) {
            Some((length, made)) => self.load(path, length, made, encoding).map(Some),
            None => Ok(None),
        }
    }

    /// The file as remembered, or read now if it is not known or has changed.
    fn load(
        &self,
        path: PathBuf,
        length: u64,
        modified: Option<SystemTime>,
        encoding: Encoding,
    ) -> io::Result<Found> {
        if let Some(known) = self.kept().files.get(&path)
            && (known.length, known.modified) == (length, modified)
        {
            return Ok(known.clone());
        }
        let (bytes, etag) = if length <= MAX_FILE_BYTES {
            let bytes = Bytes::from(fs::read(&path)?);
            let etag = etag(&bytes[..])?;
            (Some(bytes), etag)
        } else {
            (None, etag(File::open(&path)?)?)
        };
        // What was read counts, should the file have changed since it was looked at.
        let length = bytes.as_ref().map_or(length, |bytes| bytes.len() as u64);
        let found = Found {
            path,
            length,
            etag,
            bytes,
            encoding,
            modified,
        };
        self.kept().insert(found.clone());
        Ok(found)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Remembers a file, and forgets the oldest ones that there is no room for.
    fn insert(&mut self, found: Found) {
        self.remove(&found.path);
        self.bytes += found.kept_bytes();
        self.order.push_back(found.path.clone());
        self.files.insert(found.path.clone(), found);
        while self.bytes > MAX_KEPT_BYTES || self.order.len() > MAX_KEPT_FILES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(forgotten) = self.files.remove(&oldest) {
                self.bytes -= forgotten.kept_bytes();
            }
        }
    }

    fn remove(&mut self, path: &Path) {
        if let Some(known) = self.files.remove(path) {
            self.bytes -= known.kept_bytes();
            self.order.retain(|other| other != path);
        }
    }
}

impl Found {
    /// The part of the tag that names of encoded files have (`build.rs`).
    fn digest(&self) -> &str {
        self.etag
            .trim_matches('"')
            .get(..DIGEST_LENGTH)
            .unwrap_or_default()
    }

    fn kept_bytes(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

/// Length and time of a regular file.
fn stat(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let metadata = fs::metadata(path).ok()?;
    metadata
        .is_file()
        .then(|| (metadata.len(), metadata.modified().ok()))
}

/// The first 128 bits of the SHA-256, in quotes.
fn etag(mut content: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => hash.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut etag = String::from("\"");
    for byte in &hash.finalize()[..16] {
        write!(etag, "{byte:02x}").map_err(io::Error::other)?;
    }
    etag.push('"');
    Ok(etag)
}

/// Larger files are read piece by piece each time; the site has none but perhaps a picture.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// The site with both encodings is far smaller; this bounds a mount that is not.
pub(crate) const MAX_KEPT_BYTES: u64 = 16 << 20;

/// Large and empty files are remembered too, by their tags.
const MAX_KEPT_FILES: usize = 1024;

/// In hexadecimal digits.
const DIGEST_LENGTH: usize = 16;

const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, length: u64) -> Found {
        Found {
            path: name.into(),
            length,
            etag: String::new(),
            bytes: Some(vec![0; usize::try_from(length).unwrap()].into()),
            encoding: Encoding::Identity,
            modified: None,
        }
    }

    #[test]
    fn memory_has_a_bound_and_the_oldest_goes_first() {
        let mut kept = Kept::default();
        for number in 0..=16 {
            kept.insert(found(&number.to_string(), MAX_FILE_BYTES));
        }
        assert_eq!(
            (kept.bytes, kept.files.len(), kept.order.len()),
            (MAX_KEPT_BYTES, 16, 16)
        );
        assert!(!kept.files.contains_key(Path::new("0")));
        kept.insert(found("5", 1));
        assert_eq!(
            (kept.bytes, kept.files.len()),
            (15 * MAX_FILE_BYTES + 1, 16)
        );
        for number in 0..2 * MAX_KEPT_FILES {
            kept.insert(found(&format!("empty {number}"), 0));
        }
        assert_eq!((kept.bytes, kept.files.len()), (0, MAX_KEPT_FILES));
    }
}
