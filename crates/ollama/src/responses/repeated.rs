//! What was asked, as the answer repeats it.

use super::MAX_REPEATED;
use crate::json::{self, Kind, Raw, unquote};
use crate::request::Draft;

/// The members that say what was asked, one behind the other.
pub(super) fn repeated(asked: &Draft) -> Vec<u8> {
    let mut out = Vec::new();
    let said = |value: &Raw<'_>| !value.is_written("");
    member(
        "instructions",
        asked.value("instructions").filter(said),
        "null",
        &mut out,
    );
    out.extend_from_slice(b",\"tools\":[");
    let tools = asked.value("tools").filter(is_short);
    for (index, tool) in tools.into_iter().flat_map(Raw::items).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        object(
            tool,
            &["type", "name", "description", "strict", "parameters"],
            &["tools"],
            &mut out,
        );
    }
    out.push(b']');
    for (name, default) in [
        ("truncation", "\"disabled\""),
        ("temperature", "1"),
        ("top_p", "1"),
        ("max_output_tokens", "null"),
        ("background", "false"),
    ] {
        out.push(b',');
        member(name, asked.value(name), default, &mut out);
    }
    out.extend_from_slice(b",\"text\":{\"format\":");
    let format = asked.value("text").and_then(|text| text.member("format"));
    match format.filter(is_short) {
        Some(format) => object(format, &["type"], &["name", "schema", "strict"], &mut out),
        None => out.extend_from_slice(b"{\"type\":\"text\"}"),
    }
    out.extend_from_slice(b"},\"reasoning\":");
    let reasoning = asked.value("reasoning");
    let is_said = |name: &str| {
        let value = reasoning.and_then(|reasoning| reasoning.member(name));
        value.is_some_and(|value| said(&value))
    };
    match reasoning.filter(|_| is_said("effort") || is_said("summary")) {
        Some(reasoning) => object(reasoning, &["effort", "summary"], &[], &mut out),
        None => out.extend_from_slice(b"null"),
    }
    out
}

/// An object's members of these names, those that are not there as null; and those of the others that are there.
fn object(raw: Raw<'_>, always: &[&str], others: &[&str], out: &mut Vec<u8>) {
    out.push(b'{');
    let always = always.iter().map(|name| (name, raw.member(name)));
    let others = others.iter().map(|name| (name, raw.member(name)));
    let others = others.filter(|(_, value)| value.is_some());
    for (index, (name, value)) in always.chain(others).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        member(name, value, "null", out);
    }
    out.push(b'}');
}

/// A member, with its default where it is not there or too long.
fn member(name: &str, value: Option<Raw<'_>>, default: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    match value.filter(is_short) {
        Some(value) => plain(value, out),
        None => out.extend_from_slice(default.as_bytes()),
    }
}

fn is_short(value: &Raw<'_>) -> bool {
    value.bytes().len() <= MAX_REPEATED
}

/// Writes a value in one line that every client can read: without white space, and its texts in UTF-8 without half characters.
fn plain(value: Raw<'_>, out: &mut Vec<u8>) {
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
        json::quote(out, &unquote(token));
    }
}
