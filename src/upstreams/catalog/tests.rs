//! Rules of what is known of a model.

use super::*;

fn entry(name: &str, digest: &str) -> Entry {
    Entry {
        name: ModelName::parse(name).unwrap(),
        digest: digest.to_owned(),
        size: 1,
        family: String::new(),
        capabilities: None,
        runs_elsewhere: false,
    }
}

fn at(upstream: usize) -> Copy {
    Copy {
        upstream,
        entry: entry("qwen3", "d"),
    }
}

#[test]
fn a_model_is_nowhere_only_if_every_upstream_said_so() {
    let known = |copies: Vec<usize>, silent: Vec<usize>| Known {
        copies: copies.into_iter().map(at).collect(),
        silent,
        facts: None,
    };
    assert!(known(vec![], vec![]).is_nowhere());
    assert!(!known(vec![], vec![1]).is_nowhere());
    assert!(!known(vec![0], vec![]).is_nowhere());
    let may_be = |known: Known| [0, 1, 2].map(|upstream| known.may_be_at(upstream));
    assert_eq!(may_be(known(vec![1], vec![2])), [false, true, true]);
    assert_eq!(may_be(known(vec![], vec![2])), [false, false, true]);
}

#[test]
fn what_a_model_can_do_is_told_by_show_or_else_by_the_list() {
    let mut copy = at(0);
    copy.entry.capabilities = Some(vec!["embedding".to_owned()]);
    let mut known = Known {
        copies: vec![copy],
        ..Known::default()
    };
    assert_eq!(known.can("embedding"), Some(true));
    assert_eq!(known.can("completion"), Some(false));
    known.facts = Some(Rc::new(Facts {
        capabilities: Some(vec!["completion".to_owned()]),
        ..Facts::default()
    }));
    assert_eq!(known.can("completion"), Some(true));
    assert_eq!(Known::default().can("completion"), None);
}

#[test]
fn a_name_that_is_another_model_elsewhere_is_told() {
    let listing = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(name, digest)| entry(name, digest));
        Some(Rc::new(entries.collect::<Vec<_>>()))
    };
    let listings = [
        listing(&[("a", "1"), ("b", "2"), ("c", "")]),
        None,
        listing(&[("A:latest", "1"), ("b", "3"), ("c", "4")]),
    ];
    let names = different_in(&listings);
    assert_eq!(names, [ModelName::parse("b").unwrap()]);
}

#[test]
fn a_model_runs_elsewhere_if_any_who_has_it_says_so_and_here_only_if_all_have_said() {
    let known = |elsewhere: &[bool], silent: &[usize], facts: Option<bool>| {
        let copies = elsewhere.iter().enumerate().map(|(upstream, elsewhere)| {
            let mut copy = at(upstream);
            copy.entry.runs_elsewhere = *elsewhere;
            copy
        });
        Known {
            copies: copies.collect(),
            silent: silent.to_vec(),
            facts: facts.map(|runs_elsewhere| {
                Rc::new(Facts {
                    runs_elsewhere,
                    ..Facts::default()
                })
            }),
        }
    };
    for (known, expected) in [
        (known(&[], &[], None), Said::Unknown),
        (known(&[], &[0, 1], None), Said::Unknown),
        (known(&[false, true], &[], Some(false)), Said::Elsewhere),
        (known(&[true], &[1], None), Said::Elsewhere),
        (known(&[], &[0], Some(true)), Said::Elsewhere),
        (known(&[false], &[1], Some(false)), Said::Unknown),
        (known(&[false, false], &[], None), Said::Here),
    ] {
        assert_eq!(known.place(), expected, "{known:?}");
    }
}
