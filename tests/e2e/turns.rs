//! Models that take turns, since they do not fit together.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::{join, join_all};
use ollama_sim::{Clock, Model, Options, Sim};
use serde_json::{Value, json};

use crate::{
    common::{App, Client, SECOND, eventually, run, settles, within},
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

#[test]
fn a_model_is_one_from_its_first_request_on_where_models_take_turns_however_late_it_is_told_what_it_is()
 {
    run(async {
        let sim = one_model_at_a_time("tokens=10000 pace=20ms show=1s").await;
        let app = before(&[&sim], &[("ollama_models_at_once", "1")]).await;
        let ask = json!({ "model": "one", "prompt": "Hello" });
        let _first = app.post("/api/generate", &ask).await;
        let streams = sim.wait_until(|counts| counts.streams.now == 1);
        within("the first streams", streams).await;

        sim.set_default("show=0ms".parse().expect("a script"));
        let _second = app.post("/api/generate", &ask).await;
        let streams = sim.wait_until(|counts| counts.streams.now == 2);
        within("the second streams beside it", streams).await;
        // What is shown may be half a second old, and what is loaded is known by its name at first.
        let are_one = async || shows_two_of_one(&app, 1).await;
        eventually("both are of one model", are_one).await;
    });
}

#[test]
fn a_model_is_one_where_several_are_asked_for_however_late_it_is_told_what_it_is() {
    run(async {
        let sim = two_models("tokens=10000 pace=20ms show=1s", None).await;
        let app = before(&[&sim], &[]).await;
        let ask = async |model: &str| {
            let ask = json!({ "model": model, "prompt": "Hello" });
            app.post("/api/generate", &ask).await
        };
        // The very first of an instance does not wait for what its model is: nobody knows yet of a second.
        let second = async {
            tokio::time::sleep(SECOND / 4).await;
            ask("other").await
        };
        let _first = join(ask("one"), second).await;
        let streams = sim.wait_until(|counts| counts.streams.now == 2);
        within("both stream", streams).await;

        sim.set_default("show=0ms".parse().expect("a script"));
        let _next = ask("other").await;
        let are_one = async || shows_two_of_one(&app, 2).await;
        eventually("two are of one model", are_one).await;
    });
}

/// Whether the line shows so many models, one of which has two answers.
async fn shows_two_of_one(app: &App, count: usize) -> bool {
    let queue = app.read("/api/queue").await;
    let models = queue["models"].as_array().expect("a list");
    models.len() == count && models.iter().any(|model| model["active"] == 2)
}

#[test]
fn models_that_fit_together_take_no_turns() {
    run(async {
        let sim = two_models("tokens=2 pace=0ms", None).await;
        let app = before(&[&sim], &[]).await;
        // The first look finds models of which nobody knows yet what they are; there is one every two seconds.
        let begun = Instant::now();
        while begun.elapsed() < 7 * SECOND {
            for model in ["one", "other"] {
                let ask = json!({ "model": model, "prompt": "Hello" });
                let answer = app.post("/api/generate", &ask).await.whole().await;
                answer.assert_complete();
            }
            tokio::time::sleep(SECOND / 5).await;
        }
        let gate = &app.read("/api/health").await["gate"];
        assert!(gate["longestTurnWaitSeconds"].is_null(), "{gate}");
    });
}

/// A simulator of two models that holds one of them at a time and answers four at once.
async fn one_model_at_a_time(script: &str) -> Arc<Sim> {
    two_models(script, Some(1)).await
}

/// One that holds so many at a time.
async fn two_models(script: &str, max_loaded: Option<usize>) -> Arc<Sim> {
    let options = Options {
        models: ["one", "other"].map(Model::from).to_vec(),
        script: script.parse().expect("a script"),
        max_loaded,
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
        within("it streams", streams).await;

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
        let place = within("another model is told", told).await;
        // Measured, so a busy machine says more than nought.
        let sooner = place["alternatives"].as_array().expect("a list");
        assert_eq!(sooner.len(), 1, "{place}");
        assert_eq!(sooner[0]["model"], "one:latest", "{place}");
        assert!(sooner[0]["etaSeconds"].is_u64(), "{place}");
        assert_eq!(place["reason"], "model_turn");

        // Nobody wants the first model any more, so its turn is over.
        drop(held);
        let answer = within("it is answered", waiting.whole()).await;
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
fn a_load_that_a_proxy_refuses_is_tried_again_and_bars_no_model() {
    run(async {
        let sim = two_models("tokens=2 pace=0ms", Some(1)).await;
        let app = before(&[&sim], &[("ollama_models_at_once", "1")]).await;
        let ask = async |model: &str| {
            let body = json!({ "model": model, "prompt": "Hello" });
            let answer = app.post("/api/generate", &body).await;
            within("it is answered", answer.whole()).await
        };
        ask("one").await.assert_complete();
        sim.push("page=502".parse().expect("a script"));
        ask("other").await.assert_complete();
        let requests = sim.requests();
        let works = requests.iter().filter(|asked| asked.method == "POST");
        let prompts = works.filter(|asked| asked.path == "/api/generate");
        let prompts: Vec<&Value> = prompts.map(|asked| &asked.body["prompt"]).collect();
        let (load, chat) = (&Value::Null, &json!("Hello"));
        assert_eq!(prompts, [chat, load, load, chat], "it was loaded again");
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
