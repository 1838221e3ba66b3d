//! What a string of JSON says, and which name of Ollama's it is.

use std::borrow::Cow;

use memchr::memchr;

/// What a string says, its token given with the quotes. Where Go reads U+FFFD it stands here too: for each byte that is no
/// UTF-8, and for half a surrogate pair.
pub fn unquote(token: &[u8]) -> Cow<'_, str> {
    let inner = token.strip_prefix(b"\"").unwrap_or(token);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if !inner.contains(&b'\\')
        && let Ok(text) = std::str::from_utf8(inner)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(escape) = rest.iter().position(|byte| *byte == b'\\') {
        push_plain(&mut text, &rest[..escape]);
        rest = push_escaped(&mut text, &rest[escape + 1..]);
    }
    push_plain(&mut text, rest);
    Cow::Owned(text)
}

/// Appends what a string says, with bytes that are no UTF-8 as they are: never more than was written.
pub fn unescape_into(out: &mut Vec<u8>, token: &[u8]) {
    let inner = token.strip_prefix(b"\"").unwrap_or(token);
    let mut rest = inner.strip_suffix(b"\"").unwrap_or(inner);
    while let Some(escape) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..escape]);
        let mut said = String::new();
        rest = push_escaped(&mut said, &rest[escape + 1..]);
        out.extend_from_slice(said.as_bytes());
    }
    out.extend_from_slice(rest);
}

/// Which of these names of Ollama's, all in lower case, Go takes a member of a struct for, its token given with the quotes:
/// without regard to case, and with the two letters beyond ASCII that fold to one of it.
pub fn folded_among<'n>(token: &[u8], names: impl Iterator<Item = &'n str>) -> Option<usize> {
    among(token, names, fold)
}

/// Which of these names the key of a map is: its case counts.
pub fn named_among<'n>(token: &[u8], names: impl Iterator<Item = &'n str>) -> Option<usize> {
    among(token, names, |c| c)
}

fn among<'n>(
    token: &[u8],
    mut names: impl Iterator<Item = &'n str>,
    fold: impl Fn(char) -> char,
) -> Option<usize> {
    let inner = token.strip_prefix(b"\"").unwrap_or(token);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if inner.len() > LONGEST_SPELLING {
        return None;
    }
    if inner.is_ascii() && !inner.contains(&b'\\') {
        let folded = |byte: &u8| fold(char::from(*byte));
        return names.position(|name| {
            name.len() == inner.len() && inner.iter().map(folded).eq(name.chars())
        });
    }
    let folded: String = unquote(token).chars().map(fold).collect();
    names.position(|name| folded == name)
}

/// No name of Ollama's is longer when each of its letters is written as an escape.
const LONGEST_SPELLING: usize = 6 * 32;

fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

/// Text without escapes.
fn push_plain(text: &mut String, plain: &[u8]) {
    for chunk in plain.utf8_chunks() {
        text.push_str(chunk.valid());
        // One for each byte, as Go has it; Rust's own has one for all bytes of a cut character.
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// What follows a backslash; what is left behind it.
fn push_escaped<'a>(text: &mut String, rest: &'a [u8]) -> &'a [u8] {
    let Some((escaped, after)) = rest.split_first() else {
        return rest;
    };
    let c = match escaped {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return push_unit(text, after),
        other => char::from(*other),
    };
    text.push(c);
    after
}

/// The four digits of `\u`, and those of the second half where it is there.
fn push_unit<'a>(text: &mut String, rest: &'a [u8]) -> &'a [u8] {
    let (Some(first), Some(after)) = (unit(rest), rest.get(4..)) else {
        return &[];
    };
    if let Some(c) = char::from_u32(first.into()) {
        text.push(c);
        return after;
    }
    let second = after.strip_prefix(b"\\u").and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    text.push(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
    match pair {
        Some(_) => after.get(6..).unwrap_or_default(),
        None => after,
    }
}

fn unit(digits: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}
