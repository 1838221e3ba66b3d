//! A corpus of bad requests, as they are and mutated: afterwards the same instance still serves, and the upstream has seen
//! nothing that it should not.

use std::path::Path;

use futures::{StreamExt, stream};
use sluice_fuzz::{Mutator, rounds};

use super::{briefly, status};
use crate::common::{SECOND, Setup, at_most, fill, run, within};

#[test]
fn after_a_corpus_of_bad_requests_the_component_still_serves() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms")
            .with("retry_delay", "1ms")
            .start()
            .await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/http");
        let mut mutator = Mutator::of_folder(&folder, WORDS).expect("a corpus");
        let mutated: Vec<_> = (0..rounds(300)).map(|_| mutator.input()).collect();
        let inputs = [mutator.corpus().to_vec(), mutated].concat();

        // A trap would end this stream with its instance.
        let mut held = fill(app.addr(), &app.sim, 1).await;
        let sent =
            stream::iter(&inputs).map(async |input| (input, briefly(app.addr(), input).await));
        let mut answers = [0_usize; 6];
        let sending = sent.buffer_unordered(16).for_each(|(input, answer)| {
            let status = status(&answer);
            // Nothing that a client says is a fault of ours.
            assert_ne!(status, Some(500), "{}", String::from_utf8_lossy(input));
            let class = usize::from(status.unwrap_or(0) / 100);
            answers[class.min(5)] += 1;
            std::future::ready(())
        });
        at_most(300 * SECOND, "all are answered", sending).await;
        assert!(answers[2] > 10 && answers[4] > 100, "{answers:?}");

        let line = within("the stream goes on", held[0].token()).await;
        assert_eq!(line.json()["done"], false);
        app.chat("Hello").await.whole().await.assert_complete();
        for request in app.sim.requests() {
            let asked = format!("{} {}", request.method, request.path);
            let is_relayed =
                RELAYED.contains(&asked.as_str()) || asked.starts_with("GET /v1/models/");
            assert!(is_relayed, "{asked}");
            assert!(!asked.contains("..") && !asked.contains('%'), "{asked}");
        }
    });
}

/// What an upstream may be asked.
const RELAYED: &[&str] = &[
    "POST /api/chat",
    "POST /api/generate",
    "POST /api/embed",
    "POST /api/embeddings",
    "POST /api/show",
    "POST /v1/completions",
    "POST /v1/embeddings",
    "POST /v1/responses",
    "GET /api/tags",
    "GET /api/ps",
    "GET /api/version",
    "GET /v1/models",
];

const WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    "HTTP/1.1",
    "POST ",
    "DELETE ",
    "/api/chat",
    "/api/generate",
    "/api/queue/",
    "/v1/models/",
    "/../",
    "%2f",
    "%00",
    "content-length: 0\r\n",
    "transfer-encoding: chunked\r\n",
    "expect: 100-continue\r\n",
    "host: a\r\n",
    "x-forwarded-for: ::1, x\r\n",
    "origin: null\r\n",
    "accept: text/event-stream\r\n",
    "18446744073709551615",
    "0\r\n\r\n",
    "{\"prompt\":\"x\"}",
    "\"stream\":false,",
    "\u{0}",
    "\u{ff}",
];
