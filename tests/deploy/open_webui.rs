//! The Pipe for Open WebUI is Python, and so is its test.

use std::process::Command;

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
