//! The line: at most so many at once, the others in order, and the truth about it.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::common::{
    App, Setup, Whole, assert_started_in_order, eventually, queue_status, run, settles,
};

#[test]
fn five_clients_get_five_answers_and_the_upstream_sees_four_at_once() {
    run(async {
        // Long enough for the fifth to be told its place meanwhile, which it is after two seconds.
        let app = Setup::answering("tokens=60 pace=100ms").start().await;
        let answers = join_all((1..=5).map(|n| whole_chat(&app, n))).await;
        let mut waited = 0;
        for (answer, _) in &answers {
            answer.assert_complete();
            waited += usize::from(is_told_to_wait(answer));
        }
        assert_eq!(waited, 1, "four start at once and one waits");
        let streams = app.sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, 5));
        let fifth = answers.iter().find(|(answer, _)| is_told_to_wait(answer));
        let (fifth, _) = fifth.expect("one waited");
        let places = fifth.queue();
        // On a busy machine it may be told a place while those before it are still about to start.
        let positions = places.iter().map(|place| place["position"].as_u64());
        assert!(positions.is_sorted_by(|a, b| a >= b), "{places:?}");
        let ticket = &places[0]["ticket"];
        let at_rest = json!({
            "ticket": ticket, "position": 1, "queued": 1, "active": 4, "max": 4,
            "reason": "slots", "model": "qwen3:1.7b", "ahead": 0,
        });
        // The last of all says that it is admitted: it is written to see whether the client is still there.
        let waiting = places.iter().rfind(|place| place["position"] != 0);
        assert_eq!(waiting, Some(&at_rest));
        assert_eq!(
            places.last().map(|place| &place["position"]),
            Some(&json!(0))
        );
        // It is told its place before any of the others is done.
        let done = answers
            .iter()
            .filter(|(answer, _)| !is_told_to_wait(answer));
        let done = done
            .filter_map(|(answer, _)| Some(answer.lines.last()?.at))
            .min();
        assert!(
            Some(fifth.lines[0].at) < done,
            "{:?} {done:?}",
            fifth.lines[0]
        );
        settles(&*app.store()).await;
    });
}

#[test]
fn sixty_four_clients_at_once_start_in_the_order_of_their_tickets() {
    run(async {
        const CLIENTS: usize = 64;
        let app = Arc::new(Setup::answering("tokens=10 pace=10ms").start().await);
        let sampling = tokio::spawn(sample(app.clone()));
        let answers = join_all((1..=CLIENTS).map(|n| whole_chat(&app, n))).await;
        sampling.abort();
        for (answer, _) in &answers {
            answer.assert_complete();
        }
        let streams = app.sim.counts().streams;
        assert_eq!((streams.peak, streams.finished), (4, CLIENTS as u64));
        assert_started_in_order(&app.sim, &answers, 4);
        eventually("nobody is active or queued", || async {
            app.queue_status().await == [0, 0, 4]
        })
        .await;
        settles(&*app.store()).await;
        match sampling.await {
            Ok(never) => match never {},
            Err(error) => assert!(error.is_cancelled(), "a sample was wrong: {error}"),
        }
    });
}

#[test]
fn queue_status_is_the_truth_at_rest() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms").start().await;
        assert_eq!(app.queue_status().await, [0, 0, 4]);
        let mut held = Vec::new();
        for n in 1..=7_u64 {
            held.push(app.chat(&format!("client {n}")).await);
            let expected = [n.min(4), n.saturating_sub(4), 4];
            let what = format!("{expected:?}");
            eventually(&what, || async { app.queue_status().await == expected }).await;
        }
        assert_eq!(app.sim.counts().streams.now, 4);
        // One of those who wait leaves, then one of those who stream.
        held.pop();
        eventually("two wait", || async {
            app.queue_status().await == [4, 2, 4]
        })
        .await;
        held.remove(0);
        eventually("one waits", || async {
            app.queue_status().await == [4, 1, 4]
        })
        .await;
        drop(held);
        eventually("nobody is there", || async {
            app.queue_status().await == [0, 0, 4]
        })
        .await;
        settles(&*app.store()).await;
    });
}

#[test]
fn the_first_request_of_a_new_store_waits_one_time_to_live() {
    run(async {
        let setup = Setup::answering("tokens=1 pace=0ms").with("record_ttl", "2s");
        let app = setup.with_empty_store().start().await;
        let begun = Instant::now();
        let first = app.chat("client 1").await.whole().await;
        let took = begun.elapsed();
        first.assert_complete();
        assert!(
            !first.queue().is_empty(),
            "it is told that it waits: {first:?}"
        );
        assert!(took >= Duration::from_millis(1_950), "{took:?}");
        let second = app.chat("client 2").await.whole().await;
        second.assert_complete();
        assert!(!is_told_to_wait(&second), "{second:?}");
        settles(&*app.store()).await;
    });
}

/// Whether it was told of a place before which there is somebody. On a busy machine one that starts is told so, too, if late.
fn is_told_to_wait(answer: &Whole) -> bool {
    let queue = answer.queue();
    queue.iter().any(|place| place["position"] != 0)
}

async fn whole_chat(app: &App, n: usize) -> (Whole, String) {
    let prompt = format!("client {n}");
    (app.chat(&prompt).await.whole().await, prompt)
}

/// Asks again and again, until it is aborted; fails if it is told of more than there can be.
async fn sample(app: Arc<App>) -> std::convert::Infallible {
    let mut client = app.client().await;
    loop {
        let [active, queued, max] = queue_status(&mut client).await;
        assert!(
            active <= 4 && queued <= 64 && max == 4,
            "{active} active, {queued} queued, {max} at most"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
