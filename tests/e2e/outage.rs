//! Redis dies and comes back, with all that it has acknowledged (`appendfsync always`).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use ollama_sim::Sim;
use serde_json::json;
use sluice_gate::store::Key;
use sluice_host::store::{RedisStore, Store};

use crate::common::{
    Answer, App, End, Keeping, RedisServer, SECOND, Setup, at_most, fill, run, seed, settles,
    within,
};

#[test]
fn an_outage_shorter_than_what_is_left_of_the_time_to_live_is_not_noticed_by_streams() {
    run(async {
        let Some(mut redis) = RedisServer::start(Keeping::Everything).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let (hosts, sim) = two_hosts(&redis, "tokens=200 pace=70ms", "16s").await;
        let mut streams = Vec::new();
        for n in 0..4 {
            streams.push(hosts[n % 2].chat(&format!("client {n}")).await);
        }
        let waiting = hosts[0].chat("client 4 [[sim tokens=3]]").await;
        sim.wait_until(|counts| counts.streams.now == 4).await;

        // An outbox is renewed every 6.4 s and lives for 16: the store is away when that is due, and there are 6 s to spare.
        read_until(&mut streams[3], Duration::from_millis(5_400)).await;
        let written = outboxes(&store).await;
        assert!(written.len() >= 2, "a session in each host: {written:?}");
        redis.kill().await;
        read_until(&mut streams[3], Duration::from_millis(8_000)).await;
        redis.restart().await;
        let renewed = async {
            let is_renewed = |now: BTreeMap<String, Vec<u8>>| {
                let has_changed = |(name, then)| now.get(name).is_some_and(|now| now != then);
                written.iter().all(has_changed)
            };
            while !is_renewed(outboxes(&store).await) {
                tokio::task::yield_now().await;
            }
        };
        within("each is renewed", renewed).await;

        let answers = join_all(streams.into_iter().map(Answer::whole)).await;
        for answer in answers {
            assert_eq!(answer.end, End::InOrder);
            let last = answer.lines.last().expect("a last line").json();
            assert_eq!(last["done"], true, "{last}");
        }
        waiting.whole().await.assert_complete();
        let streams = sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, 5), "{streams:?}");
        settles(&store).await;
    });
}

#[test]
fn a_longer_one_ends_them_and_new_ones_are_refused_until_it_is_over_and_nothing_leaks() {
    run(async {
        let Some(mut redis) = RedisServer::start(Keeping::Everything).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let (hosts, sim) = two_hosts(&redis, "tokens=3 pace=0ms", "4s").await;
        let mut ending = fill(hosts[0].addr(), &sim, 2).await;
        ending.extend(fill(hosts[1].addr(), &sim, 2).await);
        for host in &hosts {
            ending.push(host.chat("it waits").await);
        }
        redis.kill().await;

        let ended = join_all(ending.into_iter().map(Answer::whole));
        for answer in within("all are told", ended).await {
            let last = answer.lines.last().expect("a last line").json();
            assert_eq!(
                (answer.end, last["code"].as_str()),
                (End::Broken, Some("store_unavailable")),
                "{last}"
            );
        }
        sim.wait_until(|counts| counts.streams.now == 0).await;
        let streams = sim.counts().streams;
        assert_eq!((streams.aborted, streams.started), (4, 4));
        for host in &hosts {
            let refused = within("an answer", host.chat("it is new")).await;
            let refused = refused.whole().await;
            assert_eq!(refused.refusal(), (503, "store_unavailable".to_owned()));
            let seconds = refused.header("retry-after").map(str::parse::<u64>);
            assert!(
                matches!(seconds, Some(Ok(1..=60))),
                "when to come back: {refused:?}"
            );
        }
        assert_eq!(sim.counts().streams.started, 4, "none was sent");

        redis.restart().await;
        for host in &hosts {
            let answer = within("an answer", host.chat("it is new")).await;
            answer.whole().await.assert_complete();
        }
        settles(&store).await;
        for host in &hosts {
            drop(fill(host.addr(), &sim, 4).await);
            settles(&store).await;
        }
        assert_eq!(sim.counts().streams.peak, 4);
    });
}

/// An operation takes half a second to fail, and they come to the store one after the other.
#[test]
fn whoever_comes_while_many_wait_for_a_store_that_is_away_is_told_as_soon() {
    run(async {
        let Some(mut redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        seed(&redis.store()).await;
        let setup = Setup::answering("tokens=3 pace=0ms")
            .with("record_ttl", "3s")
            .with("max_concurrent", "64")
            .runtime_config(redis.runtime_config());
        let host = setup.start().await;
        let streams = fill(host.addr(), &host.sim, 64).await;
        let ending = tokio::spawn(join_all(streams.into_iter().map(Answer::whole)));
        redis.kill().await;
        // A record is renewed every 1.2 s, and lapses after 3: they come before, meanwhile and after.
        newcomers_are_refused(&host, 16, 4, 15 * SECOND).await;
        for answer in within("all are told", ending).await.expect("no panic") {
            let last = answer.lines.last().expect("a last line").json();
            assert_eq!((answer.end, last["code"].is_string()), (End::Broken, true));
        }
    });
}

/// It neither answers nor refuses: each operation fails by its time-out.
#[test]
fn of_many_who_come_while_the_store_hangs_none_waits_for_all_the_others() {
    run(async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        seed(&redis.store()).await;
        let setup = Setup::answering("tokens=3 pace=0ms").runtime_config(redis.runtime_config());
        let host = setup.start().await;
        host.chat("it is there")
            .await
            .whole()
            .await
            .assert_complete();
        redis.stop();
        newcomers_are_refused(&host, 32, 16, 30 * SECOND).await;
    });
}

/// So many come, so many a second, and each is told within `limit` that the store is away: as a rule instead of an answer. An
/// operation takes about as long to fail as the first heartbeat to come, so whoever comes in that moment may be told behind one.
async fn newcomers_are_refused(host: &App, number: u32, a_second: u32, limit: Duration) {
    let newcomer = async |n| {
        tokio::time::sleep(SECOND * n / a_second).await;
        let answer = async { host.chat("it is new").await.whole().await };
        at_most(limit, "an answer", answer).await
    };
    let mut behind_a_heartbeat = 0;
    for told in join_all((0..number).map(newcomer)).await {
        if told.status.as_u16() == 200 {
            let last = told.lines.last().expect("a last line").json();
            assert_eq!(
                (told.end, &last["code"]),
                (End::Broken, &json!("store_unavailable"))
            );
            behind_a_heartbeat += 1;
        } else {
            assert_eq!(told.refusal(), (503, "store_unavailable".to_owned()));
        }
    }
    assert!(behind_a_heartbeat <= number / 8, "{behind_a_heartbeat}");
}

async fn two_hosts(redis: &RedisServer, script: &str, record_ttl: &str) -> ([App; 2], Arc<Sim>) {
    let setup = || {
        Setup::answering(script)
            .with("record_ttl", record_ttl)
            .runtime_config(redis.runtime_config())
    };
    let first = setup().start().await;
    let second = setup().start_before(first.sim.clone()).await;
    let sim = first.sim.clone();
    ([first, second], sim)
}

/// Reads a stream until it is so old.
async fn read_until(answer: &mut Answer, age: Duration) {
    while answer.line().await.expect("it goes on").at < age {}
}

/// What each session has written into its outbox: another beat each time.
async fn outboxes(store: &RedisStore) -> BTreeMap<String, Vec<u8>> {
    let mut outboxes = BTreeMap::new();
    for name in store.keys().await.expect("a listing") {
        if let Some(Key::Member(..)) = Key::parse(&name)
            && let Some(bytes) = store.get(&name).await.expect("a read")
        {
            outboxes.insert(name, bytes);
        }
    }
    outboxes
}
