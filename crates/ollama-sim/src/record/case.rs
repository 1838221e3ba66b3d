//! One request that is recorded, as data.
//!
//! A text may hold `${X 9}`, which stands for nine times `X`, and `${words 9}`, which stands for nine different words: some
//! bodies have millions of letters.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The method.
    pub method: String,
    /// What stands in the request line.
    pub path: String,
    /// Headers over the usual ones; null takes one away.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// The body as a value.
    pub body: Option<Value>,
    /// The body as it is.
    pub raw: Option<String>,
    /// The body as bytes.
    pub base64: Option<String>,
    /// How the body is sent.
    #[serde(default)]
    pub send: Sending,
    /// The protocol, where it is not HTTP/1.1.
    pub http: Option<String>,
    /// Ask for the connection to be closed.
    #[serde(default)]
    pub close: bool,
    /// Hang up after so many chunks.
    pub cut: Option<usize>,
    /// Send it so often; the last answer counts.
    pub repeat: Option<usize>,
    /// It is sent only if it is asked for by name.
    #[serde(default)]
    pub asked: bool,
    /// For the reader.
    pub note: Option<String>,
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Sending {
    /// With its length.
    #[default]
    Whole,
    /// In two chunks.
    Chunked,
    /// With `expect: 100-continue`.
    Expect,
    /// Neither a length nor chunks.
    None,
}

/// Reads cases, one a line.
///
/// # Errors
/// A line is none.
pub fn cases(lines: &str) -> serde_json::Result<Vec<Case>> {
    lines.lines().map(serde_json::from_str).collect()
}

impl Case {
    /// The bytes of the body.
    pub(super) fn payload(&self) -> Vec<u8> {
        if let Some(base64) = &self.base64 {
            return STANDARD.decode(base64).unwrap_or_default();
        }
        match (&self.raw, &self.body) {
            (Some(raw), _) => expanded(raw).into_bytes(),
            (None, Some(body)) => expanded(&body.to_string()).into_bytes(),
            (None, None) => Vec::new(),
        }
    }
}

fn expanded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (inner, tail) = after.split_once('}').unwrap_or((after, ""));
        let (what, count) = inner.rsplit_once(' ').unwrap_or((inner, "0"));
        let count: usize = count.parse().unwrap_or(0);
        if what == "words" {
            let words: Vec<_> = (0..count).map(|number| format!("word{number}")).collect();
            out.push_str(&words.join(" "));
        } else {
            out.push_str(&what.repeat(count));
        }
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_out() {
        assert_eq!(expanded("a${b 3}c"), "abbbc");
        assert_eq!(expanded("${words 3}${[ 2}${] 2}"), "word0 word1 word2[[]]");
    }
}
