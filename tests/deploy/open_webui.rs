//! The Pipe for Open WebUI is Python, and so is its test.

use std::process::Command;

use crate::read;

#[test]
fn sluice_is_looked_for_where_the_set_up_with_open_webui_has_it() {
    let setup = read::one("deploy/setups/open-webui/compose.yaml");
    let url = read::at(&setup, "/services/open-webui/environment/OLLAMA_BASE_URL");
    for file in ["sluice.py", "README.md"] {
        let text = read::text(&format!("deploy/open-webui/{file}"));
        assert!(text.contains(url), "{file}: {url}");
    }
}

#[test]
fn the_pipe_tells_places_as_status_events() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/open-webui");
    let mut python = Command::new("python3");
    python.args(["-B", "test_sluice.py"]).current_dir(folder);
    let Ok(output) = python.output() else {
        eprintln!("skipped: there is no python3");
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("Ran ") && !told.contains("Ran 0 "),
        "{told}"
    );
}
