//! Where the things are that a build has made.

use std::path::{Path, PathBuf};

/// A component as it was built.
#[derive(Clone, Copy, Debug)]
pub enum Wasm {
    /// What is shipped.
    Chat,
    /// The static component.
    Static,
    /// The chat component that panics at a prompt with `[[trap]]` in it (feature `test-trap`).
    Trap,
}

impl Wasm {
    /// Its file. A test that finds none fails and says how to make it.
    pub fn path(self) -> PathBuf {
        let (path, how) = match self {
            Self::Chat => ("wasm32-wasip2/release/sluice.wasm", "cargo xtask build"),
            Self::Static => (
                "wasm32-wasip2/release/sluice_fileserver.wasm",
                "cargo xtask build",
            ),
            Self::Trap => ("test-trap/sluice.wasm", "cargo xtask build --trap"),
        };
        built(path, how)
    }
}

/// The host's program.
pub fn host_program() -> PathBuf {
    built(
        "release/sluice-host",
        "cargo build --release -p sluice-host",
    )
}

/// The application as it is shipped.
pub fn manifest() -> PathBuf {
    // The components are compiled from where the manifest says, which is where a build puts them.
    Wasm::Chat.path();
    Wasm::Static.path();
    root().join("spin.toml")
}

/// The runtime configuration as it is shipped.
pub fn runtime_config() -> PathBuf {
    root().join("runtime-config.toml")
}

/// Writes a manifest into `folder` whose chat component is the one that panics, and which has no other.
pub fn trap_manifest(folder: &Path) -> PathBuf {
    let manifest = read_manifest("spin.toml");
    write_manifest(folder, manifest, Wasm::Trap)
}

/// A manifest of the repository.
pub fn read_manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).expect("a manifest");
    text.parse().expect("a manifest is TOML")
}

/// Writes a manifest into `folder`, with no component but this one for chat.
pub fn write_manifest(folder: &Path, mut manifest: toml::Table, chat: Wasm) -> PathBuf {
    let components = manifest["component"].as_table_mut().expect("components");
    components.retain(|id, _| id == "sluice");
    let source = chat.path().display().to_string();
    components["sluice"]
        .as_table_mut()
        .expect("a component")
        .insert("source".to_owned(), source.into());
    let triggers = manifest["trigger"]["http"].as_array_mut().expect("routes");
    triggers.retain(|trigger| trigger["component"].as_str() == Some("sluice"));
    let path = folder.join("spin.toml");
    std::fs::write(&path, manifest.to_string()).expect("a file in a folder of our own");
    path
}

/// A file or folder that an older release has left.
pub fn fixture(path: &str) -> PathBuf {
    root().join("tests/fixtures").join(path)
}

fn built(path: &str, how: &str) -> PathBuf {
    let file = root().join("target").join(path);
    assert!(file.is_file(), "target/{path} is not built: run `{how}`");
    file
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
