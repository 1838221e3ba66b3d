//! The demonstration model as the upstream: the real one where `cargo xtask test` could fetch it, else a tiny one that talks
//! nonsense.

use demo_model::{Demo, MODEL, Model, ModelFile, Options, tiny};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::common::{App, Setup, Whole, eventually, run};

/// A model, and the host with the real components in front of it.
struct Stage {
    demo: Demo,
    app: App,
}

impl Stage {
    /// With the model that talks nonsense.
    async fn tiny() -> Self {
        Self::start(&ModelFile::from_bytes(tiny::model())).await
    }

    async fn start(file: &ModelFile) -> Self {
        let model = Model::load(file, CONTEXT).expect("a model");
        let demo = Demo::start(model, Options::default())
            .await
            .expect("a server");
        let app = Setup::answering("tokens=1")
            .with("ollama_host", &demo.url())
            .with("ollama_model", MODEL)
            .start()
            .await;
        Self { demo, app }
    }

    async fn chat(&self, prompt: &str, options: Value) -> Whole {
        let document = json!({ "prompt": prompt, "options": options });
        let answer = self.app.post("/api/chat", &document).await.whole().await;
        answer.assert_complete();
        answer
    }
}

/// What the lines say together.
fn said(answer: &Whole) -> String {
    let lines = answer.lines.iter().map(|line| line.json());
    let pieces = lines.map(|line| {
        line["message"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    pieces.collect()
}

#[test]
fn an_answer_without_temperature_is_the_same_every_time() {
    run(async {
        let real = demo_model::cached().ok();
        let is_real = real.is_some();
        let stage = match real {
            Some(file) => Stage::start(&file).await,
            None => {
                eprintln!(
                    "skipped: the real model is not in the cache; a tiny one takes its place"
                );
                Stage::tiny().await
            }
        };
        let options = || json!({ "temperature": 0, "seed": 7, "num_predict": 40 });
        let alone = stage.chat(QUESTION, options()).await;
        if is_real {
            assert_eq!(said(&alone), ANSWER);
        }
        // In company, and where a slot remembers the beginning.
        let asking = (0..4).map(|_| stage.chat(QUESTION, options()));
        for answer in join_all(asking).await {
            assert_eq!(said(&answer), said(&alone));
        }
        let last = alone.lines.last().expect("a last line").json();
        let reason = if is_real { "stop" } else { "length" };
        assert_eq!(last["done_reason"], reason, "{last}");
        assert_eq!(stage.app.sim.counts().requests, 0);
    });
}

#[test]
fn a_seed_makes_chance_repeat_itself() {
    run(async {
        let stage = Stage::tiny().await;
        let ask = async |seed: u32| {
            let options = json!({ "temperature": 1.5, "seed": seed, "num_predict": 16 });
            said(&stage.chat(QUESTION, options).await)
        };
        let (first, other) = (ask(1).await, ask(2).await);
        assert_eq!(ask(1).await, first);
        assert_ne!(other, first);
    });
}

#[test]
fn who_hangs_up_frees_the_slot_of_the_model() {
    run(async {
        let stage = Stage::tiny().await;
        let document = json!({ "prompt": "On and on", "options": { "temperature": 0 } });
        let mut answer = stage.app.post("/api/chat", &document).await;
        // What comes first may be a heartbeat.
        while answer.line().await.expect("a first token").json()["message"]["content"] == "" {}
        drop(answer);
        eventually("the model is idle", async || {
            let counts = *stage.demo.counts().borrow();
            (counts.active, counts.aborted, counts.finished) == (0, 1, 0)
        })
        .await;
    });
}

#[test]
fn health_and_tags_name_the_model() {
    run(async {
        let stage = Stage::tiny().await;
        let ask = async |path| stage.app.read(path).await;
        assert_eq!(ask("/api/tags").await["models"][0]["name"], MODEL);
        let health = ask("/api/health").await;
        assert_eq!(
            (&health["status"], &health["model"]),
            (&json!("ok"), &json!(MODEL))
        );
    });
}

const QUESTION: &str = "Write one sentence about the sea.";

/// What the real model answers.
const ANSWER: &str = "The ocean is a vast and mysterious realm that exists beneath our feet, teeming with life and unending \
                      mysteries waiting to be explored.";

/// Tokens of a text: the tiny model does not come to the end of it before a test does.
const CONTEXT: usize = 1 << 16;
