//! The log: one line for each request, whatever a client says.

use serde_json::Value;

use super::{PROMPT, post, raw, status};
use crate::common::{HostProcess, run, within};

#[test]
fn no_client_forges_a_line_of_the_log() {
    run(async {
        let sim = ollama_sim::Sim::start(ollama_sim::Options::default())
            .await
            .expect("a simulator");
        let (_state, mut host) = HostProcess::start_logging(&sim, &[("api_key", "hush")]).await;

        let forged = "{\"event\":\"forged\"}";
        let escaped = forged.replace('"', "\\\"");
        let key = "x-api-key: hush\r\n";
        let requests = [
            // In the path, as it is and encoded, and beyond ASCII.
            post(&format!("/api/chat\"}}{forged}"), key, PROMPT),
            post("/api/x%0a%0d{\"event\":\"forged\"}", key, PROMPT),
            post(
                "/api/x\u{85}\u{2028}{\"event\":\"forged\"}\u{1b}",
                key,
                PROMPT,
            ),
            post("/api/x\u{2028}\u{9b}2J\u{202e}", key, PROMPT),
            // In headers that are logged: the trace, and who it is.
            post(
                "/api/chat",
                &format!("{key}traceparent: 00-\"}}\t{forged}-1-1\r\n"),
                PROMPT,
            ),
            post(
                "/api/chat",
                &format!("x-api-key: \"}}\t{forged}\r\n"),
                PROMPT,
            ),
            // In the body: the model's name, with and without what is not allowed in one.
            post(
                "/api/chat",
                key,
                &format!(r#"{{"prompt":"x","model":"m\n{escaped}"}}"#),
            ),
            post(
                "/api/chat",
                key,
                &format!(r#"{{"prompt":"x","model":"m\"}}{escaped}"}}"#),
            ),
            post(
                "/api/chat",
                key,
                r#"{"prompt":"x","model":"m\u202e\ufeffx"}"#,
            ),
            post(
                "/api/chat",
                key,
                &format!("{{\"prompt\":{forged}\n{forged}"),
            ),
        ];
        let count = requests.len();
        for request in requests {
            let answer = raw(host.addr(), &request).await;
            assert!(
                status(&answer).is_some(),
                "{}",
                String::from_utf8_lossy(&request)
            );
        }
        let trace = "ab".repeat(16);
        let headers = format!("{key}traceparent: 00-{trace}-b7ad6b7169203331-01\r\n");
        let last = raw(host.addr(), &post("/api/chat", &headers, PROMPT)).await;
        assert_eq!(status(&last), Some(200));

        let mut lines = Vec::new();
        let reading = async {
            while let Some(line) = host.log_line().await {
                let is_last = line.contains(&trace);
                lines.push(line);
                if is_last {
                    break;
                }
            }
        };
        within("the last one is logged", reading).await;
        let mut requests = 0;
        for line in &lines {
            let Some(text) = line.strip_prefix("[sluice] ") else {
                // The host's own; what it says of a request is not the client's text.
                assert!(!line.contains("forged"), "{line}");
                continue;
            };
            let members: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{line}"));
            assert_ne!(members["event"], "forged", "{line}");
            requests += usize::from(members["event"] == "request");
            assert!(!text.contains("hush"), "{line}");
            let is_plain = |c: char| !c.is_control() && !('\u{2028}'..='\u{202e}').contains(&c);
            assert!(text.chars().all(is_plain), "{line:?}");
        }
        assert!(requests > count / 2, "{lines:#?}");
    });
}

#[test]
fn the_line_of_a_refusal_says_who_was_refused() {
    run(async {
        let sim = ollama_sim::Sim::start(ollama_sim::Options::default())
            .await
            .expect("a simulator");
        let variables = [
            ("api_keys", "lab:interactive:key-lab,webui:proxy:key-webui"),
            ("client_header", "x-user"),
            ("allowed_hosts", "chat.example.org"),
            ("rate_limit", "1"),
            ("rate_limit_burst", "1"),
        ];
        let (_state, mut host) = HostProcess::start_logging(&sim, &variables).await;
        let (lab, webui) = (
            "x-api-key: key-lab\r\n",
            "x-api-key: key-webui\r\nx-user: ada\r\n",
        );
        let long = format!("/api/chat?{}", "x".repeat(2_048));
        let address = "address:127.0.0.1";
        for (request, refused, client) in [
            (post("/api/chat", "", PROMPT), "unauthorized", address),
            (
                post("/api/chat", "x-api-key: wrong\r\n", PROMPT),
                "unauthorized",
                address,
            ),
            (post("/api/chat", lab, "{"), "invalid_json", "key:lab"),
            (post("/api/chat", lab, PROMPT), "rate_limited", "key:lab"),
            (post("/api/chat", webui, "{"), "invalid_json", "key:webui/"),
            (
                post("/api/chat", webui, PROMPT),
                "rate_limited",
                "key:webui/",
            ),
            (post("/api/none", lab, PROMPT), "not_found", address),
            (post(&long, lab, PROMPT), "invalid_path", address),
            (named("chat.example.com"), "host_not_allowed", address),
        ] {
            raw(host.addr(), &request).await;
            let line = refusal_line(&mut host, refused).await;
            let who = line["client"].as_str().unwrap_or_default();
            assert!(who.starts_with(client), "{line}");
            assert!(!who.contains("ada"), "{line}");
            if client.ends_with('/') {
                let id = line["client_id"].as_str().unwrap_or_default();
                assert_eq!(who, format!("{client}{id}"), "{line}");
            }
            if refused == "host_not_allowed" {
                assert_eq!(line["host"], "chat.example.com", "{line}");
            }
        }
        host.kill().await;
    });
}

#[test]
fn the_line_of_an_upstreams_failure_says_its_status_and_its_sentence() {
    run(async {
        let sim = ollama_sim::Sim::start(ollama_sim::Options::default())
            .await
            .expect("a simulator");
        let variables = [("retry_attempts", "0")];
        let (_state, mut host) = HostProcess::start_logging(&sim, &variables).await;
        let failing = r#"{"prompt":"[[sim status=500]]"}"#;
        raw(host.addr(), &post("/api/chat", "", failing)).await;
        let reading = async {
            loop {
                let line = host.log_line().await.expect("a line");
                let json = line.strip_prefix("[sluice] ").unwrap_or(&line);
                let line: Value = serde_json::from_str(json).unwrap_or_default();
                if line["event"] == "upstream_error" {
                    return line;
                }
            }
        };
        let line = within("a line about the upstream", reading).await;
        assert_eq!(line["upstream_status"], 500, "{line}");
        let sentence = line["upstream_error"].as_str().unwrap_or_default();
        assert!(!sentence.is_empty(), "{line}");
        host.kill().await;
    });
}

/// A request by this name of the server.
fn named(host: &str) -> Vec<u8> {
    format!("GET /api/tags HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// The next line about a request, which was refused so.
async fn refusal_line(host: &mut HostProcess, code: &str) -> Value {
    let reading = async {
        loop {
            let line = host.log_line().await.expect("a line");
            let json = line.strip_prefix("[sluice] ").unwrap_or(&line);
            let line: Value = serde_json::from_str(json).unwrap_or_default();
            // What was not refused is the host's own look at /readyz.
            if line["event"] == "request" && line["code"] != Value::Null {
                assert_eq!(line["code"], code, "{line}");
                return line;
            }
        }
    };
    within("a line about a refusal", reading).await
}
