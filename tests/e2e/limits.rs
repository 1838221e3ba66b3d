//! What costs something is bounded, and whoever takes too much of it takes it from nobody: bodies, questions, wrong keys.

use std::time::Duration;

use futures::future::{join_all, select_all};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use sluice_host::Reuse;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::common::{App, Setup, fill, run, settles, within};

#[test]
fn bodies_are_counted_while_their_requests_wait() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms")
            .with("max_concurrent", "1")
            .with("bodies_in_flight", "1MiB")
            .with("max_body", "256KiB")
            .start()
            .await;
        let held = fill(app.addr(), &app.sim, 1).await;
        let picture = "x".repeat(240 << 10);
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let mut one = app.chat(&picture).await;
            assert_eq!(one.status.as_u16(), 200);
            assert!(one.line().await.expect("a heartbeat").queue().is_some());
            waiting.push(one);
        }
        let refused = app.chat(&picture).await.whole().await;
        assert_eq!(refused.refusal(), (503, "overloaded".to_owned()));
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        // Whoever has little to say still gets a place.
        let mut small = app.chat("Hello").await;
        assert!(small.line().await.expect("a heartbeat").queue().is_some());
        // One who leaves gives its bytes back.
        drop(waiting.pop());
        let again = async {
            while app.chat(&picture).await.status.as_u16() != 200 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        within("there is room again", again).await;
        drop((held, waiting, small));
    });
}

#[test]
fn a_body_is_given_back_with_the_first_relayed_byte() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms")
            .with("max_concurrent", "8")
            .with("bodies_in_flight", "1MiB")
            .with("max_body", "256KiB")
            .start()
            .await;
        let picture = "x".repeat(250 << 10);
        let mut streams = Vec::new();
        for _ in 0..8 {
            let mut stream = app.chat(&picture).await;
            assert_eq!(stream.status.as_u16(), 200);
            stream.token().await;
            streams.push(stream);
        }
    });
}

#[test]
fn a_key_holds_a_quarter_and_leaves_the_rest_to_others() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms")
            .with("max_concurrent", "1")
            .with("bodies_in_flight", "1MiB")
            .with("max_body", "256KiB")
            .with("api_keys", "a:interactive:one b:interactive:two")
            .start()
            .await;
        let picture = json!({ "prompt": "x".repeat(150 << 10) });
        let chat = async |key: &str| {
            let mut client = app.client().await;
            client.post_with_key(key, "/api/chat", &picture).await
        };
        let first = chat("one").await;
        let mut second = chat("one").await;
        assert_eq!(second.status.as_u16(), 200);
        second.line().await.expect("a heartbeat");
        let third = chat("one").await.whole().await;
        assert_eq!(third.refusal(), (503, "overloaded".to_owned()));
        assert_eq!(chat("two").await.status.as_u16(), 200);
        drop((first, second));
    });
}

#[test]
fn a_body_that_trickles_has_an_end() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("body_timeout", "2s")
            .start()
            .await;
        let mut stream = TcpStream::connect(app.addr())
            .await
            .expect("a server listens");
        let head = "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4000000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("a head");
        let (mut reader, mut writer) = stream.into_split();
        let trickling = async {
            while writer.write_all(b" ").await.is_ok() {
                sleep(Duration::from_millis(300)).await;
            }
        };
        let mut answer = Vec::new();
        let reading = async {
            while !answer.ends_with(b"}") && matches!(reader.read_buf(&mut answer).await, Ok(1..)) {
            }
        };
        let ended = async {
            tokio::select! { () = reading => {}, () = trickling => {} }
        };
        within("it is refused", ended).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 408") && text.contains("body_stalled"),
            "{text}"
        );
        settles(&*app.store()).await;
    });
}

#[test]
fn no_body_is_waited_for_where_no_upstream_can_be_used() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("retry_attempts", "0")
            .with("breaker_pause", "5m")
            .start()
            .await;
        app.sim.stop().await;
        for _ in 0..5 {
            app.chat("Hello").await.whole().await;
        }
        let mut stream = TcpStream::connect(app.addr())
            .await
            .expect("a server listens");
        let head = "POST /api/chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4000000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("a head");
        let mut answer = Vec::new();
        let reading = async {
            while !answer.ends_with(b"}") && matches!(stream.read_buf(&mut answer).await, Ok(1..)) {
            }
        };
        within("it is refused", reading).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 503") && text.contains("upstream_down"),
            "{text}"
        );
    });
}

#[test]
fn one_answer_serves_all_who_ask_the_same() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let ask = async |_| app.ask(Method::GET, "/api/version").await.whole().await;
        let answers = join_all((0..200).map(ask)).await;
        assert!(answers.iter().all(|answer| answer.status.as_u16() == 200));
        // Each instance asks for itself, and two seconds later once more.
        let asked = app.sim.counts().requests;
        assert!(asked <= 60, "{asked} for 200");
    });
}

#[test]
fn readers_that_read_nothing_hold_up_no_chat() {
    run(async {
        let app = Setup::answering("tokens=3 pace=1ms").start().await;
        let question = json!({ "model": "qwen3:1.7b", "verbose": true });
        let mut unread = Vec::new();
        for _ in 0..60 {
            unread.push(show(&app, &question).await);
        }
        let chats = join_all((0..20).map(|_| async { app.chat("Hello").await.whole().await }));
        for chat in within("all are answered", chats).await {
            chat.assert_complete();
        }
        let health = app.read("/api/health").await;
        assert_eq!(health["upstreams"][0]["breaker"], "closed", "{health}");
        drop(unread);
    });
}

#[test]
fn many_who_ask_about_models_keep_nobody_from_the_list_of_them() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms show=250s")
            .reuse(Reuse::WAITING)
            .start()
            .await;
        let mut asking = Vec::new();
        for n in 0..300 {
            // Each name is a question of its own.
            asking.push(show(&app, &json!({ "model": format!("m{n}") })).await);
        }
        let answers = asking.iter_mut().map(|stream| {
            Box::pin(async move {
                let mut status = [0; 12];
                stream.read_exact(&mut status).await.map(|_| status)
            })
        });
        let first = within("some are too many", select_all(answers)).await;
        assert_eq!(&first.0.expect("an answer"), b"HTTP/1.1 503");
        let tags = app.ask(Method::GET, "/api/tags");
        let tags = within("the list comes", tags).await;
        assert_eq!(tags.status.as_u16(), 200);
    });
}

/// Asks about a model, and reads nothing.
async fn show(app: &App, question: &Value) -> TcpStream {
    let body = question.to_string();
    let head = format!(
        "POST /api/show HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(app.addr())
        .await
        .expect("a server listens");
    stream.write_all(head.as_bytes()).await.expect("a request");
    stream
}

#[test]
fn a_model_that_is_not_offered_is_not_shown() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("allowed_models", "qwen3:1.7b")
            .start()
            .await;
        let names = async |path: &str, list: &str, name: &str| {
            let document = app.read(path).await;
            let models = document[list].as_array().cloned().unwrap_or_default();
            let name = |model: Value| model[name].as_str().map(str::to_owned);
            models.into_iter().filter_map(name).collect::<Vec<_>>()
        };
        assert_eq!(names("/api/tags", "models", "name").await, ["qwen3:1.7b"]);
        assert_eq!(names("/v1/models", "data", "id").await, ["qwen3:1.7b"]);
        let refused = app
            .post("/api/show", &json!({ "model": "llama3.2" }))
            .await
            .whole()
            .await;
        assert_eq!(refused.refusal(), (403, "model_not_allowed".to_owned()));
        let refused = app.ask(Method::GET, "/v1/models/llama3.2").await;
        assert_eq!(refused.status.as_u16(), 403);
        let shown = app.ask(Method::GET, "/v1/models/qwen3:1.7b").await;
        assert_eq!(shown.status.as_u16(), 200);
    });
}

#[test]
fn whoever_guesses_keys_is_not_listened_to_and_locks_out_nobody_who_was_here_before() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms")
            .with("api_keys", "a:interactive:right b:interactive:other")
            .start()
            .await;
        // A stream keeps the instance.
        let mut held = chat_with(&app, "right").await;
        held.token().await;
        for _ in 0..10 {
            let wrong = chat_with(&app, "guess").await.whole().await;
            assert_eq!(wrong.refusal(), (401, "unauthorized".to_owned()));
            assert_eq!(wrong.header("retry-after"), None);
        }
        let locked = chat_with(&app, "guess").await.whole().await;
        assert_eq!(locked.refusal(), (401, "unauthorized".to_owned()));
        let after: u64 = locked
            .header("retry-after")
            .expect("a time")
            .parse()
            .expect("seconds");
        assert!((1..=60).contains(&after), "{after}");
        assert_eq!(chat_with(&app, "right").await.status.as_u16(), 200);
        for path in ["/livez", "/readyz"] {
            assert_eq!(
                app.ask(Method::GET, path).await.status.as_u16(),
                200,
                "{path}"
            );
        }
    });
}

async fn chat_with(app: &App, key: &str) -> crate::common::Answer {
    let bearer = HeaderValue::try_from(format!("Bearer {key}")).expect("a header");
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let mut client = app.client().await;
    let sent = client.send(Method::POST, "/api/chat", headers, r#"{"prompt":"Hello"}"#);
    sent.await.expect("the head of an answer")
}
