//! Options of single models, and other names for them.

use super::*;
use crate::{Alias, ModelName, ModelPattern, Override};

fn pattern(pattern: &str) -> ModelPattern {
    ModelPattern::parse(pattern).unwrap()
}

fn of_models() -> Policy {
    let own = |models: &str, own: Value| Override {
        models: pattern(models),
        options: options(own),
        keep_alive: None,
        shift: None,
    };
    let aliases = [("gpt-4o", "big:70b"), ("claude-*", "coder")];
    let aliases = aliases.map(|(names, target)| Alias {
        names: pattern(names),
        written: names.to_owned(),
        target: target.to_owned(),
    });
    Policy {
        aliases: aliases.to_vec(),
        ..policy()
    }
    .with_overrides([
        own("big:*", json!({ "num_ctx": 8192, "num_predict": 50 })),
        own("plain", json!({ "num_ctx": null, "temperature": null })),
        own("*embed*", json!({ "num_ctx": 2048 })),
    ])
}

fn sent_for(endpoint: Endpoint, body: Value) -> Value {
    let sending = Sending::default();
    json_sent(&of_models(), endpoint, &body.to_string(), &sending)
}

#[test]
fn a_models_own_options_go_with_it_on_every_route() {
    let chat = sent_for(
        Endpoint::Chat,
        json!({ "model": "big:70b", "messages": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(
        chat["options"],
        json!({ "num_ctx": 8192, "num_predict": 50, "temperature": 0.7 })
    );
    let translated = sent_for(
        Endpoint::OpenAiChat,
        json!({ "model": "BIG:70b", "messages": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(translated["options"]["num_ctx"], 8192);
    let embedding = sent_for(
        Endpoint::Embed,
        json!({ "model": "nomic-embed-text", "input": "x", "options": { "num_ctx": 1 } }),
    );
    assert_eq!(embedding["options"], json!({ "num_ctx": 2048 }));
    let plain = sent_for(
        Endpoint::Chat,
        json!({ "model": "plain", "messages": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(plain.get("options"), None);
    // Without runner options nothing has to be translated.
    let relayed = prepared_by(
        &of_models(),
        Endpoint::OpenAiChat,
        r#"{"model":"plain","messages":[{"role":"user","content":"x"}]}"#,
    );
    assert!(relayed.unwrap().delivery.is_none());
}

#[test]
fn a_bound_of_the_clients_and_the_cap_stand_over_a_models_own() {
    let of = |cap, body: Value| {
        let policy = Policy {
            num_predict_cap: cap,
            ..policy()
        };
        let own = Override {
            models: pattern("*"),
            options: options(json!({ "num_predict": 50 })),
            keep_alive: None,
            shift: None,
        };
        let policy = policy.with_overrides([own]);
        let sent = json_sent(
            &policy,
            Endpoint::Chat,
            &body.to_string(),
            &Sending::default(),
        );
        sent["options"]["num_predict"].clone()
    };
    let asking = |tokens: u32| json!({ "messages": [{ "role": "user", "content": "x" }], "options": { "num_predict": tokens } });
    assert_eq!(
        of(
            None,
            json!({ "messages": [{ "role": "user", "content": "x" }] })
        ),
        50
    );
    assert_eq!(
        of(
            Some(10),
            json!({ "messages": [{ "role": "user", "content": "x" }] })
        ),
        10
    );
    assert_eq!(
        of(
            Some(100),
            json!({ "messages": [{ "role": "user", "content": "x" }] })
        ),
        50
    );
    assert_eq!(of(Some(100), asking(70)), 70);
    assert_eq!(of(Some(60), asking(70)), 60);
}

#[test]
fn another_name_sends_its_model_and_tells_the_name_that_was_asked_for() {
    for (endpoint, body) in [
        (
            Endpoint::Chat,
            json!({ "model": "GPT-4o", "messages": [{ "role": "user", "content": "x" }] }),
        ),
        (
            Endpoint::OpenAiChat,
            json!({ "model": "GPT-4o", "messages": [{ "role": "user", "content": "x" }] }),
        ),
        (
            Endpoint::OpenAiResponses,
            json!({ "model": "GPT-4o", "input": "x" }),
        ),
        (Endpoint::Embed, json!({ "model": "GPT-4o", "input": "x" })),
    ] {
        assert_eq!(
            sent_for(endpoint, body.clone())["model"],
            "big:70b",
            "{endpoint:?}"
        );
        let prepared = prepared_by(&of_models(), endpoint, &body.to_string()).unwrap();
        assert_eq!(
            (prepared.model.as_str(), prepared.asked.as_str()),
            ("big:70b", "GPT-4o")
        );
    }
    let chat = sent_for(
        Endpoint::Chat,
        json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(
        chat["options"]["num_ctx"], 8192,
        "the options are the model's"
    );
}

#[test]
fn a_real_model_of_that_name_wins_and_any_other_name_stays_as_it_is() {
    let real = [ModelName::parse("claude-tiny").unwrap()];
    let asker = Asker {
        names: &real,
        ..Asker::default()
    };
    let of = |model: &str| {
        let body =
            json!({ "model": model, "messages": [{ "role": "user", "content": "x" }] }).to_string();
        let prepared = prepare(Endpoint::Chat, body.into_bytes(), &asker, &of_models());
        let prepared = prepared.unwrap();
        (prepared.model, prepared.asked)
    };
    let both = |model: &str, asked: &str| (model.to_owned(), asked.to_owned());
    assert_eq!(of("claude-tiny"), both("claude-tiny", "claude-tiny"));
    assert_eq!(of("claude-opus"), both("coder", "claude-opus"));
    assert_eq!(of(" Qwen3 "), both("Qwen3", "Qwen3"));
    assert_eq!(of(""), both("qwen3:1.7b", "qwen3:1.7b"));
}

#[test]
fn the_turns_of_one_conversation_have_one_number_and_other_conversations_others() {
    let of = |endpoint, body: Value| {
        let asker = Asker {
            has_choice: true,
            ..Asker::default()
        };
        let prepared = prepare(endpoint, body.to_string().into_bytes(), &asker, &policy());
        prepared.unwrap().conversation
    };
    let said = |role: &str, text: &str| json!({ "role": role, "content": text });
    let chat = |messages: &[Value]| of(Endpoint::Chat, json!({ "messages": messages }));
    let first = [said("system", "be kind"), said("user", "hello")];
    let later = [&first[..], &[said("assistant", "hi"), said("user", "more")]].concat();
    assert_eq!(chat(&first), chat(&later));
    assert_ne!(
        chat(&first),
        chat(&[said("system", "be kind"), said("user", "goodbye")])
    );
    assert_ne!(chat(&first), chat(&first[1..]));
    let keyed = |key: &str, text: &str| {
        let body = json!({ "input": text, "prompt_cache_key": key });
        of(Endpoint::OpenAiResponses, body)
    };
    assert_eq!(keyed("a", "x"), keyed("a", "y"));
    assert_ne!(keyed("a", "x"), keyed("b", "x"));
    let unasked = prepared(Endpoint::Chat, r#"{"prompt":"x"}"#);
    assert_eq!(unasked.conversation, 0);
}
