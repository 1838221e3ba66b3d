//! What a request costs in memory, whatever its shape: an instance serves 128 of them from one.

use peak_alloc::PeakAlloc;
use serde_json::{Map, Value};
use sluice_ollama::request::Sending;
use sluice_ollama::{Asker, Endpoint, Policy, prepare};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// As large as a body may be by default.
const BODY: usize = 8 * 1024 * 1024;

/// What may stand beside the body, twice, while it is read, checked and sent.
const PEAK_SPARE: usize = 64 * 1024;

/// What may stand beside it, once, while it waits.
const HELD_SPARE: usize = 4 * 1024;

/// A body of [`BODY`] bytes: a beginning, as many pieces as go in, and an end.
fn filled(begin: &str, piece: &str, end: &str) -> Vec<u8> {
    let pieces = (BODY - begin.len() - end.len()) / piece.len();
    let mut body = Vec::with_capacity(BODY);
    body.extend_from_slice(begin.as_bytes());
    for _ in 0..pieces {
        body.extend_from_slice(piece.as_bytes());
    }
    body.extend_from_slice(end.as_bytes());
    body.shrink_to_fit();
    body
}

#[test]
fn no_shape_of_a_body_costs_more_than_twice_its_length_and_what_waits_more_than_once() {
    let chat = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}";
    let more = format!("{chat}],\"x\":[0");
    let shapes = [
        (Endpoint::Chat, filled("{\"prompt\":\"", "x", "\"}")),
        (Endpoint::Chat, filled("{\"prompt\":\"", "\\ud83d", "\"}")),
        (Endpoint::Chat, filled(&more, ",[0]", "]}")),
        (Endpoint::Chat, filled(&more, ",{\"\":0}", "]}")),
        (Endpoint::Chat, filled(&more, ",0", "]}")),
        (
            Endpoint::Chat,
            filled(&format!("{chat}]"), ",\"\\u0061\":0", "}"),
        ),
        (Endpoint::Chat, filled(chat, ",{\"Role\":\"u\"}", "]}")),
        (
            Endpoint::Chat,
            filled(
                &format!("{chat},{{\"tool_calls\":[{{}}"),
                ",{\"ID\":\"\"}",
                "]}]}",
            ),
        ),
        (
            Endpoint::Chat,
            filled(
                "{\"prompt\":\"x\",\"options\":{\"a\":0",
                ",\"num_ctx\":1",
                "}}",
            ),
        ),
        (Endpoint::Embed, filled("{\"input\":[\"\"", ",\"\"", "]}")),
        (
            Endpoint::OpenAiChat,
            filled(chat, ",{\"role\":\"u\",\"content\":\"\"}", "]}"),
        ),
        (
            Endpoint::OpenAiChat,
            filled(
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"}",
                &format!(",{{\"type\":\"text\",\"text\":\"{}\"}}", "x".repeat(900)),
                "]}]}",
            ),
        ),
        (
            Endpoint::OpenAiChat,
            filled(
                "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"a\\\":[0",
                ",[]",
                "]}\"}}]}]}",
            ),
        ),
        (
            Endpoint::OpenAiChat,
            filled(
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:image/png;base64,",
                "aGkh",
                "\"}]}]}",
            ),
        ),
        (
            Endpoint::Messages,
            filled(
                "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}",
                ",{\"type\":\"text\",\"text\":\"y\"}",
                "]}]}",
            ),
        ),
        (
            Endpoint::Messages,
            filled(
                "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}",
                ",{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"y\"}",
                "]}]}",
            ),
        ),
        (
            Endpoint::Messages,
            // Work that grows with the square of their number would not end.
            filled(
                "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}",
                ",{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"aA==\"}}",
                "]}]}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":[{\"role\":\"user\",\"content\":\"x\"}",
                ",{\"role\":\"user\",\"content\":\"\"}",
                "]}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}",
                ",{\"type\":\"input_text\",\"text\":\"y\"}",
                "]}]}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}",
                ",{\"type\":\"input_image\",\"image_url\":\"data:;base64,aA==\"}",
                "]}]}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":[{\"role\":\"user\",\"content\":\"x\"}",
                ",{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}",
                "]}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled("{\"input\":\"x\",\"instructions\":\"", "x", "\"}"),
        ),
        (
            Endpoint::OpenAiResponses,
            filled("{\"input\":\"x\",\"truncation\":\"", "x", "\"}"),
        ),
        (
            Endpoint::OpenAiResponses,
            filled("{\"input\":\"x\",\"temperature\":1.", "0", "}"),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":\"x\",\"reasoning\":{\"summary\":\"",
                "x",
                "\"}}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"",
                "x",
                "\"}}}",
            ),
        ),
        (
            Endpoint::OpenAiResponses,
            filled(
                "{\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"}",
                ",{\"type\":\"function\",\"name\":\"f\",\"strict\":false,\"parameters\":{}}",
                "]}",
            ),
        ),
    ];
    let mut options = Map::new();
    options.insert("num_ctx".to_owned(), Value::from(4096));
    let policy = Policy {
        model: "m".to_owned(),
        options,
        num_predict_cap: Some(100),
        ..Policy::default()
    };
    for (endpoint, body) in shapes {
        let length = body.len();
        let shape = String::from_utf8_lossy(&body[..80]).into_owned();
        let before = MEMORY.current_usage() - length;
        MEMORY.reset_peak_usage();
        let prepared = prepare(endpoint, body, &Asker::default(), &policy);
        let prepared = prepared.unwrap_or_else(|invalid| panic!("{shape}: {invalid}"));
        let held = MEMORY.current_usage() - before;
        let mut sent = 0;
        for slice in prepared.body.payload(&Sending::default()).slices(32 * 1024) {
            sent += slice.len();
        }
        let peak = MEMORY.peak_usage() - before;
        println!(
            "{peak:>9} at most, {held:>8} held, {sent:>8} sent of {length}: {endpoint:?} {shape}"
        );
        assert!(
            peak <= 2 * length + PEAK_SPARE,
            "{peak} of {length}: {shape}"
        );
        let kept = prepared.body.held();
        assert!(held <= kept + HELD_SPARE, "{held} of {kept}: {shape}");
        assert!(kept <= length + 32 * 1024, "{kept} of {length}: {shape}");
    }
}
