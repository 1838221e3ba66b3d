//! Rules that hold for whatever comes in: bodies of clients and answers of upstreams, mutated from a corpus.

mod escape;
mod go;
mod words;

use std::path::Path;

use escape::unescape;
use go::{Outcome, Taken};
use serde_json::{Map, Value};
use sluice_fuzz::{Mutator, rounds};
use sluice_ollama::options::PINNED;
use sluice_ollama::request::{Code, Sending};
use sluice_ollama::{
    Asker, Delivery, Endpoint, Form, Passage, Policy, Prepared, Translation, Verdict, messages,
    openai, prepare, responses,
};
use words::{ANSWER_WORDS, REQUEST_WORDS};

const REQUESTS: &str = include_str!("corpus/request.found");
const ANSWERS: &str = include_str!("corpus/answer.found");

/// A mutator over a folder of the corpus and over what a fuzzer that is guided by coverage found, smallest first.
fn mutator(name: &str, found: &str, words: &'static [&'static str]) -> Mutator {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let folder = Mutator::of_folder(&corpus.join(name), words).expect("a corpus");
    let mut inputs = folder.corpus().to_vec();
    inputs.extend(found.lines().map(unescape));
    Mutator::new(inputs, words)
}

fn policy() -> Policy {
    let mut options = Map::new();
    options.insert("num_ctx".to_owned(), 4096.into());
    options.insert("temperature".to_owned(), 0.5.into());
    Policy {
        model: "m".to_owned(),
        options,
        num_predict_cap: Some(100),
        ..Policy::default()
    }
}

/// The same without runner options: `/v1` is relayed.
fn relaying() -> Policy {
    let mut policy = policy();
    policy.options.shift_remove("num_ctx");
    policy
}

fn prepared(endpoint: Endpoint, body: &[u8], policy: &Policy) -> Option<Prepared> {
    let prepared = prepare(endpoint, body.to_vec(), &Asker::default(), policy);
    let text = || String::from_utf8_lossy(body).into_owned();
    match (go::read(endpoint, body), prepared) {
        (Outcome::Refused, Ok(_)) => panic!("Ollama refuses {}", text()),
        (Outcome::Twice, Ok(_)) => panic!("a member twice in {}", text()),
        (Outcome::Taken(taken), Ok(_)) if taken.has_more => panic!("more behind {}", text()),
        (Outcome::Taken(taken), Err(invalid)) => {
            let is_known = taken.has_more
                || invalid.code == Code::InvalidOption
                || invalid.param.as_deref().is_some_and(|param| {
                    STRICTER.iter().any(|stricter| param.starts_with(stricter))
                })
                || invalid.message == "the body must be a JSON object";
            assert!(is_known, "{invalid:?}: {}", text());
            None
        }
        (_, Err(_)) => None,
        (Outcome::Taken(taken), Ok(prepared)) => {
            is_what_was_taken(endpoint, &taken, &prepared, policy, &text());
            Some(prepared)
        }
    }
}

/// Where Sluice refuses what Ollama's reader takes: it would be refused there a step later, or is the operator's.
const STRICTER: [&str; 15] = [
    "model",
    "prompt",
    "messages",
    "input",
    "format",
    "keep_alive",
    "reasoning.effort",
    "reasoning_effort",
    "options",
    "max_completion_tokens",
    "max_tokens",
    "response_format.json_schema.schema",
    "stop",
    "text.format.schema",
    "tools",
];

/// What Ollama takes from what is sent is what was taken here.
#[track_caller]
fn is_what_was_taken(
    endpoint: Endpoint,
    taken: &Taken,
    prepared: &Prepared,
    policy: &Policy,
    body: &str,
) {
    let sent_bytes = prepared.body.payload(&Sending::default()).to_vec();
    let to = Endpoint::ALL
        .into_iter()
        .find(|to| to.path() == prepared.path);
    let to = to.expect("an endpoint");
    let text = String::from_utf8_lossy(&sent_bytes);
    let Outcome::Taken(sent) = go::read(to, &sent_bytes) else {
        panic!("{text} for {body}");
    };
    assert!(!sent.has_more, "{text}");
    assert_eq!(sent.text_of("model").trim(), prepared.model, "{text}");
    let asked = taken.text_of("model");
    if !asked.trim().is_empty() {
        assert_eq!(asked.trim(), prepared.model, "{text}");
    }
    let is_stream = !prepared.form.is_document();
    let is_own = to.path().starts_with("/api/");
    if is_stream {
        assert_eq!(
            sent.flag_of("stream").unwrap_or(is_own),
            is_stream,
            "{text}"
        );
    }
    assert_ne!(sent.flag_of("_debug_render_only"), Some(true), "{text}");
    if to == endpoint {
        for (name, part) in &taken.parts {
            if !SETTLED.contains(name) {
                assert_eq!(
                    sent.parts.get(name),
                    Some(part),
                    "{name}: {text} for {body}"
                );
            }
        }
    }
    holds_the_rules(to, &sent, policy, &text);
}

/// Members that are settled, so that they differ.
const SETTLED: [&str; 11] = [
    "model",
    "options",
    "keep_alive",
    "shift",
    "truncate",
    "prompt",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "_debug_render_only",
    "messages",
];

#[track_caller]
fn holds_the_rules(to: Endpoint, sent: &Taken, policy: &Policy, text: &str) {
    let number = |value: Option<&go::Value>| match value {
        Some(go::Value::Number(number)) => number.parse::<f64>().ok(),
        _ => None,
    };
    let asked = match to {
        Endpoint::Chat | Endpoint::Generate => number(sent.option("num_predict")),
        Endpoint::OpenAiChat | Endpoint::OpenAiCompletions | Endpoint::Messages => {
            sent.number_of("max_tokens")
        }
        Endpoint::OpenAiResponses => sent.number_of("max_output_tokens"),
        _ => Some(1.0),
    };
    let asked = asked.unwrap_or_else(|| panic!("no bound in {text}"));
    assert!((1.0..=100.0).contains(&asked), "{text}");
    if to.path().starts_with("/api/") {
        for name in PINNED {
            let expected = match to {
                Endpoint::Chat | Endpoint::Generate => policy.options.get(name),
                _ => None,
            };
            let expected = expected.and_then(Value::as_f64);
            assert_eq!(number(sent.option(name)), expected, "{name}: {text}");
        }
        assert!(!sent.members.contains_key("keep_alive"), "{text}");
        assert!(!sent.members.contains_key("shift"), "{text}");
    }
}

#[test]
fn whatever_a_body_says_what_is_sent_is_what_was_taken_and_the_operators_rules_hold() {
    let mut mutator = mutator("request", REQUESTS, REQUEST_WORDS);
    let whole = mutator.corpus().to_vec();
    let mut understood = 0;
    let policies = [policy(), relaying()];
    // What is kept is read under each policy.
    let kept = (0..2 * whole.len()).map(|round| whole[round / 2].clone());
    let made = (0..rounds(6_000)).map(|_| mutator.input());
    for (round, body) in kept.chain(made).enumerate() {
        for endpoint in Endpoint::ALL {
            let policy = &policies[round % 2];
            let Some(first) = prepared(endpoint, &body, policy) else {
                continue;
            };
            understood += 1;
            // It is a request still, and settling it again changes nothing.
            let sent = first.body.payload(&Sending::default()).to_vec();
            let to = Endpoint::ALL.into_iter().find(|to| to.path() == first.path);
            let to = to.expect("an endpoint");
            let again = prepared(to, &sent, policy).expect("what is sent is a request");
            let again = again.body.payload(&Sending::default()).to_vec();
            if endpoint == Endpoint::Messages && to != endpoint {
                // A chat that comes as one gets the operator's sampling besides.
                continue;
            }
            let read = |bytes: &[u8]| match go::read(to, bytes) {
                Outcome::Taken(taken) => taken.text,
                other => panic!("{other:?}"),
            };
            assert_eq!(
                read(&again),
                read(&sent),
                "{}",
                String::from_utf8_lossy(&body)
            );
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
    let mut mutator = mutator("answer", ANSWERS, ANSWER_WORDS);
    let whole = mutator.corpus().to_vec();
    let translation = |delivery: Delivery| delivery.translation(7, 0, "m");
    let response = |way| {
        let repeated = "\"tools\":[]".into();
        translation(Delivery::Response(responses::Delivery { way, repeated }))
    };
    let completion = |delivery| translation(Delivery::Completion(delivery));
    let text = |delivery| translation(Delivery::Text(delivery));
    let message = |delivery| translation(Delivery::Message(delivery));
    let ways = [
        (Form::Lines, None),
        (Form::Events, None),
        (Form::OpenAiEvents, None),
        (Form::Document, None),
        (
            Form::OpenAiDocument,
            Some(completion(openai::Delivery::Document)),
        ),
        (
            Form::OpenAiEvents,
            Some(completion(openai::Delivery::Stream)),
        ),
        (
            Form::OpenAiEvents,
            Some(completion(openai::Delivery::StreamWithUsage)),
        ),
        (Form::OpenAiDocument, Some(text(openai::Delivery::Document))),
        (Form::OpenAiEvents, Some(text(openai::Delivery::Stream))),
        (
            Form::OpenAiEvents,
            Some(text(openai::Delivery::StreamWithUsage)),
        ),
        (
            Form::OpenAiDocument,
            Some(response(responses::Way::Document)),
        ),
        (Form::OpenAiEvents, Some(response(responses::Way::Stream))),
        (Form::AnthropicEvents, None),
        (
            Form::AnthropicDocument,
            Some(message(messages::Delivery::Document)),
        ),
        (
            Form::AnthropicEvents,
            Some(message(messages::Delivery::Stream { prompt_tokens: 3 })),
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
            if round < whole.len() {
                let bytes: Vec<_> = answer.chunks(1).collect();
                let by_bytes = passed(*form, translation.as_ref(), &bytes);
                assert_eq!(at_once, by_bytes, "{form:?} byte by byte: {answer:?}");
            }
            let Some((verdict, out)) = at_once else {
                continue;
            };
            complete += usize::from(verdict == Verdict::Complete);
            match (form, translation.as_ref().map(|told| &told.delivery)) {
                (Form::Events, _) => {
                    only_fields(&out, &["event: message", "event: error", "data: "])
                }
                (Form::OpenAiEvents | Form::AnthropicEvents, Some(delivery)) => {
                    let (fields, end) = match delivery {
                        Delivery::Response(_) => (NAMED, "event: response.completed\n"),
                        Delivery::Message(_) => (NAMED, "event: message_stop\n"),
                        _ => (&["data: "][..], "data: [DONE]\n\n"),
                    };
                    only_fields(&out, fields);
                    let mut words = out.windows(end.len());
                    let has_end = words.any(|word| word == end.as_bytes());
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

/// The fields of events that have names.
const NAMED: &[&str] = &["event: ", "data: "];
