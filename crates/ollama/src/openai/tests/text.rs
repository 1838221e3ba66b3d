//! Rules of the older completions, there and back.

use super::*;
use crate::Form;
use crate::framing::Verdict;
use crate::translation;

fn prepared_text(policy: &Policy, body: &Value) -> Prepared {
    prepared_at(Endpoint::OpenAiCompletions, policy, body).unwrap()
}

fn sent_text(body: Value) -> (Value, crate::Delivery) {
    let prepared = prepared_text(&policy(), &body);
    assert_eq!(prepared.path, "/api/generate");
    (sent_again(&prepared), prepared.delivery.unwrap())
}

fn answered(delivery: Delivery, answer: &str) -> (Verdict, String) {
    let form = match delivery {
        Delivery::Document => Form::OpenAiDocument,
        _ => Form::OpenAiEvents,
    };
    let translation = crate::Delivery::Text(delivery).translation(7, 1_767_225_600, "m");
    translation::tests::answered(form, &translation, answer)
}

#[test]
fn a_completion_of_a_text_becomes_a_generation_with_the_operators_runner_options() {
    let (generation, delivery) = sent_text(json!({
        "model": "m", "prompt": "Once", "suffix": "end", "max_tokens": 9, "stop": ["x", "y"], "seed": 3, "top_p": 0,
        "presence_penalty": 0.5, "logprobs": 2, "n": 2, "best_of": 3, "echo": true, "stream": true,
        "stream_options": { "include_usage": true }, "options": { "num_ctx": 9 },
    }));
    assert_eq!(delivery, crate::Delivery::Text(Delivery::StreamWithUsage));
    assert_eq!(
        generation,
        json!({
            "model": "m", "prompt": "Once", "suffix": "end", "logprobs": true, "top_logprobs": 2, "stream": true,
            "options": {
                "temperature": 1.0, "top_p": 1.0, "frequency_penalty": 0, "presence_penalty": 0.5, "seed": 3,
                "num_predict": 9, "stop": ["x", "y"], "num_ctx": 4096, "num_parallel": 4,
            },
        })
    );
}

#[test]
fn an_empty_prompt_is_a_load_in_the_form_that_was_asked_for() {
    for (body, form) in [
        (json!({ "model": "m", "prompt": "" }), Form::OpenAiDocument),
        (
            json!({ "model": "m", "prompt": "", "stream": true }),
            Form::OpenAiEvents,
        ),
        (json!({ "model": "m", "stream": true }), Form::OpenAiEvents),
    ] {
        let prepared = prepared_text(&policy(), &body);
        assert_eq!(prepared.form, form, "{body}");
        let sent = prepared.body.payload(&Sending::default()).to_vec();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent.get("truncate"), None, "{sent}");
    }
    let load = r#"{"model":"m","response":"","done":true,"done_reason":"load"}"#;
    let (verdict, text) = answered(Delivery::Stream, load);
    assert_eq!(verdict, Verdict::Complete);
    assert!(text.contains(r#""finish_reason":"load""#), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[test]
fn without_runner_options_a_text_goes_as_it_came() {
    let mut policy = policy();
    policy.options.shift_remove("num_ctx");
    let relayed = prepared_text(&policy, &json!({ "prompt": "x" }));
    assert_eq!((relayed.delivery, relayed.path), (None, "/v1/completions"));
}

#[test]
fn what_ollama_does_not_take_is_refused() {
    for (body, param) in [
        (json!({ "model": "m", "prompt": ["x"] }), "prompt"),
        (
            json!({ "model": "m", "prompt": "x", "stop": ["x", 5] }),
            "stop",
        ),
        (json!({}), "prompt"),
    ] {
        let refused = prepared_at(Endpoint::OpenAiCompletions, &policy(), &body);
        assert_eq!(refused.unwrap_err().param.as_deref(), Some(param), "{body}");
    }
}

#[test]
fn the_cap_holds_for_a_translated_text() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    for asked in [json!(900), json!(0), json!(-1), Value::Null] {
        let body = json!({ "prompt": "x", "max_tokens": asked });
        let sent = prepared_text(&policy, &body)
            .body
            .payload(&Sending::default());
        let sent: Value = serde_json::from_slice(&sent.to_vec()).unwrap();
        assert_eq!(sent["options"]["num_predict"], 50, "{body}");
    }
}

#[test]
fn what_was_used_is_told_as_nothing_until_the_end() {
    let lines = "{\"response\":\"a\",\"done\":false}\n\
        {\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1],\"prompt_eval_count\":3,\"eval_count\":2}\n";
    let (verdict, text) = answered(Delivery::StreamWithUsage, lines);
    assert_eq!(verdict, Verdict::Complete);
    let events: Vec<&str> = text.split_terminator("\n\n").collect();
    assert_eq!(events.len(), 4, "{text}");
    let event = |index: usize| -> Value {
        let data = events[index].strip_prefix("data: ").unwrap();
        serde_json::from_str(data).unwrap()
    };
    let none = json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 });
    assert_eq!(
        event(0)["choices"],
        json!([{ "text": "a", "index": 0, "finish_reason": null }])
    );
    assert_eq!((&event(0)["usage"], &event(1)["usage"]), (&none, &none));
    assert_eq!(event(1)["choices"][0]["finish_reason"], "stop");
    assert_eq!(event(2)["choices"], json!([]));
    assert_eq!(event(2)["usage"]["total_tokens"], 5);
}

#[test]
fn an_error_of_a_generation_is_an_error() {
    let (verdict, text) = answered(Delivery::Stream, "{\"error\":\"gone\"}\n");
    assert_eq!(verdict, Verdict::Failed);
    assert!(text.contains(r#""message":"gone""#), "{text}");
    let (verdict, text) = answered(Delivery::Document, r#"{"error":"gone"}"#);
    assert_eq!(verdict, Verdict::Failed);
    assert!(text.contains(r#""message":"gone""#), "{text}");
}
