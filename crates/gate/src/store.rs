//! The store as the board's protocol sees it: the keys, the operations on them, what a read found.
//!
//! # What the store must have
//!
//! Get, put and delete of whole keys and one fetch-and-add, each linearizable. A put may fail, may be done and unheard,
//! may take effect at any later time or never, but **at most once**: a client that sends one again by itself breaks the
//! protocol. The store never answers with an older value. It may be emptied.

use std::fmt;

/// The random word that names an epoch: the time between two emptyings of the store. It stands in every other key.
///
/// Its terms are counted from a base that is made of the word, and whoever founds the epoch adds that to the counter before anybody
/// else knows the word. So a counter that stands below its base has been lost with the rest of the store, however often it was
/// raised since, and no number of a term comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The word's bytes in the store: 16 hexadecimal digits.
    pub fn encode(self) -> Vec<u8> {
        format!("{:016x}", self.0).into_bytes()
    }

    /// The word in these bytes, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<Epoch> {
        let word = std::str::from_utf8(bytes)
            .ok()
            .filter(|word| word.len() == 16)?;
        u64::from_str_radix(word, 16).ok().map(Epoch)
    }

    /// What its counter of terms stands at before the first is drawn: from 2^61 on, in steps of 2^32. In 8 bytes none of its values is
    /// a text of digits. It is part of what stands in stores: hosts that do not make the same of a word found epochs over each other's.
    pub fn base(self) -> u64 {
        (1 << 61) | ((self.0 & 0x0fff_ffff) << 32)
    }

    /// The newest term by the value of that counter; `None` if it was lost.
    fn newest_term(self, counter: u64) -> Option<TermNo> {
        counter.checked_sub(self.base())
    }
}

/// The number of a session in its epoch: 1, 2, 3, …
pub type SessionNo = u64;

/// The number of a term in its epoch: 1, 2, 3, …; 0 where nobody has drawn one.
pub type TermNo = u64;

/// A key of the gate. None of their names is one of the chain of tickets that stood here before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The epoch in force: a record, written by whoever finds none.
    Epoch,
    /// The host's mark that this store is new (rule 31): a record.
    New,
    /// Counts the terms from the epoch's base: touched by fetch-and-add and get alone.
    Term(Epoch),
    /// Counts the sessions: touched by fetch-and-add and get alone.
    Members(Epoch),
    /// A session's outbox, written by that session alone.
    Member(Epoch, SessionNo),
    /// A term's board, written by the session that drew it alone.
    Board(Epoch, TermNo),
}

impl Key {
    /// Before every name.
    pub const PREFIX: &'static str = "gate/";

    /// Whether it is a counter: its value is a number in the store's own form.
    pub fn is_counter(&self) -> bool {
        matches!(self, Key::Term(_) | Key::Members(_))
    }

    /// What a counter has come to by its value in the store: terms are counted from their epoch's base. `None` for one below that.
    pub fn count(self, value: u64) -> Option<u64> {
        match self {
            Key::Term(epoch) => epoch.newest_term(value),
            _ => Some(value),
        }
    }

    /// The key with that name; `None` for one that is not the gate's.
    pub fn parse(name: &str) -> Option<Key> {
        let rest = name.strip_prefix(Self::PREFIX)?;
        let key = match rest.split_once('/') {
            None if rest == "epoch" => Key::Epoch,
            None if rest == "new" => Key::New,
            None => return None,
            Some((word, rest)) => {
                let epoch = Epoch(u64::from_str_radix(word, 16).ok()?);
                match rest.split_once('/') {
                    None if rest == "term" => Key::Term(epoch),
                    None if rest == "members" => Key::Members(epoch),
                    Some(("member", number)) => Key::Member(epoch, number.parse().ok()?),
                    Some(("board", number)) => Key::Board(epoch, number.parse().ok()?),
                    _ => return None,
                }
            }
        };
        (key.to_string() == name).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        match self {
            Key::Epoch => f.write_str("epoch"),
            Key::New => f.write_str("new"),
            Key::Term(Epoch(word)) => write!(f, "{word:016x}/term"),
            Key::Members(Epoch(word)) => write!(f, "{word:016x}/members"),
            Key::Member(Epoch(word), session) => write!(f, "{word:016x}/member/{session}"),
            Key::Board(Epoch(word), term) => write!(f, "{word:016x}/board/{term}"),
        }
    }
}

/// One write. At most one of an instance is under way at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Writes a whole key.
    Put(Key, Vec<u8>),
    /// Removes a key, if it is there.
    Delete(Key),
    /// Adds 1 to a counter and answers the sum; an absent one counts as 0.
    Add(Key),
    /// Adds [`Epoch::base`] to the counter of terms of an epoch that nobody knows yet.
    AddBase(Epoch),
}

/// What one read found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// No such key; or a counter of terms below its base, which is as good as none.
    Absent,
    /// The bytes of a key that is no counter.
    Bytes(Vec<u8>),
    /// The value of a counter; of terms, the number of the newest.
    Number(u64),
    /// It could not be read. That is not an absent key.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_of_terms_that_was_lost_is_told_from_one_that_was_not() {
        for epoch in [Epoch(0), Epoch(0xabc), Epoch(u64::MAX)] {
            assert!(i64::try_from(epoch.base() + u64::from(u32::MAX)).is_ok());
            assert!(!epoch.base().to_le_bytes()[7].is_ascii_digit());
            assert_eq!(epoch.newest_term(epoch.base()), Some(0));
            assert_eq!(epoch.newest_term(epoch.base() + 7), Some(7));
            assert_eq!(epoch.newest_term(0), None);
            assert_eq!(epoch.newest_term(u64::from(u32::MAX)), None);
        }
    }

    #[test]
    fn a_name_is_read_back_as_its_key_and_no_other_name_is() {
        let epoch = Epoch(0xabc);
        for key in [
            Key::Epoch,
            Key::New,
            Key::Term(epoch),
            Key::Members(epoch),
            Key::Member(epoch, 7),
            Key::Board(epoch, u64::MAX),
        ] {
            assert_eq!(Key::parse(&key.to_string()), Some(key));
        }
        for name in [
            "",
            "gate/",
            "gate/abc/term",
            "gate/0000000000000abc/board/07",
            "gate/0000000000000abc/board",
            "sluice/epoch",
        ] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }
}
