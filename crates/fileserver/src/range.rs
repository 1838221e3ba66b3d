//! Byte ranges: one range, or none.

use http::{HeaderMap, header};

/// What part of a representation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: no range, several, or one that cannot be read (which RFC 9110 lets a server ignore).
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part { first: u64, last: u64 },
    /// None of its bytes.
    Unsatisfiable,
}

impl Range {
    /// Reads `range` for a representation of `length` bytes with this tag; `if-range` with another makes it the whole.
    pub(crate) fn read(headers: &HeaderMap, length: u64, etag: &str) -> Self {
        let same = headers
            .get(header::IF_RANGE)
            .is_none_or(|known| known.as_bytes() == etag.as_bytes());
        let range = headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        match range.filter(|_| same) {
            Some(range) => Self::parse(range, length).unwrap_or(Self::Whole),
            None => Self::Whole,
        }
    }

    fn parse(range: &str, length: u64) -> Option<Self> {
        let (unit, range) = range.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let end = length.checked_sub(1);
        let part = match (number(first)?, number(last)?) {
            (Some(first), Some(last)) if first > last => return None,
            (Some(first), last) => end
                .filter(|end| first <= *end)
                .map(|end| (first, last.unwrap_or(end).min(end))),
            (None, Some(count)) => end
                .filter(|_| count > 0)
                .map(|end| (length.saturating_sub(count), end)),
            (None, None) => return None,
        };
        Some(
            part.map_or(Self::Unsatisfiable, |(first, last)| Self::Part {
                first,
                last,
            }),
        )
    }
}

/// The outer `None`: not a number. The inner: nothing there. A number beyond 64 bits is beyond every file.
fn number(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{
        Range::{Part, Unsatisfiable, Whole},
        *,
    };

    fn read(range: &str, length: u64) -> Range {
        let headers =
            HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        Range::read(&headers, length, "\"tag\"")
    }

    #[test]
    fn one_range_is_a_part() {
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=2-5", 2, 5),
            ("bytes=2-", 2, 9),
            ("bytes=2-99", 2, 9),
            ("bytes=-3", 7, 9),
            ("bytes=-99", 0, 9),
            ("Bytes = 1 - 2 ", 1, 2),
            ("bytes=0-99999999999999999999999", 0, 9),
        ] {
            assert_eq!(read(range, 10), Part { first, last }, "{range}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_is_unsatisfiable() {
        for range in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(read(range, 10), Unsatisfiable, "{range}");
        }
        assert_eq!(read("bytes=0-", 0), Unsatisfiable);
        assert_eq!(read("bytes=-1", 0), Unsatisfiable);
    }

    #[test]
    fn what_cannot_be_read_is_the_whole() {
        for range in [
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(read(range, 10), Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        for (known, expected) in [
            ("\"tag\"", Part { first: 0, last: 1 }),
            ("\"old\"", Whole),
            ("W/\"tag\"", Whole),
            ("Tue, 24 Nov 2026 00:00:00 GMT", Whole),
        ] {
            let headers = HeaderMap::from_iter([
                (header::RANGE, HeaderValue::from_static("bytes=0-1")),
                (header::IF_RANGE, HeaderValue::from_static(known)),
            ]);
            assert_eq!(Range::read(&headers, 10, "\"tag\""), expected, "{known}");
        }
    }
}
