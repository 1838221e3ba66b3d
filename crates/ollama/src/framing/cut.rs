//! A prompt that did not fit: what Ollama says of it, and how it is told to the client whose prompt was cut then.
//!
//! # Why
//! Ollama cuts a prompt that does not fit without a word. So it is asked to refuse instead, and asked again as the client
//! did; the two numbers of its refusal stand in the last frame of the answer.

use serde_json::{Value, json};

/// The name of the member that tells it.
pub(crate) const MEMBER: &str = "prompt_cut";

/// How much a prompt was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens that the context has room for.
    pub num_ctx: u64,
}

impl Cut {
    /// What an error document of Ollama's says; `None`: it is about something else. The error of the engine stands in it as an
    /// object, or as the text of one.
    pub fn read(document: &Value) -> Option<Cut> {
        let inner = match document {
            Value::String(text) => serde_json::from_str(text).ok()?,
            Value::Object(members) => match members.get("error") {
                Some(error) => return Cut::read(error),
                None => document.clone(),
            },
            _ => return None,
        };
        if inner.get("error").is_some() {
            return Cut::read(inner.get("error")?);
        }
        if inner["type"] != "exceed_context_size_error" {
            return None;
        }
        Some(Cut {
            prompt_tokens: inner["n_prompt_tokens"].as_u64()?,
            num_ctx: inner["n_ctx"].as_u64()?,
        })
    }

    /// What clients are told.
    pub(crate) fn document(self) -> Value {
        json!({ "prompt_tokens": self.prompt_tokens, "num_ctx": self.num_ctx })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Cut = Cut {
        prompt_tokens: 3499,
        num_ctx: 512,
    };

    /// As Ollama 0.32.15 says it.
    const REFUSAL: &str = r#"{"error":"{\"error\":{\"code\":400,\"message\":\"request (3499 tokens) exceeds the available context size (512 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":3499,\"n_ctx\":512}}"}"#;

    #[test]
    fn ollamas_refusal_tells_both_numbers_and_other_errors_none() {
        let read = |document: &str| Cut::read(&serde_json::from_str(document).unwrap());
        assert_eq!(read(REFUSAL), Some(CUT));
        for other in [
            r#"{"error":"model 'x' not found"}"#,
            r#"{"error":"{\"error\":{\"type\":\"invalid_request_error\"}}"}"#,
            r#"{"error":"{\"error\":{\"type\":\"exceed_context_size_error\"}}"}"#,
            r#"{"error":null}"#,
            "[]",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
