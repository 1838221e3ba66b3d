//! What Ollama's own command line and apps ask besides chats: a true answer, or a refusal that is shown as a sentence.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use crate::common::{App, Setup, Whole, nothing_happened, run};

#[test]
fn what_ollamas_command_line_asks_is_answered_truly_or_refused_with_a_sentence() {
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        let alive = app.ask(Method::HEAD, "/").await.whole().await;
        assert_eq!(
            (alive.status.as_u16(), alive.header("content-length")),
            (200, Some("17"))
        );
        let status = app.ask(Method::GET, "/api/status").await.whole().await;
        let cloud = json!({ "cloud": { "disabled": true, "source": "config" } });
        assert_eq!((status.status.as_u16(), status.json()), (200, cloud));
        let show = json!({ "model": "", "name": "llama3.2" });
        let show = app.post("/api/show", &show).await.whole().await;
        assert_eq!(show.status.as_u16(), 200, "{show:?}");
        assert!(show.json()["capabilities"].is_array());

        // `ollama stop`, `ollama signin`, `ollama pull`.
        let stop = json!({ "model": "llama3.2", "prompt": "", "keep_alive": 0 });
        for (path, request, code) in [
            ("/api/generate", stop, (400, "invalid_request")),
            ("/api/me", json!({}), (403, "not_exposed")),
            ("/api/pull", json!({ "model": "m" }), (403, "not_exposed")),
        ] {
            let refused = app.post(path, &request).await.whole().await;
            assert_eq!(refused.refusal(), (code.0, code.1.to_owned()), "{path}");
            is_shown_as_a_sentence(&refused);
        }
        nothing_happened(&app).await;
    });
}

/// Go reads an error into these members, whatever their case: another type fails, and the whole document is shown.
#[track_caller]
fn is_shown_as_a_sentence(refused: &Whole) {
    let document = refused.json();
    let members = document.as_object().expect("an object");
    let texts = ["status", "error", "signin_url"];
    for (name, value) in members {
        let is_read = texts.contains(&name.to_ascii_lowercase().as_str());
        assert!(!is_read || value.is_string(), "{document}");
    }
    assert!(document["error"].is_string());
}

#[test]
fn a_model_that_is_named_alone_is_loaded_with_the_operators_options_and_answered_with_one_document()
{
    run(async {
        let app = Setup::answering("pace=0ms").start().await;
        for (path, is_chats) in [
            ("/api/chat", true),
            ("/api/generate", true),
            ("/api/embed", false),
        ] {
            app.sim.reset();
            let load = json!({ "model": "llama3.2", "stream": true });
            let answer = app.post(path, &load).await.whole().await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, Some("application/json")),
                "{path}: {answer:?}"
            );
            let document = answer.json();
            if is_chats {
                assert_eq!(
                    (&document["done"], &document["done_reason"]),
                    (&json!(true), &json!("load")),
                    "{path}"
                );
                let options = &app.sim.requests()[0].body["options"];
                assert_eq!(options["num_ctx"], 4096, "{path}");
            }
            assert_eq!(app.sim.counts().requests, 1, "{path}");
        }
    });
}

#[test]
fn a_body_in_gzip_or_zstd_is_read_and_goes_on_as_it_was() {
    run(async {
        let app = Setup::answering("tokens=3 pace=0ms")
            .with("max_body", "64KiB")
            .with("bodies_in_flight", "1MiB")
            .start()
            .await;
        let request = json!({ "model": "llama3.2", "prompt": "Hello" }).to_string();
        for (coding, body) in [
            ("gzip", gzip(request.as_bytes())),
            ("zstd", stored(request.as_bytes())),
        ] {
            app.sim.reset();
            let answer = coded(&app, coding, body.clone()).await;
            answer.assert_complete();
            let sent = &app.sim.requests()[0].body;
            assert_eq!(sent["messages"][0]["content"], "Hello", "{coding}");
            let cut = coded(&app, coding, body[..body.len() - 1].to_vec()).await;
            assert_eq!(cut.refusal(), (400, "body_broken".to_owned()), "{coding}");
        }
        let zeros = json!({ "prompt": "0".repeat(1 << 20) }).to_string();
        let bomb = coded(&app, "gzip", gzip(zeros.as_bytes())).await;
        assert_eq!(bomb.refusal(), (413, "body_too_large".to_owned()));
        let odd = coded(&app, "br", request.into_bytes()).await;
        assert_eq!(odd.refusal(), (415, "unsupported_coding".to_owned()));
        assert_eq!(odd.header("accept-encoding"), Some("gzip, zstd"));
        assert_eq!(app.sim.counts().requests, 1);
    });
}

async fn coded(app: &App, coding: &str, body: Vec<u8>) -> Whole {
    let headers = HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::CONTENT_ENCODING,
            HeaderValue::from_str(coding).expect("a word"),
        ),
    ]);
    let mut client = app.client().await;
    let sent = client.send(Method::POST, "/api/chat", headers, body);
    sent.await.expect("the head of an answer").whole().await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A frame of zstd's with one block that is not compressed (RFC 8878): it takes no encoder.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short text");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(length.to_le_bytes());
    frame.extend(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend(bytes);
    frame
}
