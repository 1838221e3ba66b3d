//! One stream and many: the first token, each token at a model's pace, and as many as go through.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    common::{Client, within},
    config::Bounds,
    figure::{ms, percentile},
    figures::Figures,
    kind::Kind,
    peer::Peer,
    reading,
    stage::{Plan, Stage},
};

/// Time to the first token, one request after another, on one connection and each on a new one.
pub async fn first_token(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::start(plan, MANY).await;
    for _ in 0..plan.rounds(6) {
        for peer in &stage.peers {
            let (mut new, mut kept) = (Vec::new(), Vec::new());
            let mut client = Client::connect(peer.addr).await;
            for _ in 0..plan.times(30) {
                kept.push(reading::ask(&mut client, peer, ONE_TOKEN).await.first);
                tokio::time::sleep(BETWEEN).await;
                let mut client = Client::connect(peer.addr).await;
                new.push(reading::ask(&mut client, peer, ONE_TOKEN).await.first);
                tokio::time::sleep(BETWEEN).await;
            }
            let (new, kept) = (percentile(&mut new, 50), percentile(&mut kept, 50));
            figures.note("first token", peer.kind, ms(kept));
            figures.note("first token, new connection", peer.kind, ms(new));
        }
    }
}

/// Streams at 50 tokens a second: how long each token is on its way, and what it costs, once all of them run.
pub async fn paced(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::start(plan, MANY).await;
    for streams in [1, 16, 64, 128] {
        for _ in 0..plan.rounds(if streams == 1 { 2 } else { 1 }) {
            // More than it can do: it would only be seen to fall behind.
            let keeps_up = |peer: &&Peer| peer.kind != Kind::Litellm || streams <= 4;
            for peer in stage.peers.iter().filter(keeps_up) {
                let delays = Arc::new(Mutex::new(Vec::new()));
                let running: Vec<_> = (0..streams)
                    .map(|n| endless(peer, Duration::from_millis(20) * n / streams, &delays))
                    .collect();
                let all = u64::from(streams);
                let started = stage.sim.wait_until(|counts| counts.streams.now == all);
                within("all streams run", started).await;
                tokio::time::sleep(SETTLE).await;
                delays.lock().expect("no panic").clear();
                let (before, begun) = (peer.usage(), Instant::now());
                tokio::time::sleep(Duration::from_millis(plan.times(1_500) as u64)).await;
                let (after, took) = (peer.usage(), begun.elapsed());
                let mut delays = std::mem::take(&mut *delays.lock().expect("no panic"));
                drop(running);
                stage.sim.wait_until(|counts| counts.streams.now == 0).await;

                let x = f64::from(streams);
                if !delays.is_empty() {
                    figures.point("token delay", peer.kind, x, ms(percentile(&mut delays, 50)));
                    let late = ms(percentile(&mut delays, 99));
                    figures.point("token delay, 99 of 100", peer.kind, x, late);
                }
                if let (Some(before), Some(after)) = (before, after) {
                    let spent = after.time_since(&before).as_secs_f64() * 1e6;
                    let tokens = 50.0 * x * took.as_secs_f64();
                    figures.point("CPU per paced token", peer.kind, x, spent / tokens);
                }
            }
        }
    }
}

/// A stream that begins after `pause`, so that not all speak at the same moment, and goes on until it is dropped.
fn endless(
    peer: &Peer,
    pause: Duration,
    delays: &Arc<Mutex<Vec<Duration>>>,
) -> AbortOnDropHandle<()> {
    let (addr, path, delays) = (peer.addr, peer.path(), delays.clone());
    let document = peer.document("[[sim tokens=100000 pace=20ms]] on and on");
    AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        let mut answer = Client::connect(addr).await.post(path, &document).await;
        while let Some(chunk) = answer.chunk().await {
            reading::delays(&chunk, &mut delays.lock().expect("no panic"));
        }
    }))
}

/// 16 streams of 5,000 tokens without a gap.
pub async fn full_speed(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::start(plan, MANY).await;
    for _ in 0..plan.rounds(6) {
        for peer in &stage.peers {
            // It needs a minute for what takes the others a second.
            let tokens = match peer.kind {
                Kind::Litellm => plan.times(100),
                _ => plan.times(5_000),
            };
            let prompt = format!("[[sim tokens={tokens} pace=0ms]] on");
            let before = peer.usage();
            let begun = Instant::now();
            let stream = async |_| {
                let mut client = Client::connect(peer.addr).await;
                reading::ask(&mut client, peer, &prompt).await.tokens
            };
            let read: usize = join_all((0..16).map(stream)).await.into_iter().sum();
            let took = begun.elapsed().as_secs_f64();
            if peer.kind.passes_frames_on() {
                assert_eq!(read, 16 * tokens, "{}: tokens were lost", peer.kind.name());
            }
            let all = (16 * tokens) as f64;
            figures.note("tokens a second", peer.kind, all / took);
            if let (Some(before), Some(after)) = (before, peer.usage()) {
                let each = after.time_since(&before).as_secs_f64() * 1e6 / all;
                figures.note("CPU per token", peer.kind, each);
            }
        }
    }
}

/// Whoever is to stream does, none has to wait.
const MANY: Bounds = Bounds {
    slots: 128,
    queue: 512,
};

/// Until what came with the start of the streams is over.
const SETTLE: Duration = Duration::from_millis(1_000);

/// It ends a while after its token, as a model would go on: what is done at an end is not part of a beginning.
const ONE_TOKEN: &str = "[[sim tokens=1 pace=30ms]] hello";

/// Between requests, as people do not ask in the instant in which the last answer ended.
const BETWEEN: Duration = Duration::from_millis(3);
