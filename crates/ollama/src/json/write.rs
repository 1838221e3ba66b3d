//! Writing a string as JSON, and a value as everybody can read it.

use super::check::check;
use super::raw::{Kind, Raw};
use super::text::unquote;

/// Appends a string with its quotes.
pub fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}')) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = from.chars();
        match chars.next() {
            Some(c @ ('"' | '\\')) => out.extend([b'\\', c as u8]),
            Some(c) => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            None => {}
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

/// Appends a value of a checked text in one line that everybody can read: without white space, and its texts in UTF-8 without half characters.
pub fn plain(value: Raw<'_>, out: &mut Vec<u8>) {
    let mut rest = value.bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'"' => {
                let text = Raw::of(rest);
                plain_text(text, out);
                rest.get(text.bytes().len()..).unwrap_or_default()
            }
            b' ' | b'\t' | b'\r' | b'\n' => after,
            other => {
                out.push(*other);
                after
            }
        };
    }
}

/// The same of a text that is to be checked: what everybody else reads where JSON is not quite kept to, with U+FFFD for half a
/// surrogate pair and for a byte that is no UTF-8. `None`: it is no JSON.
pub fn readable(text: &[u8]) -> Option<Vec<u8>> {
    check(text).ok()?;
    let mut out = Vec::with_capacity(text.len());
    plain(Raw::of(text), &mut out);
    Some(out)
}

fn plain_text(text: Raw<'_>, out: &mut Vec<u8>) {
    debug_assert_eq!(text.kind(), Kind::Text);
    let token = text.bytes();
    let is_half = |four: &[u8]| {
        matches!(
            four,
            [
                b'\\',
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
            ]
        )
    };
    if std::str::from_utf8(token).is_ok() && !token.windows(4).any(is_half) {
        out.extend_from_slice(token);
    } else {
        quote(out, &unquote(token));
    }
}
