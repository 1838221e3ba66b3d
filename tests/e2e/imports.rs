//! What the chat component asks of its host: no more than ARCHITECTURE.md gives a reason for.

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use crate::common::Wasm;

#[test]
fn every_import_of_the_chat_component_has_its_reason_in_the_architecture() {
    let component = std::fs::read(Wasm::Chat.path()).expect("the chat component is built");
    let imported = imports(&component);
    assert!(
        imported.contains("spin:key-value/key-value"),
        "this is the chat component: {imported:?}"
    );
    assert_eq!(imported, reasons());
}

/// The interfaces that a component imports, without their versions.
fn imports(component: &[u8]) -> BTreeSet<String> {
    let mut depth = 0_u32;
    let mut interfaces = BTreeSet::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            // What is nested imports from its surroundings, not from the host.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    interfaces.insert(without_version(import.expect("an import").name.name));
                }
            }
            _ => {}
        }
    }
    interfaces
}

/// The first column of the table in ARCHITECTURE.md.
fn reasons() -> BTreeSet<String> {
    let text = include_str!("../../ARCHITECTURE.md");
    text.lines()
        .skip_while(|line| *line != HEADING)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect()
}

fn without_version(name: &str) -> String {
    name.split('@').next().unwrap_or(name).to_owned()
}

const HEADING: &str = "## What the chat component imports";
