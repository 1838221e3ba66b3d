//! What real Go reads, held against what is read here.
//!
//! `tests/oracle/table` has a line for each body: the endpoint, what `encoding/json` (Go 1.26.8) took when it read the body into
//! structs like Ollama's, as 64 bits of FNV-1a over a canonical form, or `!` where it refused, and the body with escapes. It
//! was written by a Go program with Ollama's own types and readers (pictures are kept as text there, words of `think` are
//! not judged), from bodies made by hand and by the fuzzer, and from what was sent for them.

mod escape;
mod go;

use escape::unescape;
use go::Outcome;
use sluice_ollama::{Asker, Endpoint, Policy, prepare};

const TABLE: &str = include_str!("oracle/table");

struct Row {
    endpoint: Endpoint,
    digest: Option<u64>,
    body: Vec<u8>,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().map(|line| {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().expect("three parts");
        let (endpoint, digest, body) = (part(), part(), part());
        Row {
            endpoint: endpoint_of(endpoint),
            digest: (digest != "!").then(|| u64::from_str_radix(digest, 16).expect("a digest")),
            body: unescape(body),
        }
    })
}

fn endpoint_of(word: &str) -> Endpoint {
    match word {
        "chat" => Endpoint::Chat,
        "generate" => Endpoint::Generate,
        "embed" => Endpoint::Embed,
        "embeddings" => Endpoint::Embeddings,
        "v1chat" => Endpoint::OpenAiChat,
        "v1completions" => Endpoint::OpenAiCompletions,
        "v1embeddings" => Endpoint::OpenAiEmbeddings,
        "v1responses" => Endpoint::OpenAiResponses,
        other => panic!("no endpoint {other}"),
    }
}

#[test]
fn the_reader_of_these_tests_reads_what_real_go_reads() {
    let (mut taken, mut refused) = (0, 0);
    for row in rows() {
        let text = String::from_utf8_lossy(&row.body);
        match (go::read(row.endpoint, &row.body), row.digest) {
            // Which of the two counts is no question here.
            (Outcome::Twice, _) => {}
            (Outcome::Refused, None) => refused += 1,
            (Outcome::Taken(outcome), Some(digest)) => {
                taken += 1;
                assert_eq!(
                    go::digest(outcome.text.as_bytes()),
                    digest,
                    "{} {text}",
                    outcome.text
                );
            }
            (outcome, digest) => panic!("{digest:x?} for Go, {outcome:?} here: {text}"),
        }
    }
    assert!(taken >= 1_000 && refused >= 500, "{taken} {refused}");
}

#[test]
fn whatever_go_refuses_is_refused_and_what_it_takes_is_taken_once_and_wholly() {
    let policy = Policy {
        model: "default".to_owned(),
        ..Policy::default()
    };
    let mut prepared = 0;
    for row in rows() {
        let text = String::from_utf8_lossy(&row.body);
        let ready = prepare(row.endpoint, row.body.clone(), &Asker::default(), &policy);
        match go::read(row.endpoint, &row.body) {
            Outcome::Taken(taken) if !taken.has_more => {
                let Ok(ready) = ready else { continue };
                prepared += 1;
                assert!(row.digest.is_some(), "{text}");
                let asked = taken.text_of("model");
                let asked = if asked.trim().is_empty() {
                    "default"
                } else {
                    asked.trim()
                };
                assert_eq!(ready.model, asked, "{text}");
            }
            _ => assert!(ready.is_err(), "{text}"),
        }
    }
    assert!(prepared >= 800, "{prepared}");
}
