//! More who ask than slots: how fast a freed slot is taken, and how long the whole line takes.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    common::{Client, Random},
    config::Bounds,
    figure::{handoffs, ms, percentile},
    figures::Figures,
    kind::Kind,
    reading,
    stage::{Plan, Stage},
};

/// 64 clients that ask again and again; the answers differ in length, so that slots are freed one by one.
pub async fn handoff(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::start_with(plan, BOUNDS, None, Kind::has_line).await;
    for _ in 0..plan.rounds(2) {
        for peer in &stage.peers {
            stage.sim.reset();
            let client = async |n: u64| {
                let mut random = Random(n);
                let mut client = Client::connect(peer.addr).await;
                for _ in 0..plan.times(4) {
                    let tokens = 8 + random.below(24);
                    let prompt = format!("[[sim tokens={tokens} pace=10ms]] hello");
                    reading::ask(&mut client, peer, &prompt).await;
                }
            };
            join_all((0..CLIENTS).map(client)).await;
            let peak = stage.sim.counts().streams.peak;
            figures.note("streams at once upstream", peer.kind, peak as f64);
            let mut handoffs = handoffs(&stage.sim.requests(), SLOTS);
            figures.note("handoff", peer.kind, ms(percentile(&mut handoffs, 50)));
            let late = ms(percentile(&mut handoffs, 99));
            figures.note("handoff, 99 of 100", peer.kind, late);
        }
    }
}

/// 64 clients at once, half a second for each: a bound that is held takes at least 8 s.
pub async fn makespan(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::start_with(plan, BOUNDS, None, Kind::has_line).await;
    let half_ms = plan.times(250);
    for _ in 0..plan.rounds(1) {
        for peer in &stage.peers {
            let prompt = format!("[[sim tokens=2 pace={half_ms}ms]] hello");
            let begun = Instant::now();
            let chat = async |_| {
                let mut client = Client::connect(peer.addr).await;
                reading::ask(&mut client, peer, &prompt).await
            };
            join_all((0..CLIENTS).map(chat)).await;
            let took = begun.elapsed();
            let clients = u32::try_from(CLIENTS).expect("small");
            let each = Duration::from_millis(half_ms as u64) * 2;
            let ideal = each * clients / u32::try_from(SLOTS).expect("small");
            let ratio = took.as_secs_f64() / ideal.as_secs_f64();
            figures.note("makespan", peer.kind, ratio);
        }
    }
}

const CLIENTS: u64 = 64;
const SLOTS: usize = 4;
const BOUNDS: Bounds = Bounds {
    slots: SLOTS,
    queue: 128,
};
