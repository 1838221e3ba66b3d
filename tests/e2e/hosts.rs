//! Several hosts on one Redis: one gate, whatever their clocks say, and whoever of them dies.

use std::{net::SocketAddr, sync::Arc};

use futures::future::join_all;
use ollama_sim::{Options, Sim};
use serde_json::json;
use sluice_gate::store::Key;
use sluice_host::store::Store;

use crate::common::{
    Answer, App, Client, HostProcess, Keeping, RedisServer, SECOND, Setup, Whole,
    assert_started_in_order, eventually, fill, prompt, run, seed, settles, within,
};

#[test]
fn three_hosts_hold_the_capacity_and_the_order_together_with_clocks_that_are_minutes_apart() {
    run(async {
        const CLIENTS: usize = 48;
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let sim = simulator("tokens=10 pace=10ms").await;
        let mut hosts = Vec::new();
        for seconds in CLOCKS_OFF_S {
            hosts.push(host(&redis, &sim, seconds).await);
        }
        let chat = async |n: usize| {
            let prompt = format!("client {n}");
            let answer = hosts[n % hosts.len()].chat(&prompt).await.whole().await;
            (answer, prompt)
        };
        let answers = join_all((0..CLIENTS).map(chat)).await;
        for (answer, _) in &answers {
            answer.assert_complete();
        }
        let streams = sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, CLIENTS as u64));
        assert_started_in_order(&sim, &answers, 4);
        settles(&store).await;

        // Each tells of the streams of all, longer than a record would live unless it were renewed.
        let mut held = fill(hosts[0].addr(), &sim, 2).await;
        for host in &hosts[1..] {
            held.extend(fill(host.addr(), &sim, 1).await);
        }
        let waiting = hosts[1].chat("it waits").await;
        while let Some(line) = held[0].line().await
            && line.at < 2 * RECORD_TTL
        {}
        for host in &hosts {
            eventually("four are active and one waits", || async {
                host.queue_status().await == [4, 1, 4]
            })
            .await;
        }
        assert_eq!(sim.counts().streams.peak, 4);
        drop(held);
        waiting.whole().await.assert_complete();
        settles(&store).await;
    });
}

#[test]
fn when_one_of_three_hosts_is_killed_the_others_get_its_slots_and_keep_the_order() {
    run(async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let sim = simulator("tokens=20 pace=20ms").await;
        let [fast, slow, right] = CLOCKS_OFF_S;
        let survivors = [
            host(&redis, &sim, slow).await,
            host(&redis, &sim, right).await,
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let upstream = format!("http://{}", sim.addr());
        let victim = HostProcess::start_with(
            folder.path(),
            Some(&redis.runtime_config()),
            &[("ollama_host", &upstream), ("record_ttl", "4s")],
            &["--wall-clock-offset", &fast.to_string()],
        )
        .await;

        // The victim holds two slots and places in the midst of the line when it dies.
        let mut dying: Vec<Answer> = fill(victim.addr(), &sim, 2).await;
        let mut staying = Vec::new();
        for n in 0..12 {
            staying.push(chat(survivors[n % 2].addr(), &format!("client {n}")).await);
            if n < 4 {
                dying.push(chat(victim.addr(), "of the victim").await);
            }
        }
        victim.kill().await;
        drop(dying);
        let whole = join_all(staying.into_iter().map(Answer::whole));
        let answers: Vec<Whole> = within("everybody who stays is served", whole).await;
        answers.iter().for_each(Whole::assert_complete);
        assert!(sim.counts().streams.peak <= 4, "{:?}", sim.counts());
        let requests = sim.requests();
        let started = requests.iter().map(prompt);
        let started: Vec<_> = started
            .filter(|prompt| prompt.starts_with("client "))
            .collect();
        assert_eq!(started.len(), answers.len(), "each once: {started:?}");
        let answers = answers.into_iter().enumerate();
        let answers: Vec<_> = answers
            .map(|(n, answer)| (answer, format!("client {n}")))
            .collect();
        assert_started_in_order(&sim, &answers, 4);
        settles(&store).await;
        for survivor in &survivors {
            drop(fill(survivor.addr(), &sim, 4).await);
            settles(&store).await;
        }
    });
}

#[test]
fn a_store_that_was_emptied_ends_the_streams_and_serves_on_with_no_more_than_the_capacity() {
    run(async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let before = store.get(&Key::Epoch.to_string()).await.expect("a read");
        let sim = simulator("tokens=20 pace=20ms").await;
        let (first, second) = (host(&redis, &sim, 0).await, host(&redis, &sim, 0).await);
        let mut held = fill(first.addr(), &sim, 2).await;
        held.extend(fill(second.addr(), &sim, 2).await);
        let mut waiting = Vec::new();
        for n in 0..6 {
            let host = if n % 2 == 0 { &first } else { &second };
            waiting.push(host.chat(&format!("client {n}")).await);
        }
        redis.empty().await;

        let ends = join_all(held.into_iter().map(Answer::whole));
        for ended in within("every stream ends", ends).await {
            let last = ended.lines.last().expect("a last line").json();
            assert_eq!(last["code"], "store_unavailable", "{last}");
        }
        let whole = join_all(waiting.into_iter().map(Answer::whole));
        for answer in within("who waits is served", whole).await {
            answer.assert_complete();
        }
        let streams = sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, 6), "{streams:?}");
        let after = store.get(&Key::Epoch.to_string()).await.expect("a read");
        assert!(after.is_some() && after != before, "a new epoch");
        settles(&store).await;
        drop(fill(second.addr(), &sim, 4).await);
        settles(&store).await;
    });
}

async fn simulator(script: &str) -> Arc<Sim> {
    let options = Options {
        script: script.parse().expect("a script"),
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}

/// A host with a clock that is off by so many seconds.
async fn host(redis: &RedisServer, sim: &Arc<Sim>, clock_off_s: i64) -> App {
    Setup::answering("")
        .with("record_ttl", "4s")
        .clock_off_by(clock_off_s)
        .runtime_config(redis.runtime_config())
        .start_before(sim.clone())
        .await
}

async fn chat(addr: SocketAddr, prompt: &str) -> Answer {
    Client::connect(addr)
        .await
        .post("/api/chat", &json!({ "prompt": prompt }))
        .await
}

/// A quarter of an hour ahead, seven minutes behind, and right.
const CLOCKS_OFF_S: [i64; 3] = [900, -420, 0];

/// What [`host`] says.
const RECORD_TTL: std::time::Duration = SECOND.saturating_mul(4);
