//! Rules that hold for whatever comes in: bodies of clients and answers of upstreams, mutated from a corpus.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sluice_fuzz::{Mutator, rounds};
use sluice_ollama::openai::{Delivery, Translation};
use sluice_ollama::options::PINNED;
use sluice_ollama::{Endpoint, Form, Passage, Policy, Request, Verdict};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name)
}

fn policy() -> Policy {
    let mut options = Map::new();
    options.insert("num_ctx".to_owned(), 4096.into());
    options.insert("temperature".to_owned(), 0.7.into());
    Policy {
        model: "m".to_owned(),
        options,
        num_predict_cap: Some(100),
        keep_alive: None,
    }
}

/// What goes upstream for a body, if it is one.
fn sent(endpoint: Endpoint, body: &[u8]) -> Option<Vec<u8>> {
    let policy = policy();
    let mut request = Request::parse(endpoint, body).ok()?;
    let _ = request.form(Some("text/event-stream"));
    request.translate(&policy).ok()?;
    request.settle(&policy);
    let endpoint = request.endpoint();
    let sent = request.into_bytes();
    // It is a request still, and settling it again changes nothing.
    let mut again = Request::parse(endpoint, &sent).expect("what is sent is a request");
    again.settle(&policy);
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
    let (again, sent_json) = (json(&again.into_bytes()), json(&sent));
    assert_eq!(again, sent_json, "{}", String::from_utf8_lossy(body));
    Some(sent)
}

#[test]
fn whatever_a_body_says_the_operators_options_are_what_is_sent() {
    let mut mutator = Mutator::of_folder(&corpus("request"), REQUEST_WORDS).expect("a corpus");
    let whole = mutator.corpus().to_vec();
    let mut understood = 0;
    for round in 0..rounds(6_000) {
        let body = whole.get(round).cloned().unwrap_or_else(|| mutator.input());
        for endpoint in Endpoint::ALL {
            let Some(sent) = sent(endpoint, &body) else {
                continue;
            };
            understood += 1;
            let sent: Value = serde_json::from_slice(&sent).expect("JSON");
            let is_chat = matches!(
                endpoint,
                Endpoint::Chat | Endpoint::Generate | Endpoint::OpenAiChat
            );
            if !is_chat {
                continue;
            }
            let options = sent["options"].as_object().expect("options");
            for name in PINNED {
                assert_eq!(
                    options.get(name),
                    policy().options.get(name),
                    "{name}: {sent}"
                );
            }
            let asked = options["num_predict"].as_f64().expect("a number");
            assert!((0.0..=100.0).contains(&asked), "{sent}");
            assert_eq!(sent.get("keep_alive"), None);
        }
    }
    assert!(understood > 1_000, "only {understood} were requests at all");
}

/// What a client gets for an answer in these chunks; `None`: a line was too long.
fn passed(
    form: Form,
    translation: Option<&Translation>,
    chunks: &[&[u8]],
) -> Option<(Verdict, Vec<u8>)> {
    let mut passage = Passage::new(form, translation);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(passage.pass(chunk.to_vec()).ok()?);
    }
    let (verdict, last) = passage.end();
    out.extend(last);
    Some((verdict, out))
}

#[test]
fn whatever_an_answer_says_its_chunks_do_not_matter_and_no_frame_is_forged() {
    let mut mutator = Mutator::of_folder(&corpus("answer"), ANSWER_WORDS).expect("a corpus");
    let whole = mutator.corpus().to_vec();
    let translation = |delivery| Translation {
        id: 7,
        created_s: 0,
        model: "m".to_owned(),
        delivery,
    };
    let ways = [
        (Form::Lines, None),
        (Form::Events, None),
        (Form::OpenAiEvents, None),
        (Form::Document, None),
        (Form::OpenAiDocument, Some(translation(Delivery::Document))),
        (Form::OpenAiEvents, Some(translation(Delivery::Stream))),
        (
            Form::OpenAiEvents,
            Some(translation(Delivery::StreamWithUsage)),
        ),
    ];
    let mut complete = 0;
    for round in 0..rounds(6_000) {
        let answer = whole.get(round).cloned().unwrap_or_else(|| mutator.input());
        let cut = mutator.below(answer.len() + 1);
        for (form, translation) in &ways {
            let at_once = passed(*form, translation.as_ref(), &[&answer]);
            let in_two = passed(
                *form,
                translation.as_ref(),
                &[&answer[..cut], &answer[cut..]],
            );
            assert_eq!(at_once, in_two, "{form:?} cut at {cut}: {answer:?}");
            let Some((verdict, out)) = at_once else {
                continue;
            };
            complete += usize::from(verdict == Verdict::Complete);
            match (form, translation) {
                (Form::Events, _) => {
                    only_fields(&out, &["event: message", "event: error", "data: "])
                }
                (Form::OpenAiEvents, Some(_)) => {
                    only_fields(&out, &["data: "]);
                    let has_end = out.windows(14).any(|word| word == b"data: [DONE]\n\n");
                    assert!(has_end || verdict != Verdict::Complete, "{answer:?}");
                }
                (_, Some(_)) if verdict != Verdict::Incomplete => {
                    serde_json::from_slice::<Value>(&out).expect("one document");
                }
                (_, Some(_)) => assert!(out.is_empty()),
                _ => assert_eq!(out, answer),
            }
        }
    }
    assert!(complete > 1_000, "only {complete} were whole");
}

/// Fails if a line of an event stream begins with anything else; a carriage return ends a line there too.
#[track_caller]
fn only_fields(stream: &[u8], fields: &[&str]) {
    let text = String::from_utf8_lossy(stream);
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        assert!(
            fields.iter().any(|field| line.starts_with(field)),
            "{line:?} in {text:?}"
        );
    }
}

const REQUEST_WORDS: &[&str] = &[
    "\"options\":{\"num_ctx\":1,\"num_predict\":9e9}",
    "\"messages\":[]",
    "\"prompt\":\"x\"",
    "\"stream\":true",
    "\"keep_alive\":-1",
    "null",
    "true",
    "{}",
    "[]",
    "\"\\ud800\"",
    "1e400",
    "\"model\":\"\"",
    "\\u0000",
    ",",
    ":",
    "\"",
    "{\"role\":\"user\"}",
    "\"num_gpu\":",
    "\"content\":[{\"type\":\"text\"}]",
    "\u{feff}",
];

const ANSWER_WORDS: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "{\"done\":true}\n",
    "\"error\":\"x\"",
    "\"error\":null",
    "data: ",
    "data:[DONE]\n\n",
    "event: error\n",
    "event: response.completed\n",
    ": ",
    "\"done\":true",
    "{\"message\":{\"content\":\"\\n\"}}\n",
    "\"tool_calls\":[{}]",
    "\"eval_count\":-1",
    "\"usage\":{}",
    "\u{2028}",
];
