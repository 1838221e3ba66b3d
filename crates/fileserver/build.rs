//! Writes `app.js.HASH.br` and `app.js.HASH.gz` beside `static/…/app.js`, so that nothing is compressed while somebody waits.
//!
//! They lie in the source folder (git ignores them) because that is what `spin.toml` mounts: so they are there whichever way
//! the component was built, and whatever host runs it. The hash in a name is that of the source: files of another one are not
//! served (`files.rs`), whatever their dates, and are removed here.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../static");
    println!("cargo::rerun-if-changed={}", site.display());
    let mut folders = vec![site];
    let (mut there, mut wanted) = (Vec::new(), HashSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_encoded(&path) {
                there.push(path);
            } else if is_text(&path) {
                wanted.extend(encode(&path)?);
            }
        }
    }
    for stale in there.iter().filter(|path| !wanted.contains(*path)) {
        fs::remove_file(stale)?;
    }
    Ok(())
}

fn is_encoded(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("br" | "gz"))
}

/// Whether a file gets smaller: pictures do not.
fn is_text(path: &Path) -> bool {
    matches!(
        path.extension().and_then(OsStr::to_str),
        Some("html" | "css" | "js" | "json" | "svg" | "webmanifest" | "LICENSE")
    )
}

/// Makes what is missing of a file's encoded forms, and says where they are.
fn encode(path: &Path) -> io::Result<[PathBuf; 2]> {
    let content = fs::read(path)?;
    let hash: String = Sha256::digest(&content)[..DIGEST_BYTES]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let [br, gz] = ["br", "gz"].map(|end| with_suffix(path, &format!(".{hash}.{end}")));
    if !br.exists() {
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), BUFFER, BEST_BROTLI, WINDOW);
        brotli.write_all(&content)?;
        replace(&br, &brotli.into_inner())?;
    }
    if !gz.exists() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&content)?;
        replace(&gz, &gzip.finish()?)?;
    }
    Ok([br, gz])
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Another build may do the same at this moment, and a host may read: the file is there whole or not at all.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.{}", UNFINISHED, std::process::id()));
    fs::write(&unfinished, content)?;
    fs::rename(unfinished, path)
}

/// As many as `files.rs` looks for: twice as many digits.
const DIGEST_BYTES: usize = 8;
const BUFFER: usize = 64 << 10;
const BEST_BROTLI: u32 = 11;
/// The binary logarithm of how far back a match may lie, in bytes: farther than any file is long.
const WINDOW: u32 = 22;
/// Not a name that is text or encoded.
const UNFINISHED: &str = "unfinished";
