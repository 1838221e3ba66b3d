//! What is written from the table of settings: the manifest's variables and the operator's table of them.

use std::fmt::Write;

use super::MAX_UPSTREAMS;
use super::table::{Group, Setting, all, each};
use crate::written::{between, read, write_if_stale};

#[test]
fn the_manifest_is_written_from_the_table() {
    let manifest = read("spin.toml");
    let mut defined = String::new();
    let mut handed_on = String::new();
    for (setting, is_first) in &with_headlines() {
        if *is_first {
            let _ = writeln!(defined, "\n# {}", headline(setting.group));
        }
        for (index, (name, default)) in each(setting).into_iter().enumerate() {
            let secret = if setting.is_secret {
                ", secret = true"
            } else {
                ""
            };
            let what = match index {
                0 => setting.row.what.to_owned(),
                _ => format!("of upstream {}: {}", index + 1, setting.row.what),
            };
            let _ = writeln!(
                defined,
                "{name} = {{ default = \"{default}\"{secret}, description = \"{what}\" }}"
            );
            let _ = writeln!(handed_on, "{name} = \"{{{{ {name} }}}}\"");
        }
    }
    let hosts: String = (1..=MAX_UPSTREAMS)
        .map(|number| {
            format!(
                "    \"{{{{ {} }}}}\",\n",
                super::reader::name_of("ollama_host", number)
            )
        })
        .collect();
    let manifest = between(
        &manifest,
        "\n[variables]\n",
        "\n[[trigger.http]]",
        &defined[1..],
    );
    let manifest = between(
        &manifest,
        "\n[component.sluice.variables]\n",
        "\n[component.static]",
        &handed_on,
    );
    let manifest = between(&manifest, "\nallowed_outbound_hosts = [\n", "]\n", &hosts);
    write_if_stale("spin.toml", &manifest);
}

#[test]
fn the_operators_page_is_written_from_the_table() {
    let page = read("docs/operating.md");
    let mut table = String::from(
        "\n| setting | default | what it may be | what it sets | since |\n|---|---|---|---|---|\n",
    );
    for setting in all() {
        let row = setting.row;
        let default = match row.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let secret = if setting.is_secret { " (a secret)" } else { "" };
        let names = match each(&setting).len() {
            1 => format!("`{}`", row.name),
            last => format!("`{0}`, `{0}2` … `{0}{last}`", row.name),
        };
        let _ = writeln!(
            table,
            "| {names} | {default} | {}{secret} | {} | {} |",
            setting.expected, row.what, row.since
        );
    }
    table.push('\n');
    let page = between(
        &page,
        "<!-- written from src/config/table.rs -->\n",
        "<!-- end -->",
        &table,
    );
    write_if_stale("docs/operating.md", &page);
}

/// The rows, and whether each is the first of its group.
fn with_headlines() -> Vec<(Setting, bool)> {
    let mut last = None;
    let is_first = |setting: Setting| {
        let is_first = last.replace(setting.group) != Some(setting.group);
        (setting, is_first)
    };
    all().into_iter().map(is_first).collect()
}

fn headline(group: Group) -> &'static str {
    match group {
        Group::Upstreams => {
            "Where Ollama is. An origin and the path before /api are two variables: Spin's allowed_outbound_hosts takes no path.\n\
             # https://vspace.store/ollama/ is ollama_host = \"https://vspace.store\" and ollama_base_path = \"/ollama\"."
        }
        Group::Models => "Models.",
        Group::Options => {
            "Ollama's options, which go with every request; an empty one is not sent."
        }
        Group::Gate => "The gate and its line.",
        Group::Sending => "Towards the upstream.",
        Group::Clients => "Towards clients.",
    }
}
