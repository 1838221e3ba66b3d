//! What is told by model: how many requests of each are relayed and wait. A label must not grow without bound, so the 20 most asked
//! for have one of their own, and all others, and those whose name only another instance knows, are `other`.

use sluice_gate::board::Board;

use super::super::models::{self, Standing};
use super::text::{Document, Kind};
use crate::counters::{LABELS, ModelTotals, OTHER};
use crate::upstreams::runners;

/// How many are relayed and wait, by model.
pub(super) fn told(text: &mut Document, board: &Board) {
    let samples = samples(models::on_board(board), runners::name_of);
    for (name, help, value) in [
        (
            "sluice_model_active",
            "Answers that are relayed, by model.",
            (|counts: &Counts| counts.active) as fn(&Counts) -> u32,
        ),
        (
            "sluice_model_waiting",
            "Requests in line, by model.",
            |counts| counts.waiting,
        ),
    ] {
        text.family(name, Kind::Gauge, help);
        for (model, counts) in &samples {
            text.sample(name, &[("model", model)], value(counts));
        }
    }
}

/// What was counted of each.
pub(super) fn counted(text: &mut Document, totals: &[(String, ModelTotals)]) {
    for (name, help, value) in [
        (
            "sluice_model_answers_total",
            "Complete answers, by model.",
            (|totals: &ModelTotals| totals.answers) as fn(&ModelTotals) -> u64,
        ),
        (
            "sluice_model_loads_total",
            "Loads that were sent to change models, or to keep one warm, by model.",
            |totals| totals.loads,
        ),
    ] {
        text.family(name, Kind::Counter, help);
        for (model, totals) in totals {
            text.sample(name, &[("model", model)], value(totals));
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    active: u32,
    waiting: u32,
}

fn samples(
    standing: impl IntoIterator<Item = (u64, Standing)>,
    name_of: impl Fn(u64) -> Option<String>,
) -> Vec<(String, Counts)> {
    let mut named: Vec<(String, Counts)> = Vec::new();
    let mut other = Counts::default();
    let mut all: Vec<(u64, Standing)> = standing.into_iter().collect();
    all.sort_by_key(|(number, model)| (u32::MAX - model.active - model.waiting, *number));
    for (number, model) in all {
        // A name has several numbers while one file takes the place of another.
        let name = name_of(number);
        if let Some(name) = &name
            && named.len() < LABELS
            && named.iter().all(|(known, _)| known != name)
        {
            named.push((name.clone(), Counts::default()));
        }
        let labelled = named
            .iter_mut()
            .find(|(known, _)| Some(known) == name.as_ref());
        let counts = labelled.map_or(&mut other, |(_, counts)| counts);
        counts.active += model.active;
        counts.waiting += model.waiting;
    }
    if other != Counts::default() {
        named.push((OTHER.to_owned(), other));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_asked_for_have_a_label_and_all_others_share_one() {
        let standing = (1..=25_u64).map(|number| {
            let waiting = u32::try_from(number).unwrap();
            let model = Standing {
                active: 1,
                waiting,
                ..Standing::default()
            };
            (number, model)
        });
        let unknown = |number: u64| (number != 25).then(|| format!("m{number}"));
        let told = samples(standing, unknown);
        assert_eq!(told.len(), 21);
        assert_eq!(told[0].0, "m24");
        assert_eq!(told[19].0, "m5");
        let other = Counts {
            active: 5,
            waiting: 25 + 4 + 3 + 2 + 1,
        };
        assert_eq!(told[20], ("other".to_owned(), other));
        assert_eq!(samples([], unknown), []);
    }

    #[test]
    fn numbers_of_one_name_are_one_sample() {
        let standing = |active, waiting| Standing {
            active,
            waiting,
            ..Standing::default()
        };
        let name = |_| Some("qwen3:8b".to_owned());
        let told = samples([(7, standing(2, 0)), (9, standing(0, 3))], name);
        let both = Counts {
            active: 2,
            waiting: 3,
        };
        assert_eq!(told, [("qwen3:8b".to_owned(), both)]);
    }
}
