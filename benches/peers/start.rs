//! From nothing to an answer: the components' sizes, a new instance, a new process.

use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::{
    common::{Client, Wasm},
    config::Bounds,
    figure::{ms, percentile},
    figures::Figures,
    kind::Kind,
    peer::Peer,
    stage::{Plan, Stage},
};

/// How long each program takes until it answers, and what it needs of the disk.
pub async fn start(plan: &Plan, figures: &mut Figures) {
    let bounds = Bounds {
        slots: 4,
        queue: 64,
    };
    let upstream = Stage::start_with(plan, bounds, None, |_| false).await;
    for _ in 0..plan.rounds(5) {
        for kind in plan
            .kinds
            .iter()
            .copied()
            .filter(|kind| *kind != Kind::Direct)
        {
            if kind == Kind::Litellm && !figures.is_empty("cold start", kind) {
                continue;
            }
            let peer = Peer::start(kind, upstream.sim.addr(), bounds).await;
            figures.note("cold start", kind, ms(peer.started_in));
        }
    }
    for (metric, component) in [
        ("component", Wasm::Chat),
        ("component for files", Wasm::Static),
    ] {
        let file = std::fs::metadata(component.path()).expect("it is built");
        figures.note(metric, Kind::Host, file.len() as f64 / 1024.0);
    }
}

/// What a request costs more that finds no instance of the component.
pub async fn instance(plan: &Plan, figures: &mut Figures) {
    let bounds = Bounds {
        slots: 4,
        queue: 64,
    };
    let stage = Stage::start_with(plan, bounds, None, Kind::is_sluice).await;
    for peer in &stage.peers {
        let mut client = Client::connect(peer.addr).await;
        let mut ask = async || {
            let asked = Instant::now();
            let answer = client.ask(Method::GET, "/livez").await.whole().await;
            assert_eq!(answer.status.as_u16(), 200);
            asked.elapsed()
        };
        let mut warm = Vec::new();
        for _ in 0..plan.times(50) {
            warm.push(ask().await);
        }
        let warm = percentile(&mut warm, 50);
        for _ in 0..plan.rounds(6) {
            tokio::time::sleep(IDLE).await;
            let cold = ask().await;
            figures.note("new instance", peer.kind, ms(cold.saturating_sub(warm)));
        }
    }
}

/// An instance is dropped after a second without a request.
const IDLE: Duration = Duration::from_millis(1_600);
