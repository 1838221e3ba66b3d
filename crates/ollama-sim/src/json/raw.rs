//! A valid value as it stands in its text, taken apart where somebody asks.

use serde_json::{Map, Value};

use super::scan::{self, NoValue};

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a [u8]);

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'a> Raw<'a> {
    /// The first value of a text.
    pub(crate) fn first(text: &'a [u8]) -> Result<Self, NoValue> {
        scan::first_value(text).map(Self)
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text as it stands.
    pub(crate) fn source(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }

    pub(crate) fn text(self) -> Option<String> {
        (self.kind() == Kind::String).then(|| unquote(self.0))
    }

    pub(crate) fn truth(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then_some(self.0 == b"true")
    }

    pub(crate) fn number(self) -> Option<f64> {
        match self.kind() {
            Kind::Number => self.source().parse().ok(),
            _ => None,
        }
    }

    /// The items of an array; of anything else none.
    pub(crate) fn items(self) -> Vec<Raw<'a>> {
        let mut items = Vec::new();
        if self.kind() == Kind::Array {
            let mut at = scan::space_end(self.0, 1);
            while at + 1 < self.0.len() {
                let end = scan::value_end(self.0, at);
                items.push(Raw(&self.0[at..end]));
                at = self.next_from(end);
            }
        }
        items
    }

    /// The members of an object in their order, names as they were meant; of anything else none.
    pub(crate) fn members(self) -> Vec<(String, Raw<'a>)> {
        let mut members = Vec::new();
        if self.kind() == Kind::Object {
            let mut at = scan::space_end(self.0, 1);
            while at + 1 < self.0.len() {
                let name_end = scan::value_end(self.0, at);
                let name = unquote(&self.0[at..name_end]);
                let start = self.next_from(name_end);
                let end = scan::value_end(self.0, start);
                members.push((name, Raw(&self.0[start..end])));
                at = self.next_from(end);
            }
        }
        members
    }

    /// The same as a value of serde's; what lies too deep in it is null.
    pub(crate) fn value(self) -> Value {
        self.value_within(MAX_DEPTH)
    }

    fn value_within(self, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else {
            return Value::Null;
        };
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => self.truth().into(),
            Kind::Number => serde_json::from_str(&self.source())
                .unwrap_or_else(|_| self.number().map_or(Value::Null, Value::from)),
            Kind::String => self.text().into(),
            Kind::Array => {
                let items = self.items().into_iter();
                items.map(|item| item.value_within(depth)).collect()
            }
            Kind::Object => {
                let members = self.members().into_iter();
                let members = members.map(|(name, value)| (name, value.value_within(depth)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Over white space, a comma or a colon.
    fn next_from(self, at: usize) -> usize {
        let at = scan::space_end(self.0, at);
        match self.0.get(at) {
            Some(b',' | b':') => scan::space_end(self.0, at + 1),
            _ => at,
        }
    }
}

/// What a string literal means. Half a surrogate pair and each byte that is no UTF-8 become U+FFFD.
fn unquote(literal: &[u8]) -> String {
    let inner = literal.get(1..literal.len().saturating_sub(1));
    let mut rest = inner.unwrap_or_default();
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        push_utf8(&rest[..at], &mut text);
        let (character, length) = unescape(&rest[at..]);
        text.push(character);
        rest = &rest[(at + length).min(rest.len())..];
    }
    push_utf8(rest, &mut text);
    text
}

/// The character of an escape, and how many bytes it took.
fn unescape(escape: &[u8]) -> (char, usize) {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unit(escape),
        Some(byte) => char::from(*byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, 2)
}

fn unescape_unit(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(escape.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = unit(2).unwrap_or_default();
    if let Some(character) = char::from_u32(first) {
        return (character, 6);
    }
    let second = (escape.get(6..8) == Some(br"\u"))
        .then(|| unit(8))
        .flatten();
    match second {
        Some(second @ 0xdc00..=0xdfff) if first < 0xdc00 => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (char::from_u32(code).unwrap_or_default(), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

fn push_utf8(mut bytes: &[u8], text: &mut String) {
    while let Err(error) = std::str::from_utf8(bytes) {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(valid));
        text.push(char::REPLACEMENT_CHARACTER);
        bytes = &rest[1..];
    }
    text.push_str(&String::from_utf8_lossy(bytes));
}

/// Deeper than any schema; whoever reads a value of serde's does so on a small stack.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_taken_apart_as_it_stands() {
        let text = br#" { "a" : [ 1 , "x]" , { "b" : null } ] , "c":{}, "d":"\\\"" } rest"#;
        let raw = Raw::first(text).unwrap();
        let expected = json!({ "a": [1, "x]", { "b": null }], "c": {}, "d": "\\\"" });
        assert_eq!(raw.value(), expected);
        assert_eq!(raw.members().len(), 3);
        assert_eq!(raw.members()[0].1.items().len(), 3);
        assert!(Raw::first(b"[]").unwrap().items().is_empty());
        assert!(Raw::first(b"{ }").unwrap().members().is_empty());
    }

    #[test]
    fn what_is_no_character_becomes_the_replacement_character() {
        for (literal, expected) in [
            (&br#""a\ud800b""#[..], "a\u{fffd}b"),
            (br#""\ud83d\ude00""#, "😀"),
            (br#""\ud83d\u0041""#, "\u{fffd}A"),
            (b"\"a\xff\xfeb\"", "a\u{fffd}\u{fffd}b"),
            (br#""\u0000\/\n""#, "\0/\n"),
        ] {
            assert_eq!(Raw::first(literal).unwrap().text().unwrap(), expected);
        }
    }

    #[test]
    fn a_number_too_large_for_an_integer_is_a_number_still() {
        let raw = Raw::first(b"123456789012345678901234567890").unwrap();
        assert_eq!(raw.number(), Some(1.2345678901234568e29));
        assert!(raw.value().is_number());
    }
}
