//! Code without its comments and literals, so that words found in it are code.

/// Blanks out comments, strings and characters, and keeps the length and the lines.
pub(super) fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let joined = code.ends_with(|char: char| char.is_alphanumeric() || char == '_');
        let length = literal_or_comment(rest, joined);
        if length == 0 {
            code.push(char);
            rest = &rest[char.len_utf8()..];
        } else {
            let blanked = rest[..length]
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' });
            code.extend(blanked);
            rest = &rest[length..];
        }
    }
    code
}

/// How many bytes at the start of `rest` are a comment or a literal; 0 if it starts with neither.
/// `joined` says that a name stands before, whose last letter cannot be the prefix of a raw string.
fn literal_or_comment(rest: &str, joined: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if let Some(inner) = rest.strip_prefix('"') {
        return 1 + quoted(inner, '"');
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let raw = ["r", "br", "cr"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix));
    if let Some(after) = raw.filter(|_| !joined) {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if let Some(inner) = after[hashes..].strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
            return rest.len() - inner.len() + length;
        }
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of what is quoted, its end with it; `inner` starts after the opening quote.
fn quoted(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in inner.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    inner.len()
}

/// The length of a character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => 1 + quoted(&rest[1..], '\''),
        (Some(char), Some('\'')) => char.len_utf8() + 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        blank(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(code("a // b \" c\nd /* e /* f */ g */ h"), "a d h");
    }

    #[test]
    fn literals_are_no_code() {
        assert_eq!(
            code(r#"a("b \" // c") + 'd' + '\'' + '"' + e"#),
            "a( ) + + + + e"
        );
        assert_eq!(code("x(r#\"a \" b\"#, r\"\\\", br\"\\\") y"), "x( , , ) y");
    }

    #[test]
    fn lifetimes_and_names_are_code() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) -> &'static str"),
            "fn f<'a>(x: &'a str) -> &'static str"
        );
        assert_eq!(code("for_r \"a\""), "for_r");
    }

    #[test]
    fn lines_and_length_stay() {
        let text = "a\n/* ü\n\n*/ \"b\nc\"\nd";
        assert_eq!(blank(text).lines().count(), text.lines().count());
        assert_eq!(blank(text).len(), text.len());
    }
}
