//! The profiles are settings of this application, each of which changes something.

use crate::read::{default_of, text, variables};

#[test]
fn each_line_of_a_profile_sets_a_variable_to_something_else_than_its_default() {
    let names = variables();
    let profile = text("deploy/profiles/agents.env");
    let lines = profile
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let setting = line.strip_prefix("SPIN_VARIABLE_");
        let (name, value) = setting.and_then(|line| line.split_once('=')).expect(line);
        let name = name.to_ascii_lowercase();
        assert!(names.contains(&name), "{line}");
        assert_ne!(default_of(&name), value, "{line}");
        count += 1;
    }
    assert!(count > 5, "{count}");
}
