//! Wasmtime stays at the version of the Spin that the components are built for.

use std::{fs, path::Path};

/// The three that must move together, and only with Spin: wasmtime 48 traps a read that wit-bindgen 0.57 cancels
/// (wasmtime#13708), which the components do.
const HELD: [&str; 3] = ["wasmtime", "wasmtime-wasi", "wasmtime-wasi-http"];

fn workspace_file(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn the_lock_holds_wasmtime_at_spins_version() {
    let lock = workspace_file("Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    for held in HELD {
        let versions: Vec<&str> = packages
            .iter()
            .filter(|package| package["name"].as_str() == Some(held))
            .map(|package| package["version"].as_str().unwrap())
            .collect();
        assert!(
            matches!(versions[..], [version] if version.starts_with("47.0.")),
            "{held}: {versions:?}"
        );
    }
}

#[test]
fn the_manifest_does_not_let_it_move() {
    let manifest = workspace_file("Cargo.toml");
    for held in HELD {
        assert_eq!(
            manifest["workspace"]["dependencies"][held]["version"].as_str(),
            Some("~47.0"),
            "{held}"
        );
    }
}
