//! What comes in is bounded, each in its way. The bound on a line from upstream is a row of `docs/faults.md`.

use super::{PROMPT, post, raw, status};
use crate::common::{Setup, nothing_happened, run};

#[test]
fn what_is_beyond_a_bound_is_refused_and_what_is_at_it_is_served() {
    run(async {
        let app = Setup::answering("tokens=1 pace=0ms").start().await;
        let headers = |count: usize, bytes: usize| {
            let line = |n| format!("x-{n}: {}\r\n", "a".repeat(bytes));
            (0..count).map(line).collect::<String>()
        };
        let messages = |count: usize| {
            let message = r#"{"role":"user","content":"x"}"#;
            format!(r#"{{"messages":[{}]}}"#, vec![message; count].join(","))
        };
        let depth = |deep: usize| {
            let (open, close) = ("[".repeat(deep), "]".repeat(deep));
            format!(r#"{{"prompt":"x","more":{open}{close}}}"#)
        };
        let query = |bytes: usize| format!("/api/chat?{}", "q".repeat(bytes));
        let beyond = [
            (431, post("/api/chat", &headers(129, 1), PROMPT)),
            (400, post(&query(2_048), "", PROMPT)),
            (400, post("/api/chat", "", &depth(10_001))),
            (400, post("/api/chat", "", &depth(100_000))),
            (
                400,
                post(
                    "/api/chat",
                    "",
                    &format!(r#"{{"prompt":"x","model":"{}"}}"#, "m".repeat(257)),
                ),
            ),
        ];
        for (expected, request) in beyond {
            let answer = raw(app.addr(), &request).await;
            let beginning =
                String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
            assert_eq!(status(&answer), Some(expected), "{beginning}");
        }
        // The host's own bound may come first.
        let answer = raw(app.addr(), &post("/api/chat", &headers(100, 700), PROMPT)).await;
        assert!(
            matches!(status(&answer), Some(400 | 431)),
            "{:?}",
            status(&answer)
        );
        nothing_happened(&app).await;
        let at = [
            post("/api/chat", &headers(64, 900), PROMPT),
            post(&query(2_000), "", PROMPT),
            post("/api/chat", "", &messages(4_096)),
            post("/api/chat", "", &depth(63)),
        ];
        for request in at {
            let answer = raw(app.addr(), &request).await;
            let text = String::from_utf8_lossy(&answer);
            assert_eq!(status(&answer), Some(200), "{text}");
            assert!(text.contains(r#""done":true"#), "{text}");
        }
    });
}
