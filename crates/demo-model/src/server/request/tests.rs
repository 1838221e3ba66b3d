//! Requests as clients send them.

use serde_json::json;

use super::*;

fn ask(form: Form, mut body: Value) -> Result<Ask, Refusal> {
    body["model"] = json!(MODEL);
    Ask::read(form, &body)
}

#[test]
fn options_are_ollamas() {
    let body = json!({ "messages": [{ "role": "user", "content": "hi" }], "options": {
        "temperature": 0, "top_p": 0.5, "top_k": 7, "repeat_penalty": 1.3, "seed": 9, "num_predict": 5,
        "stop": ["x"], "num_ctx": 4096, "unknown": {},
    } });
    let ask = ask(Form::Chat, body).unwrap();
    let expected = Settings {
        temperature: 0.0,
        top_p: 0.5,
        top_k: 7,
        repeat_penalty: 1.3,
        seed: 9,
        ..Settings::default()
    };
    assert_eq!(
        (ask.settings, ask.limit, ask.stops),
        (expected, Some(5), vec!["x".to_owned()])
    );
    assert_eq!(ask.delivery, Delivery::Streamed);
}

#[test]
fn openai_has_its_options_at_the_top() {
    let body = json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }],
        "temperature": 0, "max_tokens": 3, "stop": "x", "seed": 4 });
    let ask = ask(Form::ChatCompletion, body).unwrap();
    assert_eq!(
        (ask.settings.temperature, ask.settings.seed, ask.limit),
        (0.0, 4, Some(3))
    );
    assert_eq!(
        (ask.delivery, ask.stops),
        (Delivery::Whole, vec!["x".to_owned()])
    );
}

#[test]
fn a_limit_that_is_none_is_no_limit() {
    for (limit, expected) in [(-1, None), (-2, None), (0, None), (7, Some(7))] {
        let ask = ask(
            Form::Generate,
            json!({ "prompt": "x", "options": { "num_predict": limit } }),
        )
        .unwrap();
        assert_eq!(ask.limit, expected);
    }
}

#[test]
fn a_seed_that_is_none_is_another_each_time() {
    let seed = || {
        ask(
            Form::Generate,
            json!({ "prompt": "x", "options": { "seed": -1 } }),
        )
        .unwrap()
        .settings
        .seed
    };
    assert_ne!(seed(), seed());
}

#[test]
fn a_prompt_becomes_messages_unless_it_is_raw() {
    let said = |body| ask(Form::Generate, body).unwrap().said;
    let message = |role, content: &str| Message {
        role,
        content: content.to_owned(),
    };
    assert_eq!(
        said(json!({ "prompt": "hi", "system": "Be brief." })),
        Said::Messages(vec![
            message(Role::System, "Be brief."),
            message(Role::User, "hi")
        ])
    );
    assert_eq!(
        said(json!({ "prompt": "hi", "raw": true })),
        Said::Raw("hi".to_owned())
    );
    assert_eq!(said(json!({})), Said::Nothing);
}

#[test]
fn what_the_model_cannot_do_is_refused_by_name() {
    for (body, word) in [
        (json!({ "tools": [{}] }), "tools"),
        (json!({ "think": true }), "thinking"),
        (json!({ "suffix": "x" }), "insert"),
        (json!({ "format": "json" }), "formats"),
        (
            json!({ "response_format": { "type": "json_object" } }),
            "formats",
        ),
        (
            json!({ "messages": [{ "role": "user", "images": ["aaaa"] }] }),
            "images",
        ),
        (
            json!({ "messages": [{ "role": "tool", "content": "x" }] }),
            "role",
        ),
        (json!({ "messages": "x" }), "messages"),
    ] {
        let refusal = ask(Form::Chat, body).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.message.contains(word), "{}", refusal.message);
    }
    assert!(
        ask(
            Form::Chat,
            json!({ "think": false, "tools": [], "format": "" })
        )
        .is_ok()
    );
}

#[test]
fn a_wrong_type_has_ollamas_status() {
    let refusal = ask(Form::Chat, json!({ "options": { "top_k": "many" } })).unwrap_err();
    assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
    let refusal = ask(Form::ChatCompletion, json!({ "temperature": "hot" })).unwrap_err();
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
}

#[test]
fn another_model_is_not_there() {
    let refusal = Ask::read(Form::Chat, &json!({ "model": "qwen3:1.7b" })).unwrap_err();
    assert_eq!(
        (refusal.status, refusal.message.as_str()),
        (StatusCode::NOT_FOUND, "model 'qwen3:1.7b' not found")
    );
}
