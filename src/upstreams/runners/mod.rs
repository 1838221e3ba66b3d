//! What runs at the upstreams, as whoever schedules needs to know it: which models are loaded where, how long a load takes, which
//! failed, and which do not fit together.
//!
//! # Where it comes from
//! From the list of what each upstream has loaded ([`super::catalog`]), and from the loads that this instance sends itself. It is
//! advice, kept by each instance for itself: whoever takes over learns it again.
//!
//! # Limits
//! Nothing is read while one upstream serves one model: there is nothing to choose.

mod fit;
mod load;
mod loads;
mod number;
mod strangers;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use sluice_gate::models::{Apart, Models, Places, Seen, Wants};
use sluice_ollama::ModelName;

pub use load::{load_soon, load_there};
pub use number::{Named, name_of, number_of};

use super::catalog::{self, Facts, Known, Loaded};
use crate::clock;
use crate::config::{Config, MAX_UPSTREAMS};
use fit::{Fit, Present};
use loads::{Loads, Told};
use strangers::Strangers;

/// How long what was put together is told again, in milliseconds: the gate asks at every step.
const FRESH_MS: u64 = 200;

/// How long a model that was asked for counts as one of several, in milliseconds.
const SEVERAL_MS: u64 = 600_000;

/// Families that Ollama runs one at a time, whatever `OLLAMA_NUM_PARALLEL` says, and so it does models that only embed.
const ONE_AT_A_TIME: [&str; 11] = [
    "mllama",
    "qwen3vl",
    "qwen3vlmoe",
    "qwen35",
    "qwen35moe",
    "qwen3next",
    "lfm2",
    "lfm2moe",
    "nemotron_h",
    "nemotron_h_moe",
    "nemotron_h_omni",
];

/// What a request says of its model at the gate; `hint`: its conversation, or 0.
pub fn wants(config: &Config, model: &str, known: &Known, hint: u16) -> Wants {
    let Some(name) = ModelName::parse(model) else {
        return Wants::default();
    };
    Wants {
        hint,
        ..unasked(config, &name, known)
    }
}

/// What a request for this model would say.
pub fn unasked(config: &Config, name: &ModelName, known: &Known) -> Wants {
    let facts = known.facts.as_deref();
    let number = number_of(&config.policy, name, facts);
    let lacks = match known.is_nowhere() {
        true => 0,
        false => (0..MAX_UPSTREAMS.min(config.upstreams.len()))
            .filter(|upstream| !known.may_be_at(*upstream))
            .fold(0, |bits, upstream| bits | 1 << upstream),
    };
    Wants {
        model: number,
        lacks,
        is_auxiliary: facts.is_some_and(Facts::only_embeds),
        places: places(config, name, facts),
        hint: 0,
    }
}

/// The models that are loaded somewhere and can answer, each by one name, as far as is known; none while one alone is in use.
pub fn loaded(config: &Config) -> Vec<ModelName> {
    let seen = seen(config);
    let mut numbers: Vec<u64> = Vec::new();
    for one in seen.seen.iter().filter(|one| one.is_loaded) {
        if !numbers.contains(&one.model) {
            numbers.push(one.model);
        }
    }
    let named = numbers.into_iter().filter_map(number::named);
    let answering = named.filter(|named| !named.only_embeds);
    answering.map(|named| named.name).collect()
}

/// A fold of a request's conversation for the gate; 0 where it is not known.
pub fn hint(client: u64, model: &str, conversation: u64) -> u16 {
    if conversation == 0 {
        return 0;
    }
    let parts = [client.to_string(), conversation.to_string()];
    let hash = number::hash([parts[0].as_str(), model, parts[1].as_str()]);
    let folded = hash ^ hash >> 32;
    let folded = folded ^ folded >> 16;
    u16::try_from(folded & 0xffff).unwrap_or(0).max(1)
}

fn places(config: &Config, name: &ModelName, facts: Option<&Facts>) -> Places {
    let mut limits = config.model_limits.iter();
    if let Some(limit) = limits.find(|limit| limit.models.matches(name)) {
        return Places::Told(limit.at_once);
    }
    let is_single =
        |facts: &Facts| facts.only_embeds() || ONE_AT_A_TIME.contains(&facts.family.as_str());
    match facts.is_some_and(is_single) {
        true => Places::Guessed(1),
        false => Places::Unknown,
    }
}

/// Whether models take turns at some upstream, or may soon, since several are asked for; as far as is known here.
pub fn may_take_turns(config: &Config) -> bool {
    let seen = seen(config);
    let mut upstreams = (0_u8..).take(MAX_UPSTREAMS);
    upstreams.any(|upstream| seen.has_turns(upstream)) || asked_lately(clock::now_ms()) > 1
}

/// What was seen, for whoever schedules. Nothing is waited for: where it is too old, the next look begins.
pub fn seen(config: &Config) -> Arc<Models> {
    let now_ms = clock::now_ms();
    let is_fresh = |(built_ms, _): &(u64, Arc<Models>)| now_ms.saturating_sub(*built_ms) < FRESH_MS;
    let last = LAST.with_borrow(Clone::clone).filter(is_fresh);
    if let Some((_, models)) = last {
        return models;
    }
    let models = Arc::new(build(config, now_ms));
    LAST.set(Some((now_ms, models.clone())));
    models
}

/// Forgets what was put together: something has changed.
fn changed() {
    LAST.set(None);
}

fn build(config: &Config, now_ms: u64) -> Models {
    let mut models = Models::NONE;
    let mut read = 0_u8;
    for (told, upstream) in models.at_once.iter_mut().zip(&config.upstreams) {
        *told = upstream.models_at_once.unwrap_or(0);
    }
    let is_told = models.at_once.iter().any(|told| *told > 0);
    if config.upstreams.len() > 1 || is_told || are_several(now_ms) {
        for index in 0..config.upstreams.len() {
            let Some(loaded) = catalog::loaded_now(config, index) else {
                continue;
            };
            let upstream = u8::try_from(index).unwrap_or(u8::MAX);
            let found: Vec<Option<Rc<Facts>>> = loaded
                .iter()
                .map(|loaded| facts_of_loaded(index, loaded))
                .collect();
            let numbers: Vec<u64> = loaded
                .iter()
                .zip(&found)
                .map(|(loaded, facts)| number_of(&config.policy, &loaded.name, facts.as_deref()))
                .collect();
            // By its name's number one model would seem to make room for itself.
            if found.iter().all(Option::is_some) {
                learn_fit(upstream, now_ms, &loaded, &numbers);
            }
            read |= 1_u8.checked_shl(upstream.into()).unwrap_or(0);
            for model in numbers {
                note_loaded(&mut models, upstream, model);
            }
        }
    }
    LOADS.with_borrow(|loads| {
        for ((upstream, model), told) in loads.all(now_ms) {
            add(&mut models, upstream, model, told);
        }
    });
    STRANGERS.with_borrow(|strangers| {
        for (upstream, model) in strangers.taken(now_ms) {
            note_loaded(&mut models, upstream, model);
        }
    });
    let apart = FIT.with_borrow(|fit| fit.apart(now_ms).collect::<Vec<_>>());
    models.apart = apart
        .into_iter()
        .map(|(upstream, one, other)| Apart {
            upstream,
            one,
            other,
        })
        .collect();
    models.looked = looked(&models, read);
    models
}

/// Of the upstreams whose list of loaded models was read those at which that counts: models take turns there, or the time of a load
/// was measured. Elsewhere nobody knows what a load costs, and requests are spread as they were.
fn looked(models: &Models, read: u8) -> u8 {
    let counts = |upstream: u8| {
        let mut seen = models.seen.iter();
        models.has_turns(upstream)
            || seen.any(|seen| seen.upstream == upstream && seen.load_ms.is_some())
    };
    let upstreams = (0_u8..).take(MAX_UPSTREAMS);
    let bits = upstreams.filter(|upstream| read >> upstream & 1 == 1 && counts(*upstream));
    bits.fold(0, |bits, upstream| bits | 1 << upstream)
}

fn note_loaded(models: &mut Models, upstream: u8, model: u64) {
    let is_it = |seen: &&mut Seen| seen.upstream == upstream && seen.model == model;
    match models.seen.iter_mut().find(is_it) {
        Some(seen) => seen.is_loaded = true,
        None => models.seen.push(Seen {
            upstream,
            model,
            is_loaded: true,
            ..Seen::default()
        }),
    }
}

/// Adds what is known of loads. What is in memory needs none and is not barred, however the last one went.
fn add(models: &mut Models, upstream: u8, model: u64, told: Told) {
    let is_it = |seen: &&mut Seen| seen.upstream == upstream && seen.model == model;
    match models.seen.iter_mut().find(is_it) {
        Some(seen) => seen.load_ms = told.took_ms,
        None => models.seen.push(Seen {
            upstream,
            model,
            is_loaded: false,
            load_ms: told.took_ms,
            barred_ms: told.barred_ms,
        }),
    }
}

/// What it is that an upstream has loaded; where nobody has asked, somebody does.
fn facts_of_loaded(upstream: usize, loaded: &Loaded) -> Option<Rc<Facts>> {
    let facts = catalog::facts_of(&loaded.digest);
    if facts.is_none() {
        catalog::ask_soon(upstream, loaded);
    }
    facts
}

/// Each reading is looked at once.
fn learn_fit(upstream: u8, now_ms: u64, loaded: &Rc<Vec<Loaded>>, numbers: &[u64]) {
    let is_new = READ.with_borrow_mut(|read| {
        let Some(last) = read.get_mut(usize::from(upstream)) else {
            return false;
        };
        let is_new = !last.as_ref().is_some_and(|last| Rc::ptr_eq(last, loaded));
        *last = Some(loaded.clone());
        is_new
    });
    if !is_new {
        return;
    }
    let wall_ms = clock::wall_ms();
    let present = loaded.iter().zip(numbers).map(|(loaded, model)| Present {
        model: *model,
        left_ms: loaded.expires_ms.map(|at_ms| at_ms.saturating_sub(wall_ms)),
    });
    FIT.with_borrow_mut(|fit| fit.see(upstream, now_ms, present.collect()));
}

/// Notes that a model was asked for, by its name: what it is may be known later.
pub fn note_asked(model: &str) {
    let number = ModelName::parse(model).map_or(0, |name| number::of_name(&name));
    let now_ms = clock::now_ms();
    ASKED.with_borrow_mut(
        |asked| match asked.iter_mut().find(|(known, _)| *known == number) {
            Some((_, then_ms)) => *then_ms = now_ms,
            None => {
                asked.rotate_right(1);
                asked[0] = (number, now_ms);
            }
        },
    );
}

/// Whether several models were asked for lately, or loads were sent.
fn are_several(now_ms: u64) -> bool {
    asked_lately(now_ms) > 1 || HAS_LOADED.get()
}

/// How many models were asked for lately.
fn asked_lately(now_ms: u64) -> usize {
    let is_late = |(number, then_ms): &&(u64, u64)| {
        *number != 0 && now_ms.saturating_sub(*then_ms) <= SEVERAL_MS
    };
    ASKED.with_borrow(|asked| asked.iter().filter(is_late).count())
}

thread_local! {
    static LAST: RefCell<Option<(u64, Arc<Models>)>> = const { RefCell::new(None) };
    static FIT: RefCell<Fit> = RefCell::default();
    static LOADS: RefCell<Loads> = RefCell::default();
    /// The last reading of each upstream that was learned from.
    static READ: RefCell<[Option<Rc<Vec<Loaded>>>; MAX_UPSTREAMS]> = RefCell::default();
    /// The models that were asked for last, and when.
    static ASKED: RefCell<[(u64, u64); 4]> = const { RefCell::new([(0, 0); 4]) };
    static STRANGERS: RefCell<Strangers> = const { RefCell::new(Strangers::NONE) };
    static HAS_LOADED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config_with;

    fn facts(family: &str, capabilities: &[&str]) -> Facts {
        let words = capabilities.iter().map(|word| (*word).to_owned());
        Facts {
            family: family.to_owned(),
            capabilities: Some(words.collect()),
            ..Facts::default()
        }
    }

    #[test]
    fn a_limit_that_is_set_goes_before_what_is_guessed() {
        let config = config_with(&[("model_limits", "qwen3:*=2 free=0")]);
        let of = |name: &str, family: &str, capabilities: &[&str]| {
            let name = ModelName::parse(name).unwrap();
            places(&config, &name, Some(&facts(family, capabilities)))
        };
        assert_eq!(of("qwen3:8b", "qwen35", &["completion"]), Places::Told(2));
        assert_eq!(of("free", "mllama", &["completion"]), Places::Told(0));
        assert_eq!(of("x", "mllama", &["completion"]), Places::Guessed(1));
        assert_eq!(of("x", "bert", &["embedding"]), Places::Guessed(1));
        assert_eq!(of("x", "llama", &["completion"]), Places::Unknown);
    }

    #[test]
    fn what_is_known_of_a_load_stands_beside_what_is_loaded() {
        let mut models = Models::NONE;
        models.seen.push(Seen {
            upstream: 0,
            model: 7,
            is_loaded: true,
            ..Seen::default()
        });
        let told = Told {
            took_ms: Some(9),
            barred_ms: 5,
        };
        add(&mut models, 0, 7, told);
        add(&mut models, 0, 8, told);
        assert_eq!(models.load_ms(0, 7), Some(9));
        let [loaded, barred] = models.seen.try_into().unwrap();
        assert!(loaded.is_loaded && loaded.barred_ms == 0);
        assert!(!barred.is_loaded && barred.barred_ms == 5);
    }

    #[test]
    fn one_that_is_taken_for_loaded_is_in_memory_beside_what_is_known_of_its_load() {
        let mut models = Models::NONE;
        let told = Told {
            took_ms: Some(9),
            ..Told::default()
        };
        add(&mut models, 0, 7, told);
        models.looked = 1;
        assert_eq!(models.is_loaded(0, 7), Some(false));
        note_loaded(&mut models, 0, 7);
        note_loaded(&mut models, 0, 8);
        assert_eq!(
            (models.is_loaded(0, 7), models.load_ms(0, 7)),
            (Some(true), Some(9))
        );
        assert_eq!(models.is_loaded(0, 8), Some(true));
    }

    #[test]
    fn what_is_in_memory_counts_where_models_take_turns_or_a_load_was_measured() {
        let mut models = Models::NONE;
        assert_eq!(looked(&models, 0b111), 0);
        models.at_once[1] = 1;
        models.seen.push(Seen {
            upstream: 2,
            load_ms: Some(9),
            ..Seen::default()
        });
        assert_eq!(looked(&models, 0b111), 0b110);
        assert_eq!(looked(&models, 0b011), 0b010, "the third could not say");
    }
}
