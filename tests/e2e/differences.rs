//! Where Sluice answers otherwise than the recorded Ollama: every case that was recorded, sent through Sluice to the simulator, which
//! is held to the same recordings.
//!
//! # What is held
//! `tests/fixtures/differences.tsv` has a line for each case that is answered otherwise: what Ollama said, what Sluice says. Each
//! stands in one row of `docs/differences.md`, which gives the reason, and nothing else stands there.
//!
//! # What it does not do
//! It takes no time: what a slow Ollama fails at late is in `in_time.rs`. Values, headers other than the type, and how a body is
//! cut into chunks are not compared.

mod page;
mod told;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ollama_sim::{
    Sim,
    record::{self, Case, Server, Transcript},
};
use serde_json::{Map, json};

use self::told::difference;
use crate::common::{App, SECOND, Setup, run_within};

#[allow(dead_code, reason = "the simulator's own tests use more")]
#[path = "../../crates/ollama-sim/tests/transcripts/stage.rs"]
mod stage;

#[test]
fn each_recorded_case_is_answered_alike_or_as_the_page_says() {
    let recorded = recorded();
    let differ = run_within(300 * SECOND, all(recorded.clone()));
    let lines = differ
        .iter()
        .map(|(case, [ollama, sluice])| format!("{case}\t{ollama}\t{sluice}\n"));
    let found: String = lines.collect();
    assert_listed(&found);
    let differ: Vec<&str> = differ.keys().map(String::as_str).collect();
    let cases: Vec<&str> = recorded.iter().map(|one| one.case.as_str()).collect();
    let wrong = page::wrong(&read("docs/differences.md"), &cases, &differ);
    assert!(
        wrong.is_empty(),
        "docs/differences.md:\n{}",
        wrong.join("\n")
    );
}

/// What differs, by case.
type Differences = BTreeMap<String, [String; 2]>;

async fn all(recorded: Vec<Transcript>) -> Differences {
    let cases = record::cases(include_str!(
        "../../crates/ollama-sim/tests/transcripts/cases.jsonl"
    ));
    let cases: BTreeMap<String, Case> = cases
        .expect("cases")
        .into_iter()
        .map(|case| (case.name.clone(), case))
        .collect();
    let app = Arc::new(start().await);
    let asking = tokio::task::spawn_blocking(move || {
        let mut differ = Differences::new();
        for transcript in recorded {
            let words = stage::script(&transcript.case);
            app.sim.set_default(words.parse().expect("a script"));
            let case = &cases[&transcript.case];
            let said = record::exchange(&server(app.addr()), case).expect("an answer");
            let Some(found) = difference(&transcript, &said) else {
                continue;
            };
            // What the simulator itself cannot do otherwise came through as it was.
            let own = record::exchange(&server(app.sim.addr()), case).expect("an answer");
            if difference(&own, &said).is_some() {
                differ.insert(transcript.case, found);
            }
        }
        differ
    });
    asking.await.expect("all are asked")
}

/// Sluice as it ships, before the models of the recordings.
async fn start() -> App {
    let sim = Sim::start(stage::options(&Map::new()))
        .await
        .expect("a simulator");
    let app = Setup::answering("")
        .with("ollama_model", "smollm2:135m")
        .start_before(Arc::new(sim))
        .await;
    // It was loaded, too.
    let loaded = app
        .post("/api/chat", &json!({ "model": "smollm2:135m" }))
        .await;
    assert_eq!(loaded.whole().await.status, 200);
    app
}

fn server(addr: std::net::SocketAddr) -> Server {
    Server {
        authority: addr.to_string(),
        base_path: String::new(),
        version: String::new(),
        patience: 60 * SECOND,
        longest: usize::MAX,
    }
}

/// The answers to each case under the settings of most.
fn recorded() -> Vec<Transcript> {
    let files = [
        include_str!("../../crates/ollama-sim/tests/transcripts/api.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/chat.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/cloud.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/embed.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/generate.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/json.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/origins.jsonl"),
        include_str!("../../crates/ollama-sim/tests/transcripts/v1.jsonl"),
    ];
    let files = files.into_iter();
    let all = files.flat_map(|lines| record::transcripts(lines).expect("transcripts"));
    all.filter(|one| !one.case.contains('@')).collect()
}

/// A line for each case that is answered otherwise.
const LIST: &str = "tests/fixtures/differences.tsv";

/// A file of the repository. It is not compiled in: who changes it need not build the test anew.
fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect(name)
}

/// Fails with the lines that are not as they stand in the list, and leaves the whole list as it is now where it can be taken from.
fn assert_listed(found: &str) {
    let listed = read(LIST);
    let more = found
        .lines()
        .filter(|line| !listed.lines().any(|one| one == *line));
    let less = listed
        .lines()
        .filter(|line| !found.lines().any(|one| one == *line));
    let less: Vec<String> = less.map(|line| format!("- {line}")).collect();
    let more: Vec<String> = more.map(|line| format!("+ {line}")).collect();
    if less.is_empty() && more.is_empty() {
        return;
    }
    let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differences.tsv");
    std::fs::write(&now, found).expect("a file of the build");
    let lines = [less, more].concat().join("\n");
    panic!(
        "{LIST} is not what was answered ({} is):\n{lines}",
        now.display()
    );
}
