//! What an operator does while people are being served: it holds on all instances, and takes nothing from anybody.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use ollama_sim::{Options, Sim};
use serde_json::{Value, json};

use crate::common::{Answer, App, SECOND, Setup, Whole, eventually, run, settles, within};
use crate::models::{before, simulator};

const KEYS: &str = "ops:operator:key-ops,ann:interactive:key-ann";

/// Sends as somebody with a key.
async fn send(app: &App, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = HeaderValue::try_from(format!("Bearer {key}")).expect("a header");
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([
        (header::AUTHORIZATION, bearer),
        (header::CONTENT_TYPE, json),
    ]);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut client = app.client().await;
    let sent = client.send(method, path, headers, body);
    sent.await.expect("the head of an answer")
}

async fn order(app: &App, path: &str, body: Value) -> Value {
    let path = format!("/api/operator/{path}");
    let answer = send(app, "key-ops", Method::POST, &path, &body).await;
    let answer = answer.whole().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn look(app: &App) -> Value {
    let answer = send(app, "key-ops", Method::GET, "/api/operator", &Value::Null).await;
    answer.whole().await.json()
}

async fn chat(app: &App, prompt: &str) -> Answer {
    let body = json!({ "prompt": prompt });
    send(app, "key-ann", Method::POST, "/api/chat", &body).await
}

async fn end(app: &App, key: &str, ticket: &str) -> Whole {
    let path = format!("/api/operator/requests/{ticket}");
    let answer = send(app, key, Method::DELETE, &path, &Value::Null).await;
    answer.whole().await
}

/// Reads on until it is told to wait for this, and for nothing else but what comes before anything is known.
async fn is_told(waiting: &mut Answer, reason: &str) {
    let told = async {
        loop {
            let line = waiting.line().await.expect("a heartbeat");
            let place = line.queue().unwrap_or_default();
            assert_ne!(place["reason"], "upstream_down", "{place}");
            if place["reason"] == reason {
                return;
            }
        }
    };
    within("it is told", told).await;
}

fn ticket(request: &Value) -> String {
    request["ticket"].as_str().expect("a ticket").to_owned()
}

#[test]
fn an_upstream_is_drained_under_load_and_nobody_is_refused_or_loses_anything() {
    run(async {
        let script = "tokens=20 pace=20ms";
        let options = Options {
            script: script.parse().expect("a script"),
            ..Options::default()
        };
        let second = Arc::new(Sim::start(options).await.expect("a simulator"));
        let app = Setup::answering(script)
            .with("api_keys", "ops:operator:key-ops")
            .with("api_key", "shared")
            .with("max_concurrent", "8")
            .with("ollama_max_concurrent", "4")
            .with("ollama_max_concurrent2", "4")
            .with("ollama_host2", second.url())
            .start()
            .await;
        let chat = async |n: u32| {
            let body = json!({ "prompt": format!("client {n}") });
            let answer = send(&app, "shared", Method::POST, "/api/chat", &body).await;
            answer.whole().await
        };
        let draining = async {
            let both = async {
                second.wait_until(|counts| counts.streams.now > 0).await;
                app.sim.wait_until(|counts| counts.streams.now > 0).await;
            };
            within("both upstreams are at work", both).await;
            let drained = Instant::now();
            assert_eq!(
                order(&app, "drain", json!({ "upstream": 1 })).await["drained"],
                json!([1])
            );
            eventually("it is empty", || async {
                let upstream = look(&app).await["upstreams"][1].clone();
                (&upstream["drained"], &upstream["active"], &upstream["max"])
                    == (&json!(true), &json!(0), &json!(0))
                    && second.counts().streams.now == 0
                    // An instance knows of it after 400 ms at the latest.
                    && drained.elapsed() > 2 * SECOND
            })
            .await;
            second.counts().streams.started
        };
        let (answers, at_the_drain) =
            futures::future::join(join_all((0..64).map(chat)), draining).await;
        for answer in &answers {
            answer.assert_complete();
        }
        assert_eq!(second.counts().streams.started, at_the_drain, "nothing new");
        let served = app.sim.counts().streams.started + at_the_drain;
        assert_eq!(served, 64, "nothing was sent twice");

        order(&app, "resume", json!({ "upstream": 1 })).await;
        eventually("it is used again", || async {
            join_all((0..8).map(chat)).await;
            second.counts().streams.started > at_the_drain
        })
        .await;
        settles(&*app.store()).await;
    });
}

#[test]
fn where_all_is_drained_who_comes_waits_and_is_told_why() {
    run(async {
        let app = Setup::answering("tokens=2 pace=0ms")
            .with("api_keys", KEYS)
            .start()
            .await;
        order(&app, "drain", json!({})).await;
        let mut waiting = chat(&app, "later").await;
        assert_eq!(waiting.status, 200);
        is_told(&mut waiting, "drained").await;
        assert_eq!(app.sim.counts().streams.started, 0);
        order(&app, "resume", json!({})).await;
        let whole = within("it is served", waiting.whole()).await;
        whole.assert_complete();
        settles(&*app.store()).await;
    });
}

#[test]
fn what_is_relayed_while_all_is_drained_is_told() {
    run(async {
        let app = Setup::answering("tokens=10000 pace=20ms")
            .with("api_keys", KEYS)
            .start()
            .await;
        let mut stream = chat(&app, "on and on").await;
        stream.token().await;
        order(&app, "drain", json!({})).await;
        let queue = async || {
            let answer = send(&app, "key-ops", Method::GET, "/api/queue", &Value::Null).await;
            answer.whole().await.json()
        };
        eventually("the drain is known", || async {
            let queue = queue().await;
            assert_eq!(queue["active"], 1, "{queue}");
            queue["max"] == 0
        })
        .await;
        drop(stream);
        eventually("it is empty", || async { queue().await["active"] == 0 }).await;
        settles(&*app.store()).await;
    });
}

#[test]
fn where_the_only_upstream_with_its_model_is_drained_nobody_is_told_that_it_is_down() {
    run(async {
        let sims = [simulator(&["a"]).await, simulator(&["b"]).await];
        let settings = [
            ("api_keys", KEYS),
            ("allowed_models", "a,b"),
            ("ollama_model", "a"),
        ];
        let app = before(&sims.each_ref(), &settings).await;
        order(&app, "drain", json!({ "upstream": 1 })).await;
        let body = json!({ "model": "b", "prompt": "later" });
        let mut waiting = send(&app, "key-ann", Method::POST, "/api/chat", &body).await;
        assert_eq!(waiting.status, 200);
        is_told(&mut waiting, "drained").await;
        order(&app, "resume", json!({ "upstream": 1 })).await;
        let whole = within("it is served", waiting.whole()).await;
        whole.assert_complete();
        settles(&*app.store()).await;
    });
}

#[test]
fn an_operator_ends_what_runs_and_what_waits_and_nobody_else_does() {
    run(async {
        let app = Setup::answering("tokens=10000 pace=20ms")
            .with("api_keys", KEYS)
            .with("max_concurrent", "1")
            .start()
            .await;
        let mut running = chat(&app, "on and on").await;
        running.token().await;
        let waiting = chat(&app, "waits").await;
        eventually("both are seen", || async {
            let seen = look(&app).await;
            [&seen["running"], &seen["waiting"]].map(|list| list.as_array().map_or(0, Vec::len))
                == [1, 1]
        })
        .await;
        let seen = look(&app).await;
        assert_eq!(seen["waiting"][0]["client"], "key:ann", "{seen}");
        assert_eq!(seen["waiting"][0]["position"], 1, "{seen}");
        let (first, second) = (ticket(&seen["running"][0]), ticket(&seen["waiting"][0]));
        let refused = end(&app, "key-ann", &first).await;
        assert_eq!(refused.refusal(), (403, "operator_only".to_owned()));
        let refused = end(&app, "none", &first).await;
        assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
        for (ticket, answer) in [(second, waiting), (first.clone(), running)] {
            assert_eq!(end(&app, "key-ops", &ticket).await.status, 200);
            let ended = within("it ends", answer.whole()).await;
            let last = ended.lines.last().expect("a line").json();
            assert_eq!(last["code"], "cancelled", "{ended:?}");
        }
        settles(&*app.store()).await;
        for ticket in [first.as_str(), "9-9", "1-x", "-"] {
            assert_eq!(end(&app, "key-ops", ticket).await.status, 404, "{ticket}");
        }
    });
}

#[test]
fn an_operator_reads_the_position_that_the_client_is_told() {
    run(async {
        let sims = [simulator(&["a"]).await, simulator(&["b"]).await];
        let app = before(
            &sims.each_ref(),
            &[
                ("api_keys", KEYS),
                ("allowed_models", "a,b"),
                ("ollama_model", "a"),
                ("max_concurrent", "2"),
                ("ollama_max_concurrent", "1"),
                ("ollama_max_concurrent2", "1"),
            ],
        )
        .await;
        let mut answers = Vec::new();
        for (model, sim) in [("a", &sims[0]), ("b", &sims[1])] {
            sim.push("tokens=10000 pace=20ms".parse().expect("a script"));
            let body = json!({ "model": model, "prompt": "on and on" });
            answers.push(send(&app, "key-ann", Method::POST, "/api/chat", &body).await);
            let streams = sim.wait_until(|counts| counts.streams.now == 1);
            within("it streams", streams).await;
        }
        for model in ["a", "a", "a"] {
            let body = json!({ "model": model, "prompt": "waits" });
            let mut answer = send(&app, "key-ann", Method::POST, "/api/chat", &body).await;
            answer.line().await.expect("a heartbeat");
            answers.push(answer);
        }
        let body = json!({ "model": "b", "prompt": "waits" });
        let mut answer = send(&app, "key-ann", Method::POST, "/api/chat", &body).await;
        // It came last, and its own upstream is asked by nobody else.
        let told = async {
            loop {
                let line = answer.line().await.expect("a heartbeat");
                let place = line.queue().expect("a place").clone();
                if place["position"].as_u64() < Some(4) {
                    return place;
                }
            }
        };
        let told = within("those for the other model are not before it", told).await;
        let looked = look(&app).await;
        let waiting = looked["waiting"].as_array().expect("a list");
        let is_it = |one: &&Value| {
            let number = format!("{}-", ticket(one));
            told["ticket"]
                .as_str()
                .is_some_and(|told| told.starts_with(&number))
        };
        let seen = waiting.iter().find(is_it).expect("it waits");
        assert_eq!(seen["position"], told["position"], "{looked}");
        answers.push(answer);
        drop(answers);
        settles(&*app.store()).await;
    });
}

#[test]
fn what_is_told_of_the_line_stands_in_the_document() {
    run(async {
        let app = Setup::answering("tokens=1")
            .with("api_keys", KEYS)
            .start()
            .await;
        let document = app.read("/api/openapi.json").await;
        for (path, schema) in [
            ("/api/queue-status", "QueueStatus"),
            ("/api/queue", "Queue"),
            ("/api/operator", "Standing"),
            ("/api/health", "Health"),
        ] {
            let told = send(&app, "key-ops", Method::GET, path, &Value::Null).await;
            let told = told.whole().await.json();
            let known = &document["components"]["schemas"][schema]["properties"];
            for name in told.as_object().expect("members").keys() {
                assert!(known[name].is_object(), "{schema} has no {name}");
            }
        }
    });
}

#[test]
fn a_notice_is_shown_to_everybody_until_it_is_taken_down() {
    run(async {
        let app = Setup::answering("tokens=1")
            .with("api_keys", KEYS)
            .start()
            .await;
        let health = async || app.read("/api/health").await;
        let queue = async || {
            let answer = send(&app, "key-ann", Method::GET, "/api/queue", &Value::Null).await;
            answer.whole().await.json()
        };
        assert_eq!(health().await["notice"], Value::Null);
        order(&app, "notice", json!({ "text": " Back at five. " })).await;
        assert_eq!(health().await["notice"], "Back at five.");
        assert_eq!(queue().await["notice"], "Back at five.");
        order(&app, "notice", json!({ "text": "" })).await;
        assert_eq!(health().await["notice"], Value::Null);
        assert_eq!(queue().await["notice"], Value::Null);

        for (path, body) in [
            ("notice", json!({ "text": "x".repeat(501) })),
            ("notice", json!({ "words": "x" })),
            ("drain", json!({ "upstream": 1 })),
            ("drain", json!([])),
            ("resume", json!({ "upstreams": 0 })),
        ] {
            let path = format!("/api/operator/{path}");
            let refused = send(&app, "key-ops", Method::POST, &path, &body)
                .await
                .whole()
                .await;
            assert_eq!(
                refused.refusal(),
                (400, "invalid_request".to_owned()),
                "{body}"
            );
        }
    });
}

#[test]
fn health_says_what_is_most_often_wrong_and_the_one_setting_to_change() {
    run(async {
        let app = Setup::answering("tokens=1")
            .with("num_ctx", "65536")
            .clock_off_by(-600)
            .start()
            .await;
        app.chat("Hello").await.whole().await.assert_complete();
        let health = app.read("/api/health").await;
        let advice = |code: &str| {
            let warnings = health["warnings"].as_array().expect("warnings");
            let found = warnings.iter().find(|warning| warning["code"] == code);
            let found = found.unwrap_or_else(|| panic!("{code}: {health}"));
            ["setting", "text"].map(|name| found[name].as_str().expect("a text").to_owned())
        };
        let [setting, text] = advice("num_ctx");
        assert_eq!(setting, "num_ctx");
        assert!(text.ends_with("set num_ctx=32768"), "{text}");
        let [_, text] = advice("clock");
        assert!(text.contains("s behind that of upstream 0"), "{text}");
    });
}
