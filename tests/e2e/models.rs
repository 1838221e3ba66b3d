//! Several models: the lists of all upstreams, options of single models, and other names for them.

use std::sync::Arc;

use http::Method;
use ollama_sim::{Model, Options, Sim};
use serde_json::{Value, json};

use crate::common::{App, HostProcess, Setup, eventually, run, settles, within};

#[test]
fn the_lists_tell_what_all_upstreams_have_and_follow_what_is_copied_and_deleted() {
    run(async {
        let (first, second) = (
            simulator(&["both", "one"]).await,
            simulator(&["both", "other"]).await,
        );
        let app = before(&[&first, &second], &[]).await;
        let all = ["both:latest", "one:latest", "other:latest"];
        assert_eq!(names(&app, "/api/tags", "models", "name").await, all);
        assert_eq!(names(&app, "/v1/models", "data", "id").await, all);

        second.put_model(&Model::from("copied:1b"));
        second.remove_model("other:latest");
        eventually("the list follows", || async {
            names(&app, "/api/tags", "models", "name").await
                == ["both:latest", "one:latest", "copied:1b"]
        })
        .await;
        second.stop().await;
        eventually("what is away is not told", || async {
            names(&app, "/api/tags", "models", "name").await == ["both:latest", "one:latest"]
        })
        .await;
    });
}

#[test]
fn another_name_reaches_its_model_on_every_route_and_answers_say_the_name() {
    // With runner options chats of OpenAI's form are translated, without any they are passed on.
    for options in ["", "4096"] {
        run(another_name_reaches_its_model(options));
    }
}

async fn another_name_reaches_its_model(num_ctx: &str) {
    let sim = simulator(&["qwen3:8b", "nomic-embed-text", "claude-tiny"]).await;
    let aliases = "gpt-4o=qwen3:8b, claude-*=qwen3:8b, embed=nomic-embed-text";
    let settings = [
        ("model_aliases", aliases),
        ("num_ctx", num_ctx),
        ("num_gpu", ""),
        ("num_thread", ""),
    ];
    let app = before(&[&sim], &settings).await;
    let listed = names(&app, "/v1/models", "data", "id").await;
    assert!(listed.contains(&"gpt-4o".to_owned()), "{listed:?}");
    let one = app.read("/v1/models/gpt-4o").await;
    assert_eq!(one["id"], "gpt-4o");
    let show = app.post("/api/show", &json!({ "model": "gpt-4o" })).await;
    assert_eq!(show.status.as_u16(), 200);

    let message = json!([{ "role": "user", "content": "Hello" }]);
    for (path, body) in [
        (
            "/api/chat",
            json!({ "model": "gpt-4o", "messages": message }),
        ),
        (
            "/api/chat",
            json!({ "model": "gpt-4o", "messages": message, "stream": false }),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "gpt-4o", "messages": message }),
        ),
        (
            "/v1/chat/completions",
            json!({ "model": "gpt-4o", "messages": message, "stream": true }),
        ),
        (
            "/v1/completions",
            json!({ "model": "gpt-4o", "prompt": "Hello" }),
        ),
        ("/api/embed", json!({ "model": "embed", "input": "Hello" })),
        (
            "/v1/embeddings",
            json!({ "model": "embed", "input": "Hello" }),
        ),
    ] {
        let answer = app.post(path, &body).await.whole().await;
        let text = answer.text();
        assert_eq!(answer.status.as_u16(), 200, "{path}: {text}");
        let name = format!("\"model\":{}", body["model"]);
        assert!(text.contains(&name), "{path}: {text}");
        let model = sent(&sim).pop().expect("a request");
        assert!(
            ["qwen3:8b", "nomic-embed-text"].contains(&model.as_str()),
            "{path}: {model}"
        );
        assert!(
            !text.contains(&format!("\"model\":\"{model}")),
            "{path}: {text}"
        );
    }
    // A real model of that name wins.
    let body = json!({ "model": "claude-tiny", "messages": message });
    let answer = app.post("/api/chat", &body).await.whole().await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(sent(&sim).pop().as_deref(), Some("claude-tiny"));
    settles(&*app.store()).await;
}

#[test]
fn a_models_own_options_go_with_it_and_load_it_once_on_every_route() {
    run(async {
        let sim = simulator(&["big", "small"]).await;
        let own = r#"{"big": {"num_ctx": 16384, "num_gpu": null}}"#;
        let app = before(
            &[&sim],
            &[("model_options", own), ("ollama_model", "small")],
        )
        .await;
        let message = json!([{ "role": "user", "content": "Hello" }]);
        for _ in 0..2 {
            for (path, model) in [
                ("/api/chat", "big"),
                ("/api/generate", "big"),
                ("/v1/chat/completions", "big"),
                ("/v1/completions", "big"),
                ("/v1/responses", "big"),
                ("/v1/messages", "big"),
                ("/api/chat", "small"),
                ("/v1/chat/completions", "small"),
                ("/v1/completions", "small"),
                ("/v1/responses", "small"),
            ] {
                let body = match path {
                    "/api/generate" | "/v1/completions" => {
                        json!({ "model": model, "prompt": "Hello" })
                    }
                    "/v1/responses" => json!({ "model": model, "input": "Hello" }),
                    _ => json!({ "model": model, "messages": message, "max_tokens": 9 }),
                };
                let answer = app.post(path, &body).await.whole().await;
                assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text());
            }
        }
        assert_eq!(sim.counts().loads, 2, "each is loaded once");
        for request in sim.requests() {
            let options = &request.body["options"];
            let is_big = request.body["model"] == "big";
            let expected = if is_big {
                (json!(16384), Value::Null)
            } else {
                (json!(4096), json!(1))
            };
            assert_eq!(
                (options["num_ctx"].clone(), options["num_gpu"].clone()),
                expected
            );
        }
    });
}

#[test]
fn a_request_goes_only_where_its_model_is() {
    run(async {
        let (first, second) = (
            simulator(&["both", "one"]).await,
            simulator(&["both", "other"]).await,
        );
        let app = before(&[&first, &second], &[("retry_delay", "10ms")]).await;
        let ask = async |model: &str| {
            let body = json!({ "model": model, "prompt": "Hello" });
            app.post("/api/chat", &body).await.whole().await
        };
        for _ in 0..4 {
            for model in ["one", "other", "both"] {
                ask(model).await.assert_complete();
            }
        }
        // What is copied to an upstream is found there, though nobody had it a moment ago.
        second.put_model(&Model::from("copied"));
        eventually("it is found", || async {
            ask("copied").await.status.as_u16() == 200
        })
        .await;
        // What is deleted at one is answered by the other, whoever has not heard of it yet.
        second.remove_model("both:latest");
        for _ in 0..4 {
            ask("both").await.assert_complete();
        }
        // What is away is asked of nobody who lacks it; what both have is still there.
        second.stop().await;
        let refused = ask("other").await;
        assert!(refused.status.is_server_error(), "{}", refused.text());
        for _ in 0..4 {
            ask("both").await.assert_complete();
        }
        for (sim, lacks) in [(&first, "other"), (&second, "one")] {
            assert!(!sent(sim).contains(&lacks.to_owned()), "{lacks}");
        }
        settles(&*app.store()).await;
    });
}

#[test]
fn warm_models_are_loaded_by_the_first_request_of_any_kind_as_their_clients_would() {
    run(async {
        let sim = simulator(&["small", "minilm"]).await;
        let settings = [
            ("warm_models", "small, minilm, not-there"),
            ("keep_alive", "1h"),
            ("ollama_model", "small"),
        ];
        let app = before(&[&sim], &settings).await;
        let ready = app.ask(Method::GET, "/readyz").await;
        assert_eq!(ready.status.as_u16(), 200);
        within(
            "both are loaded",
            sim.wait_until(|counts| counts.loads == 2),
        )
        .await;
        let loads: Vec<_> = sim
            .requests()
            .iter()
            .map(|request| (request.path.clone(), request.body["keep_alive"].clone()))
            .collect();
        for path in ["/api/generate", "/api/embed"] {
            assert!(loads.contains(&(path.to_owned(), json!("1h"))), "{loads:?}");
        }
        // Whoever comes then loads nothing anew.
        app.chat("Hello").await.whole().await.assert_complete();
        assert_eq!(sim.counts().loads, 2);
    });
}

#[test]
fn sluice_host_has_warm_models_loaded_before_anybody_asks() {
    run(async {
        let sim = simulator(&["small"]).await;
        let variables = [("warm_models", "small"), ("ollama_model", "small")];
        let (_state, host) = HostProcess::start_logging(&sim, &variables).await;
        let loaded = sim.wait_until(|counts| counts.loads == 1);
        within("it is loaded", loaded).await;
        host.kill().await;
    });
}

#[test]
fn a_model_may_have_a_time_to_wait_of_its_own() {
    run(async {
        let sim = simulator(&["hasty", "patient"]).await;
        let settings = [
            ("max_concurrent", "1"),
            ("model_options", r#"{"hasty":{"queue_timeout":"1s"}}"#),
        ];
        let app = before(&[&sim], &settings).await;
        let saying = |model: &str, prompt: &str| json!({ "model": model, "prompt": prompt });
        let endless = saying("patient", "on [[sim tokens=10000 pace=20ms]]");
        let held = app.post("/api/chat", &endless).await;
        let streams = sim.wait_until(|counts| counts.streams.now == 1);
        within("it streams", streams).await;
        let waiting = app.post("/api/chat", &saying("patient", "waits")).await;
        let hasty = app.post("/api/chat", &saying("hasty", "in vain")).await;
        let ended = hasty.whole().await;
        let last = ended.lines.last().expect("a last line");
        assert_eq!(last.json()["code"], "queue_timeout", "{last:?}");
        eventually("the other waits on", || async {
            app.queue_status().await == [1, 1, 1]
        })
        .await;
        drop(held);
        waiting.whole().await.assert_complete();
        settles(&*app.store()).await;
    });
}

/// A simulator that has these models.
pub async fn simulator(models: &[&str]) -> Arc<Sim> {
    let options = Options {
        models: models.iter().map(|name| Model::from(*name)).collect(),
        script: "tokens=2 pace=0ms".parse().expect("a script"),
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}

/// An application before these simulators.
pub async fn before(sims: &[&Arc<Sim>], settings: &[(&str, &str)]) -> App {
    let mut setup = Setup::answering("tokens=2 pace=0ms");
    for (index, sim) in sims.iter().enumerate().skip(1) {
        setup = setup.with(&format!("ollama_host{}", index + 1), sim.url());
    }
    for (name, value) in settings {
        setup = setup.with(name, value);
    }
    setup.start_before(sims[0].clone()).await
}

/// The names of a list.
async fn names(app: &App, path: &str, list: &str, name: &str) -> Vec<String> {
    let told = app.read(path).await;
    let models = told[list].as_array().expect("a list");
    let names = models.iter().filter_map(|model| model[name].as_str());
    names.map(str::to_owned).collect()
}

/// The models that were asked to work, in order.
fn sent(sim: &Sim) -> Vec<String> {
    let requests = sim.requests();
    let models = requests.iter().filter(|request| request.method == "POST");
    let models = models.filter_map(|request| request.body["model"].as_str());
    models.map(str::to_owned).collect()
}

#[test]
fn a_copy_of_a_model_of_the_cloud_is_refused_though_nobody_can_say_in_time_what_it_is() {
    run(async {
        let options = Options {
            models: vec![Model {
                remote_host: Some("https://ollama.com:443".to_owned()),
                ..Model::from("big")
            }],
            script: "show=60s".parse().expect("a script"),
            ..Options::default()
        };
        let sim = Sim::start(options).await.expect("a simulator");
        let app = Setup::answering("").start_before(Arc::new(sim)).await;
        let refused = async || {
            let request = json!({ "model": "big", "prompt": "Hello" });
            app.post("/api/chat", &request).await.whole().await.text()
        };
        eventually("the list tells it", || async {
            refused().await.contains("cloud_not_allowed")
        })
        .await;
        // It was said once: that nobody can say it now lets nobody in.
        app.sim
            .set_default("show=60s tags=60s".parse().expect("a script"));
        let refused = refused().await;
        assert!(refused.contains("cloud_not_allowed"), "{refused}");
    });
}
