//! What a request costs the store, counted by Redis.

use std::time::Instant;

use futures::future::join_all;
use http::Method;

use crate::common::{App, Keeping, RedisServer, Setup, run, seed, settles};

/// A Sluice on a Redis that is known to be new; `None`: there is no Redis here.
async fn start() -> Option<(RedisServer, App)> {
    let redis = RedisServer::start(Keeping::Nothing).await?;
    seed(&redis.store()).await;
    let app = Setup::answering("tokens=5 pace=5ms")
        .runtime_config(redis.runtime_config())
        .start()
        .await;
    Some((redis, app))
}

#[test]
fn a_request_costs_two_boards_and_at_most_one_more_write_if_it_waited() {
    run(async {
        const CLIENTS: u64 = 60;
        // Signs of life come from the sessions of the four who are next, each at most once in so long.
        const SIGNS: u64 = 4;
        const SIGN_REST_MS: u64 = 250;
        let Some((redis, app)) = start().await else {
            return;
        };
        let store = redis.store();
        let before = redis.calls_of("set").await;
        for n in 0..CLIENTS {
            app.chat(&format!("client {n}"))
                .await
                .whole()
                .await
                .assert_complete();
        }
        settles(&store).await;
        let alone = redis.calls_of("set").await;
        // The board with its grant, and the board without it; few are put for anything else.
        is_about(alone - before, 2 * CLIENTS);

        let chat = async |n| app.chat(&format!("client {n}")).await.whole().await;
        let begun = Instant::now();
        for answer in join_all((0..CLIENTS).map(chat)).await {
            answer.assert_complete();
        }
        let waited_ms = u64::try_from(begun.elapsed().as_millis()).expect("less than ages");
        settles(&store).await;
        let together = redis.calls_of("set").await;
        // An end and the grant that it makes possible share a board; who waits in another instance says so in an outbox.
        let writes = together - alone;
        let signs = SIGNS * waited_ms / SIGN_REST_MS;
        assert!(
            writes <= 3 * CLIENTS + signs,
            "{writes} for {CLIENTS} requests in {waited_ms} ms"
        );
    });
}

#[test]
fn a_crowd_that_asks_for_the_line_costs_the_store_one_reading_of_the_totals() {
    run(async {
        const CROWD: u64 = 40;
        // There are some two hundred totals. On a machine that is slow the crowd may come in several seconds.
        const TOTALS: u64 = 150;
        let Some((redis, app)) = start().await else {
            return;
        };
        let before = redis.calls_of("get").await;
        let look = async |_| app.read("/api/queue").await;
        for queue in join_all((0..CROWD).map(look)).await {
            assert_eq!(queue["active"], 0, "{queue}");
        }
        let reads = redis.calls_of("get").await - before;
        assert!(reads >= TOTALS, "{reads}: they are read");
        assert!(reads < CROWD / 2 * TOTALS, "{reads} for {CROWD}");
    });
}

#[test]
fn a_crowd_that_asks_for_health_costs_the_store_some_reads_a_second() {
    run(async {
        const CROWD: u64 = 400;
        // The probe, the board, the breakers and the orders are read at most every 0.4 s by each of a few instances.
        const READS_A_SECOND: u64 = 40;
        let Some((redis, app)) = start().await else {
            return;
        };
        let before = redis.calls_of("get").await;
        let begun = Instant::now();
        let mut client = app.client().await;
        for _ in 0..CROWD {
            let health = client.ask(Method::GET, "/api/health").await.whole().await;
            assert_eq!(health.status, 200, "{health:?}");
        }
        let reads = redis.calls_of("get").await - before;
        let most = (begun.elapsed().as_secs() + 4) * READS_A_SECOND;
        assert!(reads < most.max(CROWD / 2), "{reads} for {CROWD}");
    });
}

/// Fails if there are fewer, or so many more that a request costs a good part of one more: sessions are renewed now and then.
#[track_caller]
fn is_about(counted: u64, expected: u64) {
    let about = expected - 8..=expected + expected / 4;
    assert!(about.contains(&counted), "{counted} instead of {expected}");
}
