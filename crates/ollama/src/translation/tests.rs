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
pub(crate) fn answered(form: Form, translation: &Translation, answer: &str) -> (Verdict, String) {
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
    let answer = answer.as_bytes();
    let whole = passed(&[answer]);
    for cut in 0..=answer.len() {
        let in_two = passed(&[&answer[..cut], &answer[cut..]]);
        assert_eq!(in_two, whole, "cut at {cut}");
    }
    whole
}

#[test]
fn behind_an_end_nothing_is_told() {
    let error = "{\"error\":\"gone\"}\n";
    let done = "{\"message\":{\"content\":\"x\"},\"response\":\"x\",\"done\":true}\n";
    let response = responses::Delivery {
        way: responses::Way::Stream,
        repeated: "\"tools\":[]".into(),
    };
    for (form, delivery) in [
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
    ] {
        let translation = delivery.clone().translation(7, 0, "m");
        for (first, second) in [(error, done), (error, error), (done, done), (done, error)] {
            let (_, alone) = answered(form, &translation, first);
            for end in ["", "{}"] {
                let (_, text) = answered(form, &translation, &format!("{first}{second}{end}"));
                assert_eq!(text, alone, "{delivery:?}: {first}{second}");
            }
        }
    }
}
