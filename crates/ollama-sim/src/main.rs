//! `ollama-sim`: the simulator as a program.

use std::{io::Write, net::SocketAddr, process::ExitCode};

use lexopt::prelude::*;
use ollama_sim::{Clock, Model, Options, Script, Sim};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ollama-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Some(options) = parse(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let listen = options.listen;
    let sim = Sim::start(options)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    println!("Listening on {}", sim.url());
    std::io::stdout().flush()?;
    tokio::signal::ctrl_c().await?;
    sim.stop().await;
    Ok(())
}

/// The options of a command line; `None`: help is asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 11434)),
        clock: Clock::System,
        ..Options::default()
    };
    let mut models = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => options.listen = arguments.value()?.parse()?,
            Long("base-path") => options.base_path = arguments.value()?.string()?,
            Long("model") => models.push(Model::from(arguments.value()?.string()?.as_str())),
            Long("parallel") => options.parallel = Some(arguments.value()?.parse()?),
            Long("max-queue") => options.max_queue = Some(arguments.value()?.parse()?),
            Long("max-loaded") => options.max_loaded = Some(arguments.value()?.parse()?),
            Long("script") => options.script = merge(&options, &arguments.value()?.string()?)?,
            Long(name @ ("tokens" | "pace" | "first" | "load")) => {
                let name = name.to_owned();
                options.script = merge(
                    &options,
                    &format!("{name}={}", arguments.value()?.string()?),
                )?;
            }
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if !models.is_empty() {
        options.models = models;
    }
    Ok(Some(options))
}

/// These words over what the script says already.
fn merge(options: &Options, words: &str) -> Result<Script, lexopt::Error> {
    match words.parse::<Script>() {
        Ok(script) => Ok(script.over(&options.script)),
        Err(bad) => Err(lexopt::Error::Custom(bad.into())),
    }
}

const HELP: &str = "\
ollama-sim: answers like an Ollama, without a model

  --listen ADDRESS   where to listen; port 0 takes a free one [127.0.0.1:11434]
  --base-path PATH   a prefix of every path
  --model NAME       a model there is; may be repeated
  --tokens N         length of an answer
  --pace DURATION    gap between tokens [30ms]
  --first DURATION   delay before the head [0ms]
  --load DURATION    how long a model takes to load [0ms]
  --script WORDS     any words of a script, such as \"text=markdown think=20\"
  --parallel N       answers at once of each model; more wait silently
  --max-loaded N     models loaded at once
  --max-queue N      how many may wait for a load; more are answered 503

While it runs: GET /sim/counts, GET /sim/requests, POST /sim/script, POST /sim/default, POST /sim/kill (all runners die),
POST /sim/reset.
A prompt may say what its answer does: [[sim tokens=20 pace=10ms cut_at=3]].
";
