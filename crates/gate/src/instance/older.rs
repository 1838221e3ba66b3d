//! The newest board below a term: boards are read side by side, more of them the further down it goes.
//!
//! # Why side by side
//! Terms without a board pile up while no scheduler comes to its first put. Read one after the other they would take longer than a
//! session lives, and then no scheduler would ever come to it again.
//!
//! # Why any order will do
//! A newer term was drawn before. A board that is put after that does not pass its fence, so whichever of them is found is the
//! newest that passed, or one after it that nobody acts upon.

use crate::store::{Epoch, Found, Key, TermNo};

/// The most that are read at once.
const MOST: u8 = 64;

/// How many times as many are read each time.
const GROWTH: u8 = 4;

/// Some terms below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Older {
    /// The first of them.
    pub(super) newest: TermNo,
    count: u8,
}

/// What a reading of their boards came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest<'a> {
    /// The newest board, and its term.
    Board(TermNo, &'a [u8]),
    /// None of them has one.
    Absent,
    /// A reading failed before one was found.
    Failed,
}

impl Older {
    /// The term right below; `None`: there is none.
    pub(super) fn than(term: TermNo) -> Option<Older> {
        let newest = term.checked_sub(1).filter(|newest| *newest > 0)?;
        Some(Older { newest, count: 1 })
    }

    /// Those below these, if there are any.
    pub(super) fn further(self) -> Option<Older> {
        let newest = self.newest.saturating_sub(self.count.into());
        let count = self.count.saturating_mul(GROWTH).min(MOST);
        (newest > 0).then_some(Older { newest, count })
    }

    /// Whether these are the first that were read.
    pub(super) fn is_first(self) -> bool {
        self.count == 1
    }

    /// Their boards, from the newest down.
    pub(super) fn keys(self, epoch: Epoch) -> impl Iterator<Item = Key> {
        self.terms().map(move |term| Key::Board(epoch, term))
    }

    /// The newest of what was found, in the order of [`Older::keys`].
    pub(super) fn newest_of(self, found: &[Found]) -> Newest<'_> {
        let mut found = found.iter();
        for term in self.terms() {
            match found.next() {
                Some(Found::Absent) => {}
                Some(Found::Bytes(bytes)) => return Newest::Board(term, bytes),
                Some(Found::Number(_) | Found::Failed) | None => return Newest::Failed,
            }
        }
        Newest::Absent
    }

    fn terms(self) -> impl Iterator<Item = TermNo> {
        let oldest = self.newest.saturating_sub(u64::from(self.count) - 1).max(1);
        (oldest..=self.newest).rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_older_term_is_read_once_from_the_newest_down_in_few_readings() {
        let (mut older, mut terms, mut readings) = (Older::than(1_200), Vec::new(), 0);
        while let Some(some) = older {
            terms.extend(some.terms());
            older = some.further();
            readings += 1;
        }
        assert!(terms.into_iter().eq((1..1_200).rev()));
        assert_eq!(readings, 22);
        assert_eq!((Older::than(1), Older::than(0)), (None, None));
    }

    #[test]
    fn the_newest_board_is_the_first_that_is_there_unless_one_before_it_could_not_be_read() {
        let older = Older {
            newest: 9,
            count: 3,
        };
        let board = || Found::Bytes(vec![7]);
        let of = |found: &[Found]| format!("{:?}", older.newest_of(found));
        assert_eq!(
            of(&[Found::Absent, board(), board()]),
            format!("{:?}", Newest::Board(8, &[7]))
        );
        assert_eq!(of(&[Found::Failed, board(), board()]), "Failed");
        assert_eq!(
            of(&[board(), Found::Failed, Found::Absent]),
            format!("{:?}", Newest::Board(9, &[7]))
        );
        let absent = [Found::Absent, Found::Absent, Found::Absent];
        assert_eq!(of(&absent), "Absent");
        assert_eq!(of(&absent[..2]), "Failed");
    }
}
