//! What each word of a script does, seen from the client.

mod support;

use std::time::{Duration, Instant};

use ollama_sim::{Outcome, Sim};
use serde_json::json;
use support::{chat, said, send, start, within};

/// How the last request ended.
async fn outcome(sim: &Sim) -> Option<Outcome> {
    within(sim.wait_until(|counts| counts.streams.now == 0)).await;
    sim.requests().last()?.outcome
}

#[tokio::test]
async fn the_default_answer_repeats_the_prompt_and_names_the_simulator() {
    let sim = start("pace=0ms").await;
    let answer = chat(&sim, "why is the sky blue?").await.unwrap();
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.head.headers["content-type"], "application/x-ndjson");
    let lines = answer.lines().await;
    let text = said(&lines);
    assert!(
        text.contains("> why is the sky blue?") && text.contains("simulator"),
        "{text}"
    );
    let (last, tokens) = lines.split_last().unwrap();
    assert!(tokens.iter().all(|line| line["done"] == false));
    assert_eq!(
        (&last["done"], &last["done_reason"], &last["eval_count"]),
        (&json!(true), &json!("stop"), &json!(tokens.len()))
    );
    assert_eq!(outcome(&sim).await, Some(Outcome::Finished));
}

#[tokio::test]
async fn tokens_and_text_say_what_is_answered() {
    let sim = start("pace=0ms").await;
    let lines = chat(&sim, "[[sim tokens=3 text=lorem]]")
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(said(&lines), "Lorem ipsum dolor ");
    let lines = chat(&sim, "two words [[sim text=echo]]")
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(said(&lines), "two words");
}

#[tokio::test]
async fn num_predict_limits_an_answer() {
    let sim = start("pace=0ms").await;
    let body = json!({"model": "qwen3:1.7b", "prompt": "x", "stream": false, "options": {"num_predict": 2}});
    let answer = send(sim.addr(), "POST", "/api/generate", body.to_string())
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(
        (
            &answer["done_reason"],
            &answer["eval_count"],
            &answer["response"]
        ),
        (&json!("length"), &json!(2), &json!("Hello! You "))
    );
}

#[tokio::test]
async fn thinking_comes_when_it_is_asked_for() {
    let sim = start("pace=0ms").await;
    let body = json!({"model": "qwen3:1.7b", "think": true, "messages": [{"role": "user", "content": "[[sim think=2 tokens=3]]"}]});
    let lines = send(sim.addr(), "POST", "/api/chat", body.to_string())
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(
        lines[0]["message"],
        json!({"role": "assistant", "content": "", "thinking": "There "})
    );
    assert_eq!(
        lines[2]["message"],
        json!({"role": "assistant", "content": "Hello! "})
    );
}

#[tokio::test]
async fn the_end_follows_the_last_line_at_once() {
    let sim = start("pace=1h").await;
    let answer = chat(&sim, "Hello [[sim tokens=0]]").await.unwrap();
    let lines = within(answer.lines()).await;
    assert_eq!(lines.last().unwrap()["done"], true);
}

#[tokio::test]
async fn first_delays_the_head_and_pace_the_tokens() {
    let sim = start("").await;
    let begun = Instant::now();
    let mut answer = chat(&sim, "[[sim first=80ms tokens=3 pace=40ms]]")
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(80));
    while answer.piece().await.is_some() {}
    // Two gaps between three tokens, and one before the end.
    assert!(
        begun.elapsed() >= Duration::from_millis(80 + 3 * 40),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn each_token_is_a_piece_of_its_own_even_without_a_gap() {
    let sim = start("pace=0ms").await;
    let mut answer = chat(&sim, "[[sim tokens=50]]").await.unwrap();
    let mut pieces = 0;
    while let Some(piece) = answer.piece().await {
        assert_eq!(
            piece.unwrap().iter().filter(|byte| **byte == b'\n').count(),
            1
        );
        pieces += 1;
    }
    assert_eq!(pieces, 51);
}

#[tokio::test]
async fn a_status_comes_before_the_head_and_starts_no_stream() {
    let sim = start("").await;
    let answer = chat(&sim, "[[sim status=503 retry_after=3]]")
        .await
        .unwrap();
    assert_eq!(
        (
            answer.head.status.as_u16(),
            &answer.head.headers["retry-after"]
        ),
        (503, &"3".parse().unwrap())
    );
    assert_eq!(
        answer.json().await["error"],
        "server busy, please try again.  maximum pending requests exceeded"
    );
    assert_eq!(
        (sim.counts().streams.started, outcome(&sim).await),
        (0, Some(Outcome::Refused))
    );
}

#[tokio::test]
async fn an_error_after_the_head_is_a_line() {
    let sim = start("pace=0ms").await;
    let lines = chat(&sim, "[[sim error_at=2]]")
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(lines.len(), 3);
    assert!(lines[2]["error"].is_string());
    assert_eq!(outcome(&sim).await, Some(Outcome::Failed));

    let body = json!({"model": "qwen3:1.7b", "prompt": "[[sim error_at=2]]", "stream": false});
    let answer = send(sim.addr(), "POST", "/api/generate", body.to_string())
        .await
        .unwrap();
    assert_eq!(answer.head.status, 500);
}

#[tokio::test]
async fn a_cut_ends_the_connection_after_its_token() {
    let sim = start("pace=0ms").await;
    let (bytes, end) = chat(&sim, "[[sim cut_at=3]]").await.unwrap().rest().await;
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 3);
    assert!(end.is_err());
    assert_eq!(
        (sim.requests()[0].outcome, sim.requests()[0].tokens),
        (Some(Outcome::Failed), 3)
    );
}

#[tokio::test]
async fn an_answer_can_end_without_done() {
    let sim = start("pace=0ms").await;
    let lines = chat(&sim, "[[sim tokens=3 no_done]]")
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!(
        lines
            .iter()
            .map(|line| line["done"] == false)
            .collect::<Vec<_>>(),
        [true; 3]
    );
    assert_eq!(outcome(&sim).await, Some(Outcome::Failed));
}

#[tokio::test]
async fn garbage_comes_after_its_token_and_the_answer_goes_on() {
    let sim = start("pace=0ms").await;
    let (bytes, end) = chat(&sim, "[[sim tokens=2 garbage_at=1]]")
        .await
        .unwrap()
        .rest()
        .await;
    end.unwrap();
    assert!(std::str::from_utf8(&bytes).is_err());
    let lines: Vec<_> = bytes
        .split(|byte| *byte == b'\n')
        .map(serde_json::from_slice::<serde_json::Value>)
        .collect();
    assert_eq!(
        lines.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true, true, false]
    );
}

#[tokio::test]
async fn an_answer_can_hang_after_a_token() {
    let sim = start("pace=0ms").await;
    let mut answer = chat(&sim, "[[sim hang_at=1]]").await.unwrap();
    answer.piece().await.unwrap().unwrap();
    assert!(answer.is_silent().await);
    assert_eq!(sim.counts().streams.now, 1);
}

#[tokio::test]
async fn an_endless_line_has_no_end() {
    let sim = start("pace=0ms").await;
    let mut answer = chat(&sim, "[[sim endless_line]]").await.unwrap();
    let mut length = 0;
    while length < 1 << 20 {
        let piece = answer.piece().await.unwrap().unwrap();
        assert!(!piece.contains(&b'\n'));
        length += piece.len();
    }
}

#[tokio::test]
async fn a_reset_comes_before_the_head() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sim = start("reset").await;
    let mut stream = tokio::net::TcpStream::connect(sim.addr()).await.unwrap();
    let body = json!({"model": "qwen3:1.7b", "prompt": "x"}).to_string();
    let request = format!(
        "POST /api/generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let error = within(stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        (sim.counts().streams.started, outcome(&sim).await),
        (0, Some(Outcome::Failed))
    );
}

#[tokio::test]
async fn a_hang_keeps_the_head_back_and_counts_as_a_stream() {
    let sim = start("").await;
    tokio::select! {
        _ = chat(&sim, "[[sim hang]]") => panic!("there is no head"),
        _ = sim.wait_until(|counts| counts.streams.now == 1) => {}
    }
    let counts = within(sim.wait_until(|counts| counts.streams.aborted == 1)).await;
    assert_eq!((counts.streams.started, counts.streams.now), (1, 0));
}

#[tokio::test]
async fn a_word_that_is_none_is_a_400() {
    let sim = start("").await;
    let answer = chat(&sim, "[[sim tokns=3]]").await.unwrap();
    assert_eq!(answer.head.status, 400);
    assert!(
        answer.json().await["error"]
            .as_str()
            .unwrap()
            .contains("tokns=3")
    );
}

#[tokio::test]
async fn a_pushed_script_serves_one_request_and_a_directive_beats_it() {
    let sim = start("pace=0ms tokens=5").await;
    sim.push("tokens=1 text=lorem".parse().unwrap());
    sim.push("tokens=1 text=lorem".parse().unwrap());
    assert_eq!(
        said(&chat(&sim, "x").await.unwrap().lines().await),
        "Lorem "
    );
    assert_eq!(
        said(
            &chat(&sim, "x [[sim tokens=2]]")
                .await
                .unwrap()
                .lines()
                .await
        ),
        "Lorem ipsum "
    );
    assert_eq!(chat(&sim, "x").await.unwrap().lines().await.len(), 6);
    sim.set_default("tokens=2".parse().unwrap());
    assert_eq!(chat(&sim, "x").await.unwrap().lines().await.len(), 3);
}
