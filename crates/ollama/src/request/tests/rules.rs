//! The operator's rules.

use super::*;
use crate::options::Sampling;

const FIRST: Sending = Sending {
    loads: false,
    may_cut: false,
    thinks: None,
    completes: None,
};

#[test]
fn a_prompt_becomes_one_user_message_with_the_operators_model_and_options() {
    let prepared = prepared(Endpoint::Chat, r#"{"prompt":"Hello"}"#);
    assert!(prepared.dropped.is_empty());
    assert_eq!(prepared.model, "qwen3:1.7b");
    let expected = json!({
        "messages": [{ "role": "user", "content": "Hello" }], "model": "qwen3:1.7b",
        "options": { "num_ctx": 4096, "temperature": 0.7 }, "truncate": false,
    });
    let sent: Value = serde_json::from_str(&sent(&prepared, &FIRST)).unwrap();
    assert_eq!(sent, expected);
}

#[test]
fn what_is_the_operators_alone_is_dropped_and_said() {
    let body = r#"{"prompt":"x","Keep_Alive":0,"shift":false,"_debug_render_only":true,"options":{"num_ctx":1,"top_p":0.5,"main_gpu":1,"num_ctx":2}}"#;
    let prepared = prepared(Endpoint::Chat, body);
    assert_eq!(
        prepared.dropped,
        ["num_ctx", "main_gpu", "keep_alive", "shift"]
    );
    let sent: Value = serde_json::from_str(&sent(&prepared, &FIRST)).unwrap();
    assert_eq!(
        sent,
        json!({
            "model": "qwen3:1.7b", "messages": [{ "role": "user", "content": "x" }], "truncate": false,
            "options": { "top_p": 0.5, "num_ctx": 4096, "temperature": 0.7 },
        })
    );
}

#[test]
fn a_clients_sampling_option_stands_over_the_operators_and_null_is_none() {
    let temperature = |options: &str| {
        let body = format!(r#"{{"prompt":"x","options":{options}}}"#);
        json_sent(&policy(), Endpoint::Generate, &body, &FIRST)["options"]["temperature"].clone()
    };
    assert_eq!(temperature(r#"{"temperature":0.1}"#), 0.1);
    assert_eq!(temperature(r#"{"temperature":0.1,"temperature":0.2}"#), 0.2);
    assert_eq!(temperature(r#"{"temperature":null}"#), 0.7);
    assert_eq!(
        temperature(r#"{"temperature":0.1,"t\u0065mperature":null}"#),
        0.7
    );
    assert_eq!(temperature("null"), 0.7);
    assert_eq!(temperature(r#"{"Temperature":0.1}"#), 0.7);
}

#[test]
fn the_operators_shift_goes_with_every_request() {
    let policy = Policy {
        shift: Some(true),
        ..policy()
    };
    assert!(policy.sets_runner_options());
    let sent = json_sent(
        &policy,
        Endpoint::Chat,
        r#"{"prompt":"x","shift":false}"#,
        &FIRST,
    );
    assert_eq!(sent["shift"], true);
}

#[test]
fn the_models_own_sampling_holds_where_the_operator_says_so() {
    let policy = Policy {
        options: options(json!({
            "num_ctx": 1, "temperature": 0.7, "top_p": 0.9, "repeat_penalty": 1.1, "seed": 3,
        })),
        sampling: Sampling::Model,
        ..policy()
    };
    let known = Sending {
        thinks: Some(false),
        ..FIRST
    };
    let sent = json_sent(&policy, Endpoint::Chat, r#"{"prompt":"x"}"#, &known);
    assert_eq!(sent["options"], json!({ "num_ctx": 1, "seed": 3 }));
}

#[test]
fn a_repeat_penalty_goes_only_to_a_model_that_is_known_not_to_think_and_has_no_tools() {
    let policy = Policy {
        options: options(json!({ "repeat_penalty": 1.1 })),
        ..policy()
    };
    let known = Sending {
        thinks: Some(false),
        ..FIRST
    };
    let penalty = |body: &str, sending: &Sending| {
        json_sent(&policy, Endpoint::Chat, body, sending)["options"]["repeat_penalty"].clone()
    };
    let plain = r#"{"prompt":"x"}"#;
    assert_eq!(penalty(plain, &known), 1.1);
    assert_eq!(penalty(plain, &FIRST), Value::Null);
    let tools = r#"{"prompt":"x","tools":[{"type":"function"}]}"#;
    assert_eq!(penalty(tools, &known), Value::Null);
    assert_eq!(penalty(r#"{"prompt":"x","tools":[]}"#, &known), 1.1);
    let own = r#"{"prompt":"x","tools":[{}],"options":{"repeat_penalty":1.3}}"#;
    assert_eq!(penalty(own, &FIRST), 1.3);
}

#[test]
fn the_cap_holds_for_every_spelling_on_every_route() {
    let policy = Policy {
        num_predict_cap: Some(50),
        ..Policy::default()
    };
    for (endpoint, rest, path) in [
        (Endpoint::Chat, r#""prompt":"x""#, "/options/num_predict"),
        (
            Endpoint::Generate,
            r#""prompt":"x""#,
            "/options/num_predict",
        ),
    ] {
        for asked in [
            "",
            r#","options":null"#,
            r#","options":{}"#,
            r#","options":{"num_predict":0}"#,
            r#","options":{"num_predict":0.5}"#,
            r#","options":{"num_predict":-1}"#,
            r#","options":{"num_predict":-2}"#,
            r#","options":{"num_predict":51}"#,
            r#","options":{"num_predict":1e300}"#,
            r#","options":{"num_predict":7,"num_predict":null}"#,
            r#","options":{"num_predict":7,"num\u005fpredict":900}"#,
            r#","OPTIONS":{"num_predict":900}"#,
        ] {
            let body = format!("{{{rest}{asked}}}");
            let sent = json_sent(&policy, endpoint, &body, &FIRST);
            assert_eq!(sent.pointer(path), Some(&json!(50)), "{body}");
        }
    }
    let messages = r#""messages":[{"role":"user","content":"x"}]"#;
    for (endpoint, rest, name) in [
        (Endpoint::OpenAiChat, messages, "max_tokens"),
        (Endpoint::OpenAiCompletions, r#""prompt":"x""#, "max_tokens"),
        (
            Endpoint::OpenAiResponses,
            r#""input":"x""#,
            "max_output_tokens",
        ),
    ] {
        for asked in ["", "0", "-1", "900", "null"] {
            let asked = match asked {
                "" => String::new(),
                asked => format!(r#","{}":{asked}"#, name.to_uppercase()),
            };
            let body = format!("{{{rest}{asked}}}");
            assert_eq!(
                json_sent(&policy, endpoint, &body, &FIRST)[name],
                50,
                "{body}"
            );
        }
    }
    for asked in [
        r#""max_completion_tokens":1,"max_tokens":1000000"#,
        r#""max_tokens":1,"max_completion_tokens":0"#,
        r#""max_completion_tokens":1"#,
    ] {
        let body = format!("{{{messages},{asked}}}");
        let sent = json_sent(&policy, Endpoint::OpenAiChat, &body, &FIRST);
        assert_eq!(
            (&sent["max_tokens"], sent.get("max_completion_tokens")),
            (&json!(1), None)
        );
    }
}

#[test]
fn the_newer_name_of_a_bound_is_written_as_the_one_that_ollama_reads() {
    let body = r#"{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":9}"#;
    let sent = json_sent(&Policy::default(), Endpoint::OpenAiChat, body, &FIRST);
    assert_eq!(sent["max_tokens"], 9);
}

#[test]
fn keep_alive_goes_with_a_load_and_only_an_operator_may_unload() {
    let policy = Policy {
        keep_alive: Some("10m".into()),
        ..policy()
    };
    let loading = Sending {
        loads: true,
        ..FIRST
    };
    let body = r#"{"prompt":"x","keep_alive":"1h"}"#;
    let sent = |sending| json_sent(&policy, Endpoint::Generate, body, sending);
    assert_eq!(sent(&loading)["keep_alive"], "10m");
    assert_eq!(sent(&FIRST).get("keep_alive"), None);
    for body in [
        r#"{"model":"m","keep_alive":0}"#,
        r#"{"model":"m","keep_alive":"0s"}"#,
        r#"{"model":"m","messages":[],"KEEP_ALIVE":-0.0}"#,
    ] {
        assert_eq!(
            refused(Endpoint::Chat, body).param.as_deref(),
            Some("keep_alive"),
            "{body}"
        );
        let operator = Asker {
            is_operator: true,
            ..Asker::default()
        };
        let body = body.as_bytes().to_vec();
        let prepared = prepare(Endpoint::Chat, body, &operator, &policy).unwrap();
        let sent = prepared.body.payload(&loading).to_vec();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert!(
            sent["keep_alive"] != "10m" && !sent["keep_alive"].is_null(),
            "{sent}"
        );
    }
    // With something to work on it is a request like any other.
    prepared_by(
        &policy,
        Endpoint::Generate,
        r#"{"prompt":"x","keep_alive":0}"#,
    )
    .unwrap();
}

#[test]
fn an_embedding_of_nothing_that_would_unload_its_model_takes_an_operator_too() {
    let operator = Asker {
        is_operator: true,
        ..Asker::default()
    };
    for (endpoint, nothing) in [
        (Endpoint::Embed, r#""input":[]"#),
        (Endpoint::Embed, r#""input":null"#),
        (Endpoint::Embeddings, r#""prompt":"""#),
    ] {
        let body = format!(r#"{{"model":"m",{nothing},"keep_alive":0}}"#);
        assert_eq!(
            refused(endpoint, &body).param.as_deref(),
            Some("keep_alive"),
            "{body}"
        );
        let prepared = prepare(endpoint, body.into_bytes(), &operator, &policy()).unwrap();
        let sent: Value = serde_json::from_str(&sent(&prepared, &FIRST)).unwrap();
        assert_eq!(sent["keep_alive"], 0);
    }
    let working = r#"{"model":"m","input":"x","keep_alive":0}"#;
    let prepared = prepared(Endpoint::Embed, working);
    assert_eq!(prepared.dropped, ["keep_alive"]);
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_at_first_unless_the_client_said_how_it_is_to_be() {
    let truncate = |body: &str, sending: &Sending| {
        json_sent(&policy(), Endpoint::Chat, body, sending)["truncate"].clone()
    };
    let again = Sending {
        may_cut: true,
        ..FIRST
    };
    assert_eq!(truncate(r#"{"prompt":"x"}"#, &FIRST), false);
    assert_eq!(truncate(r#"{"prompt":"x","truncate":null}"#, &FIRST), false);
    assert_eq!(truncate(r#"{"prompt":"x"}"#, &again), Value::Null);
    assert_eq!(truncate(r#"{"prompt":"x","truncate":true}"#, &FIRST), true);
}

#[test]
fn an_embedding_gets_nothing_added() {
    let body = r#"{"input":"x","options":{"num_ctx":9},"model":"m"}"#;
    let prepared = prepared(Endpoint::Embed, body);
    assert_eq!(prepared.dropped, ["num_ctx"]);
    let sent: Value = serde_json::from_str(&sent(&prepared, &FIRST)).unwrap();
    assert_eq!(sent, json!({ "input": "x", "options": {}, "model": "m" }));
}

#[test]
fn an_embedding_of_a_model_for_chats_has_the_options_that_its_chats_have() {
    let of_chats = policy().options;
    let of_chats = of_chats.get("num_ctx").expect("a context");
    for (completes, expected) in [
        (None, Value::Null),
        (Some(false), Value::Null),
        (Some(true), json!({ "num_ctx": of_chats })),
    ] {
        let sending = Sending { completes, ..FIRST };
        for body in [r#"{"model":"m"}"#, r#"{"model":"m","input":"x"}"#] {
            let sent = sent(&prepared(Endpoint::Embed, body), &sending);
            let sent: Value = serde_json::from_str(&sent).unwrap();
            assert_eq!(sent["options"], expected, "{completes:?} {body}");
        }
    }
}

#[test]
fn whoever_asks_ollama_to_search_the_web_is_seen() {
    for (tools, searches) in [
        (r#"[{"type":"web_search"}]"#, true),
        (
            r#"[{"type":"function"},{"TYPE":"web\u005fsearch_preview"}]"#,
            true,
        ),
        (r#"[{"type":"function","name":"web_search"}]"#, false),
        ("[]", false),
        ("null", false),
    ] {
        let body = format!(r#"{{"model":"m","input":"x","tools":{tools}}}"#);
        let prepared = prepared(Endpoint::OpenAiResponses, &body);
        assert_eq!(prepared.searches_web, searches, "{tools}");
    }
}
