//! Who says how long it waits at most is refused at once where it would wait longer, and waits no longer than it said.

use serde_json::json;

use crate::common::{Answer, App, Setup, chats, eventually, run, settles, within};

const HEADER: &str = "x-sluice-wait-at-most";

async fn ask(app: &App, most: &str, prompt: &str) -> Answer {
    let mut client = app.client().await;
    let document = json!({ "prompt": prompt });
    client
        .post_with(&[(HEADER, most)], "/api/chat", &document)
        .await
}

async fn app() -> App {
    let setup = Setup::answering("tokens=1 pace=0ms").with("max_concurrent", "1");
    setup.start().await
}

/// A chat that holds the only slot until it is dropped.
async fn hold(app: &App) -> Answer {
    let held = app.chat("held [[sim tokens=10000 pace=20ms]]").await;
    let streams = app.sim.wait_until(|counts| counts.streams.now == 1);
    within("it streams", streams).await;
    held
}

#[test]
fn one_that_would_wait_longer_than_it_says_is_refused_before_it_takes_a_place() {
    run(async {
        let app = app().await;
        for n in 1..=6 {
            let answer = ask(&app, "1m", &format!("{n} [[sim tokens=20 pace=20ms]]")).await;
            answer.whole().await.assert_complete();
        }
        let held = hold(&app).await;
        let mut waiting = Vec::new();
        for n in 1..=3 {
            waiting.push(app.chat(&format!("waits {n}")).await);
        }
        eventually("three wait", || async {
            app.queue_status().await == [1, 3, 1]
        })
        .await;
        let asked = chats(&app.sim);
        for most in ["100ms", "0"] {
            let refused = ask(&app, most, "in vain").await.whole().await;
            assert_eq!(refused.refusal(), (503, "wait_too_long".to_owned()));
            let retry_after = refused.header("retry-after").expect("a time");
            assert!(retry_after.parse::<u64>().expect("seconds") >= 1);
        }
        let mut patient = ask(&app, "1h", "waits 4").await;
        let place = patient.line().await.expect("a heartbeat").queue();
        assert_eq!(place.expect("a place")["position"], 4);
        assert_eq!(chats(&app.sim), asked);
        drop((held, waiting, patient));
        settles(&*app.store()).await;
    });
}

#[test]
fn one_that_waits_is_told_after_the_time_that_it_said() {
    run(async {
        let app = app().await;
        let held = hold(&app).await;
        let ended = ask(&app, "1", "waits a second").await.whole().await;
        assert!(!ended.queue().is_empty(), "nothing was measured: {ended:?}");
        let last = ended.lines.last().expect("a last line");
        assert_eq!(last.json()["code"], "queue_timeout", "{last:?}");
        drop(held);
        settles(&*app.store()).await;
    });
}

#[test]
fn what_cannot_be_read_is_refused_and_nothing_of_it_reaches_the_upstream() {
    run(async {
        let app = app().await;
        let refused = ask(&app, "soon", "x").await.whole().await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
        assert_eq!(refused.json()["param"], HEADER);
        assert_eq!(chats(&app.sim), 0);
        ask(&app, "30s", "x").await.whole().await.assert_complete();
        assert_eq!(chats(&app.sim), 1);
        for request in app.sim.requests() {
            let has_it = request.headers.iter().any(|(name, _)| name == HEADER);
            assert!(!has_it, "{request:?}");
        }
    });
}
