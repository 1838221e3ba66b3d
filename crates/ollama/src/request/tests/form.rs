//! In which form a request is answered.

use super::*;
use crate::Form;

fn form(endpoint: Endpoint, body: &str, accept: Option<&str>) -> Form {
    let asker = Asker {
        accept,
        is_operator: false,
        ..Asker::default()
    };
    let body = body.as_bytes().to_vec();
    prepare(endpoint, body, &asker, &policy()).unwrap().form
}

#[test]
fn a_stream_is_the_default_for_ollamas_own_and_not_for_openais() {
    for (endpoint, body, expected) in [
        (Endpoint::Generate, r#"{"prompt":"x"}"#, Form::Lines),
        (
            Endpoint::Generate,
            r#"{"prompt":"x","stream":false}"#,
            Form::Document,
        ),
        (
            Endpoint::Generate,
            r#"{"prompt":"x","Stream":false}"#,
            Form::Document,
        ),
        (
            Endpoint::Generate,
            r#"{"prompt":"x","stream":null}"#,
            Form::Lines,
        ),
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user","content":"x"}]}"#,
            Form::OpenAiDocument,
        ),
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user","content":"x"}],"stream":true}"#,
            Form::OpenAiEvents,
        ),
        (
            Endpoint::Embed,
            r#"{"input":"x","stream":true}"#,
            Form::Document,
        ),
    ] {
        assert_eq!(form(endpoint, body, None), expected, "{body}");
    }
}

#[test]
fn events_of_ollamas_own_are_for_whoever_asks_for_them() {
    let body = r#"{"prompt":"x"}"#;
    assert_eq!(form(Endpoint::Chat, body, Some("*/*")), Form::Lines);
    let accept = Some("application/json, Text/Event-Stream;q=0.9");
    assert_eq!(form(Endpoint::Chat, body, accept), Form::Events);
    let whole = r#"{"prompt":"x","stream":false}"#;
    assert_eq!(form(Endpoint::Chat, whole, accept), Form::Document);
}

#[test]
fn a_load_is_answered_with_one_document_whatever_was_asked_for() {
    for (endpoint, body) in [
        (Endpoint::Chat, r#"{"model":"m"}"#),
        (
            Endpoint::Chat,
            r#"{"model":"m","messages":[],"stream":true}"#,
        ),
        (Endpoint::Chat, r#"{"model":"m","messages":null}"#),
        (Endpoint::Generate, r#"{"model":"m","prompt":""}"#),
        (Endpoint::Embed, r#"{"model":"m"}"#),
        (Endpoint::Embeddings, r#"{"model":"m"}"#),
    ] {
        assert_eq!(
            form(endpoint, body, Some("text/event-stream")),
            Form::Document,
            "{body}"
        );
    }
}
