//! Keys that are at fault together.

use super::{faulty, parsed};

#[test]
fn a_name_that_two_keys_have_is_a_fault() {
    assert_eq!(
        faulty(&[("api_keys", "a:batch:x a:operator:y")]),
        ["api_keys"]
    );
    assert_eq!(
        faulty(&[("api_key", "x"), ("api_keys", "default:batch:y")]),
        ["api_keys"]
    );
}

#[test]
fn two_keys_that_are_one_are_told_by_their_place_and_not_by_a_name() {
    for (api_key, api_keys, entry) in [
        ("", "ann:batch:x ben:batch:x", "entry 2"),
        ("", "ann:batch:x ann:batch:y", "entry 2"),
        ("x", "ann:batch:x", "entry 1"),
        ("", "ann:batch:x ben:batch:y ann:batch:z", "entry 3"),
    ] {
        let faults = parsed(&[("api_key", api_key), ("api_keys", api_keys)]);
        let told = faults.unwrap_err().to_string();
        assert!(told.contains(entry), "{told}");
        assert!(!told.contains("ann") && !told.contains("ben"), "{told}");
    }
}

#[test]
fn two_keys_with_one_secret_are_a_fault() {
    for keys in [
        [("api_key", "same"), ("api_keys", "ops:operator:same")],
        [
            ("api_key", ""),
            ("api_keys", "a:batch:same b:operator:same"),
        ],
    ] {
        assert_eq!(faulty(&keys), ["api_keys"]);
    }
}
