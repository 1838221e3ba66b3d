//! JSON as a tree, by Go's grammar.

use std::ops::Range;

/// A value, and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is written.
    pub at: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Flag(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The first value of a text, and whether anything but white space follows.
pub fn parse(text: &[u8]) -> Option<(Node, bool)> {
    let mut parser = Parser { text, at: 0 };
    let node = parser.value(0)?;
    parser.space();
    Some((node, parser.at < text.len()))
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..]
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.space();
        let begin = self.at;
        let value = match self.peek()? {
            b'{' | b'[' if depth == 10_000 => return None,
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Value::Text(self.string()?),
            b't' => self.eat(b"true").map(|()| Value::Flag(true))?,
            b'f' => self.eat(b"false").map(|()| Value::Flag(false))?,
            b'n' => self.eat(b"null").map(|()| Value::Null)?,
            _ => self.number()?,
        };
        Some(Node {
            at: begin..self.at,
            value,
        })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.eat(b"}").is_some() {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let name = (self.peek()? == b'"').then(|| self.string())??;
            self.space();
            self.eat(b":")?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.eat(b"}").is_some() {
                return Some(Value::Object(members));
            }
            self.eat(b",")?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.eat(b"]").is_some() {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b"]").is_some() {
                return Some(Value::Array(items));
            }
            self.eat(b",")?;
        }
    }

    fn number(&mut self) -> Option<Value> {
        let begin = self.at;
        let _ = self.eat(b"-");
        if self.eat(b"0").is_none() {
            self.digits()?;
        }
        if self.eat(b".").is_some() {
            self.digits()?;
        }
        if self.eat(b"e").or_else(|| self.eat(b"E")).is_some() {
            let _ = self.eat(b"+").or_else(|| self.eat(b"-"));
            self.digits()?;
        }
        let text = std::str::from_utf8(&self.text[begin..self.at]).ok()?;
        Some(Value::Number(text.to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut said = String::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(said);
                }
                b'\\' => {
                    self.at += 1;
                    self.escaped(&mut said)?;
                }
                0..0x20 => return None,
                _ => said.push(self.character()),
            }
        }
    }

    fn escaped(&mut self, said: &mut String) -> Option<()> {
        let letter = self.peek()?;
        self.at += 1;
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let after = self.at;
                if !(0xd800..0xe000).contains(&first) {
                    said.push(char::from_u32(first)?);
                    return Some(());
                }
                let second = self.eat(b"\\u").and_then(|()| self.unit());
                let pair = match second {
                    Some(second @ 0xdc00..0xe000) if first < 0xdc00 => {
                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                    }
                    _ => {
                        self.at = after;
                        Some('\u{fffd}')
                    }
                };
                pair?
            }
            _ => return None,
        };
        said.push(plain);
        Some(())
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// One character, or U+FFFD for one byte that begins none.
    fn character(&mut self) -> char {
        let rest = &self.text[self.at..];
        for length in 1..=4.min(rest.len()) {
            let character = std::str::from_utf8(&rest[..length]).ok();
            if let Some(character) = character.and_then(|text| text.chars().next()) {
                self.at += length;
                return character;
            }
        }
        self.at += 1;
        '\u{fffd}'
    }
}
