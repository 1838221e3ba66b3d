//! Several upstreams: the least loaded one that has room, and those that fail are left alone until they are back.

use std::sync::Arc;

use futures::future::join_all;
use http::Method;
use ollama_sim::{Options, Sim};
use serde_json::{Value, json};

use crate::common::{App, End, Line, Setup, Whole, eventually, run, settles};

#[test]
fn each_upstream_takes_its_share_and_no_more() {
    run(async {
        let script = "tokens=10000 pace=20ms";
        let second = simulator(script).await;
        let app = Setup::answering(script)
            .with("max_concurrent", "8")
            .with("ollama_max_concurrent", "2")
            .with("ollama_host2", second.url())
            .with("ollama_max_concurrent2", "1")
            .start()
            .await;
        let mut streams = Vec::new();
        for expected in [(1, 0), (1, 1), (2, 1)] {
            let mut stream = app.chat("on and on").await;
            stream.token().await;
            streams.push(stream);
            let found = (app.sim.counts().streams.now, second.counts().streams.now);
            assert_eq!(found, expected);
        }
        let waiting = app.chat("it waits").await;
        eventually("the line tells of each upstream", || async {
            let queue = queue(&app).await;
            let expected = json!([
                { "index": 0, "active": 2, "max": 2, "breaker": "closed", "drained": false },
                { "index": 1, "active": 1, "max": 1, "breaker": "closed", "drained": false },
            ]);
            (&queue["active"], &queue["queued"], &queue["max"]) == (&json!(3), &json!(1), &json!(3))
                && queue["upstreams"] == expected
        })
        .await;
        assert_eq!(app.queue_status().await, [3, 1, 3]);

        // Where a place is freed, there the next one goes.
        drop(streams.remove(1));
        second
            .wait_until(|counts| counts.streams.started == 2)
            .await;
        assert_eq!(
            (app.sim.counts().streams.peak, second.counts().streams.peak),
            (2, 1)
        );
        drop((streams, waiting));
        settles(&*app.store()).await;
    });
}

#[test]
fn an_upstream_that_dies_under_load_loses_no_request_that_had_no_byte() {
    run(async {
        const CLIENTS: usize = 40;
        let script = "tokens=8 pace=10ms first=20ms";
        let second = simulator(script).await;
        let app = Setup::answering(script)
            .with("max_concurrent", "8")
            .with("ollama_max_concurrent", "4")
            .with("ollama_host2", second.url())
            .with("ollama_max_concurrent2", "2")
            .with("retry_delay", "50ms")
            .with("breaker_pause", "3s")
            .start()
            .await;
        let chats = join_all((0..CLIENTS).map(async |n| {
            let answer = app.chat(&format!("client {n}")).await;
            answer.whole().await
        }));
        let killing = async {
            app.sim
                .wait_until(|counts| counts.streams.finished >= 6)
                .await;
            app.sim.stop().await;
        };
        let (answers, ()) = futures::join!(chats, killing);
        let mut broken = 0;
        for answer in &answers {
            let tokens = answer.lines.iter().filter(|line| is_token(line)).count();
            if is_complete(answer) {
                continue;
            }
            broken += 1;
            let last = answer.lines.last().expect("a last line").json();
            assert!(
                tokens > 0 && last["code"] == "upstream_error" && answer.end == End::Broken,
                "lost although no byte was relayed: {answer:?}"
            );
        }
        let killed = app.sim.counts().streams;
        assert!(broken <= 4, "{broken} broken of {killed:?}");
        let survivor = second.counts().streams;
        assert!(survivor.finished > 20, "{survivor:?}");
        // While one moves there another may start there.
        assert!(
            killed.peak <= 4 && survivor.peak <= 3,
            "{killed:?} {survivor:?}"
        );
        settles(&*app.store()).await;
        // Failures of one moment in several instances may have counted as one: the next five would be enough by themselves.
        for n in 0..5 {
            let answer = app.chat(&format!("{n}")).await;
            answer.whole().await.assert_complete();
        }
        eventually("the line is told as it is at rest", || async {
            let [active, queued, max] = app.queue_status().await;
            // What is left, and one try.
            (active, queued) == (0, 0) && max <= 3
        })
        .await;

        // It comes back where it was.
        let revived = revive(&app.sim, script).await;
        breaker_becomes(&app, "half_open").await;
        let answers =
            join_all((0..20).map(async |n| app.chat(&format!("{n}")).await.whole().await));
        for answer in answers.await {
            answer.assert_complete();
        }
        breaker_becomes(&app, "closed").await;
        assert_eq!(app.queue_status().await[2], 6);
        let streams = revived.counts().streams;
        assert!(streams.finished >= 5 && streams.peak <= 4, "{streams:?}");
    });
}

#[test]
fn five_failures_in_a_row_leave_an_upstream_alone_until_one_try_goes_well() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms")
            .with("retry_attempts", "0")
            .with("breaker_pause", "5m")
            .start()
            .await;
        app.sim.stop().await;
        for _ in 0..5 {
            let refused = app.chat("Hello").await.whole().await;
            assert_eq!(refused.refusal(), (503, "upstream_down".to_owned()));
            assert_eq!(refused.header("retry-after"), None, "it was tried");
        }
        let refused = app.chat("Hello").await.whole().await;
        assert_eq!(refused.refusal(), (503, "upstream_down".to_owned()));
        let seconds = refused.header("retry-after").map(str::parse::<u64>);
        assert!(matches!(seconds, Some(Ok(1..=300))), "{refused:?}");
        let tags = app.ask(Method::GET, "/api/tags").await.whole().await;
        assert_eq!(tags.refusal(), (503, "upstream_down".to_owned()));
        breaker_becomes(&app, "open").await;

        // The first try after the pause fails: it is left alone for another one.
        pause_passes(&app).await;
        assert_eq!(
            app.chat("Hello").await.whole().await.header("retry-after"),
            None
        );
        breaker_becomes(&app, "open").await;

        let revived = revive(&app.sim, "tokens=3 pace=0ms").await;
        pause_passes(&app).await;
        app.chat("Hello").await.whole().await.assert_complete();
        breaker_becomes(&app, "closed").await;
        assert_eq!(revived.counts().streams.finished, 1);
    });
}

#[test]
fn an_upstream_that_breaks_off_every_answer_after_its_first_token_is_left_alone() {
    run(async {
        let app = Setup::answering("tokens=3 first=0ms pace=20ms cut_at=1")
            .start()
            .await;
        for _ in 0..5 {
            let broken = app.chat("Hello").await.whole().await;
            assert!(is_token(&broken.lines[0]), "{broken:?}");
            assert_eq!(broken.end, End::Broken, "{broken:?}");
        }
        breaker_becomes(&app, "open").await;
        let refused = app.chat("Hello").await.whole().await;
        assert_eq!(refused.refusal(), (503, "upstream_down".to_owned()));
    });
}

#[test]
fn a_half_open_upstream_gets_one_request_until_it_has_answered() {
    run(async {
        let script = "tokens=10000 pace=20ms";
        let second = simulator(script).await;
        let app = Setup::answering("tokens=10000 pace=20ms first=1s")
            .with("ollama_max_concurrent", "2")
            .with("ollama_host2", second.url())
            .with("ollama_max_concurrent2", "1")
            .with("breaker_pause", "1ms")
            .start()
            .await;
        keep_open(&app, 0).await;
        breaker_becomes(&app, "half_open").await;
        // One goes to each; the third has to wait, although upstream 0 could take two.
        let mut streams = join_all((0..3).map(async |_| app.chat("on and on").await)).await;
        app.sim.wait_until(|counts| counts.streams.now == 2).await;
        let starts: Vec<u64> = app
            .sim
            .requests()
            .iter()
            .map(|request| request.at_ms)
            .collect();
        assert!(
            starts[1] - starts[0] >= 900,
            "the second one only after the first was answered: {starts:?}"
        );
        breaker_becomes(&app, "closed").await;
        for stream in &mut streams {
            stream.line().await.expect("a line");
        }
    });
}

#[test]
fn what_another_instance_found_out_is_known_from_the_store() {
    run(async {
        let second = simulator("tokens=3 pace=0ms").await;
        let app = Setup::answering("tokens=3 pace=0ms")
            .with("ollama_host2", second.url())
            .start()
            .await;
        keep_open(&app, 0).await;
        for _ in 0..4 {
            app.chat("Hello").await.whole().await.assert_complete();
        }
        let tags = app.ask(Method::GET, "/api/tags").await.whole().await;
        assert_eq!(tags.status.as_u16(), 200);
        assert_eq!(app.sim.requests().len(), 0, "upstream 0 is left alone");
        assert_eq!(second.counts().streams.finished, 4);
        let health = health(&app).await;
        assert_eq!(health["status"], "degraded", "{health}");
        assert_eq!(health["upstreams"][0]["breaker"], "open", "{health}");
        assert_eq!(health["upstreams"][0]["reachable"], true, "{health}");
    });
}

#[test]
fn a_retry_waits_for_room_at_the_other_upstream_rather_than_be_lost() {
    run(async {
        let second = simulator("tokens=30 pace=50ms").await;
        let app = Setup::answering("tokens=3 pace=0ms")
            .with("ollama_max_concurrent", "1")
            .with("ollama_host2", second.url())
            .with("ollama_max_concurrent2", "1")
            .with("retry_delay", "20ms")
            .with("retry_attempts", "1")
            .start()
            .await;
        app.sim.push("reset".parse().expect("a script"));
        let moved = app.chat("it moves").await.whole().await;
        moved.assert_complete();
        assert_eq!(second.counts().streams.finished, 1, "it went there at once");

        app.sim.stop().await;
        let holding = tokio::spawn({
            let client = app.client().await;
            async move {
                let mut client = client;
                let hello = json!({ "prompt": "it holds" });
                client.post("/api/chat", &hello).await.whole().await
            }
        });
        second
            .wait_until(|counts| counts.streams.started == 2)
            .await;
        let waited = app.chat("it waits").await.whole().await;
        waited.assert_complete();
        holding.await.expect("an answer").assert_complete();
        assert_eq!(second.counts().streams.peak, 1);
        settles(&*app.store()).await;
    });
}

#[test]
fn an_error_status_counts_only_where_another_upstream_answered_the_same_request() {
    run(async {
        let app = Setup::answering("status=500")
            .with("retry_delay", "1ms")
            .start()
            .await;
        for _ in 0..3 {
            let failed = app.chat("Hello").await.whole().await;
            assert_eq!(failed.refusal(), (502, "upstream_error".to_owned()));
        }
        assert_eq!(app.sim.requests().len(), 9, "nine in a row");
        let breaker = breaker(&app).await;
        assert_eq!(breaker, "closed", "it may be the request");

        let second = simulator("tokens=3 pace=0ms").await;
        let app = Setup::answering("status=500")
            .with("ollama_host2", second.url())
            .start()
            .await;
        for _ in 0..5 {
            app.chat("Hello").await.whole().await.assert_complete();
        }
        assert_eq!(app.sim.requests().len(), 5);
        breaker_becomes(&app, "open").await;
        app.chat("Hello").await.whole().await.assert_complete();
        assert_eq!(app.sim.requests().len(), 5, "it is left alone");
    });
}

#[test]
fn questions_go_to_an_upstream_that_answers() {
    run(async {
        let second = simulator("pace=0ms").await;
        let app = Setup::answering("pace=0ms")
            .with("ollama_host2", second.url())
            .start()
            .await;
        app.sim.stop().await;
        for path in ["/api/tags", "/api/version", "/v1/models"] {
            let answer = app.ask(Method::GET, path).await.whole().await;
            assert_eq!(answer.status.as_u16(), 200, "{path}: {answer:?}");
        }
        let health = health(&app).await;
        assert_eq!(health["status"], "degraded");
        let of =
            |member: &str| [0, 1].map(|index: usize| health["upstreams"][index][member].clone());
        assert_eq!(of("reachable"), [json!(false), json!(true)]);
        assert_eq!(of("breaker"), [json!("closed"), json!("closed")]);
    });
}

async fn simulator(script: &str) -> Arc<Sim> {
    let options = Options {
        script: script.parse().expect("a script"),
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}

/// A simulator where another one was stopped.
async fn revive(stopped: &Sim, script: &str) -> Sim {
    let options = Options {
        listen: stopped.addr(),
        script: script.parse().expect("a script"),
        ..Options::default()
    };
    Sim::start(options).await.expect("the port is free again")
}

/// Writes into the store what another instance would whose fifth request failed so long ago.
async fn keep_open(app: &App, ago_ms: u64) {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    let now_ms = u64::try_from(now.as_millis()).expect("before the sun burns out");
    let breaker = json!({ "failures": 5, "opened_ms": now_ms - ago_ms });
    app.store()
        .set("sluice/breaker/0", breaker.to_string().into_bytes())
        .await
        .expect("a write");
}

/// An hour goes by for the breaker of upstream 0: however slow a test is, it is open before and half-open then. What was found out before
/// may still be on its way to the store.
async fn pause_passes(app: &App) {
    eventually("half_open", || async {
        keep_open(app, 3_600_000).await;
        breaker(app).await == "half_open"
    })
    .await;
}

async fn health(app: &App) -> Value {
    app.read("/api/health").await
}

async fn queue(app: &App) -> Value {
    app.read("/api/queue").await
}

/// Waits until the breaker of upstream 0 is what it must be: another instance may have read it 0.4 s ago.
async fn breaker_becomes(app: &App, word: &str) {
    eventually(word, || async { breaker(app).await == word }).await;
}

async fn breaker(app: &App) -> Value {
    queue(app).await["upstreams"][0]["breaker"].clone()
}

fn is_token(line: &Line) -> bool {
    let line = line.json();
    line.get("queue").is_none() && line["done"] == false && line["message"]["content"] != json!("")
}

fn is_complete(answer: &Whole) -> bool {
    let last = answer.lines.last().map(|line| line.json());
    answer.end == End::InOrder && last.is_some_and(|last| last["done"] == true)
}
