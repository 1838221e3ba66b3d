//! Which members of a request start a runner anew: the notes of `sched-which-options-reload`, each asked again.

use ollama_sim::{Options, Sim};
use serde_json::{Value, json};

use crate::{
    Experiment, options,
    support::{send, start_with},
};

#[tokio::test]
async fn the_recorded_members_and_no_others_start_a_runner_anew() {
    let mut lines = include_str!("../transcripts/sched.jsonl").lines();
    let line = lines.find(|line| line.contains("\"sched-which-options-reload\""));
    let recorded: Experiment = serde_json::from_str(line.unwrap()).unwrap();
    let sim = start_with(Options {
        script: "tokens=1 pace=0ms load=0ms".parse().unwrap(),
        ..options(&recorded.settings)
    })
    .await;
    assert_eq!(recorded.notes.len(), NAMED.len() + ROUTES.len());
    let mut wrong = Vec::new();
    for note in &recorded.notes {
        let (_, note) = note.split_once(" ms: ").unwrap();
        let (label, outcome) = note.rsplit_once(": ").unwrap();
        ask(&sim, "/api/chat", json!({})).await;
        let before = sim.counts().loads;
        match NAMED.iter().find(|(name, _)| *name == label) {
            Some((_, members)) => {
                let members = serde_json::from_str(members).unwrap();
                ask(&sim, "/api/chat", members).await;
            }
            None => {
                assert!(ROUTES.contains(&label), "{label}");
                ask(&sim, label, json!({ "max_tokens": 1, "input": "x" })).await;
            }
        }
        let is_anew = sim.counts().loads > before;
        if is_anew != (outcome == "STARTED ANEW") {
            wrong.push(format!("{label}: {outcome}, and not here"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn ask(sim: &Sim, path: &str, mut body: Value) {
    body["model"] = "smollm2:135m".into();
    body["messages"] = json!([{ "role": "user", "content": "x" }]);
    let answer = send(sim.addr(), "POST", path, body.to_string()).await;
    answer.unwrap().rest().await.1.unwrap();
}

/// What each note's request had beside the plain one's.
const NAMED: &[(&str, &str)] = &[
    ("temperature", r#"{"options":{"temperature":0.5}}"#),
    (
        "top_k/top_p/min_p",
        r#"{"options":{"top_k":3,"top_p":0.5,"min_p":0.1}}"#,
    ),
    ("stop", r#"{"options":{"stop":["x"]}}"#),
    ("num_keep", r#"{"options":{"num_keep":9}}"#),
    ("seed", r#"{"options":{"seed":5}}"#),
    ("num_predict", r#"{"options":{"num_predict":2}}"#),
    (
        "num_ctx 4096 (the default, named)",
        r#"{"options":{"num_ctx":4096}}"#,
    ),
    ("num_ctx 2048", r#"{"options":{"num_ctx":2048}}"#),
    ("num_batch 512", r#"{"options":{"num_batch":512}}"#),
    ("num_batch 256", r#"{"options":{"num_batch":256}}"#),
    ("num_gpu 0", r#"{"options":{"num_gpu":0}}"#),
    ("num_gpu 1", r#"{"options":{"num_gpu":1}}"#),
    ("num_gpu -1", r#"{"options":{"num_gpu":-1}}"#),
    ("num_thread 1", r#"{"options":{"num_thread":1}}"#),
    ("num_thread 0", r#"{"options":{"num_thread":0}}"#),
    ("use_mmap true", r#"{"options":{"use_mmap":true}}"#),
    ("use_mmap false", r#"{"options":{"use_mmap":false}}"#),
    ("main_gpu 0", r#"{"options":{"main_gpu":0}}"#),
    (
        "draft_num_predict 2",
        r#"{"options":{"draft_num_predict":2}}"#,
    ),
    (
        "low_vram/numa/f16_kv/num_parallel (unknown)",
        r#"{"options":{"low_vram":true,"numa":true,"f16_kv":true,"num_parallel":4}}"#,
    ),
    ("shift true", r#"{"shift":true}"#),
    ("shift false", r#"{"shift":false}"#),
    ("truncate false", r#"{"truncate":false}"#),
    ("format json", r#"{"format":"json"}"#),
    ("think false", r#"{"think":false}"#),
    ("logprobs", r#"{"logprobs":true}"#),
    ("keep_alive 10m", r#"{"keep_alive":"10m"}"#),
];

/// The notes that are routes.
const ROUTES: &[&str] = &["/v1/chat/completions", "/api/embed", "/v1/messages"];
