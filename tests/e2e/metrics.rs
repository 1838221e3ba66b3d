//! `/metrics`: what it counts is what the upstream saw and what the clients got, over several hosts, whoever is asked.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use http::{HeaderMap, Method};
use ollama_sim::{Model, Options, Sim, Template};
use serde_json::{Value, json};

use crate::common::{
    App, Keeping, RedisServer, SECOND, Setup, eventually, fill, run, seed, settles,
};

#[test]
fn the_numbers_are_those_of_the_upstream_and_of_the_clients_on_every_host() {
    run(async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let script = "tokens=5 pace=1ms".parse().expect("a script");
        let options = Options {
            script,
            ..Options::default()
        };
        let sim = Arc::new(Sim::start(options).await.expect("a simulator"));
        let hosts = [host(&redis, &sim).await, host(&redis, &sim).await];

        let complete = join_all((0..20).map(|n| whole(&hosts[n % 2], "Hello")));
        for outcome in complete.await {
            assert_eq!(outcome, "complete");
        }
        for n in 0..3 {
            let outcome = whole(&hosts[n % 2], "[[sim no_done tokens=2]]").await;
            assert_eq!(outcome, "incomplete_answer");
        }
        assert_eq!(
            whole(&hosts[0], "[[sim status=500]]").await,
            "upstream_error"
        );
        for n in 0..7 {
            let refused = hosts[n % 2]
                .post("/api/chat", &json!({ "prompt": 7 }))
                .await;
            assert_eq!(refused.whole().await.status.as_u16(), 400);
        }
        // Four leave in the midst, one while it waits.
        let held = fill(hosts[0].addr(), &sim, 4).await;
        let mut waiting = hosts[1].chat("it waits").await;
        assert!(waiting.line().await.expect("a heartbeat").queue().is_some());
        eventually("it is seen", || async {
            let seen = metrics(&hosts[0]).await;
            (
                seen["sluice_requests_active"],
                seen["sluice_requests_waiting"],
            ) == (4.0, 1.0)
        })
        .await;
        drop(waiting);
        // Gauges may be half a second old, counters only rise.
        eventually("it is gone", || async {
            metrics(&hosts[0]).await["sluice_client_disconnects_total{phase=\"waiting\"}"] == 1.0
        })
        .await;
        drop(held);
        settles(&store).await;

        // What is counted in batches comes with the next one.
        eventually("both hosts tell the same, and all of it", || async {
            let [one, other] = [metrics(&hosts[0]).await, metrics(&hosts[1]).await];
            let expected = [
                ("sluice_admissions_total{outcome=\"complete\"}", 20.0),
                ("sluice_model_answers_total{model=\"qwen3:1.7b\"}", 20.0),
                (
                    "sluice_admissions_total{outcome=\"incomplete_answer\"}",
                    3.0,
                ),
                ("sluice_admissions_total{outcome=\"upstream_error\"}", 1.0),
                ("sluice_admissions_total{outcome=\"client_gone\"}", 4.0),
                ("sluice_client_disconnects_total{phase=\"answering\"}", 4.0),
                ("sluice_client_disconnects_total{phase=\"waiting\"}", 1.0),
                ("sluice_refusals_total{code=\"invalid_request\"}", 7.0),
                ("sluice_refusals_total{code=\"queue_full\"}", 0.0),
                ("sluice_queue_wait_seconds_count", 28.0),
                ("sluice_store_errors_total", 0.0),
                ("sluice_requests_active", 0.0),
            ];
            expected
                .iter()
                .all(|(name, value)| one[*name] == *value && other[*name] == *value)
        })
        .await;

        // Counted on both sides of the wire. The one that failed was sent three times. Another instance may tell an older reading.
        eventually("what was sent is counted", || async {
            let seen = metrics(&hosts[1]).await;
            let sent = seen["sluice_upstream_requests_total{upstream=\"0\"}"];
            (sent, seen["sluice_upstream_retries_total"]) == (sim.counts().requests as f64, 2.0)
        })
        .await;
        let seen = metrics(&hosts[1]).await;

        // An instance is dropped when it has been idle for a second: what it counted is not.
        tokio::time::sleep(3 * SECOND).await;
        let later = metrics(&hosts[0]).await;
        for (name, value) in &seen {
            if name.contains("_total") || name.ends_with("_count") {
                assert!(
                    later[name] >= *value,
                    "{name} fell: {value}, {}",
                    later[name]
                );
            }
        }
        assert_eq!(later["sluice_admissions_total{outcome=\"complete\"}"], 20.0);
    });
}

#[test]
fn the_names_that_dashboards_and_alerts_read_are_there() {
    run(async {
        let app = Setup::answering("tokens=2").start().await;
        app.chat("Hello").await.whole().await.assert_complete();
        let seen = metrics(&app).await;
        for name in [
            "sluice_refusals_total{code=\"queue_full\"}",
            "sluice_queue_wait_seconds_bucket{le=\"+Inf\"}",
            "gen_ai_server_time_to_first_token_seconds_bucket{le=\"+Inf\"}",
            "sluice_upstream_breaker_state{upstream=\"0\",state=\"closed\"}",
        ] {
            assert!(seen.contains_key(name), "{name}: {seen:?}");
        }
        let queries = queries();
        let selectors: Vec<_> = queries.iter().flat_map(|query| selectors(query)).collect();
        assert!(queries.len() > 40 && selectors.len() > 40, "{selectors:?}");
        for Selector { name, labels } in selectors {
            let of_name = |sample: &&String| {
                sample
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
            };
            let samples: Vec<&String> = seen.keys().filter(of_name).collect();
            assert!(!samples.is_empty(), "{name} is not told");
            for label in labels {
                assert!(
                    samples.iter().any(|sample| sample.contains(&label)),
                    "{name}: no {label}"
                );
            }
        }
    });
}

/// What `deploy/monitoring` asks Prometheus: the dashboard's queries and the alerts'.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(include_str!(
        "../../deploy/monitoring/grafana-dashboard.json"
    ))
    .expect("JSON");
    let alerts: Value =
        serde_yaml_ng::from_str(include_str!("../../deploy/monitoring/alerts.yml")).expect("YAML");
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    collect(&alerts, &mut queries);
    queries
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let query = members.get("expr").and_then(Value::as_str);
            queries.extend(query.map(str::to_owned));
            members.values().for_each(|value| collect(value, queries));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
        _ => {}
    }
}

/// A metric that a query reads, and what its labels must be able to say, as a sample writes it.
#[derive(Debug)]
struct Selector {
    name: String,
    labels: Vec<String>,
}

fn selectors(query: &str) -> Vec<Selector> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find(is_word) {
        let word: String = rest[at..].chars().take_while(|c| is_word(*c)).collect();
        rest = &rest[at + word.len()..];
        if !["sluice_", "gen_ai_server_", "gen_ai_client_"]
            .iter()
            .any(|own| word.starts_with(own))
        {
            continue;
        }
        let mut labels = Vec::new();
        if let Some((matchers, after)) = rest.strip_prefix('{').and_then(|it| it.split_once('}')) {
            for matcher in matchers.split(',') {
                let (name, value) = matcher.split_once(['=', '!']).expect("a matcher");
                let values = value
                    .trim_start_matches(['=', '~'])
                    .trim_matches('"')
                    .split('|');
                let own = values.filter(|value| !value.starts_with('$'));
                labels.extend(own.map(|value| format!("{name}=\"{value}\"")));
            }
            rest = after;
        }
        found.push(Selector { name: word, labels });
    }
    found
}

#[test]
fn where_keys_are_set_the_numbers_need_one() {
    run(async {
        let app = Setup::answering("").with("api_key", "secret").start().await;
        let refused = app.ask(Method::GET, "/metrics").await.whole().await;
        assert_eq!(refused.status.as_u16(), 401);
        let headers: HeaderMap = [(
            http::header::AUTHORIZATION,
            "Bearer secret".parse().expect("a value"),
        )]
        .into_iter()
        .collect();
        let mut client = app.client().await;
        let told = client
            .send(Method::GET, "/metrics", headers, String::new())
            .await
            .expect("an answer");
        assert_eq!(told.whole().await.status.as_u16(), 200);
    });
}

async fn host(redis: &RedisServer, sim: &Arc<Sim>) -> App {
    Setup::answering("")
        .with("record_ttl", "4s")
        .with("retry_delay", "20ms")
        .runtime_config(redis.runtime_config())
        .start_before(sim.clone())
        .await
}

/// How a chat ended, in a word.
async fn whole(host: &App, prompt: &str) -> String {
    let answer = host.chat(prompt).await.whole().await;
    let last = answer
        .lines
        .last()
        .map(|line| line.json())
        .unwrap_or_default();
    match last["code"].as_str() {
        Some(code) => code.to_owned(),
        None if last["done"] == true => "complete".to_owned(),
        None => format!("{answer:?}"),
    }
}

#[test]
fn a_prompt_that_is_refused_as_too_long_is_not_counted_as_cut() {
    run(async {
        let own = Model {
            template: Template::Own,
            ..Model::from("own")
        };
        let options = Options {
            models: vec![own, Model::from("plain")],
            script: "tokens=2 pace=0ms prompt=0ms".parse().expect("a script"),
            ..Options::default()
        };
        let sim = Sim::start(options).await.expect("a simulator");
        let app = Setup::answering("")
            .with("num_ctx", "512")
            .start_before(Arc::new(sim))
            .await;
        let ask = async |model: &str| {
            let request = json!({ "model": model, "prompt": "word ".repeat(600) });
            app.post("/api/chat", &request).await.whole().await
        };
        // Its runner renders the prompt itself and leaves out nothing of the last message.
        let refused = ask("own").await;
        assert!(refused.text().contains("exceeds"), "{refused:?}");
        ask("plain").await.assert_complete();
        // What was counted before an ending is told with it, or before.
        eventually("one was cut, and one was refused", || async {
            let seen = metrics(&app).await;
            let of = |name: &str| seen.get(name).copied().unwrap_or(0.0);
            let ended =
                |outcome: &str| of(&format!("sluice_admissions_total{{outcome=\"{outcome}\"}}"));
            let ends = [ended("upstream_refused"), ended("complete")];
            ends == [1.0; 2] && of("sluice_prompts_cut_total") == 1.0
        })
        .await;
    });
}

/// All samples, by their name with its labels.
async fn metrics(app: &App) -> BTreeMap<String, f64> {
    let answer = app.ask(Method::GET, "/metrics").await.whole().await;
    assert_eq!(answer.status.as_u16(), 200);
    let lines = answer.lines.iter().map(|line| line.text.as_str());
    lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}
