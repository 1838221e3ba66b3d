//! What a request costs the store, as Redis counts it.

use futures::future::join_all;

use crate::{
    common::{Keeping, RedisServer, SECOND, settles},
    figure::plain,
    scene::{Backend, Scene},
};

pub async fn measure() {
    let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
        return;
    };
    let scene = Scene::start(Backend::Redis(&redis), "tokens=10 pace=10ms", &[]).await;
    let counts = async || {
        let calls = ["incrby", "set", "del", "get"].map(|command| redis.calls_of(command));
        join_all(calls).await
    };
    let report = |what: &str, before: &[u64], after: &[u64]| {
        let each: Vec<_> = after
            .iter()
            .zip(before)
            .map(|(after, before)| (after - before) as f64 / REQUESTS as f64)
            .collect();
        plain(
            &format!("{what}: draws and readings of the counter"),
            format!("{:.2}", each[0]),
        );
        plain(
            &format!("{what}: records and verdicts written"),
            format!("{:.2}", each[1]),
        );
        plain(&format!("{what}: deleted"), format!("{:.2}", each[2]));
        plain(&format!("{what}: read"), format!("{:.2}", each[3]));
    };
    let before = counts().await;
    for n in 0..REQUESTS {
        scene
            .chat(&format!("client {n}"))
            .await
            .whole()
            .await
            .assert_complete();
    }
    let alone = counts().await;
    report("one by one", &before, &alone);
    let chat = async |n| scene.chat(&format!("client {n}")).await.whole().await;
    for answer in join_all((0..REQUESTS).map(chat)).await {
        answer.assert_complete();
    }
    let together = counts().await;
    report("all at once", &alone, &together);
    tokio::time::sleep(SECOND).await;
    settles(&redis.store()).await;
}

/// Fewer than the default line holds.
const REQUESTS: u64 = 64;
