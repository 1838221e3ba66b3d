//! Many who wait: what they cost the host, how those beyond the bound are refused, and how fast the line is served in the
//! end.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::{
    common::{End, fill},
    figure::{at_most, ms, percentile, plain},
    scene::{Backend, Scene},
};

pub async fn measure(waiting: u64) {
    let bound = waiting.to_string();
    let variables = [("max_queue", bound.as_str()), ("queue_timeout", "1h")];
    let scene = Scene::start(Backend::Default, "tokens=1 pace=0ms", &variables).await;
    let held = fill(scene.host.addr(), &scene.sim, 4).await;
    tokio::time::sleep(SETTLE).await;
    let alone = scene.usage();

    let begun = Instant::now();
    let coming = stream::iter(0..waiting).map(async |n| {
        let mut answer = scene.chat(&format!("client {n}")).await;
        let first = answer.line().await.expect("a heartbeat");
        assert!(first.queue().is_some(), "it waits: {first:?}");
        answer
    });
    let answers: Vec<_> = coming.buffer_unordered(AT_ONCE).collect().await;
    plain(
        "until all had come",
        format!("{:.2} s", begun.elapsed().as_secs_f64()),
    );
    // As clients do: whoever reads nothing is cut off.
    let reading: Vec<_> = answers
        .into_iter()
        .map(|answer| tokio::spawn(answer.whole()))
        .collect();

    tokio::time::sleep(SETTLE).await;
    let before = scene.usage();
    tokio::time::sleep(WATCHED).await;
    let after = scene.usage();
    at_most(
        "CPU of the host, of one core",
        after.cpu_since(&before),
        50.0,
        "%",
    );
    let each = after.memory_kib.saturating_sub(alone.memory_kib) as f64 / waiting as f64;
    at_most("memory for each who waits", each, 64.0, "KiB");
    plain(
        "memory of the host in all",
        format!("{} MiB", after.memory_kib / 1024),
    );

    let mut refused = Vec::new();
    for _ in 0..100 {
        let mut client = scene.client().await;
        let asked = Instant::now();
        let document = serde_json::json!({ "prompt": "one too many" });
        let answer = client.post("/api/chat", &document).await.whole().await;
        refused.push(asked.elapsed());
        assert_eq!(answer.refusal(), (429, "queue_full".to_owned()));
        let seconds = answer.header("retry-after").map(str::parse::<u32>);
        assert!(matches!(seconds, Some(Ok(1..))), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    plain(
        "refused, median",
        format!("{:.2} ms", ms(percentile(&mut refused, 50))),
    );
    at_most(
        "refused, 99 of 100",
        ms(percentile(&mut refused, 99)),
        10.0,
        "ms",
    );

    let begun = Instant::now();
    drop(held);
    for answer in reading {
        let answer = answer.await.expect("no panic");
        let last = answer.lines.last().expect("a last line").json();
        assert!(answer.end == End::InOrder && last["done"] == true, "{last}");
    }
    let took = begun.elapsed().as_secs_f64();
    plain("until all were served", format!("{took:.2} s"));
    plain("served a second", format!("{:.0}", waiting as f64 / took));
    plain("upstream's peak", scene.sim.counts().streams.peak);
}

/// How many come at the same time.
const AT_ONCE: usize = 100;

/// Until what came with a change is over.
const SETTLE: Duration = Duration::from_secs(3);

const WATCHED: Duration = Duration::from_secs(15);
