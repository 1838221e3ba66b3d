//! The image holds what the manifest names, where the manifest names it.

use crate::read;

#[test]
fn the_image_holds_all_that_the_manifest_names() {
    let containerfile = read::text("deploy/Containerfile");
    let manifest = read::toml("spin.toml");
    for (id, component) in manifest["component"].as_table().expect("components") {
        let source = component["source"].as_str().expect("a path");
        let (folder, _) = source.rsplit_once('/').expect("a folder");
        let copy = format!("COPY --from=build /src/{source} {folder}/");
        assert!(containerfile.contains(&copy), "{id}: {copy}");
        for files in component
            .get("files")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let source = files["source"].as_str().expect("a path");
            let copy = format!("COPY --from=build /src/{source} {source}");
            assert!(containerfile.contains(&copy), "{id}: {copy}");
        }
    }
}

#[test]
fn the_image_builds_each_component_as_the_manifest_does() {
    let containerfile = read::text("deploy/Containerfile");
    let manifest = read::toml("spin.toml");
    for (id, component) in manifest["component"].as_table().expect("components") {
        let command = component["build"]["command"].as_str().expect("a command");
        let package = command.split_once("--package ").expect("a package").1;
        assert!(
            containerfile.contains(&format!("--package {package}")),
            "{id}"
        );
        assert!(containerfile.contains("--target wasm32-wasip2"), "{id}");
    }
}

#[test]
fn the_image_is_built_by_the_rust_to_which_its_target_is_added() {
    let containerfile = read::text("deploy/Containerfile");
    let add = containerfile
        .find("rustup target add wasm32-wasip2")
        .expect("a target");
    assert!(add < containerfile.find("COPY . .").expect("the sources"));
    // In a folder with this file rustup takes the toolchain that it names, and not the image's own.
    let left_out = read::text(".dockerignore");
    assert!(left_out.lines().any(|line| line == "rust-toolchain.toml"));
}

#[test]
fn the_image_keeps_no_log_beside_its_output() {
    let containerfile = read::text("deploy/Containerfile");
    assert!(containerfile.contains("\"--log-dir\", \"logs\""));
    let manifest = read::toml("spin.toml");
    for id in manifest["component"].as_table().expect("components").keys() {
        for stream in ["stdout", "stderr"] {
            let nowhere = format!("ln -s /dev/null logs/{id}_{stream}.txt");
            assert!(containerfile.contains(&nowhere), "{nowhere}");
        }
    }
}

#[test]
fn a_release_is_built_for_the_spin_of_the_image() {
    let workflow = read::one(".github/workflows/release.yml");
    let version = workflow["env"]["SPIN_VERSION"].as_str().expect("a version");
    let containerfile = read::text("deploy/Containerfile");
    assert!(
        containerfile.contains(&format!("\nARG SPIN_VERSION={version}\n")),
        "{version}"
    );
}
