//! What Ollama would refuse is refused before the wait, with Ollama's status and sentence.

use std::sync::Arc;

use futures::future::join_all;
use http::Method;
use ollama_sim::{Capability, Model, Options, Sim};
use serde_json::{Value, json};

use crate::common::{App, Setup, Whole, eventually, fill, run, settles};

/// One slot, which is taken for as long as what comes back is held.
async fn full() -> (App, Vec<crate::common::Answer>) {
    let models = [
        Model::from("llama3.2"),
        Model {
            capabilities: vec![Capability::Completion],
            ..Model::from("plain")
        },
        Model::from("bge-m3"),
    ];
    let options = Options {
        models: models.to_vec(),
        ..Options::default()
    };
    let sim = Sim::start(options).await.expect("a simulator");
    let app = Setup::answering("pace=0ms")
        .with("max_concurrent", "1")
        .with("ollama_model", "llama3.2")
        .start_before(Arc::new(sim))
        .await;
    let held = fill(app.addr(), &app.sim, 1).await;
    (app, held)
}

#[test]
fn what_a_model_cannot_is_refused_before_the_wait_as_ollama_says_it() {
    run(async {
        let (app, held) = full().await;
        let before = app.sim.counts().requests;
        let says = |more: Value| {
            let mut request =
                json!({ "model": "plain", "messages": [{ "role": "user", "content": "Hello" }] });
            for (name, value) in more.as_object().expect("an object") {
                request[name] = value.clone();
            }
            request
        };
        let tools = json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] });
        let full_name = "registry.ollama.ai/library/plain:latest does not support";
        let picture =
            json!({ "messages": [{ "role": "user", "content": "x", "images": ["aGk="] }] });
        for (path, request, status, sentence) in [
            (
                "/api/chat",
                says(json!({ "model": "nosuch" })),
                404,
                "model 'nosuch' not found".to_owned(),
            ),
            (
                "/api/chat",
                says(json!({ "model": "nosuch", "stream": false })),
                404,
                "model 'nosuch' not found".to_owned(),
            ),
            (
                "/v1/chat/completions",
                says(json!({ "model": "nosuch" })),
                404,
                "model 'nosuch' not found".to_owned(),
            ),
            (
                "/api/embed",
                json!({ "model": "nosuch", "input": "x" }),
                404,
                "model \"nosuch\" not found, try pulling it first".to_owned(),
            ),
            (
                "/api/chat",
                says(tools.clone()),
                400,
                format!("{full_name} tools"),
            ),
            (
                "/v1/chat/completions",
                says(tools),
                400,
                format!("{full_name} tools"),
            ),
            (
                "/api/chat",
                says(json!({ "think": true })),
                400,
                "\"plain\" does not support thinking".to_owned(),
            ),
            (
                "/api/chat",
                says(json!({ "model": "bge-m3" })),
                400,
                "\"bge-m3\" does not support chat".to_owned(),
            ),
            (
                "/api/generate",
                json!({ "model": "plain", "prompt": "x", "suffix": "y" }),
                400,
                format!("{full_name} insert"),
            ),
            (
                "/api/chat",
                says(picture),
                400,
                "\"plain\" does not see pictures".to_owned(),
            ),
        ] {
            let refused = app.post(path, &request).await.whole().await;
            let said = sentence_of(&refused);
            assert_eq!(
                (refused.status.as_u16(), said),
                (status, sentence),
                "{path} {request}"
            );
        }
        assert_eq!(
            app.sim.counts().requests,
            before,
            "nobody was asked to work"
        );
        drop(held);
        settles(&*app.store()).await;
    });
}

#[test]
fn what_a_model_can_waits_and_is_answered() {
    run(async {
        let (app, mut held) = full().await;
        let tools = json!({
            "model": "llama3.2", "think": true,
            "messages": [{ "role": "user", "content": "Hello" }],
            "tools": [{ "type": "function", "function": { "name": "f" } }],
        });
        let waiting = app.post("/api/chat", &tools).await;
        assert_eq!(waiting.status.as_u16(), 200, "its head is out: it waits");
        held.clear();
        waiting.whole().await.assert_complete();
    });
}

#[test]
fn a_model_that_is_pulled_anew_is_known_by_what_it_can_do_now() {
    run(async {
        let (app, held) = full().await;
        let tools = json!({
            "model": "plain", "messages": [{ "role": "user", "content": "Hello" }],
            "tools": [{ "type": "function", "function": { "name": "f" } }],
        });
        let refused = app.post("/api/chat", &tools).await.whole().await;
        assert_eq!(refused.status.as_u16(), 400, "{refused:?}");
        app.sim.put_model(&Model {
            digest: "d2".repeat(32),
            capabilities: vec![Capability::Completion, Capability::Tools],
            ..Model::from("plain")
        });
        // Where nobody can say in time a request goes on: one that waits shows nothing.
        eventually("it waits, since it can", || async {
            let three = join_all((0..3).map(async |_| app.post("/api/chat", &tools).await));
            three.await.iter().all(|one| one.status.as_u16() == 200)
        })
        .await;
        drop(held);
        settles(&*app.store()).await;
    });
}

#[test]
fn what_an_upstream_has_is_known_however_slow_it_is_to_say_it() {
    run(async {
        let (app, held) = full().await;
        app.sim.set_default("tags=800ms".parse().expect("a script"));
        let unknown = json!({ "prompt": "Hello", "model": "nosuch" });
        eventually("it is refused as unknown", || async {
            app.post("/api/chat", &unknown).await.status.as_u16() == 404
        })
        .await;
        drop(held);
        settles(&*app.store()).await;
    });
}

#[test]
fn where_nobody_can_say_what_there_is_the_request_goes_on() {
    run(async {
        let app = Setup::answering("tokens=10000 pace=20ms")
            .with("max_concurrent", "1")
            .start()
            .await;
        let held = fill(app.addr(), &app.sim, 1).await;
        app.sim.stop().await;
        let request = json!({ "prompt": "Hello", "model": "nosuch" });
        let answer = app.post("/api/chat", &request).await.whole().await;
        assert_ne!(answer.status.as_u16(), 404, "{answer:?}");
        drop(held);
    });
}

#[test]
fn a_model_that_refused_to_embed_is_not_asked_again() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let embed = json!({ "model": "llama3.2", "input": "x" });
        for _ in 0..2 {
            let refused = app.post("/api/embed", &embed).await.whole().await;
            assert_eq!(refused.status.as_u16(), 501, "{refused:?}");
            let said = sentence_of(&refused);
            assert!(said.contains("does not support embeddings"), "{said}");
        }
        assert_eq!(app.sim.counts().requests, 1);
        // Of no input there is nothing to embed: that is a load.
        let load = json!({ "model": "llama3.2" });
        let load = app.post("/api/embed", &load).await.whole().await;
        assert_eq!(load.status.as_u16(), 200, "{load:?}");
        let models = app.ask(Method::GET, "/api/ps").await.whole().await;
        assert_eq!(models.status.as_u16(), 200);
    });
}

#[test]
fn a_model_for_chats_is_not_loaded_anew_to_refuse_an_embedding_on_a_route_without_options() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let chat = json!({ "model": "llama3.2", "prompt": "Hello" });
        app.post("/api/chat", &chat)
            .await
            .whole()
            .await
            .assert_complete();
        let loads = app.sim.counts().loads;
        let embed = json!({ "model": "llama3.2", "input": "Hello" });
        for _ in 0..2 {
            let refused = app.post("/v1/embeddings", &embed).await.whole().await;
            assert_eq!(refused.status.as_u16(), 501, "{refused:?}");
            let said = &refused.json()["error"]["message"];
            let said = said.as_str().expect("a sentence");
            assert!(said.contains("does not support embeddings"), "{said}");
        }
        app.post("/api/chat", &chat)
            .await
            .whole()
            .await
            .assert_complete();
        assert_eq!(app.sim.counts().loads, loads);
        assert_eq!(app.sim.counts().requests, 3);
        // One that embeds is asked for nothing but that.
        let embed = json!({ "model": "nomic-embed-text", "input": "Hello" });
        let vector = app.post("/v1/embeddings", &embed).await.whole().await;
        assert_eq!(vector.status.as_u16(), 200, "{vector:?}");
        assert_eq!(app.sim.counts().requests, 4);
    });
}

fn sentence_of(refused: &Whole) -> String {
    let document = refused.json();
    let error = &document["error"];
    let sentence = error.as_str().or(error["message"].as_str());
    sentence.unwrap_or_default().to_owned()
}
