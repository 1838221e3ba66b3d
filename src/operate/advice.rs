//! What an operator should know although everything works, in words that say what to do: of the settings, and of the five things
//! that are most often wrong at an upstream (how many it answers at once, how much of a model is on the GPU, the context, the
//! version, the clock). Each names the one setting to change.

use std::time::{Duration, SystemTime};

use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;

use crate::clock::within;
use crate::config::Config;
use crate::upstreams::readings;

/// How long an upstream may take to say what it has loaded.
const PATIENCE: Duration = Duration::from_secs(1);

/// The first Ollama that answers several requests at once.
const FIRST_PARALLEL: [u64; 3] = [0, 1, 33];

/// Two clocks that are less apart are taken for one: an answer takes its time, and tells whole seconds.
const CLOCKS_APART_MS: u64 = 30_000;

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// A word for programs.
    code: &'static str,
    /// A sentence.
    text: String,
    /// The one setting to change.
    setting: String,
    /// What it is about: what is told of the same is no news.
    #[serde(skip)]
    about: String,
}

impl Advice {
    /// What to say, by which word, and what to change.
    pub(super) fn new(
        code: &'static str,
        setting: impl Into<String>,
        text: impl Into<String>,
    ) -> Advice {
        let setting = setting.into();
        Advice {
            code,
            text: text.into(),
            about: setting.clone(),
            setting,
        }
    }

    /// The same about one of several for which one setting is to be changed.
    pub(super) fn about(mut self, what: &str) -> Advice {
        self.about = what.to_owned();
        self
    }

    /// By what it is known: its figures may change.
    pub(super) fn key(&self) -> (&'static str, &str) {
        (self.code, &self.about)
    }

    /// The word for programs, the sentence, and the one setting to change.
    pub(super) fn parts(&self) -> [&str; 3] {
        [self.code, &self.text, &self.setting]
    }
}

/// What follows from the settings alone.
pub fn of_settings(config: &Config) -> Vec<Advice> {
    let warnings = config.warnings.iter().map(|warning| {
        let (variable, problem) = (&warning.variable, &warning.problem);
        Advice::new("setting", variable, format!("{variable} {problem}"))
    });
    warnings.collect()
}

/// What follows from how long the first request of a model may wait for its turn.
pub fn of_turns(config: &Config, longest: Option<Duration>) -> Option<Advice> {
    let longest = longest.filter(|longest| *longest > config.queue_timeout)?;
    let seconds = longest.as_millis().div_ceil(1_000);
    let text = format!(
        "where models take turns, the first request of one may wait {seconds} s, longer than queue_timeout: set queue_timeout={seconds}s, or less for model_turn or request_timeout"
    );
    Some(Advice::new("turns", "queue_timeout", text))
}

/// What follows from an upstream's version, and from the time that it tells.
pub fn of_upstream(index: usize, version: Option<&str>, ahead_ms: Option<i64>) -> Vec<Advice> {
    let old = version.filter(|version| is_before_parallel(version));
    let old = old.map(|version| {
        let text = format!(
            "upstream {index} is Ollama {version}, which answers one request at a time: 0.1.33 is the first that does not"
        );
        Advice::new("version", format!("the version of upstream {index}"), text)
    });
    let apart = ahead_ms.filter(|ahead_ms| ahead_ms.unsigned_abs() > CLOCKS_APART_MS);
    let apart = apart.map(|ahead_ms| {
        let seconds = ahead_ms.unsigned_abs() / 1_000;
        let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let text = format!(
            "the clock of this host is {seconds} s {side} that of upstream {index}: times in the log and in answers are off; let NTP set both"
        );
        Advice::new("clock", "the clock of this host (NTP)", text)
    });
    old.into_iter().chain(apart).collect()
}

/// By how much this host's clock is ahead of one that said `date` in a header; `None` where that is no date.
pub fn ahead_ms(date: &str, wall_ms: u64) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    let date = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let date_ms = i64::try_from(date.as_millis()).ok()?;
    Some(i64::try_from(wall_ms).ok()? - date_ms)
}

/// What follows from the models that some upstreams have loaded; nothing where that is not known.
pub async fn of_models(config: &Config, upstreams: impl Iterator<Item = usize>) -> Vec<Advice> {
    let asked = upstreams.map(|index| within(PATIENCE, readings::loaded(config, index)));
    let mut advice = Vec::new();
    for told in join_all(asked).await.into_iter().flatten().flatten() {
        if let Ok(told) = &*told {
            advice.extend(of_gpu(config, told.document()));
            advice.extend(of_context(config, told.document()).await);
        }
    }
    // Several upstreams may say the same.
    let mut once: Vec<Advice> = Vec::new();
    for one in advice {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// Models that lie on a GPU in part only.
fn of_gpu(config: &Config, ps: &Value) -> Vec<Advice> {
    let advise = |(model, share): (&str, u64)| match option(config, model, "num_gpu") {
        Some(layers) => {
            let why = format!("because num_gpu = {layers}: set it empty");
            Advice::new(
                "num_gpu",
                "num_gpu",
                format!("{share} % of {model} is on the CPU {why}"),
            )
            .about(model)
        }
        None => {
            let why = "since it does not fit on the GPU with its context: lower num_ctx, or take a smaller model";
            Advice::new(
                "gpu",
                "num_ctx",
                format!("{share} % of {model} is on the CPU {why}"),
            )
            .about(model)
        }
    };
    offloaded(ps).map(advise).collect()
}

/// The models that lie on a GPU in part only, and which part of each, in percent, does not.
fn offloaded(ps: &Value) -> impl Iterator<Item = (&str, u64)> {
    loaded(ps).filter_map(|model| {
        let (size, on_gpu) = (model["size"].as_u64()?, model["size_vram"].as_u64()?);
        let rest = size.checked_sub(on_gpu).filter(|rest| *rest > 0)?;
        // Without a GPU num_gpu changes nothing.
        (on_gpu > 0).then_some((model["name"].as_str()?, rest.saturating_mul(100) / size))
    })
}

/// Models that are loaded with another context than the operator's.
async fn of_context(config: &Config, ps: &Value) -> Vec<Advice> {
    let mut advice = Vec::new();
    for model in loaded(ps) {
        let (name, context) = (model["name"].as_str(), model["context_length"].as_u64());
        let (Some(name), Some(context)) = (name, context) else {
            continue;
        };
        let Some(wanted) = option(config, name, "num_ctx").and_then(Value::as_u64) else {
            continue;
        };
        if context != wanted {
            let told = within(PATIENCE, readings::show(config, name))
                .await
                .flatten();
            let Some(Ok(told)) = told.as_deref() else {
                continue;
            };
            let show = told.document();
            // A model for embeddings alone gets none of the defaults.
            if completes(show) {
                advice.push(other_context(name, context, wanted, most_context(show)));
            }
        }
    }
    advice
}

fn other_context(model: &str, context: u64, wanted: u64, most: Option<u64>) -> Advice {
    match most.filter(|most| *most < wanted) {
        Some(most) => {
            let text = format!(
                "{model} has at most {most} tokens of context, and num_ctx asks for {wanted}: set num_ctx={most}"
            );
            Advice::new("num_ctx", "num_ctx", text).about(model)
        }
        None => {
            let text = format!(
                "{model} is loaded with {context} tokens of context, not with the {wanted} of num_ctx: something else loads it too, and each change loads it anew; set OLLAMA_CONTEXT_LENGTH={wanted} on the server"
            );
            let setting = format!("OLLAMA_CONTEXT_LENGTH={wanted} of the Ollama server");
            Advice::new("num_ctx", setting, text).about(model)
        }
    }
}

/// An option as it is sent for a model.
fn option<'a>(config: &'a Config, model: &str, name: &str) -> Option<&'a Value> {
    config.policy.of(model).options.get(name)
}

/// Whether a model answers in words; one that does not say what it can is taken for one.
fn completes(show: &Value) -> bool {
    let capabilities = show["capabilities"].as_array();
    capabilities.is_none_or(|can| can.iter().any(|what| what == "completion"))
}

/// The longest context of a model, as `/api/show` has it: under a name that begins with that of its family.
fn most_context(show: &Value) -> Option<u64> {
    let facts = show["model_info"].as_object()?;
    let (_, most) = facts
        .iter()
        .find(|(name, _)| name.ends_with(".context_length"))?;
    most.as_u64()
}

fn loaded(ps: &Value) -> impl Iterator<Item = &Value> {
    ps["models"].as_array().into_iter().flatten()
}

/// Whether a version is known to be too old. A text that is no version (a development build, another server) is not.
fn is_before_parallel(version: &str) -> bool {
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u64>);
    match (parts.next(), parts.next(), parts.next()) {
        // 0.0.0 is what builds from source say.
        (Some(Ok(0)), Some(Ok(0)), Some(Ok(0))) => false,
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => {
            [major, minor, patch] < FIRST_PARALLEL
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tests::config_with;

    #[test]
    fn only_a_version_known_to_be_old_is_warned_about() {
        for version in ["0.1.32", "0.0.9", "0.1.9-rc1"] {
            assert!(is_before_parallel(version), "{version}");
        }
        for version in ["0.1.33", "0.2.0", "1.0.0", "0.0.0", "main", "", "0.1"] {
            assert!(!is_before_parallel(version), "{version}");
        }
    }

    #[test]
    fn only_a_model_that_lies_partly_on_a_gpu_is_told() {
        let ps = json!({ "models": [
            { "name": "partly", "size": 1000, "size_vram": 70 },
            { "name": "wholly", "size": 1000, "size_vram": 1000 },
            { "name": "without a gpu", "size": 1000, "size_vram": 0 },
            { "name": "odd", "size": 0, "size_vram": 1 },
            { "name": "unsaid" },
        ] });
        assert_eq!(offloaded(&ps).collect::<Vec<_>>(), [("partly", 93)]);
        assert_eq!(offloaded(&Value::Null).count(), 0);
        let setting = |num_gpu| {
            of_gpu(&config_with(&[("num_gpu", num_gpu)]), &ps)[0]
                .clone()
                .setting
        };
        assert_eq!([setting("1"), setting("")], ["num_gpu", "num_ctx"]);
    }

    #[test]
    fn a_context_is_the_models_fault_or_somebody_elses() {
        let own = other_context("m", 2_048, 4_096, Some(2_048));
        assert!(own.text.contains("set num_ctx=2048"), "{own:?}");
        for most in [None, Some(8_192)] {
            let others = other_context("m", 2_048, 4_096, most);
            assert_eq!(
                others.setting,
                "OLLAMA_CONTEXT_LENGTH=4096 of the Ollama server"
            );
        }
        let show = json!({ "model_info": { "general.architecture": "qwen3", "qwen3.context_length": 40_960 } });
        assert_eq!(most_context(&show), Some(40_960));
        assert_eq!(most_context(&Value::Null), None);
        assert!(
            completes(&Value::Null)
                && completes(&json!({ "capabilities": ["tools", "completion"] }))
        );
        assert!(!completes(&json!({ "capabilities": ["embedding"] })));
    }

    #[test]
    fn clocks_that_are_far_apart_are_told_whichever_is_ahead() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let date_ms = 784_111_777_000;
        let told = |wall_ms| of_upstream(0, None, ahead_ms(date, wall_ms));
        assert_eq!(told(date_ms + 30_000), []);
        assert_eq!(told(date_ms - 30_000), []);
        assert!(told(date_ms + 61_000)[0].text.contains("61 s ahead of"));
        assert!(told(date_ms - 61_000)[0].text.contains("61 s behind"));
        assert_eq!(ahead_ms("yesterday", date_ms), None);
    }

    #[test]
    fn who_may_wait_for_its_turn_longer_than_anybody_may_wait_is_told_of() {
        let config = config_with(&[("queue_timeout", "600s")]);
        let of = |seconds| of_turns(&config, seconds).map(|advice| advice.text);
        assert_eq!(of(None), None);
        assert_eq!(of(Some(Duration::from_secs(600))), None);
        let text = of(Some(Duration::from_millis(755_001))).expect("advice");
        assert!(text.contains("set queue_timeout=756s"), "{text}");
    }

    #[test]
    fn nothing_follows_from_a_setting_that_may_be_right() {
        let config = config_with(&[("max_concurrent", "6"), ("num_parallel", "4")]);
        assert_eq!(of_settings(&config), []);
    }

    #[test]
    fn advice_is_known_by_what_it_is_about_and_not_by_its_figures() {
        let config = config_with(&[("num_gpu", "1")]);
        let of = |name: &str, size_vram: u64| {
            let ps = json!({ "models": [{ "name": name, "size": 1000, "size_vram": size_vram }] });
            of_gpu(&config, &ps).remove(0)
        };
        assert_eq!(of("a:8b", 70).key(), of("a:8b", 80).key());
        assert_ne!(of("a:8b", 70).key(), of("a:4b", 70).key());
    }
}
