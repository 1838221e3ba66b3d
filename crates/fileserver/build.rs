//! Writes `app.js.br` and `app.js.gz` beside `static/…/app.js`, so that nothing is compressed while somebody waits.
//!
//! They lie in the source folder (git ignores them) because that is what `spin.toml` mounts: so they are there whichever way
//! the component was built, and whatever host runs it. One that is older than its source is made again here, and is not
//! served until then (`files.rs`).

use std::{
    ffi::OsStr,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../static");
    println!("cargo::rerun-if-changed={}", site.display());
    let mut folders = vec![site];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_encoded(&path) {
                if !path.with_extension("").exists() {
                    fs::remove_file(path)?;
                }
            } else if is_text(&path) {
                encode(&path)?;
            }
        }
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

fn encode(path: &Path) -> io::Result<()> {
    let [br, gz] = [".br", ".gz"].map(|suffix| with_suffix(path, suffix));
    let modified = fs::metadata(path)?.modified()?;
    let is_current = |made: &Path| {
        fs::metadata(made).is_ok_and(|made| made.modified().is_ok_and(|at| at >= modified))
    };
    if is_current(&br) && is_current(&gz) {
        return Ok(());
    }
    let content = fs::read(path)?;
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), BUFFER, BEST_BROTLI, WINDOW);
    brotli.write_all(&content)?;
    replace(&br, &brotli.into_inner())?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&content)?;
    replace(&gz, &gzip.finish()?)
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

const BUFFER: usize = 64 << 10;
const BEST_BROTLI: u32 = 11;
/// The binary logarithm of how far back a match may lie, in bytes: farther than any file is long.
const WINDOW: u32 = 22;
/// Not a name that is text or encoded.
const UNFINISHED: &str = "unfinished";
