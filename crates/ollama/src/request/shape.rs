//! Checks the structs of a body against what Ollama reads there, and writes their names as Ollama does, in place.
//!
//! # Why
//! Go takes `Options` for `options`, and of two such members the later; whoever reads a body otherwise has rules that can be
//! walked past. So a struct has no two members of one name here, in whatever spelling, and one spelling of each.
//!
//! # In place
//! Whatever spells a name is at least as long as the name, so it is written over the spelling and followed by spaces.

use std::fmt;
use std::ops::Range;

use super::duration::keep_alive_ns;
use super::fields::{Field, Kind};
use super::{Invalid, MAX_MODEL_NAME};
use crate::json::{self, Members, Raw, folded_among};
use crate::options;

/// Checks the object that begins at this byte of a checked text, and all structs within it.
///
/// # Errors
/// A member is there twice, or of another type than Ollama's.
pub(super) fn normalize(
    text: &mut [u8],
    begin: usize,
    fields: &'static [Field],
) -> Result<(), Invalid> {
    object(text, begin, fields, None)
}

fn object(
    text: &mut [u8],
    begin: usize,
    fields: &'static [Field],
    within: Option<&Path>,
) -> Result<(), Invalid> {
    let mut seen = 0_u64;
    let mut members = Members::of(begin);
    while let Some(member) = members.next_member(text) {
        let written = Raw::at(text, member.name.clone());
        let names = fields.iter().map(|field| field.name);
        let Some(index) = folded_among(written.bytes(), names) else {
            continue;
        };
        let Some(field) = fields.get(index) else {
            continue;
        };
        let path = Path {
            within,
            step: Step::Member(field.name),
        };
        if seen & (1 << index) != 0 {
            return Err(Invalid::request(
                Some(&path.to_string()),
                format!(
                    "{path} is there twice: a member may be written once, in any case of letters"
                ),
            ));
        }
        seen |= 1 << index;
        rename(text, member.name, field.name);
        value(text, member.value, field.kind, &path)?;
    }
    Ok(())
}

fn rename(text: &mut [u8], token: Range<usize>, name: &str) {
    let Some(token) = text.get_mut(token) else {
        return;
    };
    let canonical = [b"\"", name.as_bytes(), b"\""].into_iter().flatten();
    let padded = canonical.copied().chain(std::iter::repeat(b' '));
    for (byte, written) in token.iter_mut().zip(padded) {
        *byte = written;
    }
}

fn value(text: &mut [u8], at: Range<usize>, kind: Kind, path: &Path) -> Result<(), Invalid> {
    let raw = Raw::at(text, at.clone());
    if raw.is_null() {
        return Ok(());
    }
    match kind {
        Kind::Struct(fields) if raw.kind() == json::Kind::Object => {
            object(text, at.start, fields, Some(path))
        }
        Kind::Structs(fields) if raw.kind() == json::Kind::Array => {
            let mut items = Members::of(at.start);
            let mut index = 0;
            while let Some(item) = items.next_item(text) {
                let path = Path {
                    within: Some(path),
                    step: Step::Item(index),
                };
                value(text, item, Kind::Struct(fields), &path)?;
                index += 1;
            }
            Ok(())
        }
        Kind::Options if raw.kind() == json::Kind::Object => {
            numbers_fit(raw, path)?;
            options::check_types(raw)
        }
        Kind::Any => numbers_fit(raw, path),
        Kind::Input if fits(raw, kind) => numbers_fit(raw, path),
        kind if fits(raw, kind) => Ok(()),
        kind => Err(Invalid::request(
            Some(&path.to_string()),
            format!("{path} must be {}", expected(kind)),
        )),
    }
}

/// Whether a value is of a kind that has no parts to be looked at.
fn fits(raw: Raw<'_>, kind: Kind) -> bool {
    let shape = raw.kind();
    match kind {
        Kind::Text => shape == json::Kind::Text,
        Kind::Flag => raw.flag().is_some(),
        Kind::Whole => raw.whole().is_some(),
        Kind::Number => raw.number().is_some_and(f64::is_finite),
        Kind::Single => raw
            .number()
            .is_some_and(|number| (number as f32).is_finite()),
        Kind::Texts => {
            shape == json::Kind::Array
                && raw
                    .items()
                    .all(|item| matches!(item.kind(), json::Kind::Text | json::Kind::Null))
        }
        Kind::Wholes => {
            shape == json::Kind::Array
                && raw
                    .items()
                    .all(|item| item.is_null() || item.whole().is_some())
        }
        Kind::Map => shape == json::Kind::Object,
        Kind::TextOrMap => matches!(shape, json::Kind::Text | json::Kind::Object),
        Kind::TextOrArray | Kind::Input => matches!(shape, json::Kind::Text | json::Kind::Array),
        Kind::FlagOrText => raw.flag().is_some() || shape == json::Kind::Text,
        Kind::KeepAlive => keep_alive_ns(raw).is_some(),
        Kind::Model => raw
            .text(2 * MAX_MODEL_NAME)
            .is_some_and(|name| is_model(&name)),
        Kind::Json | Kind::Any => true,
        Kind::Struct(_) | Kind::Structs(_) | Kind::Options => false,
    }
}

/// Short, and without control characters or white space but around it: it is logged and written into frames.
fn is_model(name: &str) -> bool {
    let name = name.trim();
    name.len() <= MAX_MODEL_NAME && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn expected(kind: Kind) -> String {
    let expected = match kind {
        Kind::Text => "a string",
        Kind::Flag => "true or false",
        Kind::Whole => "a whole number",
        Kind::Number | Kind::Single => "a number that a double can hold",
        Kind::Texts => "an array of strings",
        Kind::Wholes => "an array of whole numbers",
        Kind::Map | Kind::Struct(_) | Kind::Options => "an object",
        Kind::Structs(_) => "an array",
        Kind::TextOrMap => "a string or an object",
        Kind::TextOrArray | Kind::Input => "a string or an array",
        Kind::FlagOrText => "true, false or a string",
        Kind::KeepAlive => "a number of seconds or a duration such as \"5m\"",
        Kind::Json | Kind::Any => "JSON",
        Kind::Model => {
            return format!("a string of at most {MAX_MODEL_NAME} bytes without spaces");
        }
    };
    expected.to_owned()
}

/// Whether Go can read every number of a value into a double; it refuses the whole body otherwise.
fn numbers_fit(raw: Raw<'_>, path: &Path) -> Result<(), Invalid> {
    if numbers(raw.bytes()).all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(Invalid::request(
        Some(&path.to_string()),
        format!("{path} holds a number that is too large for a double"),
    ))
}

/// The numbers within a checked value.
fn numbers(text: &[u8]) -> impl Iterator<Item = f64> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match *text.get(at)? {
                b'"' => at += Raw::of(text.get(at..)?).bytes().len(),
                b'-' | b'0'..=b'9' => {
                    let number = Raw::of(text.get(at..)?);
                    at += number.bytes().len();
                    return number.number();
                }
                _ => at += 1,
            }
        }
    })
}

/// Where a value lies: `messages[2].content`. Written out only where something is wrong.
struct Path<'a> {
    within: Option<&'a Path<'a>>,
    step: Step,
}

enum Step {
    Member(&'static str),
    Item(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            within.fmt(f)?;
        }
        match (&self.step, self.within) {
            (Step::Member(name), None) => f.write_str(name),
            (Step::Member(name), Some(_)) => write!(f, ".{name}"),
            (Step::Item(index), _) => write!(f, "[{index}]"),
        }
    }
}
