//! Rules of reading, beside those that the transcripts hold.

use http::StatusCode;
use serde_json::{Value, json};

use super::*;

fn read(form: Form, body: &Value) -> Result<Ask, Refusal> {
    Ask::read(form, body.to_string().as_bytes())
}

#[test]
fn the_prompt_is_the_last_message_of_the_user() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": "and then"},
    ]});
    let ask = read(Form::ChatCompletion, &body).unwrap();
    assert_eq!((ask.prompt(), ask.prompt_tokens()), ("second", 4));
}

#[test]
fn the_apis_differ_in_whether_they_stream() {
    let body =
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1});
    for (form, expected) in [
        (Form::Chat, Delivery::Streamed),
        (Form::ChatCompletion, Delivery::Whole),
        (Form::Messages, Delivery::Whole),
    ] {
        assert_eq!(read(form, &body).unwrap().delivery, expected);
    }
}

#[test]
fn a_limit_of_nothing_or_less_is_none() {
    for (limit, expected) in [(json!(-1), None), (json!(0), None), (json!(7.9), Some(7))] {
        let body = json!({"model": "m", "options": {"num_predict": limit}});
        let ask = read(Form::Chat, &body).unwrap();
        assert_eq!(ask.options.limit(), expected);
    }
}

#[test]
fn an_option_of_a_wrong_type_is_a_500_and_an_unknown_one_is_ignored() {
    for (options, expected) in [
        (
            json!({"temperature": "hot"}),
            Some("option \"temperature\" must be of type float32"),
        ),
        (
            json!({"num_ctx": "big"}),
            Some("option \"num_ctx\" must be of type integer"),
        ),
        (
            json!({"stop": "x"}),
            Some("option \"stop\" must be of type array"),
        ),
        (
            json!({"num_parallel": "x", "seed": null, "stop": ["x"]}),
            None,
        ),
    ] {
        let ask = read(Form::Chat, &json!({"model": "m", "options": options})).unwrap();
        let refusal = ask.options.check().err();
        assert_eq!(
            refusal,
            expected.map(|message| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        );
    }
}

#[test]
fn one_message_becomes_one_for_each_of_its_parts() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "text", "text": "b"},
    ]}]});
    let ask = read(Form::ChatCompletion, &body).unwrap();
    let Said::Messages(messages) = ask.said else {
        panic!("messages")
    };
    let contents: Vec<_> = messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    assert_eq!((contents, ask.has_images), (vec!["a", "", "b"], true));
}

#[test]
fn v1_sets_temperature_and_top_p_to_one_where_they_are_not_named() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "top_p": 0.5});
    let options = read(Form::ChatCompletion, &body).unwrap().options;
    let numbers = ["temperature", "top_p"].map(|name| options.number(name));
    assert_eq!(numbers, [Some(1.0), Some(0.5)]);
}
