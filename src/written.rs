//! For tests: files of the repository of which a part is written from a table.

use std::path::{Path, PathBuf};

/// A text with other words between two marks.
pub(crate) fn between(text: &str, from: &str, to: &str, words: &str) -> String {
    let (before, rest) = text.split_once(from).expect(from);
    let at = rest.find(to).expect(to);
    format!("{before}{from}{words}{}", &rest[at..])
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of the repository.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// A file that is not as a table has it is written anew, and the test fails: look at the change and commit it.
#[track_caller]
pub(crate) fn write_if_stale(name: &str, text: &str) {
    if read(name) != text {
        std::fs::write(path(name), text).unwrap();
        panic!("{name} was not as the table has it; it is now");
    }
}
