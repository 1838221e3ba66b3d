//! Many pages that ask how the queue stands.

use std::time::Duration;

use http::Method;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    common::{SECOND, fill},
    figure::{at_most, plain},
    scene::{Backend, Scene},
};

pub async fn measure() {
    let scene = Scene::start(Backend::Default, "tokens=1 pace=0ms", &[]).await;
    let mut pages = JoinSet::new();
    for n in 0..PAGES {
        let mut client = scene.client().await;
        pages.spawn(async move {
            tokio::time::sleep(SECOND * n / PAGES).await;
            let mut seconds = tokio::time::interval(SECOND);
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                seconds.tick().await;
                let status = client.ask(Method::GET, "/api/queue-status").await;
                assert_eq!(status.whole().await.status.as_u16(), 200);
            }
        });
    }
    watch(&scene, "CPU of the host, nobody streaming").await;
    let held = fill(scene.host.addr(), &scene.sim, 4, 5 * SECOND).await;
    for answer in held {
        tokio::spawn(answer.whole());
    }
    let mut waiting = Vec::new();
    for n in 0..16 {
        waiting.push(scene.chat(&format!("client {n}")).await);
    }
    watch(
        &scene,
        "CPU of the host, 4 streams of 50 tokens/s, 16 waiting",
    )
    .await;
    assert!(pages.try_join_next().is_none(), "a page failed");
    pages.shutdown().await;
    let before = scene.usage();
    tokio::time::sleep(WATCHED).await;
    let rest = scene.usage().cpu_since(&before);
    plain("of that without the pages", format!("{rest:.2} %"));
}

async fn watch(scene: &Scene, what: &str) {
    tokio::time::sleep(2 * SECOND).await;
    let before = scene.usage();
    tokio::time::sleep(WATCHED).await;
    at_most(what, scene.usage().cpu_since(&before), 5.0, "%");
}

const PAGES: u32 = 200;
const WATCHED: Duration = Duration::from_secs(12);
