//! Rules of requests.

use super::*;

fn parsed(endpoint: Endpoint, body: &str) -> Request {
    Request::parse(endpoint, body.as_bytes()).unwrap()
}

fn refused(endpoint: Endpoint, body: &str) -> Invalid {
    Request::parse(endpoint, body.as_bytes()).unwrap_err()
}

fn policy() -> Policy {
    let Value::Object(options) = json!({ "num_ctx": 4096, "temperature": 0.7 }) else {
        unreachable!("a literal object")
    };
    Policy {
        model: "qwen3:1.7b".into(),
        options,
        num_predict_cap: None,
        keep_alive: None,
    }
}

#[test]
fn a_prompt_becomes_one_user_message_with_the_operators_model_and_options() {
    let mut request = parsed(Endpoint::Chat, r#"{"prompt":"Hello"}"#);
    assert!(request.settle(&policy()).is_empty());
    assert!(request.is_stream());
    let expected = r#"{"messages":[{"role":"user","content":"Hello"}],"model":"qwen3:1.7b","options":{"num_ctx":4096,"temperature":0.7}}"#;
    assert_eq!(String::from_utf8(request.into_bytes()).unwrap(), expected);
}

#[test]
fn unknown_members_pass_unchanged_and_in_order() {
    let body = r#"{"zeta":[1,{"b":null}],"model":"m","messages":[{"role":"user","content":"x","new":1.5}],"alpha":"é"}"#;
    let request = parsed(Endpoint::Chat, body);
    assert_eq!(String::from_utf8(request.into_bytes()).unwrap(), body);
}

#[test]
fn a_stream_is_the_default_for_ollamas_own_and_not_for_openais() {
    let stream_of = |endpoint, body| parsed(endpoint, body).is_stream();
    assert!(stream_of(Endpoint::Generate, "{}"));
    assert!(!stream_of(Endpoint::Generate, r#"{"stream":false}"#));
    assert!(!stream_of(
        Endpoint::OpenAiChat,
        r#"{"messages":[{"role":"user","content":"x"}]}"#
    ));
    assert!(!stream_of(
        Endpoint::Embed,
        r#"{"input":"x","stream":true}"#
    ));
}

#[test]
fn the_form_follows_family_stream_and_accept() {
    let chat = parsed(Endpoint::Chat, r#"{"prompt":"x"}"#);
    assert_eq!(chat.form(None), Form::Lines);
    assert_eq!(chat.form(Some("*/*")), Form::Lines);
    assert_eq!(
        chat.form(Some("application/json, Text/Event-Stream;q=0.9")),
        Form::Events
    );
    let whole = parsed(Endpoint::Chat, r#"{"prompt":"x","stream":false}"#);
    assert_eq!(whole.form(Some("text/event-stream")), Form::Document);
    let openai = parsed(
        Endpoint::OpenAiChat,
        r#"{"messages":[{"role":"user"}],"stream":true}"#,
    );
    assert_eq!(openai.form(None), Form::OpenAiEvents);
}

#[test]
fn each_fault_names_its_member() {
    for (endpoint, body, param) in [
        (Endpoint::Chat, r#"{}"#, "messages"),
        (Endpoint::Chat, r#"{"prompt":" "}"#, "prompt"),
        (Endpoint::Chat, r#"{"prompt":5}"#, "prompt"),
        (Endpoint::Chat, r#"{"messages":{}}"#, "messages"),
        (Endpoint::Chat, r#"{"messages":["x"]}"#, "messages[0]"),
        (
            Endpoint::Chat,
            r#"{"messages":[{"content":"x"}]}"#,
            "messages[0].role",
        ),
        (
            Endpoint::Chat,
            r#"{"messages":[{"role":"user","content":[]}]}"#,
            "messages[0].content",
        ),
        (Endpoint::Chat, r#"{"prompt":"x","model":5}"#, "model"),
        (Endpoint::Chat, r#"{"prompt":"x","model":"a b"}"#, "model"),
        (Endpoint::Chat, r#"{"prompt":"x","stream":"yes"}"#, "stream"),
        (Endpoint::Chat, r#"{"prompt":"x","options":[]}"#, "options"),
        (Endpoint::Generate, r#"{"prompt":["x"]}"#, "prompt"),
        (Endpoint::Embed, r#"{}"#, "input"),
        (Endpoint::Embeddings, r#"{"prompt":null}"#, "prompt"),
        (Endpoint::OpenAiChat, r#"{"messages":[]}"#, "messages"),
        (Endpoint::OpenAiChat, r#"{"model":"m"}"#, "messages"),
        (Endpoint::OpenAiResponses, r#"{"input":5}"#, "input"),
    ] {
        let invalid = refused(endpoint, body);
        assert_eq!(
            (invalid.code, invalid.param.as_deref()),
            (Code::InvalidRequest, Some(param)),
            "{body}"
        );
        assert!(invalid.message.contains(param), "{}", invalid.message);
    }
}

#[test]
fn an_option_of_a_wrong_type_is_refused_wherever_options_are_read() {
    for (endpoint, rest) in [
        (Endpoint::Chat, r#""prompt":"x""#),
        (Endpoint::Generate, r#""prompt":"x""#),
        (Endpoint::Embed, r#""input":"x""#),
        (Endpoint::Embeddings, r#""prompt":"x""#),
        (Endpoint::OpenAiEmbeddings, r#""input":"x""#),
    ] {
        let body = format!(r#"{{{rest},"options":{{"temperature":"hot"}}}}"#);
        let invalid = refused(endpoint, &body);
        assert_eq!(
            (invalid.code, invalid.param.as_deref()),
            (Code::InvalidOption, Some("options.temperature")),
            "{endpoint:?}"
        );
    }
}

#[test]
fn what_is_no_json_object_is_refused() {
    assert_eq!(
        refused(Endpoint::Chat, "{\"prompt\":").code,
        Code::InvalidJson
    );
    assert_eq!(refused(Endpoint::Chat, "prompt=x").code, Code::InvalidJson);
    assert_eq!(refused(Endpoint::Chat, "[]").code, Code::InvalidRequest);
    let bytes = Request::parse(Endpoint::Chat, b"{\"prompt\":\"\xff\"}").unwrap_err();
    assert_eq!(bytes.code, Code::InvalidJson);
}

#[test]
fn depth_and_number_of_messages_are_bounded() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!(
            "{{\"prompt\":\"x\",\"a\":{}{}}}",
            "[".repeat(inner),
            "]".repeat(inner)
        )
    };
    assert!(Request::parse(Endpoint::Chat, nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        refused(Endpoint::Chat, &nested(MAX_DEPTH + 1)).code,
        Code::InvalidRequest
    );
    assert_eq!(
        refused(Endpoint::Chat, &nested(100_000)).code,
        Code::InvalidJson
    );
    let many =
        |count: usize| json!({ "messages": vec![json!({ "role": "user" }); count] }).to_string();
    assert!(Request::parse(Endpoint::Chat, many(MAX_MESSAGES).as_bytes()).is_ok());
    assert_eq!(
        refused(Endpoint::Chat, &many(MAX_MESSAGES + 1))
            .param
            .as_deref(),
        Some("messages")
    );
}

#[test]
fn what_is_the_operators_alone_is_dropped_and_said() {
    let body = r#"{"prompt":"x","keep_alive":0,"options":{"num_ctx":1,"top_p":0.5}}"#;
    let mut request = parsed(Endpoint::Chat, body);
    assert_eq!(request.settle(&policy()), ["num_ctx", "keep_alive"]);
    let sent: Value = serde_json::from_slice(&request.into_bytes()).unwrap();
    assert_eq!(
        sent["options"],
        json!({ "top_p": 0.5, "num_ctx": 4096, "temperature": 0.7 })
    );
    assert_eq!(sent.get("keep_alive"), None);
}

#[test]
fn the_cap_reaches_openais_members_too() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..policy()
    };
    for (endpoint, body, member) in [
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user"}]}"#,
            "max_tokens",
        ),
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user"}],"max_completion_tokens":900}"#,
            "max_completion_tokens",
        ),
        (
            Endpoint::OpenAiResponses,
            r#"{"input":"x"}"#,
            "max_output_tokens",
        ),
    ] {
        let mut request = parsed(endpoint, body);
        request.settle(&policy);
        let sent: Value = serde_json::from_slice(&request.into_bytes()).unwrap();
        assert_eq!(sent[member], json!(50), "{body}");
    }
}

#[test]
fn no_prefix_or_flipped_byte_of_a_body_makes_it_panic() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"é😀","images":["aGk="]}],"options":{"seed":1,"stop":["x"]}}"#
        .as_bytes();
    for endpoint in Endpoint::ALL {
        for cut in 0..body.len() {
            let _ = Request::parse(endpoint, &body[..cut]);
            for bit in 0..8 {
                let mut flipped = body.to_vec();
                flipped[cut] ^= 1 << bit;
                if let Ok(mut request) = Request::parse(endpoint, &flipped) {
                    request.settle(&policy());
                    let again = Request::parse(endpoint, &request.into_bytes());
                    assert!(again.is_ok(), "{}", String::from_utf8_lossy(&flipped));
                }
            }
        }
    }
}
