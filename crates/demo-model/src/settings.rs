//! A request's options as what an answer is drawn with.

use ollama_sim::Asked;

use crate::sampler::Settings;

/// The settings of a request. What it does not set is as usual; the types were looked at before.
pub(crate) fn of(asked: &Asked) -> Settings {
    let usual = Settings::default();
    let float = |name: &str, usual: f32| asked.number(name).map_or(usual, |number| number as f32);
    let size = |name: &str, usual: usize| {
        let number = asked.integer(name);
        number.map_or(usual, |number| usize::try_from(number).unwrap_or(0))
    };
    let penalty = float("repeat_penalty", usual.repeat_penalty);
    let seed = asked.integer("seed").filter(|seed| *seed >= 0);
    Settings {
        temperature: float("temperature", usual.temperature),
        top_k: size("top_k", usual.top_k),
        top_p: float("top_p", usual.top_p),
        min_p: float("min_p", usual.min_p),
        repeat_penalty: if penalty > 0.0 {
            penalty
        } else {
            usual.repeat_penalty
        },
        repeat_last: match asked.integer("repeat_last_n") {
            Some(-1) => usize::MAX,
            _ => size("repeat_last_n", usual.repeat_last),
        },
        seed: seed.map_or_else(random, i64::cast_unsigned),
    }
}

/// Another number each time: what the standard library keys its maps with.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(options: &[(&str, f64)]) -> Asked {
        options.iter().copied().collect()
    }

    #[test]
    fn options_are_ollamas() {
        let options = [
            ("temperature", 0.0),
            ("top_p", 0.5),
            ("top_k", 7.0),
            ("repeat_penalty", 1.3),
            ("repeat_last_n", -1.0),
            ("seed", 9.0),
            ("num_ctx", 4_096.0),
        ];
        let expected = Settings {
            temperature: 0.0,
            top_p: 0.5,
            top_k: 7,
            repeat_penalty: 1.3,
            repeat_last: usize::MAX,
            seed: 9,
            ..Settings::default()
        };
        assert_eq!(of(&asked(&options)), expected);
    }

    #[test]
    fn a_seed_that_is_none_is_another_each_time() {
        let seed = || of(&asked(&[("seed", -1.0)])).seed;
        assert_ne!(seed(), seed());
    }
}
