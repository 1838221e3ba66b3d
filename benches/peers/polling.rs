//! Pages that ask how the queue stands, while nobody streams.

use std::time::Duration;

use crate::{
    common::SECOND,
    config::Bounds,
    figures::Figures,
    kind::Kind,
    pages::Pages,
    stage::{Plan, Stage},
};

/// The CPU for 200 pages that ask once a second.
pub async fn polling(plan: &Plan, figures: &mut Figures) {
    let bounds = Bounds {
        slots: 4,
        queue: 64,
    };
    let stage = Stage::start_with(plan, bounds, None, Kind::tells_of_its_line).await;
    for _ in 0..plan.rounds(3) {
        for peer in &stage.peers {
            let pages = Pages::open(peer.addr, PAGES).await;
            tokio::time::sleep(2 * SECOND).await;
            let before = peer.usage().expect("it has a process");
            tokio::time::sleep(WATCHED).await;
            let spent = peer.usage().expect("it has a process").cpu_since(&before);
            figures.note("CPU with 200 pages", peer.kind, spent);
            pages.close().await;
        }
    }
}

const PAGES: u32 = 200;
const WATCHED: Duration = Duration::from_secs(6);
