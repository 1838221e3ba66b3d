//! Rules of recognition.

use http::{HeaderMap, HeaderValue};

use super::*;
use crate::config::tests::config_with;

fn head(lines: &[(&'static str, &str)]) -> Head {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    Head {
        method: http::Method::POST,
        path: "/api/chat".to_owned(),
        headers,
        authority: Some("chat.example:3000".to_owned()),
    }
}

fn recognize(config: &Config, head: &Head, now_ms: u64) -> Client {
    let mut client = Client::by_address(config, head);
    client.recognize(config, head, now_ms);
    client
}

#[test]
fn without_keys_everybody_comes_in_and_with_keys_only_who_shows_one() {
    let open = config_with(&[]);
    assert_eq!(recognize(&open, &head(&[]), 0).admit(&open), Ok(()));
    let closed = config_with(&[("api_key", "s3cret"), ("api_keys", "lab:batch:other:part")]);
    let shown = |lines: &[(&'static str, &str)]| {
        let client = recognize(&closed, &head(lines), 0);
        client.admit(&closed).map(|()| client.key)
    };
    let named = |name: &str, class| Ok(Some((name.to_owned(), class)));
    assert_eq!(shown(&[]), Err(WRONG));
    assert_eq!(shown(&[("authorization", "Bearer s3cre")]), Err(WRONG));
    assert_eq!(shown(&[("authorization", "Basic s3cret")]), Err(WRONG));
    assert_eq!(
        shown(&[("authorization", "bearer s3cret")]),
        named("default", Class::Shared)
    );
    assert_eq!(
        shown(&[("x-api-key", "other:part")]),
        named("lab", Class::Batch)
    );
}

#[test]
fn a_forged_client_address_changes_nothing() {
    let config = config_with(&[]);
    let forged = head(&[
        ("spin-client-addr", "10.0.0.1:1"),
        ("spin-client-addr", "192.0.2.7:5000"),
    ]);
    let client = recognize(&config, &forged, 0);
    assert_eq!(client.address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(client.to_string(), "address:192.0.2.7");
}

#[test]
fn a_forwarded_address_counts_only_from_a_listed_proxy_and_from_the_right() {
    let lines = [
        ("spin-client-addr", "[::ffff:10.0.0.2]:5000"),
        ("x-forwarded-for", "1.1.1.1, 203.0.113.9"),
        ("x-forwarded-for", "10.0.0.3"),
    ];
    let address = |proxies| {
        recognize(
            &config_with(&[("trusted_proxies", proxies)]),
            &head(&lines),
            0,
        )
        .address
    };
    assert_eq!(address(""), Some("10.0.0.2".parse().unwrap()));
    assert_eq!(address("10.0.0.0/8"), Some("203.0.113.9".parse().unwrap()));
    assert_eq!(address("10.0.0.2"), Some("10.0.0.3".parse().unwrap()));
}

#[test]
fn a_forwarded_address_is_read_in_each_of_its_spellings() {
    let config = config_with(&[("trusted_proxies", "10.0.0.0/8")]);
    for (spelling, expected) in [
        ("192.0.2.7:5000", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ("unknown", "10.0.0.2"),
    ] {
        let lines = [
            ("spin-client-addr", "10.0.0.2:5000"),
            ("x-forwarded-for", spelling),
        ];
        let client = recognize(&config, &head(&lines), 0);
        assert_eq!(client.address, expected.parse().ok(), "{spelling}");
    }
}

#[test]
fn behind_a_listed_proxy_the_host_is_what_the_proxy_says() {
    let config = config_with(&[("trusted_proxies", "10.0.0.0/8")]);
    let asked = |lines: &[(&'static str, &str)]| asked_host(&config, &head(lines));
    let own = Some("chat.example:3000".to_owned());
    let proxy = ("spin-client-addr", "10.0.0.1:5000");
    assert_eq!(asked(&[proxy]), own);
    assert_eq!(asked(&[proxy, ("x-forwarded-host", " ")]), own);
    let told = ("x-forwarded-host", "first.example, chat.school.example");
    assert_eq!(
        asked(&[proxy, told]),
        Some("chat.school.example".to_owned())
    );
    assert_eq!(asked(&[("spin-client-addr", "192.0.2.1:5000"), told]), own);
    // What a client forges stands before the trigger's own word.
    let forged = [proxy, ("spin-client-addr", "192.0.2.1:5000"), told];
    assert_eq!(asked(&forged), own);
}

const WRONG: Refusal = Refusal::Unauthorized { retry_after: None };

#[test]
fn a_proxys_word_on_its_user_counts_with_its_key_or_from_its_address_and_nowhere_else() {
    let keys = "webui:proxy:s1, lab:interactive:s2";
    let settings = [
        ("api_keys", keys),
        ("client_header", "X-OpenWebUI-User-Id"),
        ("trusted_proxies", "10.0.0.0/8"),
    ];
    let config = config_with(&settings);
    let ada = ("x-openwebui-user-id", "ada");
    let who = |lines: &[(&'static str, &str)]| {
        let client = recognize(&config, &head(lines), 0);
        (client.user.is_some(), client.fingerprint())
    };
    let (with_key, ada_of_webui) = who(&[("x-api-key", "s1"), ada]);
    assert!(with_key);
    let (from_address, ada_of_proxy) = who(&[("spin-client-addr", "10.0.0.1:5000"), ada]);
    assert!(from_address);
    let lab = who(&[("x-api-key", "s2")]);
    assert_eq!(who(&[("x-api-key", "s2"), ada]), lab, "a key of people");
    assert_eq!(who(&[("spin-client-addr", "192.0.2.1:1"), ada]), (false, 0));
    let (_, bob) = who(&[("x-api-key", "s1"), ("x-openwebui-user-id", "bob")]);
    let (_, webui) = who(&[("x-api-key", "s1")]);
    let numbers = [ada_of_webui, ada_of_proxy, lab.1, bob, webui];
    let all: std::collections::HashSet<u64> = numbers.into_iter().collect();
    assert_eq!(all.len(), numbers.len(), "all are told apart: {numbers:?}");
    // The proxy has not overwritten it: either line may be forged.
    let twice = [("x-api-key", "s1"), ada, ("x-openwebui-user-id", "bob")];
    assert_eq!(who(&twice), (false, webui));
    let long = "a".repeat(257);
    for none in ["", " ", long.as_str()] {
        assert!(!who(&[("x-api-key", "s1"), ("x-openwebui-user-id", none)]).0);
    }
}

#[test]
fn the_log_names_a_user_only_where_it_is_to() {
    let shown = |log_clients| {
        let config = config_with(&[
            ("api_keys", "webui:proxy:s1"),
            ("client_header", "remote-user"),
            ("log_clients", log_clients),
        ]);
        let lines = [("x-api-key", "s1"), ("remote-user", "ada@example.org")];
        let client = recognize(&config, &head(&lines), 0);
        (client.to_string(), client.fingerprint())
    };
    assert_eq!(shown("true").0, "key:webui/ada@example.org");
    let (hashed, number) = shown("false");
    assert_eq!(hashed, format!("key:webui/{number:016x}"));
}

#[test]
fn a_key_a_model_or_the_request_itself_makes_it_batch_where_the_operator_says_so() {
    let class = |settings: &[(&str, &str)], lines: &[(&'static str, &str)], model: &str| {
        let config = config_with(settings);
        let head = head(lines);
        let client = recognize(&config, &head, 0);
        client.gate_class(&config, &head.headers, [model, "claude-haiku"])
    };
    let auxiliary = [("x-claude-code-request-class", "auxiliary")];
    let says_so = [("auxiliary_is_batch", "true")];
    let [batch, interactive] = [policy::Class::Batch, policy::Class::Interactive];
    assert_eq!(class(&[], &auxiliary, "m"), interactive);
    assert_eq!(class(&says_so, &auxiliary, "m"), batch);
    assert_eq!(class(&says_so, &[], "m"), interactive);
    let main = [("x-claude-code-request-class", "main")];
    assert_eq!(class(&says_so, &main, "m"), interactive);
    let models = [("batch_models", "m, n:8b")];
    assert_eq!(class(&models, &[], "m:latest"), batch);
    assert_eq!(class(&models, &[], "n"), interactive);
    let names = [("batch_models", "claude-haiku")];
    assert_eq!(class(&names, &[], "m"), batch);
    let keys = [("api_keys", "lab:batch:secret")];
    assert_eq!(class(&keys, &[("x-api-key", "secret")], "m"), batch);
}
