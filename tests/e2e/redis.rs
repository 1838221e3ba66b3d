//! Two hosts on one Redis: one gate.

use std::{net::SocketAddr, sync::Arc};

use futures::future::join_all;
use ollama_sim::{Options, Sim};
use serde_json::json;

use crate::common::{
    Answer, Client, HostProcess, RedisServer, SECOND, Setup, Whole, fill, prompt, run, seed,
    settles, within,
};

#[test]
fn two_hosts_on_one_redis_hold_the_capacity_and_the_order_together() {
    run(async {
        let Some(redis) = RedisServer::start().await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let first = Setup::answering("tokens=10 pace=10ms")
            .runtime_config(redis.runtime_config())
            .start()
            .await;
        let second = Setup::answering("")
            .runtime_config(redis.runtime_config())
            .start_before(first.sim.clone())
            .await;
        let chat = async |n: usize| {
            let app = if n.is_multiple_of(2) { &first } else { &second };
            (app.chat(&format!("client {n}")).await.whole().await, n)
        };
        let answers = join_all((0..32).map(chat)).await;
        answers
            .iter()
            .for_each(|(answer, _)| answer.assert_complete());
        let streams = first.sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, 32));
        let mut by_ticket: Vec<_> = answers
            .iter()
            .map(|(answer, n)| (answer.ticket_number(), *n))
            .collect();
        by_ticket.sort_unstable();
        let by_ticket: Vec<_> = by_ticket
            .into_iter()
            .map(|(_, n)| format!("client {n}"))
            .collect();
        let started: Vec<_> = first
            .sim
            .requests()
            .iter()
            .map(|request| prompt(request).to_owned())
            .collect();
        assert_eq!(started, by_ticket);
        settles(&store, 4).await;
        // Each tells of the streams of both.
        let held = fill(first.addr(), &first.sim, 2, SECOND).await;
        let more = fill(second.addr(), &first.sim, 2, SECOND).await;
        for app in [&first, &second] {
            crate::common::eventually(SECOND, "four are active", || async {
                app.queue_status().await == [4, 0, 4]
            })
            .await;
        }
        drop((held, more));
    });
}

#[test]
fn when_one_of_two_hosts_is_killed_the_other_gets_its_slots() {
    run(async {
        let Some(redis) = RedisServer::start().await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let script = "tokens=20 pace=20ms".parse().expect("a script");
        let sim = Arc::new(
            Sim::start(Options {
                script,
                ..Options::default()
            })
            .await
            .expect("a simulator"),
        );
        let survivor = Setup::answering("")
            .with("record_ttl", "2s")
            .runtime_config(redis.runtime_config());
        let survivor = survivor.start_before(sim.clone()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let upstream = format!("http://{}", sim.addr());
        let variables = [("ollama_host", upstream.as_str()), ("record_ttl", "2s")];
        let victim =
            HostProcess::start(folder.path(), Some(&redis.runtime_config()), &variables).await;

        // The victim holds two slots and places in the midst of the line when it dies.
        let held = fill(victim.addr(), &sim, 2, SECOND).await;
        let mut staying = Vec::new();
        let mut dying: Vec<Answer> = held;
        for n in 0..12 {
            staying.push(chat(survivor.addr(), &format!("client {n}")).await);
            if n < 4 {
                dying.push(chat(victim.addr(), "of the victim").await);
            }
        }
        victim.kill().await;
        drop(dying);
        let whole = join_all(staying.into_iter().map(Answer::whole));
        let answers: Vec<Whole> = within(20 * SECOND, "everybody who stays is served", whole).await;
        answers.iter().for_each(Whole::assert_complete);
        assert!(sim.counts().streams.peak <= 4, "{:?}", sim.counts());
        let started: Vec<_> = sim
            .requests()
            .iter()
            .map(|request| prompt(request).to_owned())
            .collect();
        let started = started
            .iter()
            .filter(|prompt| prompt.starts_with("client "));
        assert!(
            started.eq(&(0..12).map(|n| format!("client {n}")).collect::<Vec<_>>()),
            "in order"
        );
        settles(&store, 4).await;
        drop(fill(survivor.addr(), &sim, 4, SECOND).await);
    });
}

async fn chat(addr: SocketAddr, prompt: &str) -> Answer {
    Client::connect(addr)
        .await
        .post("/api/chat", &json!({ "prompt": prompt }))
        .await
}
