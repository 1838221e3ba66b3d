//! `cargo xtask replay LOG`: the requests of a log under the policy, with other limits, in virtual time.
//!
//! Every line with the event `request` and a service time is one request: it came its wait and its service before the line was
//! written, and an upstream worked on it for its service time. The models' loads are not in the log: `--load` says how long they take.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;

use serde_json::Value;
use sluice_gate::models::{Models, Places, Wants};
use sluice_gate::policy::{Class, Rules, Share, longest_wait_ms, quantum_ms};
use sluice_gate::replay::{Day, Outcome, Request, Upstream};

/// What was asked on the command line.
struct Given {
    log: String,
    numbers: BTreeMap<&'static str, u64>,
}

const NUMBERS: [(&str, u64); 8] = [
    ("max", 4),
    ("upstreams", 1),
    ("at-once", 0),
    ("load", 10),
    ("limit", 0),
    ("turn", 60),
    ("share", 25),
    ("queue", 64),
];

fn main() -> ExitCode {
    let given = match Given::read(std::env::args().skip(1)) {
        Ok(given) => given,
        Err(why) => {
            eprintln!("{why}; see cargo xtask replay --help");
            return ExitCode::FAILURE;
        }
    };
    let text = match std::fs::read_to_string(&given.log) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", given.log);
            return ExitCode::FAILURE;
        }
    };
    let (requests, names) = read_log(&text, &given);
    if requests.is_empty() {
        eprintln!("{}: no line is a request that was served", given.log);
        return ExitCode::FAILURE;
    }
    let day = given.day(names.keys().copied().collect());
    let outcome = day.run(&requests, |_, _| None, |_, _| {});
    tell(&given, &day, &names, &outcome);
    ExitCode::SUCCESS
}

impl Given {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Given, String> {
        let mut given = Given {
            log: String::new(),
            numbers: NUMBERS.into_iter().collect(),
        };
        while let Some(arg) = args.next() {
            let Some(name) = arg.strip_prefix("--") else {
                given.log = arg;
                continue;
            };
            let (name, _) = *NUMBERS
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| format!("--{name} is not known"))?;
            let value = args.next().and_then(|value| value.parse().ok());
            let value = value.ok_or_else(|| format!("--{name} takes a number"))?;
            given.numbers.insert(name, value);
        }
        match given.log.is_empty() {
            true => Err("a log is needed".to_owned()),
            false => Ok(given),
        }
    }

    fn number(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    fn small<T: TryFrom<u64>>(&self, name: &str, most: T) -> T {
        T::try_from(self.number(name)).unwrap_or(most)
    }

    fn day(&self, models: Vec<u64>) -> Day {
        let max = self.small("max", u32::MAX).max(1);
        let at_once: u8 = self.small("at-once", u8::MAX);
        let fits = if at_once == 0 {
            models.len()
        } else {
            at_once.into()
        };
        let upstream = Upstream::new(max, fits.max(1), 1_000 * self.number("load"));
        let count = self.small("upstreams", 8_usize).clamp(1, 8);
        let upstreams = vec![upstream; count];
        Day {
            rules: Rules {
                max_queue: self.small("queue", u32::MAX),
                places_per_client: u32::MAX,
                batch_wait_max_ms: 60_000,
                model_turn_ms: 1_000 * self.number("turn"),
                swap_share: self.small("share", 99),
            },
            max_concurrent: max.saturating_mul(u32::try_from(count).unwrap_or(1)),
            models: Models::of(&upstreams, &models, at_once),
            upstreams,
        }
    }
}

/// The requests in the order in which they came, and the names of their models.
fn read_log(text: &str, given: &Given) -> (Vec<Request>, BTreeMap<u64, String>) {
    let mut names = BTreeMap::new();
    let mut requests = Vec::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        let (Some(time_ms), Some(wait_ms), Some(service_ms)) =
            (number("time_ms"), number("wait_ms"), number("service_ms"))
        else {
            continue;
        };
        if line.get("event").and_then(Value::as_str) != Some("request") {
            continue;
        }
        let name = line
            .get("model")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let model = hasher.finish().max(1);
        names.insert(model, name.to_owned());
        requests.push(Request {
            at_ms: time_ms.saturating_sub(wait_ms).saturating_sub(service_ms),
            busy_ms: service_ms,
            class: Class::Interactive,
            client: 0,
            wants: Wants {
                model,
                places: Places::Told(given.small("limit", u8::MAX)),
                ..Wants::default()
            },
        });
    }
    requests.sort_by_key(|request| request.at_ms);
    let first_ms = requests.first().map_or(0, |request| request.at_ms);
    for request in &mut requests {
        request.at_ms -= first_ms;
    }
    (requests, names)
}

fn tell(given: &Given, day: &Day, names: &BTreeMap<u64, String>, outcome: &Outcome) {
    let refused = outcome
        .fates
        .iter()
        .filter(|(_, fate)| fate.is_refused)
        .count();
    println!(
        "{} requests, {refused} refused, {} loads, the last answer after {:.1} s",
        outcome.fates.len(),
        outcome.all_loads(),
        seconds(outcome.ended_ms)
    );
    println!(
        "{:<40} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "model", "answers", "wait p50", "p95", "longest", "bound"
    );
    let longest_ms = outcome
        .fates
        .iter()
        .map(|(request, _)| request.busy_ms)
        .max()
        .unwrap_or(0);
    let load_ms = 1_000 * given.number("load");
    let share = Share {
        load_ms,
        quantum_ms: quantum_ms(&day.rules, load_ms, longest_ms),
    };
    let others = vec![share; names.len().saturating_sub(1)];
    let bound = match given.number("at-once") {
        0 => "-".to_owned(),
        _ => format!(
            "{:.1}",
            seconds(longest_wait_ms(share, &others, longest_ms))
        ),
    };
    for (model, name) in names {
        let own = Outcome {
            fates: outcome
                .fates
                .iter()
                .filter(|(request, _)| request.wants.model == *model)
                .copied()
                .collect(),
            ..Outcome::default()
        };
        let waits = own.waits_ms();
        let at = |percent: usize| {
            let last = waits.len().saturating_sub(1);
            seconds(waits.get(last * percent / 100).copied().unwrap_or(0))
        };
        println!(
            "{name:<40} {:>8} {:>9.1} {:>9.1} {:>9.1} {bound:>9}",
            waits.len(),
            at(50),
            at(95),
            at(100)
        );
    }
    if given.number("at-once") > 0 {
        println!("bound: the longest that the first of a model's requests waits at one upstream");
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
