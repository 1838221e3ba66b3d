//! Rules of the whole document.

use std::collections::BTreeSet;

use sluice_gate::board::{Grant, Waiting};

use super::*;
use crate::config::tests::config_with;

fn written(totals: &Totals) -> String {
    let seen = Seen {
        capacity: 4,
        breakers: vec![State::Open],
    };
    let of_model = ModelTotals {
        answers: 7,
        loads: 2,
    };
    let by_model = [("qwen3:8b".to_owned(), of_model)];
    document(
        &config_with(&[]),
        &seen,
        &Board::default(),
        totals,
        &by_model,
    )
}

#[test]
fn every_sample_has_a_family_and_every_name_follows_the_conventions() {
    let text = written(&Totals::default());
    let mut families = BTreeSet::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned()), "{name} twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let name = line.split(['{', ' ']).next().unwrap();
        let is_of_family = families.iter().any(|family| {
            let rest = name.strip_prefix(family.as_str());
            matches!(rest, Some("" | "_bucket" | "_sum" | "_count"))
        });
        assert!(is_of_family, "{line}");
        assert!(
            line.split(' ').next_back().unwrap().parse::<f64>().is_ok(),
            "{line}"
        );
    }
}

#[test]
fn an_admitted_request_is_told_by_how_it_ended() {
    let text = written(&Totals::with(Tallied::Admitted("complete"), 2));
    assert!(
        text.contains("sluice_admissions_total{outcome=\"complete\"} 2\n"),
        "{text}"
    );
}

#[test]
fn what_was_counted_of_a_model_is_told_under_its_name() {
    let text = written(&Totals::default());
    for sample in [
        "sluice_model_answers_total{model=\"qwen3:8b\"} 7\n",
        "sluice_model_loads_total{model=\"qwen3:8b\"} 2\n",
    ] {
        assert!(text.contains(sample), "{text}");
    }
}

#[test]
fn a_breaker_is_in_exactly_one_state() {
    let text = written(&Totals::with(Tallied::Opened(0), 3));
    for (state, value) in [("closed", 0), ("open", 1), ("half_open", 0)] {
        let sample =
            format!("sluice_upstream_breaker_state{{upstream=\"0\",state=\"{state}\"}} {value}\n");
        assert!(text.contains(&sample), "{text}");
    }
    assert!(text.contains("sluice_upstream_breaker_opened_total{upstream=\"0\"} 3\n"));
}

#[test]
fn clients_are_counted_once_each_and_only_those_that_are_told_apart() {
    let grant = |client| Grant {
        client,
        ..Grant::default()
    };
    let waiting = |client| Waiting {
        client,
        ..Waiting::default()
    };
    let board = Board {
        grants: [0, 7, 8].map(grant).into(),
        line: [7, 0, 9].map(waiting).into(),
        ..Board::default()
    };
    assert_eq!(clients(&board), 3);
}
