//! A prompt that did not fit: what Ollama says of it, and how it is told to the client whose prompt was cut then.
//!
//! # Why
//! Ollama cuts a prompt that does not fit without a word. So it is asked to refuse instead, and asked again as the client
//! did; the two numbers of its refusal stand in the last frame of the answer.

use serde_json::{Value, json};

use super::lines::{LineSplitter, LineTooLong};
use super::watch::is_last_line;
use crate::endpoint::Form;

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

    fn member(self) -> String {
        let told = json!({ "prompt_tokens": self.prompt_tokens, "num_ctx": self.num_ctx });
        format!("\"{MEMBER}\":{told},")
    }
}

/// Writes a [`Cut`] into the last frame of an answer of Ollama's.
#[derive(Debug)]
pub(crate) struct CutWriter {
    member: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The last line.
    LastLine(LineSplitter),
    /// The document, whose brace has not come yet.
    Document,
    /// Nowhere any more.
    Told,
}

impl CutWriter {
    /// For an answer that the upstream sends in `form`.
    pub(crate) fn new(cut: Cut, form: Form) -> CutWriter {
        let place = match form {
            Form::Lines | Form::Events => Place::LastLine(LineSplitter::default()),
            Form::Document => Place::Document,
            // These have no place for it.
            Form::OpenAiEvents
            | Form::OpenAiDocument
            | Form::AnthropicEvents
            | Form::AnthropicDocument => Place::Told,
        };
        CutWriter {
            member: cut.member(),
            place,
        }
    }

    /// The chunk as it is passed on.
    ///
    /// # Errors
    /// A line is longer than [`super::MAX_LINE`].
    pub(crate) fn pass(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, LineTooLong> {
        match &mut self.place {
            Place::Told => Ok(chunk),
            Place::Document => {
                let Some(brace) = chunk.iter().position(|byte| *byte == b'{') else {
                    return Ok(chunk);
                };
                self.place = Place::Told;
                let mut out = chunk;
                out.splice(brace + 1..brace + 1, self.member.bytes());
                Ok(out)
            }
            Place::LastLine(lines) => {
                let mut out = Vec::with_capacity(chunk.len());
                lines.feed(&chunk, |line| {
                    write_line(line, &self.member, &mut out);
                    out.push(b'\n');
                })?;
                Ok(out)
            }
        }
    }

    /// A last line that its sender did not end.
    pub(crate) fn end(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Place::LastLine(lines) = &self.place {
            write_line(lines.remainder(), &self.member, &mut out);
        }
        out
    }
}

fn write_line(line: &[u8], member: &str, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(line);
    if is_last_line(line)
        && let Some(brace) = line.iter().position(|byte| *byte == b'{')
    {
        let at = begin + brace + 1;
        out.splice(at..at, member.bytes());
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

    #[test]
    fn the_last_line_tells_it_and_no_other_wherever_the_chunks_are_cut() {
        let line = "{\"message\":{\"content\":\"\\\"done\\\":true\"},\"done\":false}\n";
        let answer = format!("{line}{line}{{\"done\":true}}");
        let expected = format!(
            "{line}{line}{{\"prompt_cut\":{{\"prompt_tokens\":3499,\"num_ctx\":512}},\"done\":true}}"
        );
        for cut in 0..=answer.len() {
            for last in ["", "\n"] {
                let mut writer = CutWriter::new(CUT, Form::Lines);
                let (head, tail) = answer.split_at(cut);
                let mut out = writer.pass(head.as_bytes().to_vec()).unwrap();
                out.extend(writer.pass(format!("{tail}{last}").into_bytes()).unwrap());
                out.extend(writer.end());
                let expected = format!("{expected}{last}");
                assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_document_tells_it_behind_its_brace() {
        let mut writer = CutWriter::new(CUT, Form::Document);
        let mut out = writer.pass(b" ".to_vec()).unwrap();
        out.extend(writer.pass(b"{\"a\":{}".to_vec()).unwrap());
        out.extend(writer.pass(b",\"done\":true}".to_vec()).unwrap());
        out.extend(writer.end());
        let told =
            "{\"prompt_cut\":{\"prompt_tokens\":3499,\"num_ctx\":512},\"a\":{},\"done\":true}";
        assert_eq!(String::from_utf8(out).unwrap(), format!(" {told}"));
    }
}
