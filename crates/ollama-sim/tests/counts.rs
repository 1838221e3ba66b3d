//! What the simulator counts and records, and its limits.

mod support;

use std::time::{Duration, Instant};

use ollama_sim::{Options, Outcome, Streams};
use serde_json::json;
use support::{chat, send, start, start_with, within};

#[tokio::test]
async fn a_client_that_leaves_between_tokens_is_noticed_at_once() {
    let sim = start("pace=1h").await;
    let mut answer = chat(&sim, "x").await.unwrap();
    answer.piece().await.unwrap().unwrap();
    assert_eq!(sim.counts().streams.now, 1);
    drop(answer);
    let counts = within(sim.wait_until(|counts| counts.streams.now == 0)).await;
    assert_eq!(
        counts.streams,
        Streams {
            now: 0,
            peak: 1,
            started: 1,
            finished: 0,
            aborted: 1,
            failed: 0
        }
    );
    assert_eq!(
        (sim.requests()[0].outcome, sim.requests()[0].tokens),
        (Some(Outcome::Aborted), 1)
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_noticed_at_once() {
    let sim = start("first=1h").await;
    let waiting = chat(&sim, "x");
    tokio::select! {
        _ = waiting => panic!("there is no head for an hour"),
        _ = sim.wait_until(|counts| counts.streams.now == 1) => {}
    }
    within(sim.wait_until(|counts| counts.streams.aborted == 1)).await;
}

#[tokio::test]
async fn with_notice_write_it_is_noticed_when_the_next_token_is_due() {
    let sim = start("notice=write pace=300ms").await;
    let begun = Instant::now();
    let mut answer = chat(&sim, "x").await.unwrap();
    answer.piece().await.unwrap().unwrap();
    drop(answer);
    let counts = within(sim.wait_until(|counts| counts.streams.aborted == 1)).await;
    assert_eq!(counts.streams.now, 0);
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn with_notice_write_the_head_is_generated_for_nobody() {
    let sim = start("notice=write first=300ms pace=0ms").await;
    let begun = Instant::now();
    let waiting = chat(&sim, "x");
    tokio::select! {
        _ = waiting => panic!("there is no head yet"),
        _ = sim.wait_until(|counts| counts.streams.now == 1) => {}
    }
    within(sim.wait_until(|counts| counts.streams.aborted == 1)).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn the_peak_is_the_most_at_once_and_models_are_counted_apart() {
    let sim = start("pace=1h").await;
    let mut held = Vec::new();
    for model in ["qwen3:1.7b", "qwen3:1.7b", "llama3.2"] {
        let body = json!({"model": model, "prompt": "x"});
        held.push(
            send(sim.addr(), "POST", "/api/generate", body.to_string())
                .await
                .unwrap(),
        );
    }
    held.clear();
    let counts = within(sim.wait_until(|counts| counts.streams.aborted == 3)).await;
    assert_eq!(counts.streams.peak, 3);
    assert_eq!(
        (
            counts.models["qwen3:1.7b"].peak,
            counts.models["llama3.2:latest"].peak
        ),
        (2, 1)
    );
}

#[tokio::test]
async fn requests_are_recorded_in_order_of_arrival() {
    let sim = start("pace=0ms tokens=2").await;
    for number in 0..5 {
        chat(&sim, &format!("number {number}"))
            .await
            .unwrap()
            .lines()
            .await;
    }
    let requests = sim.requests();
    for (number, request) in requests.iter().enumerate() {
        assert_eq!(request.number, number as u64);
        assert_eq!(
            request.body["messages"][0]["content"],
            format!("number {number}")
        );
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/api/chat")
        );
        assert_eq!(
            (request.header("host"), request.tokens),
            (Some("localhost"), 2)
        );
    }
    assert!(requests.is_sorted_by_key(|request| request.at_ms));
    assert_eq!(requests.len(), 5);
}

#[tokio::test]
async fn a_stream_is_over_for_the_counts_when_its_client_sees_the_end() {
    let sim = start("pace=0ms tokens=3").await;
    for _ in 0..200 {
        chat(&sim, "x").await.unwrap().lines().await;
        assert_eq!(sim.counts().streams.now, 0);
    }
    assert_eq!(sim.counts().streams.peak, 1);
}

#[tokio::test]
async fn more_than_parallel_wait_silently_without_a_bound() {
    let sim = start_with(Options {
        script: "pace=1h".parse().unwrap(),
        parallel: Some(1),
        max_queue: Some(1),
        ..Options::default()
    })
    .await;
    let running = chat(&sim, "first").await.unwrap();
    let second = chat(&sim, "second");
    let third = chat(&sim, "third");
    tokio::pin!(second, third);
    tokio::select! {
        _ = &mut second => panic!("the slot is taken"),
        _ = sim.wait_until(|counts| counts.waiting == 1) => {}
    }
    tokio::select! {
        _ = &mut third => panic!("the slot is taken"),
        _ = sim.wait_until(|counts| counts.waiting == 2) => {}
    }
    drop(running);
    let second = within(second).await.unwrap();
    assert_eq!(second.head.status, 200);
    drop(second);
    assert_eq!(within(third).await.unwrap().head.status, 200);
    assert_eq!((sim.counts().streams.peak, sim.counts().waiting), (1, 0));
}

#[tokio::test]
async fn more_than_max_queue_are_busy_while_a_model_is_loaded() {
    let sim = start_with(Options {
        script: "pace=0ms tokens=1 load=200ms".parse().unwrap(),
        max_queue: Some(1),
        ..Options::default()
    })
    .await;
    let asked = (0..4).map(|_| chat(&sim, "x"));
    let heads = within(futures::future::join_all(asked)).await;
    let mut statuses: Vec<_> = heads
        .into_iter()
        .map(|answer| answer.unwrap().head.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503]);
    assert_eq!(sim.counts().loads, 1);
}

#[tokio::test]
async fn other_load_options_have_the_model_loaded_again() {
    let sim = start("pace=0ms tokens=1").await;
    let ask = async |options: serde_json::Value| {
        let body = json!({ "model": "qwen3:1.7b", "prompt": "x", "options": options });
        let answer = send(sim.addr(), "POST", "/api/generate", body.to_string());
        answer.await.unwrap().lines().await;
        sim.counts().loads
    };
    assert_eq!(ask(json!({})).await, 1);
    assert_eq!(ask(json!({ "temperature": 1, "num_ctx": 4096 })).await, 1);
    assert_eq!(ask(json!({ "num_ctx": 8192 })).await, 2);
    assert_eq!(ask(json!({})).await, 3);
}

#[tokio::test]
async fn a_runner_that_dies_takes_its_answers_along() {
    let sim = start("tokens=9 pace=20ms").await;
    let other = chat(&sim, "x [[sim pace=1h]]").await.unwrap();
    let lines = chat(&sim, "x [[sim die_at=2]]")
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(lines.len(), 3);
    let died = "an error was encountered while running the model: unexpected EOF";
    assert_eq!(lines[2]["error"], died);
    assert_eq!(other.lines().await.pop().unwrap()["error"], died);
    assert_eq!(chat(&sim, "x").await.unwrap().lines().await.len(), 10);
    assert_eq!(sim.counts().loads, 2);
}

#[tokio::test]
async fn a_client_that_leaves_the_line_frees_its_place() {
    let sim = start_with(Options {
        script: "pace=1h".parse().unwrap(),
        parallel: Some(1),
        ..Options::default()
    })
    .await;
    let _running = chat(&sim, "first").await.unwrap();
    tokio::select! {
        _ = chat(&sim, "second") => panic!("the slot is taken"),
        _ = sim.wait_until(|counts| counts.waiting == 1) => {}
    }
    within(sim.wait_until(|counts| counts.waiting == 0)).await;
    assert_eq!(sim.counts().streams.started, 1);
}

#[tokio::test]
async fn a_stop_ends_every_connection_and_frees_the_address() {
    let sim = start("pace=1h").await;
    let answer = chat(&sim, "x").await.unwrap();
    within(sim.stop()).await;
    let (_, end) = answer.rest().await;
    assert!(end.is_err());
    assert_eq!(
        (sim.counts().streams.failed, sim.counts().streams.now),
        (1, 0)
    );
    assert!(tokio::net::TcpStream::connect(sim.addr()).await.is_err());
    let again = start_with(Options {
        listen: sim.addr(),
        ..Options::default()
    })
    .await;
    assert_eq!(
        send(again.addr(), "GET", "/api/version", "")
            .await
            .unwrap()
            .head
            .status,
        200
    );
}
