//! `ollama-record URL FOLDER [PREFIX …]`: records the cases again before an Ollama that somebody has.

use std::{
    io::{Error, Result},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use ollama_sim::record::{self, Folder, Server};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, folder, prefixes @ ..] = arguments.as_slice() else {
        eprintln!("ollama-record URL FOLDER [PREFIX …]");
        return ExitCode::FAILURE;
    };
    match run(url, Path::new(folder), prefixes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ollama-record: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(url: &str, folder: &Path, prefixes: &[String]) -> Result<()> {
    let server = server(url)?;
    let cases = record::cases(CASES).map_err(Error::other)?;
    let mut folder = Folder::at(folder)?;
    for case in cases {
        let is_named = prefixes.iter().any(|prefix| case.name.starts_with(prefix));
        if !is_named && (case.asked || !prefixes.is_empty()) {
            continue;
        }
        let transcript = record::exchange(&server, &case)?;
        println!(
            "{:44} {:3} {:3} frames, {}",
            case.name,
            transcript.status,
            transcript.frames.len(),
            transcript.end
        );
        folder.put(&transcript)?;
    }
    Ok(())
}

/// The server at an URL, which is asked for its version.
fn server(url: &str) -> Result<Server> {
    let rest = url.strip_prefix("http://");
    let rest = rest.ok_or_else(|| Error::other("an URL begins with http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = if host.contains(':') { "" } else { ":80" };
    let path = path.trim_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    let mut server = Server {
        authority: format!("{host}{port}"),
        base_path: format!("{slash}{path}"),
        version: String::new(),
        patience: Duration::from_secs(120),
        longest: record::LONGEST,
    };
    let version = r#"{"name":"version","method":"GET","path":"/api/version"}"#;
    let case = record::cases(version).map_err(Error::other)?;
    let answer = record::exchange(&server, &case[0])?;
    let text = answer.frames.first().and_then(|frame| frame.as_str());
    let document: serde_json::Value = serde_json::from_str(text.unwrap_or_default())
        .map_err(|_| Error::other(format!("what answers at {url} is no Ollama")))?;
    server.version = document["version"].as_str().unwrap_or_default().to_owned();
    Ok(server)
}

const CASES: &str = include_str!("../../tests/transcripts/cases.jsonl");
