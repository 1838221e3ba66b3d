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
    /// The last of them.
    pub(super) oldest: TermNo,
    /// Where this search began.
    pub(super) top: TermNo,
    /// How many are read at once by now.
    pace: u8,
}

/// Terms one below the other that have no board that counts, and never will: they were read as absent after a newer one was drawn.
/// They are not read again, so that a search is as long as what has come since the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bare {
    pub(super) newest: TermNo,
    pub(super) oldest: TermNo,
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

impl Bare {
    /// The same, up to this term.
    pub(super) fn up_to(self, newest: TermNo) -> Bare {
        Bare { newest, ..self }
    }
}

impl Older {
    /// The first below the term that may have one; `None`: there is none.
    pub(super) fn than(term: TermNo, bare: Option<Bare>) -> Option<Older> {
        Older::from(term.checked_sub(1)?, term.checked_sub(1)?, 1, bare)
    }

    /// Those below these, if there are any.
    pub(super) fn further(self, bare: Option<Bare>) -> Option<Older> {
        let pace = self.pace.saturating_mul(GROWTH).min(MOST);
        Older::from(self.oldest.checked_sub(1)?, self.top, pace, bare)
    }

    fn from(newest: TermNo, top: TermNo, pace: u8, bare: Option<Bare>) -> Option<Older> {
        let newest = match bare {
            Some(bare) if (bare.oldest..=bare.newest).contains(&newest) => bare.oldest - 1,
            _ => newest,
        };
        let oldest = newest.saturating_sub(u64::from(pace) - 1).max(1);
        let oldest = match bare {
            Some(bare) if (oldest..newest).contains(&bare.newest) => bare.newest + 1,
            _ => oldest,
        };
        (newest > 0).then_some(Older {
            newest,
            oldest,
            top,
            pace,
        })
    }

    /// Whether these are the first that were read.
    pub(super) fn is_first(self) -> bool {
        self.pace == 1
    }

    /// What is known to be bare, now that none of them has a board, nor any between them and the top.
    pub(super) fn bare_with(self, bare: Option<Bare>) -> Bare {
        let found = Bare {
            newest: self.top,
            oldest: self.oldest,
        };
        match bare {
            Some(bare) if found.oldest <= bare.newest + 1 && bare.oldest <= found.newest + 1 => {
                Bare {
                    newest: bare.newest.max(found.newest),
                    oldest: bare.oldest.min(found.oldest),
                }
            }
            // Between the two there may be a board. The lower one is kept: the search will come to it.
            Some(bare) if found.oldest > bare.newest => bare,
            _ => found,
        }
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
        (self.oldest..=self.newest).rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read on the way down to a board of term `board`, and how many readings it takes.
    fn search(term: TermNo, board: TermNo, bare: &mut Option<Bare>) -> (Vec<TermNo>, u32) {
        let (mut older, mut terms, mut readings) = (Older::than(term, *bare), Vec::new(), 0);
        while let Some(some) = older {
            terms.extend(some.terms());
            readings += 1;
            if some.terms().any(|term| term == board) {
                break;
            }
            *bare = Some(some.bare_with(*bare));
            older = some.further(*bare);
        }
        (terms, readings)
    }

    #[test]
    fn every_older_term_is_read_once_from_the_newest_down_in_few_readings() {
        let (terms, readings) = search(1_200, 0, &mut None);
        assert!(terms.into_iter().eq((1..1_200).rev()));
        assert_eq!(readings, 22);
        assert_eq!((Older::than(1, None), Older::than(0, None)), (None, None));
    }

    #[test]
    fn what_was_seen_to_be_bare_is_not_read_again() {
        let bare = |newest, oldest| Some(Bare { newest, oldest });
        let mut known = None;
        assert_eq!(search(1_200, 7, &mut known).1, 22);
        // The last reading found the board: those beside it were not all absent.
        assert_eq!(known, bare(1_199, 27));
        let (terms, readings) = search(1_203, 24, &mut known);
        assert_eq!(readings, 3);
        assert_eq!(terms[..5], [1_202, 1_201, 1_200, 26, 25]);
        assert_eq!(known, bare(1_202, 27));
        // A newer board ends the search before it comes to them.
        assert_eq!(search(1_206, 1_204, &mut known).1, 2);
        assert_eq!(known, bare(1_202, 27));
    }

    #[test]
    fn where_all_are_known_to_be_bare_nothing_is_read() {
        let mut known = Some(Bare {
            newest: 3,
            oldest: 1,
        });
        assert_eq!(search(4, 0, &mut known), (vec![], 0));
        assert_eq!(search(6, 0, &mut known).0, [5, 4]);
        assert_eq!(known.map(|bare| (bare.newest, bare.oldest)), Some((5, 1)));
    }

    #[test]
    fn the_newest_board_is_the_first_that_is_there_unless_one_before_it_could_not_be_read() {
        let older = Older {
            newest: 9,
            oldest: 7,
            top: 9,
            pace: 4,
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
