//! What is read, passed and refused.

use super::*;
use crate::json::MAX_DEPTH;

#[test]
fn unknown_members_pass_byte_for_byte() {
    let body = r#" {"zeta" : [1,{"b":null}], "model":"m","messages":[{"role":"user","content":"x\/\ud83d","new":1.50}],"alpha":1e400, "Zeta":0} "#;
    assert_eq!(passed(Endpoint::Chat, body), body);
    let bytes = b"{\"model\":\"m\",\"prompt\":\"caf\xe9\",\"\xff\":\"\xff\"}";
    let prepared = prepare(
        Endpoint::Generate,
        bytes.to_vec(),
        &Asker::default(),
        &Policy::default(),
    );
    let cut = Sending {
        may_cut: true,
        ..Sending::default()
    };
    assert_eq!(prepared.unwrap().body.payload(&cut).to_vec(), bytes);
}

#[test]
fn a_strange_spelling_of_a_name_is_written_canonically_in_its_place() {
    for (endpoint, body, expected) in [
        (
            Endpoint::Chat,
            r#"{"MODEL":"m","Meſſages":[{"RolE":"user","\u0043ontent":"x","Unknown":1}]}"#,
            r#"{"model":"m","messages"  :[{"role":"user","content"     :"x","Unknown":1}]}"#,
        ),
        (
            Endpoint::Chat,
            r#"{"model":"m","messages":[{"Tool_Calls":[{"Function":{"Name":"f","Arguments":{"Name":1}}}]}]}"#,
            r#"{"model":"m","messages":[{"tool_calls":[{"function":{"name":"f","arguments":{"Name":1}}}]}]}"#,
        ),
        (
            Endpoint::OpenAiResponses,
            r#"{"model":"m","tools":[{"TYPE":"function"}]}"#,
            r#"{"model":"m","tools":[{"type":"function"}]}"#,
        ),
    ] {
        assert_eq!(passed(endpoint, body), expected);
    }
}

#[test]
fn two_members_that_fold_to_one_name_are_refused_wherever_ollama_folds() {
    for (endpoint, body, param) in [
        (
            Endpoint::Chat,
            r#"{"prompt":"x","model":"a","Model":"b"}"#,
            "model",
        ),
        (
            Endpoint::Chat,
            r#"{"prompt":"x","options":{},"Options":{}}"#,
            "options",
        ),
        (
            Endpoint::Chat,
            r#"{"prompt":"x","stream":false,"stream":true}"#,
            "stream",
        ),
        (
            Endpoint::Generate,
            "{\"keep_alive\":5,\"\u{212a}eep_alive\":0}",
            "keep_alive",
        ),
        (
            Endpoint::Chat,
            r#"{"messages":[{"role":"user"},{"content":"a","CONTENT":"b"}]}"#,
            "messages[1].content",
        ),
        (
            Endpoint::Chat,
            r#"{"messages":[{"tool_calls":[{"function":{"name":"a","Name":"b"}}]}]}"#,
            "messages[0].tool_calls[0].function.name",
        ),
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user"}],"max_tokens":1,"Max_Tokens":9}"#,
            "max_tokens",
        ),
    ] {
        let invalid = refused(endpoint, body);
        assert_eq!(
            (invalid.code, invalid.param.as_deref()),
            (Code::InvalidRequest, Some(param)),
            "{body}"
        );
    }
}

#[test]
fn keys_of_maps_are_exact_and_may_stand_twice() {
    let body = r#"{"model":"m","prompt":"x","options":{"NUM_PREDICT":5,"seed":1,"seed":2}}"#;
    assert_eq!(passed(Endpoint::Generate, body), body);
}

#[test]
fn each_fault_names_its_member() {
    for (endpoint, body, param) in [
        (Endpoint::Chat, r#"{}"#, "messages"),
        (Endpoint::Chat, r#"{"prompt":" \n"}"#, "prompt"),
        (Endpoint::Chat, r#"{"prompt":5}"#, "prompt"),
        (Endpoint::Chat, r#"{"prompt":"x","messages":[]}"#, "prompt"),
        (Endpoint::Chat, r#"{"messages":{}}"#, "messages"),
        (Endpoint::Chat, r#"{"messages":["x"]}"#, "messages[0]"),
        (
            Endpoint::Chat,
            r#"{"messages":[{"role":5}]}"#,
            "messages[0].role",
        ),
        (
            Endpoint::Chat,
            r#"{"messages":[{"role":"user","content":[]}]}"#,
            "messages[0].content",
        ),
        (
            Endpoint::Chat,
            r#"{"messages":[{"tool_calls":[{"function":{"arguments":"{}"}}]}]}"#,
            "messages[0].tool_calls[0].function.arguments",
        ),
        (Endpoint::Chat, r#"{"prompt":"x","model":5}"#, "model"),
        (Endpoint::Chat, r#"{"prompt":"x","model":"a b"}"#, "model"),
        (Endpoint::Chat, r#"{"prompt":"x","stream":"yes"}"#, "stream"),
        (Endpoint::Chat, r#"{"prompt":"x","options":[]}"#, "options"),
        (
            Endpoint::Chat,
            r#"{"prompt":"x","options":{"temperature":1e400}}"#,
            "options",
        ),
        (
            Endpoint::Chat,
            r#"{"prompt":"x","keep_alive":"soon"}"#,
            "keep_alive",
        ),
        (
            Endpoint::Chat,
            r#"{"prompt":"x","keep_alive":true}"#,
            "keep_alive",
        ),
        (Endpoint::Generate, r#"{"prompt":["x"]}"#, "prompt"),
        (Endpoint::Generate, r#"{"context":[1.5]}"#, "context"),
        (Endpoint::Embed, r#"{}"#, "input"),
        (Endpoint::Embeddings, r#"{"prompt":null}"#, "prompt"),
        (Endpoint::OpenAiChat, r#"{"messages":[]}"#, "messages"),
        (Endpoint::OpenAiChat, r#"{"model":"m"}"#, "messages"),
        (
            Endpoint::OpenAiChat,
            r#"{"messages":[{"role":"user"}],"max_tokens":1.5}"#,
            "max_tokens",
        ),
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
    for body in [
        "",
        "{\"prompt\":",
        "prompt=x",
        "{} {}",
        "{\"prompt\":\"x\"} and more",
    ] {
        assert_eq!(
            refused(Endpoint::Chat, body).code,
            Code::InvalidJson,
            "{body}"
        );
    }
    for body in ["[]", "null", "\"x\""] {
        assert_eq!(
            refused(Endpoint::Chat, body).code,
            Code::InvalidRequest,
            "{body}"
        );
    }
}

#[test]
fn ten_thousand_levels_pass_and_one_more_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| {
            let inner = if open == "[" { "" } else { "0" };
            format!(
                "{{\"model\":\"m\",\"a\":{}{inner}{}}}",
                open.repeat(depth - 1),
                close.repeat(depth - 1)
            )
        };
        for endpoint in [Endpoint::Chat, Endpoint::Generate, Endpoint::Embed] {
            prepared(endpoint, &nested(MAX_DEPTH));
            let invalid = refused(endpoint, &nested(MAX_DEPTH + 1));
            assert_eq!(invalid.code, Code::InvalidRequest);
        }
    }
}

#[test]
fn arguments_that_are_too_deep_once_they_are_no_text_are_refused() {
    let chat = |depth: usize| {
        let (open, close) = ("{\\\"a\\\":".repeat(depth), "}".repeat(depth));
        format!(
            r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":"{open}0{close}"}}}}]}}]}}"#
        )
    };
    prepared(Endpoint::OpenAiChat, &chat(MAX_DEPTH - 6));
    refused(Endpoint::OpenAiChat, &chat(MAX_DEPTH - 5));
}

#[test]
fn no_prefix_or_flipped_byte_of_a_body_makes_it_panic() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"é😀","images":["aGk="]}],"options":{"seed":1,"stop":["x"]}}"#
        .as_bytes();
    let ready =
        |endpoint, body: &[u8]| prepare(endpoint, body.to_vec(), &Asker::default(), &policy()).ok();
    for endpoint in Endpoint::ALL {
        for cut in 0..body.len() {
            assert!(ready(endpoint, &body[..cut]).is_none());
            for bit in 0..8 {
                let mut flipped = body.to_vec();
                flipped[cut] ^= 1 << bit;
                if let Some(prepared) = ready(endpoint, &flipped) {
                    let sent = prepared.body.payload(&Sending::default()).to_vec();
                    assert_eq!(crate::json::check(&sent), Ok(()));
                }
            }
        }
    }
}

#[test]
fn what_waits_in_line_is_the_body_and_next_to_nothing_beside_it() {
    let nasty = [
        ",[0]".repeat(20_000),
        ",{\"\":0}".repeat(20_000),
        ",{\"Role\":0}".repeat(20_000),
        ",\"\\ud83d\"".repeat(20_000),
    ];
    for shape in nasty {
        let body = format!("{{\"prompt\":\"x\",\"x\":[0{shape}]}}");
        let prepared = prepared(Endpoint::Chat, &body);
        assert_eq!(prepared.body.held(), body.len());
        let payload = prepared.body.payload(&Sending::default());
        let added = payload.len() - body.len();
        assert!(added < 256 && payload.pieces.len() < 8, "{added}");
        let most = 64 * 1024;
        let slices: Vec<_> = payload.clone().slices(most).collect();
        assert!(slices.iter().all(|slice| (1..=most).contains(&slice.len())));
        assert_eq!(slices.concat(), payload.to_vec());
    }
}

#[test]
fn what_fits_into_one_slice_is_sent_as_one() {
    let added = prepared(Endpoint::Chat, r#"{"prompt":"x"}"#);
    let payload = added.body.payload(&Sending::default());
    assert!(payload.pieces.len() > 1);
    assert_eq!(payload.clone().slices(payload.len()).count(), 1);
    for most in 0..payload.len() {
        let mut slices: Vec<_> = payload.clone().slices(most).collect();
        assert_eq!(slices.concat(), payload.to_vec());
        slices.pop();
        assert!(slices.iter().all(|slice| slice.len() == most.max(1)));
    }
    assert_eq!(Payload::default().slices(8).count(), 0);
}
