//! The simulation: the adapter itself, in virtual time, over several instances and a store that is slow, fails, lies about what it
//! did, does it late, and is emptied; instances that stand still, lose their task and die; clocks that are wrong.
//!
//! # Why
//! The model check sees every interleaving of a few requests in the machine. The simulation sees few interleavings of hundreds, and
//! runs what the component runs: the driver, the places, the queue before the store. There is no second copy of them.
//!
//! # Replaying
//! Everything follows from the seed. `SLUICE_SEED=17 cargo test --release --workspace --lib simulation -- --nocapture` runs that one
//! alone, and prints its plan and every operation.

mod client;
mod dice;
mod dropped;
mod executor;
mod plan;
mod run;
mod store;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use plan::Plan;
use run::{run, run_with};
use world::Counts;

/// How many seeds are run, ordinarily and in the long run.
const SEEDS: (u64, u64) = (200, 10_000);

/// Seeds beyond the ordinary ones that have found something; they are always run.
const FINDS: [u64; 10] = [
    499, 1_031, 1_361, 1_374, 1_535, 1_892, 2_038, 2_188, 8_371, 8_753,
];

fn times(plan: &Plan) -> sluice_gate::times::Times {
    sluice_gate::times::Times::new(plan.ttl_ms.into())
}

fn own_limit_ms(plan: &Plan) -> u64 {
    times(plan).own_limit_ms
}

/// The seeds that fail, the first few with why, and what all of them counted.
fn run_all(seeds: std::ops::Range<u64>, enough: usize) -> (Vec<(u64, String)>, Counts) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let (mut failures, mut sum) = (Vec::new(), Counts::default());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failures.len() >= enough {
                return (failures, sum);
            }
            match run(seed, false) {
                Ok(counts) => sum += counts,
                Err(trouble) => failures.push((seed, trouble)),
            }
        }
    };
    let (mut failures, mut sum) = (Vec::new(), Counts::default());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let (some, part) = thread.join().expect("the simulation does not panic");
            failures.extend(some);
            sum += part;
        }
    });
    failures.sort_unstable();
    (failures, sum)
}

fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_simulation_of_many_seeds_holds_every_invariant() {
    if let Some(seed) = number_in("SLUICE_SEED") {
        let first = run(seed, true);
        println!("seed {seed}: {first:?}");
        assert_eq!(run(seed, false), first, "the same seed runs the same");
        assert!(first.is_ok(), "seed {seed} fails: {first:?}");
        return;
    }
    let is_long = std::env::var_os("SLUICE_LONG").is_some();
    let seeds = number_in("SLUICE_SEEDS").unwrap_or(if is_long { SEEDS.1 } else { SEEDS.0 });
    let (mut failures, sum) = run_all(0..seeds, 10);
    for seed in FINDS {
        failures.extend(run(seed, false).err().map(|trouble| (seed, trouble)));
    }
    println!("{seeds} seeds: {sum:?}");
    let report: Vec<String> = failures
        .iter()
        .map(|(seed, trouble)| format!("SLUICE_SEED={seed}: {trouble}"))
        .collect();
    assert!(failures.is_empty(), "{}", report.join("\n"));
}

/// How many seeds are run in which tickets are given up.
const GIVEN_UP: u64 = 24;

#[test]
fn a_ticket_that_is_given_up_anywhere_ends_its_request_and_no_other() {
    let mut left = 0;
    for seed in 0..GIVEN_UP {
        let gives_up = |plan: &mut Plan| {
            plan.gives_up = true;
            plan.odds.hangup = 300_000;
        };
        match run_with(seed, false, gives_up) {
            Ok(counts) => left += counts.left,
            Err(trouble) => panic!("seed {seed}: {trouble}"),
        }
    }
    assert!(left > GIVEN_UP, "{left}");
}

#[test]
fn a_seed_runs_the_same_twice() {
    for seed in 0..8 {
        assert_eq!(run(seed, false), run(seed, false), "seed {seed}");
    }
}
