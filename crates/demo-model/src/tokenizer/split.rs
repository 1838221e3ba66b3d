//! Where a text is cut before its words are merged: each digit by itself, then GPT-2's rule.
//!
//! The rule is `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`. A letter here is what Rust calls
//! alphabetic, which has some marks more than `\p{L}`: a text in a script that uses them has other tokens than the model
//! learnt, which an English one is not helped or harmed by.

/// The words of a text; put together they are the text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    digits_apart(text).flat_map(|segment| {
        let mut rest = segment;
        std::iter::from_fn(move || {
            let length = first(rest)?;
            let (word, after) = rest.split_at(length);
            rest = after;
            Some(word)
        })
    })
}

/// The text, cut before and after each digit.
fn digits_apart(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = if first.is_numeric() {
            first.len_utf8()
        } else {
            rest.find(char::is_numeric).unwrap_or(rest.len())
        };
        let (segment, after) = rest.split_at(length);
        rest = after;
        Some(segment)
    })
}

/// The length of the first word; `None` at the end.
fn first(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return Some(ending.len());
    }
    // A space belongs to what follows it.
    let (space, body) = match text.strip_prefix(' ') {
        Some(body) if !body.is_empty() => (1, body),
        _ => (0, text),
    };
    let kind = Kind::of(body.chars().next().unwrap_or(first));
    if kind != Kind::Space {
        return Some(space + run(body, kind));
    }
    let spaces = run(text, Kind::Space);
    let last = text[..spaces].chars().next_back().map_or(0, char::len_utf8);
    // The last of several spaces belongs to what follows them.
    let is_followed = spaces < text.len();
    Some(if is_followed && spaces > last {
        spaces - last
    } else {
        spaces
    })
}

/// The length of the characters of one kind at the beginning.
fn run(text: &str, kind: Kind) -> usize {
    text.find(|char| Kind::of(char) != kind)
        .unwrap_or(text.len())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Space,
    Other,
}

impl Kind {
    fn of(char: char) -> Self {
        if char.is_whitespace() {
            Self::Space
        } else if char.is_numeric() {
            Self::Digit
        } else if char.is_alphabetic() {
            Self::Letter
        } else {
            Self::Other
        }
    }
}

const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        let words: Vec<_> = words(text).collect();
        assert_eq!(words.concat(), text);
        words
    }

    #[test]
    fn a_space_belongs_to_the_word_after_it() {
        assert_eq!(cut("Hello, my friend"), ["Hello", ",", " my", " friend"]);
        assert_eq!(cut("a  b"), ["a", " ", " b"]);
        assert_eq!(cut("a\n\nb "), ["a", "\n", "\n", "b", " "]);
        assert_eq!(cut("x \n  "), ["x", " \n  "]);
    }

    #[test]
    fn digits_stand_alone() {
        assert_eq!(cut("in 1984!"), ["in", " ", "1", "9", "8", "4", "!"]);
    }

    #[test]
    fn endings_of_english_words_are_words() {
        assert_eq!(cut("it's we'll"), ["it", "'s", " we", "'ll"]);
        assert_eq!(cut("'quoted' x"), ["'", "quoted", "'", " x"]);
    }

    #[test]
    fn no_text_is_too_strange() {
        for text in [
            "",
            " ",
            "  ",
            "'",
            "é\u{301}ß",
            "日本語 テスト",
            "👩‍👩‍👧",
            "\u{a0}x",
            "½²",
        ] {
            cut(text);
        }
    }
}
