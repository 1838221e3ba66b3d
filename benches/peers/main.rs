//! `cargo xtask bench`: the same load through Sluice, through others, and through nothing.
//!
//! Clients and upstream run in this process, each peer in its own; all share the machine. Within a measurement the peers
//! take turns, round by round. Nothing here passes or fails, but whatever loses a token ends the run.

#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of the end-to-end tests; not all of it is needed here"
)]
#[path = "../../tests/e2e/common/mod.rs"]
mod common;
#[allow(
    dead_code,
    reason = "shared with `cargo xtask load`, which prints more"
)]
#[path = "../load/figure.rs"]
mod figure;
#[path = "../load/pages.rs"]
mod pages;
#[path = "../load/usage.rs"]
mod usage;

mod chart;
mod config;
mod figures;
mod files;
mod kind;
mod line;
mod machine;
mod peer;
mod polling;
mod reading;
mod report;
mod stage;
mod start;
mod streaming;
mod waiting;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use self::{
    figures::Figures,
    kind::Kind,
    stage::{Plan, Thoroughness},
};

/// One measurement.
struct Measurement {
    name: &'static str,
    run: fn(&Plan, &mut Figures),
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "first-token",
        run: |plan, figures| within_reason(streaming::first_token(plan, figures)),
    },
    Measurement {
        name: "full-speed",
        run: |plan, figures| within_reason(streaming::full_speed(plan, figures)),
    },
    Measurement {
        name: "paced",
        run: |plan, figures| within_reason(streaming::paced(plan, figures)),
    },
    Measurement {
        name: "handoff",
        run: |plan, figures| within_reason(line::handoff(plan, figures)),
    },
    Measurement {
        name: "makespan",
        run: |plan, figures| within_reason(line::makespan(plan, figures)),
    },
    Measurement {
        name: "waiting",
        run: |plan, figures| within_reason(waiting::waiting(plan, figures)),
    },
    Measurement {
        name: "refusals",
        run: |plan, figures| within_reason(waiting::refusals(plan, figures)),
    },
    Measurement {
        name: "polling",
        run: |plan, figures| within_reason(polling::polling(plan, figures)),
    },
    Measurement {
        name: "files",
        run: |plan, figures| within_reason(files::files(plan, figures)),
    },
    Measurement {
        name: "start",
        run: |plan, figures| within_reason(start::start(plan, figures)),
    },
    Measurement {
        name: "instance",
        run: |plan, figures| within_reason(start::instance(plan, figures)),
    },
];

fn main() -> ExitCode {
    match Wish::read(std::env::args().skip(1)) {
        Ok(wish) => {
            wish.fulfil();
            ExitCode::SUCCESS
        }
        Err(error) => {
            let names: Vec<_> = MEASUREMENTS.iter().map(|known| known.name).collect();
            eprintln!("{error}; the measurements: {}", names.join(" "));
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
struct Wish {
    plan: Plan,
    names: Vec<String>,
}

impl Wish {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut names = Vec::new();
        let mut thoroughness = Thoroughness::Full;
        let mut kinds = Kind::ALL.to_vec();
        for argument in arguments {
            match argument.as_str() {
                // `cargo` adds it when it runs a benchmark.
                "--bench" => {}
                "--quick" => thoroughness = Thoroughness::Quick,
                name if MEASUREMENTS.iter().any(|known| known.name == name) => {
                    names.push(argument);
                }
                other => match other.strip_prefix("--peers=") {
                    Some(list) => {
                        kinds = list.split(',').map(str::parse).collect::<Result<_, _>>()?
                    }
                    None => return Err(format!("{other} is not known")),
                },
            }
        }
        kinds.retain(|kind| match kind.program() {
            Ok(_) => true,
            Err(why) => {
                println!("{} is left out: {why}", kind.name());
                false
            }
        });
        let plan = Plan {
            kinds,
            thoroughness,
        };
        Ok(Self { plan, names })
    }

    fn fulfil(&self) {
        let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
        let file = docs.join("benchmarks/figures.json");
        let mut figures = match self.plan.thoroughness {
            Thoroughness::Full => Figures::load(&file),
            Thoroughness::Quick => Figures::default(),
        };
        figures.stamp(machine::made());
        for known in MEASUREMENTS {
            if self.names.is_empty() || self.names.iter().any(|name| name == known.name) {
                println!("\n{}", known.name);
                (known.run)(&self.plan, &mut figures);
            }
        }
        if self.plan.thoroughness == Thoroughness::Full {
            figures.save(&file);
            report::write(&docs, &figures);
        }
    }
}

fn within_reason(measurement: impl Future<Output = ()>) {
    common::run_within(LIMIT, measurement);
}

/// No measurement takes so long.
const LIMIT: Duration = Duration::from_secs(900);
