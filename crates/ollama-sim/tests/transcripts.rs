//! The simulator against recordings of a real Ollama: same status, same headers, same framing, same members in the same frames
//! in the same order, same words for errors. Values differ.

#[path = "transcripts/shape.rs"]
mod shape;
#[path = "transcripts/stage.rs"]
mod stage;

use std::collections::BTreeMap;

use ollama_sim::record::{self, Case, Transcript};
use shape::{Shape, difference};

/// Where the simulator means to differ, and why. A name may end in `*`.
const DIFFERENCES: &[(&str, &str)] = &[
    ("api-blob-post-again", NOTHING_IS_KEPT),
    ("api-blob-post-wrong-digest", NOTHING_IS_KEPT),
    ("api-delete-copied", NOTHING_IS_KEPT),
    ("api-delete-made*", NOTHING_IS_KEPT),
    (
        "api-push",
        "which layer is asked for first is the store's to say",
    ),
    ("api-push-unknown", "there is no folder that could be named"),
    ("api-recommendations", "the list is ollama.com's own"),
    ("api-show", NO_FILE),
    ("api-show-name-member", NO_FILE),
    ("api-show-thinking", NO_FILE),
    ("api-show-tools", NO_FILE),
    ("api-show-verbose", NO_FILE),
    (
        "cloud-*",
        "a stand-in's bytes that Ollama passed on as they came: a script's `status=401` plays them",
    ),
    (
        "json-body-25-megabytes-not-json",
        "a body is read to its end before anything is said, so that the connection is kept",
    ),
    (
        "json-v1-zstd*",
        "bodies in zstd are not decoded: refused, and never taken for more",
    ),
    (
        "chat-native-format-and-tools",
        "how long the JSON is that a model says is the model's",
    ),
];

const NOTHING_IS_KEPT: &str = "what a route would change is not kept";
const NO_FILE: &str = "there is no model file whose tensors and template could be told";

#[test]
fn the_simulator_answers_as_the_recorded_ollama() {
    let cases: BTreeMap<String, Case> = record::cases(include_str!("transcripts/cases.jsonl"))
        .unwrap()
        .into_iter()
        .map(|case| (case.name.clone(), case))
        .collect();
    let mut wrong = Vec::new();
    let mut met = vec![false; DIFFERENCES.len()];
    let mut stages = stage::Stages::default();
    let recorded = recorded();
    for transcript in &recorded {
        let name = transcript.case.split('@').next().unwrap();
        let server = stages.server(transcript);
        stages.prepare(transcript);
        let said = record::exchange(&server, &cases[name]).unwrap();
        let found = difference(&Shape::of(transcript), &Shape::of(&said));
        let meant = DIFFERENCES
            .iter()
            .position(|(pattern, _)| fits(pattern, &transcript.case));
        match (found, meant) {
            (None, _) => {}
            (Some(_), Some(at)) => met[at] = true,
            (Some(found), None) => wrong.push(format!("{}: {found}", transcript.case)),
        }
    }
    for (at, (pattern, _)) in DIFFERENCES.iter().enumerate() {
        if !met[at] {
            wrong.push(format!("{pattern} is listed and does not differ"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        recorded.len(),
        wrong.join("\n")
    );
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

fn recorded() -> Vec<Transcript> {
    let files = [
        include_str!("transcripts/api.jsonl"),
        include_str!("transcripts/chat.jsonl"),
        include_str!("transcripts/cloud.jsonl"),
        include_str!("transcripts/embed.jsonl"),
        include_str!("transcripts/generate.jsonl"),
        include_str!("transcripts/json.jsonl"),
        include_str!("transcripts/origins.jsonl"),
        include_str!("transcripts/v1.jsonl"),
    ];
    let files = files.iter();
    files
        .flat_map(|lines| record::transcripts(lines).unwrap())
        .collect()
}
