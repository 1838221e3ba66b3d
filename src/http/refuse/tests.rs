//! Rules of refusals.

use super::*;

fn body(refusal: &Refusal, wording: Wording) -> Value {
    serde_json::from_slice(&refusal.reply(wording).body).unwrap()
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
        "title": "Bad Request", "detail": "options.seed must be a number", "param": "options.seed",
    });
    assert_eq!(body(&refusal, Wording::Ollama), expected);
    let mut problem = body(&refusal, Wording::Problem);
    assert_eq!(problem["status"].take(), 400);
    problem
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    assert_eq!(problem, expected);
    let kind = |wording| refusal.reply(wording).headers[header::CONTENT_TYPE].clone();
    assert_eq!(kind(Wording::Ollama), "application/json");
    assert_eq!(kind(Wording::Problem), "application/problem+json");
}

#[test]
fn no_refusal_on_api_has_a_member_that_go_takes_for_a_status_line() {
    for (refusal, ..) in Refusal::rows() {
        let document = body(&refusal, Wording::Ollama);
        let members = document.as_object().unwrap();
        assert!(
            !members
                .keys()
                .any(|name| name.eq_ignore_ascii_case("status")),
            "{document}"
        );
    }
}

#[test]
fn a_problem_is_for_whoever_accepts_one_by_its_name() {
    for (accept, expected) in [
        (None, Wording::Ollama),
        (Some("*/*"), Wording::Ollama),
        (Some("application/json"), Wording::Ollama),
        (Some("application/problem+json"), Wording::Problem),
        (
            Some("application/json, application/problem+json"),
            Wording::Problem,
        ),
        (
            Some("application/json, application/problem+json;q=0.5"),
            Wording::Ollama,
        ),
    ] {
        assert_eq!(Wording::of(Family::Ollama, accept), expected, "{accept:?}");
        assert_eq!(Wording::of(Family::OpenAi, accept), Wording::OpenAi);
    }
}

#[test]
fn on_v1_it_is_openais_error_object() {
    let refusal = Refusal::QueueFull {
        retry_after: Duration::from_millis(1200),
    };
    let expected = json!({ "error": {
        "message": "the line is full, please try again", "type": "rate_limit_error", "code": "queue_full", "param": null,
    } });
    assert_eq!(body(&refusal, Wording::OpenAi), expected);
    let reply = refusal.reply(Wording::OpenAi);
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(reply.headers[header::RETRY_AFTER], "2");
}

#[test]
fn on_messages_it_is_anthropics_error() {
    let said = |refusal: Refusal| {
        let reply = refusal.reply(Wording::Anthropic);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["type"], "error");
        let kind = body["error"]["type"].as_str().unwrap().to_owned();
        (
            reply.status.as_u16(),
            kind,
            body["error"]["message"].clone(),
        )
    };
    let retry_after = Duration::from_secs(90);
    let too_long = Refusal::PromptTooLong {
        prompt_tokens: 21_000,
        num_ctx: 4_096,
    };
    for (refusal, status, kind, message) in [
        (
            Refusal::QueueFull { retry_after },
            429,
            "rate_limit_error",
            "the line is full, please try again",
        ),
        (
            Refusal::upstream_down(retry_after),
            529,
            "overloaded_error",
            "the model server cannot be reached",
        ),
        (
            Refusal::Overloaded,
            503,
            "api_error",
            "too much at once, please try again",
        ),
        (
            too_long,
            400,
            "invalid_request_error",
            "prompt is too long: 21000 tokens > 4096 maximum",
        ),
        (
            Refusal::NotFound,
            404,
            "not_found_error",
            "there is no such route",
        ),
    ] {
        let expected = (status, kind.to_owned(), Value::from(message));
        assert_eq!(said(refusal), expected);
    }
}

#[test]
fn no_sdk_is_told_to_wait_longer_than_it_does() {
    let retry_after = Duration::from_secs(90);
    for (wording, expected) in [
        (Wording::Ollama, "90"),
        (Wording::Problem, "90"),
        (Wording::OpenAi, "60"),
        (Wording::Anthropic, "60"),
    ] {
        let reply = Refusal::QueueFull { retry_after }.reply(wording);
        assert_eq!(reply.headers[header::RETRY_AFTER], expected);
    }
}

#[test]
fn each_refusal_says_whether_asking_again_may_help() {
    for (refusal, ..) in Refusal::rows() {
        for wording in [Wording::Ollama, Wording::OpenAi, Wording::Anthropic] {
            let advice = refusal.reply(wording).headers["x-should-retry"].clone();
            // When to ask again is told only to those who may.
            if refusal.retry_after().is_some() {
                assert_eq!(advice, "true", "{refusal:?}");
            }
            if refusal.status() == StatusCode::BAD_REQUEST {
                assert_eq!(advice, "false", "{refusal:?}");
            }
        }
    }
    let its_own = |status| Refusal::Upstreams {
        status,
        sentence: String::new(),
        document: Some(json!({ "error": "x" })),
    };
    for (status, expected) in [
        (StatusCode::NOT_FOUND, "false"),
        (StatusCode::SERVICE_UNAVAILABLE, "true"),
    ] {
        let reply = its_own(status).reply(Wording::OpenAi);
        assert_eq!(reply.headers["x-should-retry"], expected);
    }
}

#[test]
fn a_wait_is_rounded_up_and_never_nothing() {
    let seconds = |ms| {
        let retry_after = Duration::from_millis(ms);
        Refusal::RateLimited { retry_after }
            .reply(Wording::Ollama)
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
    assert_eq!(
        refusal.reply(Wording::Ollama).headers[header::ALLOW],
        "POST"
    );
}

#[test]
fn what_a_model_is_called_cannot_break_the_document() {
    let model = "\"\n\u{0}</script>".to_owned();
    let refusal = Refusal::ModelNotAllowed { model };
    assert_eq!(body(&refusal, Wording::Ollama)["code"], "model_not_allowed");
}

#[test]
fn every_refusal_is_an_error_with_a_sentence_in_each_familys_form() {
    for (refusal, ..) in Refusal::rows() {
        if let Refusal::Upstreams { .. } = refusal {
            continue;
        }
        let status = refusal.status();
        assert!(
            status.is_client_error() || status.is_server_error(),
            "{refusal:?}"
        );
        assert_eq!(body(&refusal, Wording::Ollama)["code"], refusal.code());
        assert_eq!(
            body(&refusal, Wording::OpenAi)["error"]["code"],
            refusal.code()
        );
        assert!(!refusal.detail().ends_with('.'), "{refusal:?}");
    }
}

#[test]
fn a_code_that_two_rows_have_is_listed_once() {
    let codes: Vec<&str> = Refusal::codes().collect();
    let once: std::collections::BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes.len(), once.len());
    assert!(
        Refusal::rows()
            .iter()
            .all(|(refusal, ..)| once.contains(refusal.code()))
    );
}
