//! The grammar of JSON, one pass over a text, without recursion.

use std::fmt;

/// How deep arrays and objects may lie in each other: as deep as Go reads them.
pub const MAX_DEPTH: usize = 10_000;

/// Why a text is not one JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends before the value does.
    End,
    /// This byte does not belong here.
    Byte {
        /// Where it stands.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// Arrays and objects lie in each other more than [`MAX_DEPTH`] deep.
    Depth,
    /// There is something behind the value.
    Trailing {
        /// Where it begins.
        at: usize,
    },
}

/// Checks that a text is one JSON value with nothing behind it. Strings may hold invalid UTF-8 and halves of surrogate
/// pairs: Go reads U+FFFD in their place.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(text: &[u8]) -> Result<(), Fault> {
    Check::default().go_on(text, usize::MAX).map(|_| ())
}

/// The check of a text as far as it has come, for whoever has other things to do meanwhile.
#[derive(Debug, Default)]
pub struct Check {
    at: usize,
    open: Nesting,
}

impl Check {
    /// Goes on with the same text, for so many bytes and to the end of the string or number that lies there. `true`: it was
    /// the end of the text.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn go_on(&mut self, text: &[u8], bytes: usize) -> Result<bool, Fault> {
        let rests_at = self.at.saturating_add(bytes);
        let mut cursor = Cursor { text, at: self.at };
        let open = &mut self.open;
        loop {
            if cursor.at >= rests_at {
                self.at = cursor.at;
                return Ok(false);
            }
            cursor.skip_space();
            let begins = cursor.next()?;
            match begins {
                b'{' => {
                    open.push(Inside::Object)?;
                    cursor.skip_space();
                    if !cursor.take(b'}') {
                        cursor.name()?;
                        continue;
                    }
                    open.pop();
                }
                b'[' => {
                    open.push(Inside::Array)?;
                    cursor.skip_space();
                    if !cursor.take(b']') {
                        continue;
                    }
                    open.pop();
                }
                b'"' => cursor.string()?,
                b't' => cursor.word(b"rue")?,
                b'f' => cursor.word(b"alse")?,
                b'n' => cursor.word(b"ull")?,
                b'-' | b'0'..=b'9' => cursor.number(begins)?,
                _ => return Err(cursor.unexpected()),
            }
            // A value has ended, and with it perhaps what it lies in.
            loop {
                cursor.skip_space();
                let Some(inside) = open.innermost() else {
                    return cursor.end().map(|()| true);
                };
                match (inside, cursor.next()?) {
                    (Inside::Object, b',') => {
                        cursor.skip_space();
                        cursor.name()?;
                        break;
                    }
                    (Inside::Array, b',') => break,
                    (Inside::Object, b'}') | (Inside::Array, b']') => open.pop(),
                    _ => return Err(cursor.unexpected()),
                }
            }
        }
    }
}

/// What a value lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Array,
    Object,
}

/// The arrays and objects that are open: one bit each.
#[derive(Debug, Default)]
struct Nesting {
    bits: Vec<u64>,
    depth: usize,
}

impl Nesting {
    fn push(&mut self, inside: Inside) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::Depth);
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        if word == self.bits.len() {
            self.bits.push(0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            match inside {
                Inside::Object => *bits |= bit,
                Inside::Array => *bits &= !bit,
            }
        }
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn innermost(&self) -> Option<Inside> {
        let last = self.depth.checked_sub(1)?;
        let bits = self.bits.get(last / 64)?;
        Some(if bits >> (last % 64) & 1 == 1 {
            Inside::Object
        } else {
            Inside::Array
        })
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let byte = self.peek().ok_or(Fault::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The fault of the byte that was taken last.
    fn unexpected(&self) -> Fault {
        let at = self.at.saturating_sub(1);
        self.text
            .get(at)
            .map_or(Fault::End, |byte| Fault::Byte { at, byte: *byte })
    }

    fn require(&mut self, byte: u8) -> Result<(), Fault> {
        if self.next()? == byte {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<(), Fault> {
        self.require(b'"')?;
        self.string()?;
        self.skip_space();
        self.require(b':')
    }

    /// The rest of a string.
    fn string(&mut self) -> Result<(), Fault> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.next()?.is_ascii_hexdigit() {
                                return Err(self.unexpected());
                            }
                        }
                    }
                    _ => return Err(self.unexpected()),
                },
                0..0x20 => return Err(self.unexpected()),
                _ => {}
            }
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), Fault> {
        rest.iter().try_for_each(|byte| self.require(*byte))
    }

    /// The rest of a number that begins with this byte.
    fn number(&mut self, begins: u8) -> Result<(), Fault> {
        let first = if begins == b'-' { self.next()? } else { begins };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.unexpected()),
        }
        if self.take(b'.') {
            self.some_digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _has_sign = self.take(b'+') || self.take(b'-');
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        if !self.next()?.is_ascii_digit() {
            return Err(self.unexpected());
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn end(&self) -> Result<(), Fault> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Fault::Trailing { at: self.at })
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::End => write!(f, "it ends too early"),
            Fault::Byte { at, byte } => {
                write!(
                    f,
                    "unexpected {:?} at byte {at}",
                    char::from(*byte).escape_default().to_string()
                )
            }
            Fault::Depth => write!(
                f,
                "arrays and objects may lie in each other {MAX_DEPTH} deep at most"
            ),
            Fault::Trailing { at } => {
                write!(f, "there is more behind its first value, at byte {at}")
            }
        }
    }
}

impl std::error::Error for Fault {}
