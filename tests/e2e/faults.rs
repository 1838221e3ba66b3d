//! An upstream that fails, before its head or after it: never taken for a success, and no slot is lost.

use std::time::Duration;

use serde_json::json;

use crate::common::{App, End, SECOND, Setup, Stranger, fill, run, settles, within};

#[test]
fn an_upstream_that_is_not_there_is_down() {
    run(async {
        let app = Setup::answering("pace=0ms")
            .with("retry_delay", "10ms")
            .start()
            .await;
        app.sim.stop().await;
        let answer = within("an answer", app.chat("Hello")).await.whole().await;
        assert_eq!(answer.refusal(), (503, "upstream_down".to_owned()));
        settles(&*app.store()).await;
    });
}

#[test]
fn an_error_before_the_head_is_tried_again_and_then_told() {
    run(async {
        let setup = Setup::answering("pace=0ms")
            .with("retry_attempts", "2")
            .with("retry_delay", "10ms");
        let app = setup.start().await;
        for (word, status, code) in [
            ("status=500", 502, "upstream_error"),
            ("status=503", 503, "upstream_busy"),
            ("reset", 502, "upstream_error"),
        ] {
            app.sim.reset();
            let answer = app
                .chat(&format!("Hello [[sim {word}]]"))
                .await
                .whole()
                .await;
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{word}");
            assert_eq!(
                app.sim.counts().requests,
                3,
                "once, and twice again: {word}"
            );
        }
        settles(&*app.store()).await;
    });
}

#[test]
fn a_retry_that_goes_well_is_a_success() {
    run(async {
        for word in ["status=500", "status=503", "reset"] {
            let app = Setup::answering("tokens=3 pace=0ms")
                .with("retry_delay", "10ms")
                .start()
                .await;
            app.sim.push(word.parse().expect("a script"));
            app.chat("Hello").await.whole().await.assert_complete();
            assert_eq!(app.sim.counts().requests, 2, "{word}");
        }
    });
}

#[test]
fn what_the_client_did_wrong_is_passed_on_as_ollama_says_it_and_not_tried_again() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let request = json!({ "prompt": "Hello", "model": "nobody:7b" });
        let answer = app.post("/api/chat", &request).await.whole().await;
        assert_eq!(answer.status.as_u16(), 404);
        assert_eq!(
            answer.json(),
            json!({ "error": "model 'nobody:7b' not found" })
        );
        assert_eq!(app.sim.counts().requests, 1);
        settles(&*app.store()).await;
    });
}

#[test]
fn an_error_line_of_ollamas_is_passed_on_unchanged() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let answer = app.chat("Hello [[sim error_at=3]]").await.whole().await;
        assert_eq!(
            (answer.status.as_u16(), answer.end, answer.lines.len()),
            (200, End::InOrder, 4)
        );
        let told =
            json!({ "error": "an error was encountered while running the model: simulated" });
        assert_eq!(answer.lines[3].json(), told);
        nothing_is_held(&app).await;
    });
}

#[test]
fn an_answer_that_ends_too_early_is_never_a_success() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms").start().await;
        for (word, code) in [
            ("cut_at=3", "upstream_error"),
            ("no_done", "incomplete_answer"),
        ] {
            let prompt = format!("Hello [[sim {word}]]");
            let lines = app.chat(&prompt).await.whole().await;
            assert_eq!(
                (lines.lines.len(), lines.end),
                (4, End::Broken),
                "{word}: {lines:?}"
            );
            assert_eq!(lines.lines[3].json()["code"], code, "{word}");
            assert!(
                lines.lines[3].json()["error"].is_string(),
                "Ollama's clients read this"
            );

            let openai = json!({ "model": "llama3.2", "messages": [{ "role": "user", "content": prompt }], "stream": true });
            let events = app
                .post("/v1/chat/completions", &openai)
                .await
                .whole()
                .await;
            assert!(
                !events.text().contains("[DONE]"),
                "{word}: {}",
                events.text()
            );
            let last = events
                .lines
                .iter()
                .rfind(|line| line.text.starts_with("data: "));
            let last = last
                .map(|line| &line.text["data: ".len()..])
                .unwrap_or_default();
            let last: serde_json::Value = serde_json::from_str(last).expect("a document");
            assert_eq!(last["error"]["code"], code, "{word}: {last}");

            // An answer that goes well keeps the breaker closed: a document that is cut is three failures.
            nothing_is_held(&app).await;
            // Of a document nobody has seen a byte, so its status says that it is none.
            let request = json!({ "prompt": prompt, "stream": false });
            let document = app.post("/api/chat", &request).await.whole().await;
            assert_eq!(document.refusal(), (502, code.to_owned()), "{word}");
            nothing_is_held(&app).await;
            let openai = json!({ "messages": [{ "role": "user", "content": prompt }] });
            let document = app.post("/v1/chat/completions", &openai).await;
            let document = document.whole().await;
            assert_eq!(
                (document.status.as_u16(), &document.json()["error"]["code"]),
                (502, &json!(code)),
                "{word}"
            );
            nothing_is_held(&app).await;
        }
    });
}

#[test]
fn odd_figures_and_half_an_emoji_leave_an_answer_whole() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms").start().await;
        for figures in ["fraction", "negative", "null", "text", "absent"] {
            let prompt = format!("Hello [[sim figures={figures}]]");
            app.chat(&prompt).await.whole().await.assert_complete();
        }
        let prompt = "Hello [[sim half_at=2]]";
        let openai = json!({ "messages": [{ "role": "user", "content": prompt }], "stream": true });
        let events = app.post("/v1/chat/completions", &openai).await;
        let text = events.whole().await.text();
        assert!(
            text.contains("[DONE]") && text.contains('\u{fffd}'),
            "{text}"
        );
        nothing_is_held(&app).await;
    });
}

#[test]
fn an_error_in_place_of_a_document_is_no_success() {
    run(async {
        let told = br#"{"error":"the runner has gone"}"#;
        let json = "content-type: application/json\r\n";
        let stranger = Stranger::answering("200 OK", json, told).await;
        let app = Setup::answering("pace=0ms")
            .with("ollama_host", &stranger.url())
            .start()
            .await;
        let request = json!({ "prompt": "Hello", "stream": false });
        let answer = app.post("/api/chat", &request).await.whole().await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (502, json!({ "error": "the runner has gone" }))
        );
        let request = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
        let answer = app.post("/v1/chat/completions", &request).await;
        let answer = answer.whole().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["message"]),
            (502, &json!("the runner has gone"))
        );
    });
}

#[test]
fn the_head_of_a_document_is_held_for_five_seconds_whatever_it_waits_for() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms").start().await;
        let request = |first: &str| {
            let prompt = format!("Hello [[sim tokens=3 pace=0ms first={first}]]");
            json!({ "prompt": prompt, "stream": false })
        };
        let ask = async |first| app.post("/api/chat", &request(first)).await.whole().await;
        let (whole, late) = futures::join!(ask("2500ms"), ask("12s"));
        assert!(whole.head_after >= 5 * SECOND / 2, "{:?}", whole.head_after);
        let bytes = whole.header("content-length");
        assert_eq!(
            bytes,
            Some(&*whole.body.len().to_string()),
            "nothing before it"
        );
        let least = Duration::from_millis(4_900);
        assert!(late.head_after >= least, "{:?}", late.head_after);
        let bytes = late.header("content-length");
        assert_eq!(bytes, None, "its head came before what is in it");
        for answer in [whole, late] {
            assert_eq!((answer.status.as_u16(), answer.end), (200, End::InOrder));
            assert_eq!(answer.json()["done"], true);
        }
    });
}

#[test]
fn an_upstream_that_dies_in_the_midst_is_told() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms").start().await;
        let mut answer = app.chat("Hello").await;
        answer.token().await;
        app.sim.stop().await;
        let rest = within("the answer ends", answer.whole()).await;
        let last = rest.lines.last().expect("a last line").json();
        assert_eq!(
            (rest.end, &last["code"]),
            (End::Broken, &json!("upstream_error"))
        );
        settles(&*app.store()).await;
    });
}

#[test]
fn a_slow_upstream_gets_its_client_a_head_and_heartbeats_after_two_seconds() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms first=3s").start().await;
        let answer = app.chat("Hello").await.whole().await;
        answer.assert_complete();
        let least = Duration::from_millis(1_900);
        assert!(answer.head_after >= least, "{:?}", answer.head_after);
        let places = answer.queue();
        assert!(!places.is_empty(), "{answer:?}");
        assert!(
            places.iter().all(|place| place["position"] == 0),
            "{places:?}"
        );
        assert_eq!(answer.lines.len(), places.len() + 4, "and then the answer");
        let first_token = answer.lines[places.len()].at;
        assert!(first_token >= 3 * SECOND, "{first_token:?}");
    });
}

#[test]
fn whoever_leaves_a_slow_upstream_is_noticed_before_it_has_worked_for_nobody() {
    run(async {
        let app = Setup::answering("first=250s").start().await;
        let answer = within("a head", app.chat("Hello")).await;
        assert_eq!(app.sim.counts().streams.now, 1);
        drop(answer);
        // A heartbeat that fails is how it is noticed, and there is one every five seconds.
        within(
            "the upstream is left",
            app.sim.wait_until(|counts| counts.streams.aborted == 1),
        )
        .await;
        settles(&*app.store()).await;
    });
}

/// The slots are free, and the store is at rest; an answer that ends well ends the row of failures.
async fn nothing_is_held(app: &App) {
    settles(&*app.store()).await;
    drop(fill(app.addr(), &app.sim, 4).await);
    let well = app.chat("Hello [[sim tokens=3]]").await;
    well.whole().await.assert_complete();
    settles(&*app.store()).await;
}
