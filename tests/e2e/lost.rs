//! Places that were lost: whoever asks the same again soon after a cut stands where it stood.

use serde_json::{Value, json};

use crate::common::{Answer, SECOND, Setup, eventually, fill, run, within};

/// A request that says this, and is answered with a stream.
fn asking(prompt: &str) -> Value {
    json!({
        "model": "llama3.2", "max_tokens": 10_000, "stream": true,
        "messages": [{ "role": "user", "content": prompt }],
    })
}

/// The newest place that this request was told.
async fn told(answer: &mut Answer) -> u64 {
    let text = answer.line().await.expect("a line").text;
    let data = text.strip_prefix("data: ");
    let event: Value = data
        .and_then(|data| serde_json::from_str(data).ok())
        .unwrap_or_default();
    event["queue"]["position"].as_u64().unwrap_or(0)
}

#[test]
fn whoever_asks_the_same_again_after_a_cut_stands_where_it_stood() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("max_concurrent", "1")
            .with("max_queue", "2")
            .start()
            .await;
        let _held = fill(app.addr(), &app.sim, 1).await;
        let request = asking("Mine");
        let first = app.post("/v1/messages", &request).await;
        // Longer than what the order of arrival may differ by.
        tokio::time::sleep(3 * SECOND).await;
        let _other = app.post("/v1/messages", &asking("Theirs")).await;
        eventually("both wait", || async {
            app.queue_status().await == [1, 2, 1]
        })
        .await;
        // The line is full, with the place that is cut now.
        drop(first);
        eventually("the cut is noticed", || async {
            app.queue_status().await == [1, 1, 1]
        })
        .await;
        let third = json!({ "prompt": "A third" });
        let _third = app.post("/api/chat", &third).await;
        eventually("the line is full again", || async {
            app.queue_status().await == [1, 2, 1]
        })
        .await;
        let mut again = app.post("/v1/messages", &request).await;
        assert_eq!(
            again.status.as_u16(),
            200,
            "whoever had a place is not refused"
        );
        eventually_told(&mut again, 1).await;
    });
}

#[test]
fn what_else_its_client_has_in_line_does_not_put_it_behind() {
    run(async {
        let keys = "ann:interactive:key-ann,bob:interactive:key-bob";
        let app = Setup::answering("pace=0ms")
            .with("max_concurrent", "1")
            .with("api_keys", keys)
            .start()
            .await;
        let ask = async |key: &str, prompt: &str| {
            let mut client = app.client().await;
            let request = asking(prompt);
            client.post_with_key(key, "/v1/messages", &request).await
        };
        let _held = ask("key-bob", "Mine [[sim tokens=10000 pace=20ms]]").await;
        let streams = app.sim.wait_until(|counts| counts.streams.now == 1);
        within("it streams", streams).await;
        // Claude Code asks for a title beside what it is told to do.
        let first = ask("key-ann", "The work").await;
        let _title = ask("key-ann", "A title").await;
        tokio::time::sleep(3 * SECOND).await;
        let _other = ask("key-bob", "Theirs").await;
        eventually("three wait", || async {
            app.queue_status().await == [1, 3, 1]
        })
        .await;
        drop(first);
        eventually("the cut is noticed", || async {
            app.queue_status().await == [1, 2, 1]
        })
        .await;
        let mut again = ask("key-ann", "The work").await;
        eventually_told(&mut again, 1).await;
    });
}

/// Reads on until this place is told.
async fn eventually_told(answer: &mut Answer, place: u64) {
    within("it is told its place", async {
        while told(answer).await != place {}
    })
    .await;
}
