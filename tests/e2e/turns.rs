//! Models that take turns, since they do not fit together.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ollama_sim::{Clock, Model, Options, Sim};
use serde_json::json;

use crate::{
    common::{Client, SECOND, run, settles, within},
    models::{before, simulator},
};

#[test]
fn models_that_do_not_fit_together_take_turns_and_are_loaded_less_often_than_without_a_line() {
    run(async {
        let alone = one_model_at_a_time("tokens=20 pace=5ms load=300ms").await;
        let without = mixed_crowd(alone.addr()).await;
        let loads_without = alone.counts().loads;

        let sim = one_model_at_a_time("tokens=20 pace=5ms load=300ms").await;
        let settings = [("ollama_models_at_once", "1"), ("model_turn", "30s")];
        let app = before(&[&sim], &settings).await;
        let took = mixed_crowd(app.addr()).await;
        let loads = sim.counts().loads;
        eprintln!(
            "{loads_without} loads in {without:?} without a line, {loads} in {took:?} with it"
        );
        assert!((2..=6).contains(&loads), "{loads} loads");
        assert!(
            loads < loads_without,
            "{loads} loads, {loads_without} without"
        );
        // The other one's turn of 30 s, an answer of 300 s at most, two loads and 5 s.
        let gate = &app.read("/api/health").await["gate"];
        let longest = gate["longestTurnWaitSeconds"].as_u64();
        assert!(
            longest.is_some_and(|longest_s| (335..=356).contains(&longest_s)),
            "{gate}"
        );
        settles(&*app.store()).await;
    });
}

/// A simulator of two models that holds one of them at a time and answers four at once.
async fn one_model_at_a_time(script: &str) -> Arc<Sim> {
    let options = Options {
        models: ["one", "other"].map(Model::from).to_vec(),
        script: script.parse().expect("a script"),
        max_loaded: Some(1),
        parallel: Some(4),
        clock: Clock::System,
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}

/// Twenty-four clients at once, by turns for one model and the other. How long it takes until all are answered.
async fn mixed_crowd(addr: SocketAddr) -> Duration {
    let begun = Instant::now();
    let ask = async |index: usize| {
        let model = ["one", "other"][index % 2];
        let message = json!({ "role": "user", "content": "Hello" });
        let body = json!({ "model": model, "messages": [message] });
        let mut client = Client::connect(addr).await;
        client.post("/api/chat", &body).await.whole().await
    };
    for answer in join_all((0..24).map(ask)).await {
        answer.assert_complete();
    }
    begun.elapsed()
}

#[test]
fn one_that_waits_for_its_models_turn_is_told_of_a_loaded_model_and_at_its_end_why_it_waited() {
    run(async {
        let sim = one_model_at_a_time("tokens=2 pace=5ms load=100ms").await;
        let settings = [("ollama_models_at_once", "1"), ("model_turn", "5m")];
        let app = before(&[&sim], &settings).await;
        let chat = |model: &str, prompt: &str| json!({ "model": model, "prompt": prompt });
        for _ in 0..6 {
            let answer = app.post("/api/chat", &chat("one", "Hello")).await;
            answer.whole().await.assert_complete();
        }
        let held = "held [[sim tokens=10000 pace=20ms]]";
        let held = app.post("/api/chat", &chat("one", held)).await;
        let streams = sim.wait_until(|counts| counts.streams.now == 1);
        within(5 * SECOND, "it streams", streams).await;

        let mut waiting = app.post("/api/chat", &chat("other", "Hello")).await;
        let told = async {
            loop {
                let line = waiting.line().await.expect("a heartbeat");
                let place = line.queue().expect("a place");
                if !place["alternatives"].is_null() {
                    return place;
                }
            }
        };
        let place = within(20 * SECOND, "another model is told", told).await;
        let sooner = json!([{ "model": "one:latest", "etaSeconds": 0 }]);
        assert_eq!(place["alternatives"], sooner, "{place}");
        assert_eq!(place["reason"], "model_turn");

        // Nobody wants the first model any more, so its turn is over.
        drop(held);
        let answer = within(30 * SECOND, "it is answered", waiting.whole()).await;
        answer.assert_complete();
        let last = answer.lines.last().expect("a last line").json();
        let waited = &last["waited"];
        assert_eq!(waited["answers"], 1, "{last}");
        assert!(waited["ms"].as_u64() >= Some(1_000), "{last}");
        let text = waited["text"].as_str().unwrap_or_default();
        assert!(text.contains(" s: one answer"), "{last}");
        settles(&*app.store()).await;
    });
}

#[test]
fn a_model_that_nobody_has_is_refused_as_ollama_says_it_where_models_take_turns() {
    run(async {
        let sim = simulator(&["one", "other"]).await;
        let app = before(&[&sim], &[("ollama_models_at_once", "1")]).await;
        // The first one's load is in vain, and bars the model for those who follow.
        for _ in 0..3 {
            let body = json!({ "model": "nosuch", "prompt": "Hello" });
            let refused = app.post("/api/generate", &body).await.whole().await;
            assert_eq!(refused.status.as_u16(), 404, "{refused:?}");
            let said = refused.json()["error"].clone();
            assert_eq!(said, "model 'nosuch' not found", "{refused:?}");
        }
    });
}
