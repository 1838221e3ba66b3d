//! An incremental line splitter: whole lines are lent out of the chunk they came in, only a line that lies across two
//! chunks is copied.

use std::fmt;

/// The longest line taken from an upstream, in bytes. Tokens need a few hundred; the last line of `/api/generate` carries
/// the context as numbers, about a megabyte for 128 k tokens. An endless line must not fill the memory of an instance.
pub const MAX_LINE: usize = 4 * 1024 * 1024;

/// A line went on beyond its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong {
    /// The bound, in bytes.
    pub limit: usize,
}

/// Splits a byte stream into lines at `\n`; a `\r` before it is dropped.
#[derive(Debug)]
pub struct LineSplitter {
    partial: Vec<u8>,
    limit: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line is longer than {} bytes", self.limit)
    }
}

impl std::error::Error for LineTooLong {}

impl Default for LineSplitter {
    fn default() -> Self {
        LineSplitter::new(MAX_LINE)
    }
}

impl LineSplitter {
    /// A splitter whose lines have at most `limit` bytes.
    pub fn new(limit: usize) -> LineSplitter {
        LineSplitter {
            partial: Vec::new(),
            limit,
        }
    }

    /// Takes a chunk and hands each line that it completes to `each`, without its line end.
    ///
    /// # Errors
    /// A line is longer than the limit; the lines before it were handed out, and the stream is not to be fed further.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (head, tail) = (&rest[..end], &rest[end + 1..]);
            self.bounded(head)?;
            if self.partial.is_empty() {
                each(without_return(head));
            } else {
                self.partial.extend_from_slice(head);
                each(without_return(&self.partial));
                self.partial.clear();
            }
            rest = tail;
        }
        self.bounded(rest)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// What stands after the last line end: a line that its sender did not end, or nothing.
    pub fn remainder(&self) -> &[u8] {
        without_return(&self.partial)
    }

    /// Whether the last byte that passed was a line end (or none has passed).
    pub fn at_line_start(&self) -> bool {
        self.partial.is_empty()
    }

    fn bounded(&self, more: &[u8]) -> Result<(), LineTooLong> {
        if self.partial.len() + more.len() > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        Ok(())
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]], limit: usize) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |line| lines.push(line.to_vec()))?;
        }
        lines.push(splitter.remainder().to_vec());
        Ok(lines)
    }

    #[test]
    fn a_split_at_any_byte_gives_the_same_lines() {
        let text = "{\"a\":\"żółć\"}\n\r\n{\"b\":\"😀\"}\r\n\nlast".as_bytes();
        let whole = lines_of(&[text], 100).unwrap();
        assert_eq!(
            whole,
            [
                "{\"a\":\"żółć\"}".as_bytes(),
                b"",
                "{\"b\":\"😀\"}".as_bytes(),
                b"",
                b"last"
            ]
        );
        for cut in 0..=text.len() {
            assert_eq!(
                lines_of(&[&text[..cut], &text[cut..]], 100).unwrap(),
                whole,
                "cut at {cut}"
            );
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines_of(&bytes, 100).unwrap(), whole);
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_byte_more_does_not() {
        assert!(lines_of(&[b"12345\n", b"123", b"45"], 5).is_ok());
        assert_eq!(lines_of(&[b"123456\n"], 5), Err(LineTooLong { limit: 5 }));
        assert_eq!(
            lines_of(&[b"123", b"456"], 5),
            Err(LineTooLong { limit: 5 })
        );
    }
}
