//! How models stand: how many of each are relayed and wait, where they are loaded, and what an operator should know of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_gate::Wants;
use sluice_gate::board::Board;
use sluice_gate::models::{Models, Places};

use super::advice::Advice;
use crate::config::Config;
use crate::upstreams::{catalog, runners};

/// The most models that are told: the board has as many.
const MOST: usize = 64;

/// How one model stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// How many are relayed.
    pub(super) active: u32,
    /// How many wait.
    pub(super) waiting: u32,
    /// How many may run at once.
    pub(super) places: Places,
    /// Where it is loaded.
    pub(super) loaded: Vec<u8>,
}

/// The models that are relayed, waited for or loaded. What only another instance knows the name of is told without one.
pub fn report(config: &Config, board: &Board) -> Vec<Value> {
    let seen = runners::seen(config);
    let standing = standing(board, &seen);
    let models = standing.into_iter().take(MOST).map(|(number, model)| {
        let name = runners::name_of(number);
        let policy = name.as_deref().map(|name| config.policy.of(name));
        let warm = name.as_deref().is_some_and(|name| is_warm(config, name));
        let measured = board
            .policy
            .figures
            .iter()
            .filter(|figure| figure.model == number);
        let measured = measured
            .filter_map(|figure| figure.parallel.believed())
            .max();
        json!({
            "name": name,
            "active": model.active,
            "waiting": model.waiting,
            "max": model.places.limit(measured),
            "measured": measured,
            "loaded": model.loaded,
            "numCtx": policy.and_then(|policy| policy.options.get("num_ctx")),
            "warm": warm,
        })
    });
    models.collect()
}

/// What an operator should know: names that are different models, and models of which fewer run at once than were granted.
pub async fn advice(config: &Config, board: Option<&Board>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for name in catalog::different(config).await {
        let text = format!(
            "{name} is not the same model at all upstreams that have it: answers differ by where they come from"
        );
        let setting = format!("{name} at one of the upstreams");
        advice.push(Advice::new("model_differs", setting, text));
    }
    advice.extend(
        board
            .into_iter()
            .flat_map(|board| of_figures(config, board)),
    );
    advice
}

/// Models of which fewer answers run at once at an upstream than were granted, as was measured.
fn of_figures(config: &Config, board: &Board) -> Vec<Advice> {
    let mut advice = Vec::new();
    for figure in &board.policy.figures {
        let wanted = config
            .upstreams
            .get(usize::from(figure.upstream))
            .map(|upstream| upstream.max_concurrent.min(config.max_concurrent));
        let (Some(runs), Some(wanted)) = (figure.parallel.believed(), wanted) else {
            continue;
        };
        if u32::from(runs) < wanted {
            let name = runners::name_of(figure.model).unwrap_or_else(|| "a model".to_owned());
            let text = format!(
                "upstream {} runs {runs} of {name} at once: set OLLAMA_NUM_PARALLEL={wanted} there",
                figure.upstream
            );
            let setting = format!(
                "OLLAMA_NUM_PARALLEL={wanted} of upstream {}",
                figure.upstream
            );
            let about = format!("{name} at upstream {}", figure.upstream);
            advice.push(Advice::new("runs_at_once", setting, text).about(&about));
        }
    }
    advice
}

/// The models on the board, by their numbers.
pub(super) fn on_board(board: &Board) -> BTreeMap<u64, Standing> {
    standing(board, &Models::NONE)
}

fn standing(board: &Board, seen: &Models) -> BTreeMap<u64, Standing> {
    let mut models: BTreeMap<u64, Standing> = BTreeMap::new();
    let mut add = |wants: &Wants, count: fn(&mut Standing) -> &mut u32| {
        // 0 is no model's.
        if wants.model != 0 {
            let model = models.entry(wants.model).or_default();
            model.places = wants.places;
            *count(model) += 1;
        }
    };
    for grant in &board.grants {
        add(&grant.wants, |model| &mut model.active);
    }
    for waiting in board.waiting() {
        add(&waiting.wants, |model| &mut model.waiting);
    }
    for seen in seen.seen.iter().filter(|seen| seen.is_loaded) {
        models
            .entry(seen.model)
            .or_default()
            .loaded
            .push(seen.upstream);
    }
    models
}

fn is_warm(config: &Config, name: &str) -> bool {
    let name = sluice_ollama::ModelName::parse(name);
    name.is_some_and(|name| config.warm_models.contains(&name))
}

#[cfg(test)]
mod tests {
    use sluice_gate::board::{Grant, Waiting};
    use sluice_gate::models::Seen;
    use sluice_gate::policy::{Answer, Figure, Parallel};

    use super::*;
    use crate::config::tests::config_with;

    /// A board on which answers of one model were measured, of which so many ran at once and so many were granted.
    fn measured(ran: u8, granted: u8) -> Board {
        let mut parallel = Parallel::default();
        for _ in 0..Parallel::WINDOW {
            parallel.note(Answer { granted, ran });
        }
        let mut figure = Figure::default();
        figure.model = 7;
        figure.parallel = parallel;
        let mut board = Board::default();
        board.policy.figures.push(figure);
        board
    }

    #[test]
    fn how_many_run_at_once_is_told_where_fewer_do_than_were_granted_and_not_else() {
        let config = config_with(&[("max_concurrent", "4"), ("num_parallel", "4")]);
        let told = of_figures(&config, &measured(1, 4));
        let [one] = &told[..] else {
            panic!("one piece: {told:?}");
        };
        let [code, text, setting] = one.parts();
        assert_eq!(code, "runs_at_once");
        assert!(
            text.contains("runs 1 of a model at once: set OLLAMA_NUM_PARALLEL=4"),
            "{text}"
        );
        assert_eq!(setting, "OLLAMA_NUM_PARALLEL=4 of upstream 0");
        assert_eq!(of_figures(&config, &measured(4, 4)), []);
        assert_eq!(of_figures(&config, &Board::default()), []);
    }

    #[test]
    fn a_model_is_told_by_who_is_relayed_who_waits_and_where_it_is_loaded() {
        let wants = |model| Wants {
            model,
            places: Places::Told(2),
            ..Wants::default()
        };
        let grant = |model| Grant {
            wants: wants(model),
            ..Grant::default()
        };
        let waiting = |model| Waiting {
            wants: wants(model),
            ..Waiting::default()
        };
        let board = Board {
            grants: vec![grant(7), grant(7), grant(0)],
            line: vec![waiting(8), waiting(7), waiting(0)],
            ..Board::default()
        };
        let seen = Models {
            seen: vec![
                Seen {
                    upstream: 1,
                    model: 7,
                    is_loaded: true,
                    ..Seen::default()
                },
                Seen {
                    model: 9,
                    ..Seen::default()
                },
            ],
            ..Models::default()
        };
        let standing = standing(&board, &seen);
        let told: Vec<_> = standing
            .iter()
            .map(|(number, model)| {
                (
                    *number,
                    model.active,
                    model.waiting,
                    model.loaded.as_slice(),
                )
            })
            .collect();
        assert_eq!(told, [(7, 2, 1, &[1][..]), (8, 0, 1, &[][..])]);
    }
}
