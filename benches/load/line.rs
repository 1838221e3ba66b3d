//! How fast a slot that is freed is taken again, and what that makes for a whole line.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    common::Random,
    figure::{at_most, handoffs, ms, percentile, plain},
    scene::{Backend, Scene},
};

/// 64 clients that ask again and again keep the line long; the answers differ in length, so that slots are freed one by one.
pub async fn handoff() {
    for backend in [Backend::Default, Backend::FullSync] {
        let scene = Scene::start(backend, "pace=10ms", &[]).await;
        let client = async |n: u64| {
            let mut random = Random(n);
            for _ in 0..ROUNDS {
                let tokens = 8 + random.below(24);
                let prompt = format!("Hello [[sim tokens={tokens}]]");
                scene.chat(&prompt).await.whole().await.assert_complete();
            }
        };
        join_all((0..CLIENTS).map(client)).await;

        let mut handoffs = handoffs(&scene.sim.requests(), SLOTS);
        plain(backend.name(), format!("{} handoffs", handoffs.len()));
        at_most("median", ms(percentile(&mut handoffs, 50)), 5.0, "ms");
        at_most("99 of 100", ms(percentile(&mut handoffs, 99)), 20.0, "ms");
        plain(
            "longest",
            format!("{:.2} ms", ms(percentile(&mut handoffs, 100))),
        );
        plain("upstream's peak", scene.sim.counts().streams.peak);
    }
}

pub async fn makespan() {
    for backend in [Backend::Default, Backend::FullSync] {
        // The first token comes at once, the second after 250 ms, the end after 500.
        let scene = Scene::start(backend, "tokens=2 pace=250ms", &[]).await;
        let begun = Instant::now();
        let chat = async |n| scene.chat(&format!("client {n}")).await.whole().await;
        for answer in join_all((0..CLIENTS).map(chat)).await {
            answer.assert_complete();
        }
        let took = begun.elapsed();
        let ideal = Duration::from_millis(500) * u32::try_from(CLIENTS).expect("small")
            / u32::try_from(SLOTS).expect("small");
        plain(backend.name(), format!("{:.2} s", took.as_secs_f64()));
        let ratio = took.as_secs_f64() / ideal.as_secs_f64();
        at_most("of the ideal time of 8 s", ratio, 1.03, "times");
        plain("upstream's peak", scene.sim.counts().streams.peak);
    }
}

const CLIENTS: u64 = 64;
const SLOTS: usize = 4;
const ROUNDS: u64 = 8;
