//! What the rules of all dialects need.

use serde_json::Value;

use super::{Delivery, Translation};
use crate::framing::{Passage, Verdict};
use crate::request::Sending;
use crate::{
    Asker, Endpoint, Form, Invalid, Policy, Prepared, messages, openai, prepare, responses,
};

/// A request with this body.
pub(crate) fn prepared_at(
    endpoint: Endpoint,
    policy: &Policy,
    body: &Value,
) -> Result<Prepared, Invalid> {
    let body = body.to_string().into_bytes();
    prepare(endpoint, body, &Asker::default(), policy)
}

/// What is sent, as it is sent again: the first time there is `truncate` beside it.
pub(crate) fn sent_again(prepared: &Prepared) -> Value {
    let again = Sending {
        may_cut: true,
        ..Sending::default()
    };
    serde_json::from_slice(&prepared.body.payload(&again).to_vec()).unwrap()
}

/// What the client gets for an answer, the same wherever its chunks are cut.
pub(crate) fn answered(
    form: Form,
    translation: &Translation,
    answer: impl AsRef<[u8]>,
) -> (Verdict, String) {
    let passed = |chunks: &[&[u8]]| {
        let mut passage = Passage::new(form, Some(translation));
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend(passage.pass(chunk.to_vec()).unwrap());
            assert!(passage.between_frames());
        }
        let (verdict, last) = passage.end();
        out.extend(last);
        (verdict, String::from_utf8(out).unwrap())
    };
    let answer = answer.as_ref();
    let whole = passed(&[answer]);
    for cut in 0..=answer.len() {
        let in_two = passed(&[&answer[..cut], &answer[cut..]]);
        assert_eq!(in_two, whole, "cut at {cut}");
    }
    whole
}

/// A stream of each dialect.
fn streams() -> [(Form, Delivery); 4] {
    let response = responses::Delivery {
        way: responses::Way::Stream,
        repeated: "\"tools\":[]".into(),
    };
    [
        (
            Form::OpenAiEvents,
            Delivery::Completion(openai::Delivery::Stream),
        ),
        (Form::OpenAiEvents, Delivery::Text(openai::Delivery::Stream)),
        (Form::OpenAiEvents, Delivery::Response(response)),
        (
            Form::AnthropicEvents,
            Delivery::Message(messages::Delivery::Stream { prompt_tokens: 1 }),
        ),
    ]
}

const DONE: &str = "{\"message\":{\"content\":\"x\"},\"response\":\"x\",\"done\":true}\n";

#[test]
fn what_others_read_in_a_line_is_read_and_an_answer_that_lost_one_is_not_whole() {
    for (form, delivery) in streams() {
        let translation = delivery.clone().translation(7, 0, "m");
        let documents = [&br"Hi \ud83d"[..], b"Hi \xff"];
        for said in documents {
            let line = [
                b"{\"message\":{\"content\":\"",
                said,
                b"\"},\"response\":\"",
                said,
                b"\",\"done\":false}\n",
                DONE.as_bytes(),
            ]
            .concat();
            let (verdict, text) = answered(form, &translation, &line);
            assert_eq!(verdict, Verdict::Complete, "{delivery:?}");
            assert!(text.contains("Hi \u{fffd}"), "{delivery:?}: {text}");
        }
        let (open, close) = ("{\"a\":".repeat(200), "}".repeat(200));
        let deep = format!(
            "{{\"message\":{{\"tool_calls\":[{{\"function\":{{\"name\":\"f\",\"arguments\":{open}1{close}}}}}]}},\"done\":false}}\n"
        );
        for lost in [deep.as_str(), "no JSON\n", "{\"message\":\n"] {
            let (verdict, text) = answered(form, &translation, format!("{lost}{DONE}"));
            assert_eq!(verdict, Verdict::Incomplete, "{delivery:?}: {text}");
        }
        for nothing in ["\n", " \r\n", "null\n"] {
            let (verdict, _) = answered(form, &translation, format!("{nothing}{DONE}"));
            assert_eq!(verdict, Verdict::Complete, "{delivery:?}");
        }
    }
}

#[test]
fn what_others_read_in_a_document_is_read() {
    let document = br#"{"message":{"content":"Hi \ud83d"},"response":"Hi \ud83d","done":true}"#;
    for (form, delivery) in [
        (
            Form::OpenAiDocument,
            Delivery::Completion(openai::Delivery::Document),
        ),
        (
            Form::AnthropicDocument,
            Delivery::Message(messages::Delivery::Document),
        ),
    ] {
        let translation = delivery.clone().translation(7, 0, "m");
        let (verdict, text) = answered(form, &translation, document);
        assert_eq!(verdict, Verdict::Complete, "{delivery:?}");
        assert!(text.contains("Hi \u{fffd}"), "{delivery:?}: {text}");
    }
}

#[test]
fn behind_an_end_nothing_is_told() {
    let error = "{\"error\":\"gone\"}\n";
    let done = DONE;
    for (form, delivery) in streams() {
        let translation = delivery.clone().translation(7, 0, "m");
        for (first, second) in [(error, done), (error, error), (done, done), (done, error)] {
            let (_, alone) = answered(form, &translation, first);
            for end in ["", "{}"] {
                let (_, text) = answered(form, &translation, format!("{first}{second}{end}"));
                assert_eq!(text, alone, "{delivery:?}: {first}{second}");
            }
        }
    }
}

#[test]
fn an_answer_came_to_what_its_client_was_told() {
    let errors = [
        &b"{\"error\":\"gone\"}\n"[..],
        b"{\"error\":\"\xff\"}\n",
        br#"{"err\u006fr":"gone"}"#,
    ];
    for (form, delivery) in streams() {
        let translation = delivery.clone().translation(7, 0, "m");
        for error in errors {
            let answer = [error, b"\n", DONE.as_bytes()].concat();
            let (verdict, text) = answered(form, &translation, &answer);
            assert_eq!(verdict, Verdict::Failed, "{delivery:?}: {text}");
        }
        let done = [DONE.as_bytes(), errors[0]].concat();
        let (verdict, text) = answered(form, &translation, &done);
        assert_eq!(verdict, Verdict::Complete, "{delivery:?}: {text}");
    }
}
