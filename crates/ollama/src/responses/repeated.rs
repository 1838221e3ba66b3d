//! What was asked, as the answer repeats it.

use super::MAX_REPEATED;
use crate::json::{Raw, plain};
use crate::request::Draft;

/// The members that say what was asked, one behind the other: about [`MAX_REPEATED`] bytes at most. What is beyond has its default.
pub(super) fn repeated(asked: &Draft) -> Vec<u8> {
    let mut out = Vec::new();
    let said = |value: &Raw<'_>| !value.is_written("");
    let plainly = |value: Raw<'_>, out: &mut Vec<u8>| plain(value, out);
    let instructions = asked.value("instructions").filter(said);
    bounded("instructions", instructions, "null", plainly, &mut out);
    out.push(b',');
    bounded("tools", asked.value("tools"), "[]", tools, &mut out);
    for (name, default) in [
        ("truncation", "\"disabled\""),
        ("temperature", "1"),
        ("top_p", "1"),
        ("max_output_tokens", "null"),
        ("background", "false"),
    ] {
        out.push(b',');
        bounded(name, asked.value(name), default, plainly, &mut out);
    }
    out.extend_from_slice(b",\"text\":{");
    let format = asked.value("text").and_then(|text| text.member("format"));
    let write = |format: Raw<'_>, out: &mut Vec<u8>| {
        object(format, &["type"], &["name", "schema", "strict"], out);
    };
    bounded("format", format, "{\"type\":\"text\"}", write, &mut out);
    out.extend_from_slice(b"},\"reasoning\":");
    let reasoning = asked.value("reasoning");
    let [effort, summary] = reasoning.map_or([None; 2], |said| said.read(["effort", "summary"]));
    if [effort, summary].iter().flatten().any(said) {
        out.push(b'{');
        bounded("effort", effort, "null", plainly, &mut out);
        out.push(b',');
        bounded("summary", summary, "null", plainly, &mut out);
        out.push(b'}');
    } else {
        out.extend_from_slice(b"null");
    }
    out.shrink_to_fit();
    out
}

/// What is no longer than this is repeated however long the rest is, in bytes: numbers and words.
const SHORT: usize = 64;

/// A member as `write` writes its value; where there is none, or it would become too much, its default. Texts and tools may become
/// several times as long as they were read.
fn bounded(
    name: &str,
    value: Option<Raw<'_>>,
    default: &str,
    write: impl FnOnce(Raw<'_>, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    let begin = out.len();
    if let Some(value) = value.filter(is_short) {
        write(value, out);
    }
    let is_too_much = out.len() > MAX_REPEATED && out.len() - begin > SHORT;
    if out.len() == begin || is_too_much {
        out.truncate(begin);
        out.extend_from_slice(default.as_bytes());
    }
}

/// The tools, as far as they are worth writing.
fn tools(tools: Raw<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, tool) in tools.items().enumerate() {
        if out.len() > MAX_REPEATED {
            break;
        }
        if index > 0 {
            out.push(b',');
        }
        object(
            tool,
            &["type", "name", "description", "strict", "parameters"],
            &["tools"],
            out,
        );
    }
    out.push(b']');
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
        out.extend_from_slice(format!("\"{name}\":").as_bytes());
        match value {
            Some(value) => plain(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

fn is_short(value: &Raw<'_>) -> bool {
    value.bytes().len() <= MAX_REPEATED
}
