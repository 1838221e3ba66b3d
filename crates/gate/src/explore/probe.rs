//! One configuration named by the environment: to try a changed rule, or to explore further than a test has time for.
//!
//! `SLUICE_EXPLORE="1,1 cap=1 long now holder late=1 mutant=OneStep states=3000000" cargo test --release -p sluice-gate probe -- --nocapture`

use super::config::{Config, Fault, Stands};
use super::search::{Limits, search};
use crate::mutant::Mutant;

#[test]
fn probe() {
    let Ok(text) = std::env::var("SLUICE_EXPLORE") else {
        return;
    };
    let mut words = text.split_whitespace();
    let requests: Vec<u8> = words
        .next()
        .into_iter()
        .flat_map(|list| list.split(','))
        .map(|count| count.parse().expect("a number of requests"))
        .collect();
    let mut config = Config::of(&requests, 1);
    let mut states = 3_000_000;
    let mut ends = None;
    let mut is_within = false;
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, "1"));
        let number = || value.parse::<u64>().expect("a number");
        config = match name {
            "cap" => Config {
                capacity: number() as u32,
                ..config
            },
            "long" => config.long(),
            "any" => config.any(),
            "now" => config.now(),
            "clocks" => config.clocks(numbers(value)),
            "far" => config.far_look(number()),
            "heard" => {
                let [heard, doubt] = numbers(value);
                (config.times.heard_ms, config.times.doubt_ms) = (heard, doubt);
                config
            }
            "stand" => config.stand(&value.split(',').map(stands).collect::<Vec<_>>()),
            "doubts" => config.doubts(),
            "holder" => config.holder(),
            "lead" => config.lead(),
            "overtaken" => config.overtaken(),
            "join" => config.join(),
            "once" => config.once(),
            "cold" => config.cold(),
            "marked" => config.marked(),
            "states" => {
                states = number() as usize;
                config
            }
            "noends" => {
                ends = Some(false);
                config
            }
            "leaks" => config.no_leaks(),
            "within" => {
                is_within = true;
                config
            }
            "short" => config.short(number() as u8),
            "mutant" => {
                let rules: Vec<Mutant> = value.split(',').map(rule).collect();
                config.without(rules.leak())
            }
            _ => {
                let all = Fault::ALL
                    .iter()
                    .find(|fault| format!("{fault:?}").to_lowercase() == name);
                config.with(*all.expect("a fault"), number() as u8)
            }
        };
    }
    let started = std::time::Instant::now();
    let ends = ends.unwrap_or(config.is_prompt);
    let limits = Limits {
        states,
        ends,
        is_within,
    };
    let outcome = search(&config, limits);
    println!("{text}: {outcome:#?} in {:?}", started.elapsed());
}

/// Numbers between slashes: `6/5/2/2`.
fn numbers<const N: usize>(value: &str) -> [u64; N] {
    let numbers = value
        .split('/')
        .map(|number| number.parse().expect("a number"));
    let numbers: Vec<u64> = numbers.collect();
    numbers.try_into().expect("as many numbers")
}

/// `relays0`, `granted1`, `waits0`.
fn stands(word: &str) -> Stands {
    let (name, at) = word.split_at(word.len() - 1);
    let at = at.parse().expect("a process");
    match name {
        "relays" => Stands::Relays(at),
        "granted" => Stands::Granted(at),
        "waits" => Stands::Waits(at),
        _ => panic!("{word}"),
    }
}

fn rule(name: &str) -> Mutant {
    let found = Mutant::ALL.iter().find(|rule| format!("{rule:?}") == name);
    *found.expect("a rule")
}
