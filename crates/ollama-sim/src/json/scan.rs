//! Where the first value of a text ends, or why there is none.
//!
//! # Limits
//! Arrays and objects may lie in each other 10,000 deep, as for Go. No call here goes deeper with them.

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// Nothing, or white space alone.
    Empty,
    /// It ends in the middle.
    CutShort,
    /// In Go's words.
    Invalid(String),
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After `{`.
    KeyOrEnd,
    Key,
    Colon,
    After,
}

/// The first value of a text, without the white space around it. What follows it is not looked at.
pub(super) fn first_value(text: &[u8]) -> Result<&[u8], NoValue> {
    let mut at = space_end(text, 0);
    let start = at;
    if at == text.len() {
        return Err(NoValue::Empty);
    }
    let mut open = Vec::new();
    let mut expect = Expect::Value;
    loop {
        at = space_end(text, at);
        let byte = *text.get(at).ok_or(NoValue::CutShort)?;
        expect = match (expect, byte) {
            (Expect::ValueOrEnd, b']') | (Expect::KeyOrEnd, b'}') => {
                open.pop();
                at += 1;
                Expect::After
            }
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => {
                open.push(byte);
                if open.len() > MAX_DEPTH {
                    return Err(invalid(byte, "exceeded max depth"));
                }
                at += 1;
                if byte == b'{' {
                    Expect::KeyOrEnd
                } else {
                    Expect::ValueOrEnd
                }
            }
            (Expect::Value | Expect::ValueOrEnd, _) => {
                at = scalar_end(text, at)?;
                Expect::After
            }
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                at = string_end(text, at)?;
                Expect::Colon
            }
            (Expect::Key | Expect::KeyOrEnd, _) => {
                return Err(invalid(byte, "looking for beginning of object key string"));
            }
            (Expect::Colon, b':') => {
                at += 1;
                Expect::Value
            }
            (Expect::Colon, _) => return Err(invalid(byte, "after object key")),
            (Expect::After, _) => {
                at += 1;
                match (open.last(), byte) {
                    (Some(b'{'), b',') => Expect::Key,
                    (Some(b'['), b',') => Expect::Value,
                    (Some(b'{'), b'}') | (Some(b'['), b']') => {
                        open.pop();
                        Expect::After
                    }
                    (Some(b'{'), _) => return Err(invalid(byte, "after object key:value pair")),
                    _ => return Err(invalid(byte, "after array element")),
                }
            }
        };
        if expect == Expect::After && open.is_empty() {
            return Ok(&text[start..at]);
        }
    }
}

/// Where the value ends that begins here, in a text that was found valid.
pub(super) fn value_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at).unwrap_or(text.len());
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + depth,
            b'}' | b']' => depth -= 1,
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The first place from here on that is no white space.
pub(super) fn space_end(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

fn scalar_end(text: &[u8], at: usize) -> Result<usize, NoValue> {
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b'-' | b'0'..=b'9') => number_end(text, at),
        Some(b't') => literal_end(text, at, "true"),
        Some(b'f') => literal_end(text, at, "false"),
        Some(b'n') => literal_end(text, at, "null"),
        Some(byte) => Err(invalid(*byte, "looking for beginning of value")),
        None => Err(NoValue::CutShort),
    }
}

fn literal_end(text: &[u8], at: usize, word: &str) -> Result<usize, NoValue> {
    for (offset, expected) in word.bytes().enumerate() {
        let byte = *text.get(at + offset).ok_or(NoValue::CutShort)?;
        if byte != expected {
            let expected = char::from(expected);
            return Err(invalid(
                byte,
                &format!("in literal {word} (expecting '{expected}')"),
            ));
        }
    }
    Ok(at + word.len())
}

fn string_end(text: &[u8], start: usize) -> Result<usize, NoValue> {
    let mut at = start + 1;
    loop {
        match *text.get(at).ok_or(NoValue::CutShort)? {
            b'"' => return Ok(at + 1),
            b'\\' => {
                let byte = *text.get(at + 1).ok_or(NoValue::CutShort)?;
                match byte {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => at += 2,
                    b'u' => {
                        for offset in 2..6 {
                            let byte = *text.get(at + offset).ok_or(NoValue::CutShort)?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(invalid(byte, "in \\u hexadecimal character escape"));
                            }
                        }
                        at += 6;
                    }
                    _ => return Err(invalid(byte, "in string escape code")),
                }
            }
            byte if byte < 0x20 => return Err(invalid(byte, "in string literal")),
            _ => at += 1,
        }
    }
}

fn number_end(text: &[u8], start: usize) -> Result<usize, NoValue> {
    let mut at = start;
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => digits_end(text, at, "in numeric literal")?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits_end(text, at + 1, "after decimal point in numeric literal")?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits_end(text, at, "in exponent of numeric literal")?;
    }
    Ok(at)
}

fn digits_end(text: &[u8], start: usize, context: &str) -> Result<usize, NoValue> {
    let first = *text.get(start).ok_or(NoValue::CutShort)?;
    if !first.is_ascii_digit() {
        return Err(invalid(first, context));
    }
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    Ok(start + digits.count())
}

/// Go takes the byte for a character, as Latin-1 has it.
fn invalid(byte: u8, context: &str) -> NoValue {
    let quoted = match byte {
        b'\'' => r"\'".to_owned(),
        b'"' => "\"".to_owned(),
        b'\\' => r"\\".to_owned(),
        b'\n' => r"\n".to_owned(),
        b'\r' => r"\r".to_owned(),
        b'\t' => r"\t".to_owned(),
        0x07 => r"\a".to_owned(),
        0x08 => r"\b".to_owned(),
        0x0b => r"\v".to_owned(),
        0x0c => r"\f".to_owned(),
        0x00..=0x1f | 0x7f => format!("\\x{byte:02x}"),
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        _ => char::from(byte).to_string(),
    };
    NoValue::Invalid(format!("invalid character '{quoted}' {context}"))
}

/// Go's `maxNestingDepth`.
const MAX_DEPTH: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Result<&str, NoValue> {
        first_value(text.as_bytes()).map(|value| std::str::from_utf8(value).unwrap())
    }

    #[test]
    fn the_first_value_counts_and_the_rest_is_not_looked_at() {
        for (text, expected) in [
            ("{\"a\":[1,{}]} xyz", "{\"a\":[1,{}]}"),
            (" \r\n\t[] {", "[]"),
            ("-1.5e+3x", "-1.5e+3"),
            ("null", "null"),
            ("\"a\\u00e9\\\"\"b", "\"a\\u00e9\\\"\""),
            ("01", "0"),
        ] {
            assert_eq!(first(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_gos_words() {
        for (text, expected) in [
            (
                "{\"a\":01}",
                "invalid character '1' after object key:value pair",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            (
                "{'a'",
                "invalid character '\\'' looking for beginning of object key string",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "[NaN]",
                "invalid character 'N' looking for beginning of value",
            ),
            ("[\"a\nb\"]", "invalid character '\\n' in string literal"),
            ("[\"\\x\"]", "invalid character 'x' in string escape code"),
            (
                "[\"\\u00g\"]",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            (
                "[tru0]",
                "invalid character '0' in literal true (expecting 'e')",
            ),
            (
                "[1.]",
                "invalid character ']' after decimal point in numeric literal",
            ),
            ("[-]", "invalid character ']' in numeric literal"),
            (
                "[1e]",
                "invalid character ']' in exponent of numeric literal",
            ),
        ] {
            assert_eq!(
                first(text),
                Err(NoValue::Invalid(expected.into())),
                "{text}"
            );
        }
        let bom = first_value(b"\xef\xbb\xbf{}");
        let expected = "invalid character 'ï' looking for beginning of value";
        assert_eq!(bom, Err(NoValue::Invalid(expected.into())));
    }

    #[test]
    fn a_text_that_ends_early_is_cut_short() {
        assert_eq!(first(" "), Err(NoValue::Empty));
        let whole = r#"{"a":[1.5,true,"é\n",null],"b":{}}"#;
        for cut in (1..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
            assert_eq!(first(&whole[..cut]), Err(NoValue::CutShort), "{cut}");
        }
    }

    #[test]
    fn the_depth_is_bounded() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(first(&deep(10_000)).is_ok());
        let expected = "invalid character '[' exceeded max depth";
        assert_eq!(first(&deep(10_001)), Err(NoValue::Invalid(expected.into())));
    }
}
