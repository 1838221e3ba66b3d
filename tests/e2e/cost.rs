//! What a request costs the store, counted by Redis.

use futures::future::join_all;
use sluice_gate::{Epoch, Key, Value};
use sluice_host::store::Store;

use crate::common::{Keeping, RedisServer, Setup, run, seed, settles};

#[test]
fn a_request_costs_four_writes_and_five_if_it_waited() {
    run(async {
        const CLIENTS: u64 = 60;
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let app = Setup::answering("tokens=5 pace=5ms")
            .runtime_config(redis.runtime_config())
            .start()
            .await;
        let before = Writes::of(&redis, &store).await;
        for n in 0..CLIENTS {
            app.chat(&format!("client {n}"))
                .await
                .whole()
                .await
                .assert_complete();
        }
        settles(&store, 4).await;
        let alone = Writes::of(&redis, &store).await;
        // Drawn, active, finished; and the one before is deleted.
        let expected = Writes {
            draws: CLIENTS,
            sets: 2 * CLIENTS,
            deletes: CLIENTS,
        };
        alone.since(&before).is_about(&expected);

        let chat = async |n| app.chat(&format!("client {n}")).await.whole().await;
        for answer in join_all((0..CLIENTS).map(chat)).await {
            answer.assert_complete();
        }
        settles(&store, 4).await;
        let together = Writes::of(&redis, &store).await;
        // Nearly all of them wait, which is written once.
        let expected = Writes {
            sets: 3 * CLIENTS,
            ..expected
        };
        together.since(&alone).is_about(&expected);
    });
}

/// How often the store was written to.
#[derive(Clone, Copy, Debug)]
struct Writes {
    draws: u64,
    sets: u64,
    deletes: u64,
}

impl Writes {
    /// Until now. A draw of none is a read, so draws are counted by what they leave.
    async fn of(redis: &RedisServer, store: &impl Store) -> Self {
        let counter = Key::Counter(epoch(store).await).name();
        let draws = store.increment(&counter, 0).await.expect("a counter");
        Self {
            draws: u64::try_from(draws).expect("it rises"),
            sets: redis.calls_of("set").await,
            deletes: redis.calls_of("del").await,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            draws: self.draws - before.draws,
            sets: self.sets - before.sets,
            deletes: self.deletes - before.deletes,
        }
    }

    /// Fails if there are fewer, or so many more that a request costs one more: who tidies up behind the others draws too,
    /// and a machine that is slow has records renewed.
    #[track_caller]
    fn is_about(&self, expected: &Self) {
        let pairs = [
            (self.draws, expected.draws),
            (self.sets, expected.sets),
            (self.deletes, expected.deletes),
        ];
        for (counted, expected) in pairs {
            let about = expected - 8..=expected + expected / 5;
            assert!(about.contains(&counted), "{self:?} instead of {expected:?}");
        }
    }
}

async fn epoch(store: &impl Store) -> Epoch {
    let bytes = store.get(&Key::Epoch.name()).await.expect("a read");
    match Value::decode(&Key::Epoch, &bytes.expect("an epoch")) {
        Some(Value::Epoch(epoch)) => epoch,
        other => panic!("no epoch: {other:?}"),
    }
}
