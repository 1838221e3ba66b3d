//! `demo-model`: the model as a server.

use std::{io::Write, net::SocketAddr, process::ExitCode};

use demo_model::{Demo, Model, ModelFile, Options};
use lexopt::prelude::*;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-model: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    options: Options,
    file: Option<std::path::PathBuf>,
    context: usize,
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Some(arguments) = parse(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let file = match &arguments.file {
        Some(path) => ModelFile::read(path)?,
        None => demo_model::cached()?,
    };
    let model = Model::load(&file, arguments.context)?;
    drop(file);
    let listen = arguments.options.listen;
    let demo = Demo::start(model, arguments.options)
        .await
        .map_err(|error| format!("cannot serve on {listen}: {error}"))?;
    println!("Listening on {}", demo.url());
    std::io::stdout().flush()?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = demo.failed() => return Err("the model has stopped unexpectedly".into()),
    }
    demo.stop().await;
    Ok(())
}

/// The options of a command line; `None`: help is asked for.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments {
        options: Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 11434)),
            ..Options::default()
        },
        file: None,
        context: CONTEXT,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => arguments.options.listen = parser.value()?.parse()?,
            Long("slots") => arguments.options.slots = parser.value()?.parse()?,
            Long("threads") => arguments.options.threads = parser.value()?.parse()?,
            Long("context") => arguments.context = parser.value()?.parse()?,
            Long("file") => arguments.file = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(arguments))
}

/// Tokens of a text, as Ollama has it. A slot whose text is so long holds 189 MB of keys and values.
const CONTEXT: usize = 4096;

const HELP: &str = "\
demo-model: SmolLM2-135M-Instruct behind Ollama's API

  --listen ADDRESS   where to listen; port 0 takes a free one [127.0.0.1:11434]
  --slots N          answers at once; more wait [4]
  --threads N        threads that compute [one for each core]
  --context N        tokens of a text, at most 8192 [4096]
  --file PATH        another file with the same kind of model [the one that `cargo xtask up` fetches]
";
