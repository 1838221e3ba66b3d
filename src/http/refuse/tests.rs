//! Rules of refusals.

use super::*;
use sluice_ollama::request::Code;

fn body(refusal: &Refusal, family: Family) -> Value {
    serde_json::from_slice(&refusal.reply(family).body).unwrap()
}

#[test]
fn a_refusal_is_a_problem_with_ollamas_error_in_it() {
    let invalid = Invalid {
        code: Code::InvalidOption,
        param: Some("options.seed".to_owned()),
        message: "options.seed must be a number".to_owned(),
    };
    let refusal = Refusal::from(invalid);
    let expected = json!({
        "error": "options.seed must be a number", "code": "invalid_option", "type": "about:blank",
        "title": "Bad Request", "status": 400, "detail": "options.seed must be a number", "param": "options.seed",
    });
    assert_eq!(body(&refusal, Family::Ollama), expected);
    let reply = refusal.reply(Family::Ollama);
    assert_eq!(
        reply.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
}

#[test]
fn on_v1_it_is_openais_error_object() {
    let refusal = Refusal::QueueFull {
        retry_after: Duration::from_millis(1200),
    };
    let expected = json!({ "error": {
        "message": "the line is full, please try again", "type": "rate_limit_error", "code": "queue_full", "param": null,
    } });
    assert_eq!(body(&refusal, Family::OpenAi), expected);
    let reply = refusal.reply(Family::OpenAi);
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(reply.headers[header::RETRY_AFTER], "2");
}

#[test]
fn a_wait_is_rounded_up_and_never_nothing() {
    let seconds = |ms| {
        let retry_after = Duration::from_millis(ms);
        Refusal::RateLimited { retry_after }
            .reply(Family::Ollama)
            .headers[header::RETRY_AFTER]
            .clone()
    };
    assert_eq!(seconds(0), "1");
    assert_eq!(seconds(1000), "1");
    assert_eq!(seconds(1001), "2");
}

#[test]
fn a_wrong_method_says_which_are_right() {
    let refusal = Refusal::MethodNotAllowed { allow: "POST" };
    assert_eq!(refusal.reply(Family::Ollama).headers[header::ALLOW], "POST");
}

#[test]
fn what_a_model_is_called_cannot_break_the_document() {
    let model = "\"\n\u{0}</script>".to_owned();
    let refusal = Refusal::ModelNotFound { model };
    assert_eq!(body(&refusal, Family::Ollama)["code"], "model_not_found");
}

#[test]
fn the_list_of_codes_has_every_code_once() {
    let source = include_str!("../refuse.rs");
    let (_, rest) = source.split_once("pub fn code(&self)").unwrap();
    let (body, _) = rest.split_once("pub fn ").unwrap();
    let mut used: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
    used.extend([Code::InvalidJson, Code::InvalidRequest, Code::InvalidOption].map(Code::as_str));
    used.sort_unstable();
    let mut listed = Refusal::CODES.to_vec();
    listed.sort_unstable();
    assert_eq!(listed, used);
}
