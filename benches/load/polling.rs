//! What pages that ask how the queue stands cost.

use std::time::Duration;

use crate::{
    common::{SECOND, fill},
    figure::{at_most, plain},
    pages::Pages,
    scene::{Backend, Scene},
};

pub async fn measure() {
    let scene = Scene::start(Backend::Default, "tokens=1 pace=0ms", &[]).await;
    let pages = Pages::open(scene.host.addr(), PAGES).await;
    watch(&scene, "CPU of the host, nobody streaming").await;
    let held = fill(scene.host.addr(), &scene.sim, 4).await;
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
    pages.close().await;
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
