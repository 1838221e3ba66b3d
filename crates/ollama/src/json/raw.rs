//! Values, members and items within a text that was checked.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::text::{named_among, unquote};

/// One value of a checked text, as it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// Where a member lies in its text: the name with its quotes, and the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// Finds the members of an object, or the items of an array, one after the other. It borrows nothing, so that the text may
/// be edited meanwhile, as long as every value stays where it is.
#[derive(Clone, Debug)]
pub struct Members {
    at: usize,
}

impl<'a> Raw<'a> {
    /// The value of a checked text.
    pub fn of(text: &'a [u8]) -> Raw<'a> {
        let begin = skip_space(text, 0);
        Raw::at(text, begin..end_of(text, begin))
    }

    /// The value that lies there in a checked text.
    pub fn at(text: &'a [u8], range: Range<usize>) -> Raw<'a> {
        Raw(text.get(range).unwrap_or_default())
    }

    /// As it is written.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match self.0.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't') => Kind::Flag(true),
            Some(b'f') => Kind::Flag(false),
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// Whether it is `null`, which Go takes for absent.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// What a string says; `None` also where it is longer than so many bytes might be written.
    pub fn text(self, most: usize) -> Option<Cow<'a, str>> {
        let fits = self.kind() == Kind::Text && self.0.len() <= LONGEST_ESCAPE * most + 2;
        fits.then(|| unquote(self.0))
    }

    /// Whether a string begins so.
    pub fn begins_with(self, text: &str) -> bool {
        let most = LONGEST_ESCAPE * text.len() + 1;
        let begin = self.0.get(..most).unwrap_or(self.0);
        self.kind() == Kind::Text && unquote(begin).starts_with(text)
    }

    /// What `true` and `false` say.
    pub fn flag(self) -> Option<bool> {
        match self.kind() {
            Kind::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// What a number says; what a double cannot hold is infinite.
    pub fn number(self) -> Option<f64> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// A number that Go reads as an `int`: without fraction or exponent, and within 64 bits.
    pub fn whole(self) -> Option<i64> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// The members of an object; of anything else there are none.
    pub fn members(self) -> impl Iterator<Item = (Raw<'a>, Raw<'a>)> {
        let mut members = (self.kind() == Kind::Object).then(|| Members::of(0));
        std::iter::from_fn(move || {
            let member = members.as_mut()?.next_member(self.0)?;
            Some((Raw::at(self.0, member.name), Raw::at(self.0, member.value)))
        })
    }

    /// The items of an array; of anything else there are none.
    pub fn items(self) -> impl Iterator<Item = Raw<'a>> + Clone {
        let mut items = (self.kind() == Kind::Array).then(|| Members::of(0));
        std::iter::from_fn(move || {
            let item = items.as_mut()?.next_item(self.0)?;
            Some(Raw::at(self.0, item))
        })
    }

    /// The members of these names, in one pass. As Go fills a map: names are exact, and of two with one name the last counts.
    /// `None` also where it is null.
    pub fn read<const N: usize>(self, names: [&str; N]) -> [Option<Raw<'a>>; N] {
        let mut read = [None; N];
        for (name, value) in self.members() {
            let index = named_among(name.0, names.into_iter());
            if let Some(place) = index.and_then(|index| read.get_mut(index)) {
                *place = Some(value).filter(|value| !value.is_null());
            }
        }
        read
    }

    /// The member of this name, by the same rules.
    pub fn member(self, name: &str) -> Option<Raw<'a>> {
        let [member] = self.read([name]);
        member
    }

    /// Whether a string says exactly this.
    pub fn is(self, text: &str) -> bool {
        let Some(inner) = self.inner() else {
            return false;
        };
        inner == text.as_bytes() || self.text(text.len()).is_some_and(|said| said == text)
    }

    /// Whether its member `type` says exactly this.
    pub fn has_type(self, kind: &str) -> bool {
        self.member("type").is_some_and(|said| said.is(kind))
    }

    /// Whether a string is written so, without escapes.
    pub fn is_written(self, text: &str) -> bool {
        self.inner() == Some(text.as_bytes())
    }

    /// The text between a string's quotes, as it is written; `None`: it is no string.
    pub fn inner(self) -> Option<&'a [u8]> {
        self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }
}

impl Members {
    /// Of the object or array that begins at this byte.
    pub fn of(begin: usize) -> Members {
        Members { at: begin + 1 }
    }

    /// The next member of an object.
    pub fn next_member(&mut self, text: &[u8]) -> Option<Member> {
        let name = self.next_begin(text, b'}')?;
        let name = name..end_of(text, name);
        let colon = skip_space(text, name.end);
        let value = skip_space(text, colon + 1);
        let value = value..end_of(text, value);
        self.at = value.end;
        Some(Member { name, value })
    }

    /// The next item of an array.
    pub fn next_item(&mut self, text: &[u8]) -> Option<Range<usize>> {
        let item = self.next_begin(text, b']')?;
        let item = item..end_of(text, item);
        self.at = item.end;
        Some(item)
    }

    /// Where the next one begins; `None`: the end is reached.
    fn next_begin(&self, text: &[u8], end: u8) -> Option<usize> {
        let mut at = skip_space(text, self.at);
        if text.get(at) == Some(&b',') {
            at = skip_space(text, at + 1);
        }
        (*text.get(at)? != end).then_some(at)
    }
}

/// How many bytes a byte may be written with: `\u0061`.
const LONGEST_ESCAPE: usize = 6;

/// Where the value of a text begins.
pub fn begin_of(text: &[u8]) -> usize {
    skip_space(text, 0)
}

/// The first byte from here on that is no white space.
fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let spaces = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    at + spaces.count()
}

/// The end of the value that begins here.
fn end_of(text: &[u8], begin: usize) -> usize {
    match text.get(begin) {
        Some(b'"') => end_of_string(text, begin),
        Some(b'{' | b'[') => end_of_nest(text, begin),
        _ => {
            let rest = text.get(begin..).unwrap_or_default();
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            begin + rest.iter().position(ends).unwrap_or(rest.len())
        }
    }
}

fn end_of_nest(text: &[u8], begin: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = begin;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_string(text: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        // What is escaped ends nothing.
        at += 1;
    }
    text.len()
}
