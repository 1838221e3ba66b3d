//! JSON as Go's `encoding/json` reads it: the first value of a text counts, names fold, the last of two members wins, `null`
//! leaves what was there, and what is wrong is told in Go's words.
//!
//! # Why
//! Ollama is written in Go, and its reading is more lenient than most parsers and stricter in other places. A simulator that
//! read as Rust's usual parser does would accept what Ollama refuses, and the other way round.

mod decode;
mod raw;
mod scan;

pub(crate) use decode::Decoder;
pub(crate) use raw::{Kind, Raw};
pub(crate) use scan::NoValue;

/// JSON as Go writes it: `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub(crate) fn escape(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2))
    {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        let (escaped, length): (&[u8], usize) = match tail {
            [b'<', ..] => (br"\u003c", 1),
            [b'>', ..] => (br"\u003e", 1),
            [b'&', ..] => (br"\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (br"\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (br"\u2029", 3),
            _ => (&[0xe2], 1),
        };
        out.extend_from_slice(escaped);
        rest = &tail[length..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_escaped_as_go_does() {
        let mut out = Vec::new();
        escape("\"a<b>&\u{2028}\u{2029}€é\"".as_bytes(), &mut out);
        let expected = r#""a\u003cb\u003e\u0026\u2028\u2029€é""#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
