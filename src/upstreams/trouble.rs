//! What an answer of an upstream's means that is none: whose fault it is, and what the client and the operator are told.
//!
//! # Whose fault
//!
//! | what came | whose | told as |
//! |---|---|---|
//! | 4xx with a JSON error | the client's | as it came |
//! | 5xx about the request or its model (memory, format, template, no embeddings) | the request's | its status and sentence |
//! | 401, 403, 407 | the operator's: our credentials | 502 |
//! | the same, or a failure, of a cloud model | the account's | 502 with its sentence |
//! | 429, 503 | the upstream's, for a while | 503 with its `retry-after` |
//! | any other 5xx | the upstream's | 502 |
//! | a 2xx that is no answer of Ollama's, a redirect, an error page | the operator's: this is no Ollama | 502 |
//!
//! Pure: what came is looked at, nothing is done.

use http::StatusCode;
use serde_json::Value;

/// The most of a sentence that is told or logged, in characters.
const SENTENCE_MAX: usize = 1_000;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The client's own mistake, told as the upstream tells it.
    Clients {
        /// Its status.
        status: StatusCode,
        /// Its document, which has a sentence.
        document: Value,
    },
    /// The request cannot be served by this model or this machine, however often it is sent.
    Unservable {
        /// Its status.
        status: StatusCode,
        /// Why.
        sentence: String,
    },
    /// Our own credentials are refused.
    Credentials(StatusCode),
    /// A model that is served by the operator's account elsewhere, which refuses or fails.
    Cloud(String),
    /// It has too much to do.
    Busy,
    /// It failed.
    Failed,
    /// This is no Ollama: what was found instead.
    Stranger(String),
}

/// An answer's head, and the beginning of its body as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The status.
    pub status: StatusCode,
    /// The media type, where it is told.
    pub content_type: Option<&'a str>,
    /// The coding of the body, where it is told.
    pub coding: Option<&'a str>,
    /// What is known of the body: all of an error, the first bytes of anything else.
    pub body: &'a [u8],
}

impl Seen<'_> {
    /// What is wrong with it, if anything; `is_cloud`: its model is served elsewhere.
    pub fn trouble(&self, is_cloud: bool) -> Option<Trouble> {
        if let Some(coding) = self.coding.filter(|coding| !is_identity(coding)) {
            return Some(Trouble::Stranger(format!(
                "an answer coded as {}",
                word(coding)
            )));
        }
        let status = self.status;
        if status.is_success() {
            return (!self.is_ollamas()).then(|| Trouble::Stranger(self.what()));
        }
        let document = serde_json::from_slice::<Value>(self.body).ok();
        let document = document.filter(|document| sentence(document).is_some());
        let told = document.as_ref().and_then(sentence);
        Some(match (status.as_u16(), document, told) {
            (404 | 400, Some(document), _) => Trouble::Clients { status, document },
            (429, ..) => Trouble::Busy,
            (_, Some(_), Some(told)) if is_cloud => Trouble::Cloud(told),
            (401 | 403 | 407, ..) => Trouble::Credentials(status),
            // `expect` is our own.
            (417, ..) => Trouble::Stranger(self.what()),
            (400..=499, Some(document), _) => Trouble::Clients { status, document },
            (501, _, Some(sentence)) => Trouble::Unservable { status, sentence },
            (500..=599, _, Some(sentence)) if is_about_request(&sentence) => {
                Trouble::Unservable { status, sentence }
            }
            (503, ..) => Trouble::Busy,
            (500..=599, ..) => Trouble::Failed,
            _ => Trouble::Stranger(self.what()),
        })
    }

    /// Whether a success is in one of the forms that Ollama has.
    fn is_ollamas(&self) -> bool {
        let Some(content_type) = self.content_type else {
            // Then it begins as one of them does.
            let first = self.body.trim_ascii_start().first();
            return first.is_none_or(|byte| b"{[:ed".contains(byte));
        };
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [
            "application/json",
            "application/x-ndjson",
            "text/event-stream",
        ]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    }

    /// In a few words, for an operator.
    fn what(&self) -> String {
        let status = self.status.as_u16();
        match self.content_type {
            Some(content_type) => format!("status {status} with {}", word(content_type)),
            None => format!("status {status} without a content type"),
        }
    }
}

impl Trouble {
    /// What an operator has to look at, where it is not a failure that passes.
    pub fn hint(&self) -> Option<String> {
        match self {
            Trouble::Credentials(status) => Some(format!(
                "status {}: the upstream, or a proxy before it, refuses Sluice itself; ollama_api_key is missing or wrong",
                status.as_u16()
            )),
            Trouble::Stranger(found) => Some(found.clone()),
            _ => None,
        }
    }
}

/// The sentence in an error document of any of Ollama's families. The engine's own error, which Ollama passes on as a text
/// within its own, is unwrapped.
pub fn sentence(document: &Value) -> Option<String> {
    let error = document.get("error")?;
    let text = error.as_str().or_else(|| error.get("message")?.as_str())?;
    let inner = serde_json::from_str::<Value>(text).ok();
    Some(
        inner
            .as_ref()
            .and_then(sentence_within)
            .unwrap_or(text)
            .chars()
            .take(SENTENCE_MAX)
            .collect(),
    )
}

fn sentence_within(document: &Value) -> Option<&str> {
    let error = document.get("error").unwrap_or(document);
    error.as_str().or_else(|| error.get("message")?.as_str())
}

/// Whether a failure is about the request or its model, in the words of Ollama and of its engines: sent again it would fail
/// again, here and elsewhere, and may load the model anew each time.
fn is_about_request(sentence: &str) -> bool {
    let sentence = sentence.to_ascii_lowercase();
    let has = |words: &&str| sentence.contains(*words);
    [
        "system memory",
        "out of memory",
        "does not support",
        "invalid format",
        "must be of type",
        "error loading model",
        "unable to load model",
        "unknown model architecture",
        "exceeds file size",
        "timed out waiting for llama",
    ]
    .iter()
    .any(has)
        || sentence.starts_with("template:")
}

fn is_identity(coding: &str) -> bool {
    coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity")
}

/// What a stranger says of itself, short and plain enough for a log and a page.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
    text.chars().filter(is_plain).take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen<'a>(status: u16, content_type: &'a str, body: &'a str) -> Seen<'a> {
        Seen {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: (!content_type.is_empty()).then_some(content_type),
            coding: None,
            body: body.as_bytes(),
        }
    }

    fn error(status: u16, sentence: &str) -> Option<Trouble> {
        let body = json!({ "error": sentence }).to_string();
        seen(status, "application/json", &body).trouble(false)
    }

    #[test]
    fn what_ollama_answers_is_no_trouble() {
        for content_type in [
            "application/json; charset=utf-8",
            "application/x-ndjson",
            "text/event-stream",
            "Application/JSON",
        ] {
            assert_eq!(
                seen(200, content_type, "{").trouble(false),
                None,
                "{content_type}"
            );
        }
        for begins in ["", " {\"model\"", "[", "data: {", "event: x", ": waiting"] {
            assert_eq!(seen(200, "", begins).trouble(false), None, "{begins}");
        }
    }

    #[test]
    fn what_is_no_ollama_is_told_by_what_was_found() {
        for (seen, found) in [
            (
                seen(200, "text/html; charset=utf-8", "<html>"),
                "status 200 with text/html; charset=utf-8",
            ),
            (
                seen(200, "", "<!doctype html>"),
                "status 200 without a content type",
            ),
            (
                seen(404, "text/plain", "404 page not found"),
                "status 404 with text/plain",
            ),
            (
                seen(413, "text/html", "<html>"),
                "status 413 with text/html",
            ),
            (seen(302, "text/html", ""), "status 302 with text/html"),
            (
                seen(417, "text/plain", "{\"error\":\"no\"}"),
                "status 417 with text/plain",
            ),
        ] {
            assert_eq!(
                seen.trouble(false),
                Some(Trouble::Stranger(found.to_owned()))
            );
        }
        let coded = Seen {
            coding: Some("gzip"),
            ..seen(200, "application/json", "")
        };
        let found = "an answer coded as gzip".to_owned();
        assert_eq!(coded.trouble(false), Some(Trouble::Stranger(found)));
        let plain = Seen {
            coding: Some("identity"),
            ..seen(200, "application/json", "{")
        };
        assert_eq!(plain.trouble(false), None);
    }

    #[test]
    fn a_clients_mistake_stays_as_it_came() {
        for status in [400, 404, 413, 422] {
            let status_code = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                error(status, "model 'm' not found"),
                Some(Trouble::Clients {
                    status: status_code,
                    document: json!({ "error": "model 'm' not found" }),
                })
            );
        }
    }

    #[test]
    fn our_own_credentials_are_never_the_clients() {
        for status in [401, 403, 407] {
            let status_code = StatusCode::from_u16(status).unwrap();
            let expected = Some(Trouble::Credentials(status_code));
            assert_eq!(error(status, "unauthorized"), expected);
            assert_eq!(seen(status, "text/html", "<html>").trouble(false), expected);
        }
        let body = json!({ "error": "unauthorized" }).to_string();
        for status in [401, 403, 502, 500] {
            assert_eq!(
                seen(status, "application/json", &body).trouble(true),
                Some(Trouble::Cloud("unauthorized".to_owned()))
            );
        }
        // Without a word from the account it is whatever stands before the upstream.
        assert_eq!(
            seen(401, "text/html", "<html>").trouble(true),
            Some(Trouble::Credentials(StatusCode::UNAUTHORIZED))
        );
    }

    #[test]
    fn a_failure_about_the_request_is_told_and_any_other_is_tried_elsewhere() {
        for (status, sentence) in [
            (
                500,
                "model requires more system memory (5.6 GiB) than is available (2.1 GiB)",
            ),
            (
                501,
                "This server does not support embeddings. Start it with `--embeddings`",
            ),
            (
                500,
                "This server does not support embeddings. Start it with `--embeddings`",
            ),
            (500, "template: :1: unclosed action"),
            (
                500,
                "invalid format: \"7\"; expected \"json\" or a valid JSON Schema object",
            ),
            (500, "option \"stop\" must be of type array"),
            (
                500,
                "tensor \"blk.16.ffn_down.weight\" offset+size (50153536) exceeds file size (50000000)",
            ),
            (
                500,
                "llama-server process has terminated: exit status 1: error loading model: unknown model architecture: 'x'",
            ),
            (500, "timed out waiting for llama-server to start - "),
        ] {
            let expected = Trouble::Unservable {
                status: StatusCode::from_u16(status).unwrap(),
                sentence: sentence.to_owned(),
            };
            assert_eq!(error(status, sentence), Some(expected));
        }
        for sentence in [
            "an error was encountered while running the model: unexpected EOF",
            "llama runner process has terminated: signal: killed",
        ] {
            assert_eq!(error(500, sentence), Some(Trouble::Failed));
        }
        assert_eq!(
            seen(502, "text/html", "<html>").trouble(false),
            Some(Trouble::Failed)
        );
        assert_eq!(
            error(503, "server busy, please try again"),
            Some(Trouble::Busy)
        );
        assert_eq!(error(429, "too many"), Some(Trouble::Busy));
        assert_eq!(
            seen(429, "text/html", "").trouble(true),
            Some(Trouble::Busy)
        );
    }

    #[test]
    fn the_engines_error_within_ollamas_is_unwrapped() {
        let inner =
            json!({ "error": { "code": 400, "message": "too long", "type": "x" } }).to_string();
        for document in [
            json!({ "error": inner }),
            json!({ "error": { "message": inner, "code": null } }),
            json!({ "error": { "message": "too long" } }),
            json!({ "error": "too long" }),
        ] {
            assert_eq!(
                sentence(&document).as_deref(),
                Some("too long"),
                "{document}"
            );
        }
        for document in [
            json!({}),
            json!({ "error": 5 }),
            json!([]),
            json!({ "error": { "x": 1 } }),
        ] {
            assert_eq!(sentence(&document), None, "{document}");
        }
        assert_eq!(
            sentence(&json!({ "error": "{\"x\":1}" })).as_deref(),
            Some("{\"x\":1}")
        );
    }
}
