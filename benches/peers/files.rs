//! The page's own files.

use std::time::Duration;

use futures::future::join_all;
use http::Method;
use tokio::time::Instant;

use crate::{
    common::Client,
    config::Bounds,
    figures::Figures,
    kind::Kind,
    stage::{Plan, Stage},
};

/// 16 clients that fetch one of the page's scripts again and again, each on one connection.
pub async fn files(plan: &Plan, figures: &mut Figures) {
    let bounds = Bounds {
        slots: 4,
        queue: 64,
    };
    let stage = Stage::start_with(plan, bounds, None, Kind::serves_files).await;
    for _ in 0..plan.rounds(3) {
        for peer in &stage.peers {
            let begun = Instant::now();
            let length = Duration::from_millis(plan.times(1_500) as u64);
            let fetch = async |_| {
                let mut client = Client::connect(peer.addr).await;
                let (mut served, mut bytes) = (0_u32, 0);
                while begun.elapsed() < length {
                    let answer = client.ask(Method::GET, FILE).await.whole().await;
                    assert_eq!(answer.status.as_u16(), 200, "{}", peer.kind.name());
                    served += 1;
                    bytes = answer.body.len();
                }
                assert!(bytes > 0, "an empty file");
                served
            };
            let before = peer.usage().expect("it has a process");
            let served: u32 = join_all((0..16).map(fetch)).await.into_iter().sum();
            let rate = f64::from(served) / begun.elapsed().as_secs_f64();
            figures.note("files a second", peer.kind, rate);
            let spent = peer.usage().expect("it has a process").time_since(&before);
            let each = spent.as_secs_f64() * 1e6 / f64::from(served);
            figures.note("CPU per file", peer.kind, each);
        }
    }
}

const FILE: &str = "/js/app.js";
