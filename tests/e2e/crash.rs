//! Deaths: of the host's process, and of one instance with all its streams.

use futures::future::join_all;
use http::{HeaderMap, Method};
use ollama_sim::{Options, Sim};
use serde_json::json;

use crate::common::{
    Answer, Client, End, HostProcess, Setup, fill, is_long, run, seed, settles, sqlite,
    trap_manifest, within,
};

/// The time to live is 4 s in the ordinary run, and the shipped 15 s in the long one.
#[test]
fn a_host_that_was_killed_has_its_full_capacity_back_after_the_time_to_live() {
    run(async {
        let ttl_s = if is_long() { 15 } else { 4 };
        let script = "tokens=10000 pace=20ms".parse().expect("a script");
        let sim = Sim::start(Options {
            script,
            ..Options::default()
        })
        .await
        .expect("a simulator");
        let state = tempfile::tempdir().expect("a folder");
        let store = sqlite(state.path());
        seed(&*store).await;
        let (upstream, ttl) = (format!("http://{}", sim.addr()), format!("{ttl_s}s"));
        let variables = [("ollama_host", upstream.as_str()), ("record_ttl", &ttl)];

        let host = HostProcess::start(state.path(), None, &variables).await;
        let active = fill(host.addr(), &sim, 4).await;
        let waiting = join_all((0..4).map(|_| waiting_chat(&host))).await;
        assert_eq!(sim.counts().streams.started, 4, "four wait");
        host.kill().await;
        within(
            "the upstream is left",
            sim.wait_until(|counts| counts.streams.aborted == 4),
        )
        .await;
        for answer in active.into_iter().chain(waiting) {
            assert_eq!(answer.whole().await.end, End::Broken);
        }

        let host = HostProcess::start(state.path(), None, &variables).await;
        let held = fill(host.addr(), &sim, 4).await;
        assert_eq!(sim.counts().streams.peak, 4, "never more than the capacity");
        drop(held);
        within(
            "the upstream is left",
            sim.wait_until(|counts| counts.streams.now == 0),
        )
        .await;
        settles(&*store).await;
    });
}

async fn waiting_chat(host: &HostProcess) -> Answer {
    let mut client = Client::connect(host.addr()).await;
    let mut answer = client
        .post("/api/chat", &json!({ "prompt": "Hello" }))
        .await;
    let line = answer.line().await.expect("a heartbeat");
    assert!(line.queue().is_some(), "it waits: {line:?}");
    answer
}

#[test]
fn a_panic_ends_the_streams_of_its_instance_and_nothing_else() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup::answering("tokens=10000 pace=20ms")
            .with("record_ttl", "4s")
            .with("max_queue", "200");
        let app = setup.manifest(trap_manifest(folder.path())).start().await;
        // One at a time: a burst would start more instances, but one that is not busy has room for 128 streams.
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.extend(fill(app.addr(), &app.sim, 1).await);
        }
        while streams.len() < 99 {
            streams.push(app.chat("Hello").await);
        }

        let body = json!({ "prompt": "[[trap]]" }).to_string();
        let mut client = app.client().await;
        let trapped = client.send(Method::POST, "/api/chat", HeaderMap::new(), body);
        let ended = within("the panicking request is answered", trapped).await;
        let whole = join_all(streams.into_iter().map(Answer::whole));
        let ends: Vec<_> = within("every stream of the instance ends", whole).await;
        assert!(
            ends.iter().all(|answer| answer.end == End::Broken),
            "an answer ended as if it were whole"
        );
        if let Ok(answer) = ended {
            assert_eq!(answer.status.as_u16(), 500);
        }
        within(
            "the upstream is left",
            app.sim.wait_until(|counts| counts.streams.aborted == 4),
        )
        .await;

        assert_eq!(app.queue_status().await[2], 4, "the host serves on");
        // The dead, 99 in all, lapse together and not one after another.
        let held = fill(app.addr(), &app.sim, 4).await;
        assert_eq!(
            app.sim.counts().streams.peak,
            4,
            "never more than the capacity"
        );
        drop(held);
        settles(&*app.store()).await;
    });
}
