//! Upgrades: what an operator of 467bf51 (0.1.0) has is enough for this component.
//!
//! `tests/fixtures/467bf51` has that release's manifest, and the store of a host of it that was killed while four requests were
//! answered and three waited, after four that were whole.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Setup, Wasm, fill, fixture, read_manifest, run, write_manifest};

#[test]
fn the_component_runs_under_the_manifest_and_on_the_state_of_0_1_0() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let old = read_manifest("tests/fixtures/467bf51/spin.toml");
        let missing = difference(&read_manifest("spin.toml"), &old);
        let app = Setup::answering("tokens=10000 pace=20ms")
            .manifest(write_manifest(folder.path(), old, Wasm::Chat))
            .with_database(fixture("467bf51/state/sqlite_key_value.db"))
            .with("record_ttl", "2s")
            .start()
            .await;

        // Of the dead nobody knows how long they have been so: they hold their slots for a time to live.
        let held = fill(app.addr(), &app.sim, 4).await;
        assert_eq!(
            app.sim.counts().streams.peak,
            4,
            "never more than the capacity"
        );
        let health = app.read("/api/health").await;
        assert_eq!(health["status"], "ok", "{health}");
        assert_eq!(named(&health), missing, "{health}");
        drop(held);
    });
}

#[test]
fn a_manifest_without_a_variable_serves_by_its_default_and_says_so() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut manifest = read_manifest("spin.toml");
        let without = |table: &mut toml::Value| {
            let table = table.as_table_mut().expect("a table");
            table.remove("max_queue").expect("a variable");
        };
        without(&mut manifest["variables"]);
        without(&mut manifest["component"]["sluice"]["variables"]);
        let app = Setup::answering("tokens=3")
            .manifest(write_manifest(folder.path(), manifest, Wasm::Chat))
            .start()
            .await;
        let answer = app.chat("Hello").await.whole().await;
        assert_eq!(answer.status, 200);
        let health = app.read("/api/health").await;
        assert_eq!(named(&health), BTreeSet::from(["max_queue".to_owned()]));
    });
}

/// The variables that one manifest defines and another does not.
fn difference(one: &toml::Table, other: &toml::Table) -> BTreeSet<String> {
    let names = |manifest: &toml::Table| -> BTreeSet<String> {
        let variables = manifest["variables"].as_table().expect("variables");
        variables.keys().cloned().collect()
    };
    &names(one) - &names(other)
}

/// The variables that are named among the warnings.
fn named(health: &Value) -> BTreeSet<String> {
    let warnings = health["warnings"].as_array().expect("warnings");
    let settings = warnings
        .iter()
        .filter(|warning| warning["code"] == "setting");
    let names = settings.filter_map(|warning| warning["text"].as_str()?.split(' ').next());
    names.map(str::to_owned).collect()
}
