//! Rules of the translation, there and back.

mod answer;

use super::*;
use crate::request::Sending;
use crate::translation::tests::{prepared_at, sent_again};
use crate::{Asker, Endpoint, Policy, Prepared, prepare};

fn policy() -> Policy {
    let options = json!({ "num_ctx": 4096, "temperature": 0.7, "top_p": 0.9 });
    Policy {
        model: "qwen3:1.7b".into(),
        options: options.as_object().unwrap().clone(),
        ..Policy::default()
    }
}

fn prepared(policy: &Policy, body: &Value) -> Prepared {
    prepared_at(Endpoint::OpenAiResponses, policy, body).unwrap()
}

fn sent(body: &Value) -> Value {
    let prepared = prepared(&policy(), body);
    assert_eq!(prepared.path, "/api/chat");
    sent_again(&prepared)
}

fn messages(input: Value) -> Value {
    sent(&json!({ "input": input }))["messages"].clone()
}

fn refused(body: &Value) -> String {
    let refused = prepared_at(Endpoint::OpenAiResponses, &policy(), body);
    refused.unwrap_err().param.unwrap()
}

fn delivery(body: &Value) -> Delivery {
    match prepared(&policy(), body).delivery.unwrap() {
        crate::Delivery::Response(delivery) => delivery,
        other => panic!("{other:?} is no response's"),
    }
}

fn repeated(body: &Value) -> Value {
    let members = delivery(body).repeated;
    serde_json::from_slice(&[b"{", &members[..], b"}"].concat()).unwrap()
}

#[test]
fn a_response_becomes_a_chat_with_the_operators_runner_options_and_the_models_own_sampling() {
    let schema = json!({ "type": "object" });
    let chat = sent(&json!({
        "model": "m", "instructions": "Be brief.", "input": "Hi", "max_output_tokens": 9, "stream": true,
        "reasoning": { "effort": "minimal" }, "previous_response_id": "resp_1", "store": true, "tool_choice": "required",
        "text": { "format": { "type": "json_schema", "name": "s", "schema": schema } },
    }));
    assert_eq!(
        chat,
        json!({
            "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Hi" }],
            "model": "m", "stream": true, "format": schema, "think": "low",
            "options": { "temperature": 1.0, "num_predict": 9, "num_ctx": 4096 },
        })
    );
}

#[test]
fn without_runner_options_or_with_a_search_of_the_web_it_goes_as_it_came() {
    let mut own = policy();
    own.options.shift_remove("num_ctx");
    let body = json!({ "input": "x" });
    assert_eq!(prepared(&own, &body).path, "/v1/responses");
    let search = json!({ "input": "x", "tools": [{ "type": "web_search" }] });
    let search = prepared(&policy(), &search);
    assert!(search.searches_web);
    assert_eq!((search.delivery, search.path), (None, "/v1/responses"));
}

#[test]
fn the_cap_holds_for_a_translated_response() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    for asked in [json!(900), json!(0), json!(-1), Value::Null] {
        let body = json!({ "input": "x", "max_output_tokens": asked });
        let sent = prepared(&policy, &body).body.payload(&Sending::default());
        let sent: Value = serde_json::from_slice(&sent.to_vec()).unwrap();
        assert_eq!(sent["options"]["num_predict"], 50, "{body}");
    }
}

#[test]
fn nothing_to_say_is_a_load_in_the_form_that_was_asked_for() {
    for (body, form) in [
        (json!({ "model": "m" }), crate::Form::OpenAiDocument),
        (
            json!({ "model": "m", "input": "", "stream": true }),
            crate::Form::OpenAiEvents,
        ),
    ] {
        let prepared = prepared(&policy(), &body);
        assert_eq!(prepared.form, form, "{body}");
        let sent = prepared.body.payload(&Sending::default()).to_vec();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(
            (sent.get("truncate"), &sent["messages"]),
            (None, &json!([]))
        );
    }
}

#[test]
fn parts_are_one_text_and_pictures_beside_it() {
    let messages = messages(json!([
        { "role": "developer", "content": "a" },
        { "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "b \u{1f415}" },
            { "type": "input_image", "image_url": "data:image/png;base64,aGk=" },
            { "type": "input_image", "file_id": "file-1" },
            { "type": "input_text", "text": "c" },
        ] },
        { "role": "user" },
    ]));
    assert_eq!(
        messages,
        json!([
            { "role": "developer", "content": "a" },
            { "role": "user", "content": "b \u{1f415}c", "images": ["aGk="] },
            { "role": "user", "content": "" },
        ])
    );
}

fn call(id: &str) -> Value {
    json!({ "type": "function_call", "call_id": id, "name": "f", "arguments": "{\"a\":1}" })
}

fn output(id: &str) -> Value {
    json!({ "type": "function_call_output", "call_id": id, "output": "done" })
}

fn made(id: &str) -> Value {
    json!({ "id": id, "function": { "name": "f", "arguments": { "a": 1 } } })
}

#[test]
fn what_was_thought_said_and_called_is_one_message() {
    let messages = messages(json!([
        { "role": "user", "content": "x" },
        { "type": "reasoning", "summary": [], "content": null, "encrypted_content": "hm" },
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "I look." }] },
        call("1"),
        { "type": "web_search_call", "id": "ws_1" },
        { "type": "reasoning", "encrypted_content": "once more" },
        call("2"),
        output("1"),
        output("2"),
        { "type": "reasoning", "encrypted_content": "last" },
    ]));
    let result = |id: &str| json!({ "role": "tool", "content": "done", "tool_call_id": id });
    assert_eq!(
        messages,
        json!([
            { "role": "user", "content": "x" },
            {
                "role": "assistant", "content": "I look.", "thinking": "once more",
                "tool_calls": [made("1"), made("2")],
            },
            result("1"),
            result("2"),
            { "role": "assistant", "content": "", "thinking": "last" },
        ])
    );
}

#[test]
fn a_text_between_a_call_and_its_output_goes_with_the_call() {
    let said = |text: &str| json!({ "role": "assistant", "content": text });
    let messages = messages(json!([
        said("a"),
        call("1"),
        said("b"),
        output("1"),
        call("2"),
        said("c"),
        output("9"),
    ]));
    assert_eq!(
        messages,
        json!([
            { "role": "assistant", "content": "a\nb", "tool_calls": [made("1")] },
            { "role": "tool", "content": "done", "tool_call_id": "1" },
            { "role": "assistant", "content": "", "tool_calls": [made("2")] },
            { "role": "assistant", "content": "c" },
            { "role": "tool", "content": "done", "tool_call_id": "9" },
        ])
    );
}

#[test]
fn an_output_may_be_parts_with_pictures() {
    let messages = messages(json!([
        { "type": "function_call", "call_id": "1", "name": "f", "arguments": "" },
        { "type": "function_call_output", "call_id": "1", "output": [
            { "type": "input_text", "text": "a" },
            { "type": "input_image", "image_url": "data:;base64,aGk=" },
        ] },
    ]));
    assert_eq!(
        messages[0]["tool_calls"][0]["function"]["arguments"],
        json!({})
    );
    assert_eq!(
        messages[1],
        json!({ "role": "tool", "content": "a", "images": ["aGk="], "tool_call_id": "1" })
    );
}

#[test]
fn tools_are_functions_and_those_of_a_namespace_have_its_name_before_theirs() {
    let parameters = json!({ "type": "object" });
    let chat = sent(&json!({ "input": "x", "tools": [
        { "type": "function", "name": "f", "description": "d", "strict": true, "parameters": parameters },
        { "type": "namespace", "name": "mail", "tools": [
            { "type": "function", "name": "send", "parameters": parameters },
            { "type": "function", "name": "mail.read" },
        ] },
    ] }));
    assert_eq!(
        chat["tools"],
        json!([
            { "type": "function", "function": { "name": "f", "description": "d", "parameters": parameters } },
            { "type": "function", "function": { "name": "mail.send", "parameters": parameters } },
            { "type": "function", "function": { "name": "mail.read" } },
        ])
    );
}

#[test]
fn what_ollama_would_not_take_is_refused_with_its_member() {
    let image = |url: &str| json!([{ "role": "user", "content": [{ "type": "input_image", "image_url": url }] }]);
    let part = |part: Value| json!([{ "role": "user", "content": [part] }]);
    let format = json!({ "type": "json_schema", "schema": false });
    let body = json!({ "input": "x", "text": { "format": format } });
    assert_eq!(refused(&body), "text.format.schema");
    for (input, param) in [
        (json!([5]), "input[0]"),
        (json!([{ "content": "x" }]), "input[0]"),
        (json!([{ "type": "computer_call" }]), "input[0].type"),
        (json!([{ "type": "message", "role": 5 }]), "input[0].role"),
        (
            json!([{ "role": "user", "content": 5 }]),
            "input[0].content",
        ),
        (
            image("http://169.254.169.254/"),
            "input[0].content[0].image_url",
        ),
        (
            image("data:image/png;base64,?"),
            "input[0].content[0].image_url",
        ),
        (
            part(json!({ "type": "input_file", "file_id": "x" })),
            "input[0].content[0]",
        ),
        (
            part(json!({ "type": "input_text", "text": 5 })),
            "input[0].content[0].text",
        ),
        (
            json!([{ "type": "function_call", "call_id": "1", "name": "f", "arguments": "[1]" }]),
            "input[0].arguments",
        ),
    ] {
        assert_eq!(refused(&json!({ "input": input })), param, "{input}");
    }
    let effort = json!({ "input": "x", "reasoning": { "effort": "hgih" } });
    assert_eq!(refused(&effort), "reasoning.effort");
    for (member, param) in [
        (json!({ "type": "namespace" }), "tools[0].tools"),
        (json!({ "type": {} }), "tools[0].tools[0].type"),
        (json!({ "name": 5 }), "tools[0].tools[0].name"),
        (json!(5), "tools[0].tools[0]"),
    ] {
        let namespace = json!({ "type": "namespace", "name": "n", "tools": [member] });
        let body = json!({ "input": "x", "tools": [namespace] });
        assert_eq!(refused(&body), param);
    }
}

#[test]
fn an_answer_repeats_what_was_asked_and_nothing_that_is_too_long() {
    let parameters = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let asked = json!({
        "input": "x", "instructions": "say \"hi\"\n", "temperature": 0, "max_output_tokens": 5,
        "tools": [{ "type": "function", "name": "f", "parameters": parameters }],
        "reasoning": { "effort": "low" }, "text": { "format": { "type": "json_schema", "schema": {} } },
    });
    assert_eq!(
        repeated(&asked),
        json!({
            "instructions": "say \"hi\"\n",
            "tools": [{ "type": "function", "name": "f", "description": null, "strict": null, "parameters": parameters }],
            "truncation": "disabled", "temperature": 0, "top_p": 1, "max_output_tokens": 5, "background": false,
            "text": { "format": { "type": "json_schema", "schema": {} } },
            "reasoning": { "effort": "low", "summary": null },
        })
    );
    let long = "x".repeat(MAX_REPEATED);
    let asked = json!({
        "input": "x", "instructions": long, "tools": [{ "type": "function", "name": long }], "truncation": long,
        "text": { "format": { "type": "json_schema", "name": long } }, "reasoning": { "effort": "low", "summary": long },
    });
    assert_eq!(
        repeated(&asked),
        json!({
            "instructions": null, "tools": [], "truncation": "disabled",
            "temperature": 1, "top_p": 1, "max_output_tokens": null, "background": false,
            "text": { "format": { "type": "text" } }, "reasoning": { "effort": "low", "summary": null },
        })
    );
}

/// What is repeated of a body as it came.
fn repeated_of(body: Vec<u8>) -> Vec<u8> {
    let endpoint = Endpoint::OpenAiResponses;
    let asked = prepare(endpoint, body, &Asker::default(), &policy()).unwrap();
    match asked.delivery {
        Some(crate::Delivery::Response(delivery)) => delivery.repeated.to_vec(),
        other => panic!("{other:?} is no response's"),
    }
}

#[test]
fn what_is_repeated_is_one_line_of_whole_characters() {
    let body = b"{\"input\":\"x\",\"instructions\":\"\\ud83d \xff \\ud83d\\ude00\",\"tools\":[\n{\"name\" :\t\"a b\"}\r\n]}".to_vec();
    let repeated = repeated_of(body);
    let text = std::str::from_utf8(&repeated).unwrap();
    let begin = "\"instructions\":\"\u{fffd} \u{fffd} \u{1f600}\",\"tools\":[{\"type\":null,\"name\":\"a b\",";
    assert!(text.starts_with(begin), "{text}");
    assert!(!text.contains(['\n', '\r', '\t']), "{text}");
}

#[test]
fn what_is_repeated_is_bounded_as_it_is_written_and_not_as_it_was_read() {
    let of_no_characters = [b"\"", [0xff].repeat(MAX_REPEATED - 2).as_slice(), b"\""].concat();
    let tools = format!("[{}]", ["{}"; MAX_REPEATED / 3 - 1].join(","));
    for (members, what) in [
        (
            [
                b"\"truncation\":",
                of_no_characters.as_slice(),
                b",\"reasoning\":{\"summary\":",
                &of_no_characters,
                b"}",
            ]
            .concat(),
            "texts",
        ),
        ([b"\"tools\":", tools.as_bytes()].concat(), "tools"),
    ] {
        // What nobody reads gives a translation room.
        let unread = "x".repeat(2 << 20);
        let most = "x".repeat(MAX_REPEATED - 40);
        let begin = format!(
            "{{\"input\":\"x\",\"unread\":\"{unread}\",\"temperature\":0.5,\"instructions\":\"{most}\","
        );
        let body = [begin.as_bytes(), &members, b"}"].concat();
        let repeated = repeated_of(body);
        let length = repeated.len();
        assert!(length < MAX_REPEATED + 1_024, "{what}: {length}");
        let whole = [b"{", &*repeated, b"}"].concat();
        let told: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(told["instructions"], most, "{what}");
        assert_eq!(told["tools"], json!([]), "{what}");
        assert_eq!(told["truncation"], "disabled", "{what}");
        assert_eq!(told["temperature"], 0.5, "{what}");
        assert_eq!(told["reasoning"]["summary"], Value::Null, "{what}");
    }
}

#[test]
fn what_is_repeated_is_whole_wherever_the_bound_falls() {
    for length in MAX_REPEATED - 64..MAX_REPEATED {
        let told = repeated(&json!({
            "input": "x", "instructions": "x".repeat(length), "tools": [{ "name": "a" }],
        }));
        assert_eq!(told["background"], false, "{length}");
    }
}
