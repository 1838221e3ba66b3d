//! `cargo xtask load [MEASUREMENT…]`: what the gate costs and how fast it is, on this machine, as figures beside their aims.
//!
//! The host is a process of its own, so that its CPU and memory can be told from those of the clients and the simulator,
//! which run in this one; all of them share the machine. Nothing here passes or fails: a figure that misses its aim says so.

mod attack;
mod bodies;
#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of the end-to-end tests; not all of it is needed here"
)]
#[path = "../../tests/e2e/common/mod.rs"]
mod common;
mod figure;
mod flood;
mod line;
mod pages;
mod polling;
mod rate;
mod scene;
mod usage;
mod waiting;
mod writes;

use std::{process::ExitCode, time::Duration};

/// One measurement.
struct Measurement {
    name: &'static str,
    summary: &'static str,
    run: fn(),
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "handoff",
        summary: "from a slot that is freed to the next request upstream",
        run: || within_reason(line::handoff()),
    },
    Measurement {
        name: "makespan",
        summary: "64 clients at once, 4 slots, 500 ms each",
        run: || within_reason(line::makespan()),
    },
    Measurement {
        name: "waiting",
        summary: "1,000 requests that wait, and those beyond them",
        run: || within_reason(waiting::measure(1_000)),
    },
    Measurement {
        name: "waiting-2000",
        summary: "twice as many",
        run: || within_reason(waiting::measure(2_000)),
    },
    Measurement {
        name: "rate",
        summary: "admissions a second",
        run: || within_reason(rate::measure()),
    },
    Measurement {
        name: "polling",
        summary: "200 clients that ask for the queue's status once a second",
        run: || within_reason(polling::measure()),
    },
    Measurement {
        name: "flood",
        summary: "requests that are refused, and who is admitted beside them",
        run: || within_reason(flood::measure()),
    },
    Measurement {
        name: "attack",
        summary: "fifty chats beside each of many attackers",
        run: || common::run_within(ATTACKS, attack::measure()),
    },
    Measurement {
        name: "bodies",
        summary: "large bodies and nasty ones beside a hundred streams",
        run: || common::run_within(ATTACKS, bodies::measure()),
    },
    Measurement {
        name: "writes",
        summary: "operations on the store for each request (needs Redis, which counts them)",
        run: || within_reason(writes::measure()),
    },
];

fn main() -> ExitCode {
    // `cargo` adds a flag of its own when it runs a benchmark.
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let unknown = |name: &&String| MEASUREMENTS.iter().all(|known| known.name != **name);
    if let Some(name) = wanted.iter().find(unknown) {
        eprintln!("there is no measurement {name}; there are:");
        for known in MEASUREMENTS {
            eprintln!("  {:<13} {}", known.name, known.summary);
        }
        return ExitCode::FAILURE;
    }
    for known in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|name| name == known.name) {
            println!("\n{}: {}", known.name, known.summary);
            (known.run)();
        }
    }
    ExitCode::SUCCESS
}

fn within_reason(measurement: impl Future<Output = ()>) {
    common::run_within(LIMIT, measurement);
}

/// No measurement takes so long.
const LIMIT: Duration = Duration::from_secs(300);

/// There are many attackers, and some of them take their time.
const ATTACKS: Duration = Duration::from_secs(1_200);
