//! A line that is long, and one that is full.

use std::time::Duration;

use futures::{StreamExt, future::join_all, stream};
use tokio::time::Instant;

use crate::{
    common::{Answer, Client, SECOND},
    config::Bounds,
    figures::Figures,
    kind::Kind,
    peer::Peer,
    stage::{Plan, Stage},
};

/// How much memory and CPU those cost who wait. Where nobody has a line they wait in the upstream, silently, and cost a
/// proxy their connections.
pub async fn waiting(plan: &Plan, figures: &mut Figures) {
    let numbers: &[usize] = match plan.times(10) {
        10 => &[1, 100, 500, 1_000, 2_000],
        _ => &[1, 20],
    };
    for &number in numbers {
        let bounds = Bounds {
            slots: SLOTS,
            queue: 2_048,
        };
        // A peer of its own for each number: memory that was used once is kept.
        for kind in plan.kinds.iter().copied().filter(|kind| takes_part(*kind)) {
            let stage = Stage::start_with(plan, bounds, Some(SLOTS), |one| one == kind).await;
            let peer = &stage.peers[0];
            let held = fill(&stage, peer).await;
            let alone = peer.usage().expect("it has a process");
            let coming = stream::iter(0..number).map(async |_| wait(peer).await);
            let clients: Vec<_> = coming.buffer_unordered(100).collect().await;
            tokio::time::sleep(SECOND).await;
            let before = peer.usage().expect("it has a process");
            tokio::time::sleep(WATCHED).await;
            let after = peer.usage().expect("it has a process");
            let x = number as f64;
            let grown = after.memory_kib.saturating_sub(alone.memory_kib);
            figures.point("memory for each who waits", kind, x, grown as f64 / x);
            figures.point(
                "CPU with so many waiting",
                kind,
                x,
                after.cpu_since(&before),
            );
            if number == 1 {
                figures.note(
                    "memory with nobody waiting",
                    kind,
                    alone.memory_kib as f64 / 1024.0,
                );
            }
            drop((clients, held));
        }
    }
}

/// How many a second are told that there is no room, by 16 clients that do not believe it.
pub async fn refusals(plan: &Plan, figures: &mut Figures) {
    let bounds = Bounds {
        slots: SLOTS,
        queue: SLOTS,
    };
    let stage = Stage::start_with(plan, bounds, Some(SLOTS), Kind::refuses).await;
    for peer in &stage.peers {
        let held = fill(&stage, peer).await;
        let clients: Vec<_> = join_all((0..SLOTS).map(|_| wait(peer))).await;
        tokio::time::sleep(SECOND).await;
        for _ in 0..plan.rounds(3) {
            let begun = Instant::now();
            let length = Duration::from_millis(plan.times(1_500) as u64);
            let ask = async |_| {
                let mut refused = 0_u32;
                let mut client = Client::connect(peer.addr).await;
                while begun.elapsed() < length {
                    let document = peer.document("[[sim tokens=1]] one too many");
                    let answer = client.post(peer.path(), &document).await;
                    assert_eq!(answer.status.as_u16(), 429, "{}", peer.kind.name());
                    let closes = answer.headers.get("connection").is_some();
                    answer.whole().await;
                    refused += 1;
                    if closes {
                        client = Client::connect(peer.addr).await;
                    }
                }
                refused
            };
            let before = peer.usage().expect("it has a process");
            let refused: u32 = join_all((0..16).map(ask)).await.into_iter().sum();
            let rate = f64::from(refused) / begun.elapsed().as_secs_f64();
            figures.note("refusals a second", peer.kind, rate);
            let spent = peer.usage().expect("it has a process").time_since(&before);
            let each = spent.as_secs_f64() * 1e6 / f64::from(refused);
            figures.note("CPU per refusal", peer.kind, each);
        }
        drop((clients, held));
        // The next one needs the upstream's slots.
        stage.sim.wait_until(|counts| counts.streams.now == 0).await;
    }
}

/// Takes all slots with answers that go on.
async fn fill(stage: &Stage, peer: &Peer) -> Vec<Answer> {
    let prompt = "[[sim tokens=100000 pace=20ms notice=at_once]] on and on";
    let held = join_all((0..SLOTS).map(|_| peer.chat(prompt))).await;
    stage
        .sim
        .wait_until(|counts| counts.streams.now == SLOTS as u64)
        .await;
    held
}

/// A client that waits, reading what it is told meanwhile. Dropping it is hanging up.
async fn wait(peer: &Peer) -> tokio_util::task::AbortOnDropHandle<()> {
    let mut client = Client::connect(peer.addr).await;
    let (path, document) = (peer.path(), peer.document("[[sim tokens=1]] patience"));
    tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        client.post(path, &document).await.whole().await;
    }))
}

/// Whoever has a process, and does not take a minute for each.
fn takes_part(kind: Kind) -> bool {
    !matches!(kind, Kind::Direct | Kind::Litellm)
}

const SLOTS: usize = 4;
const WATCHED: Duration = Duration::from_secs(3);
