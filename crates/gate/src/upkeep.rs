//! Upkeep: what the dead and the leavers left is struck even if nobody comes any more.
//!
//! # Why
//!
//! Whoever starts deletes what it passed over and struck, so a line that moves is clean. A line in which nobody starts
//! any more is looked at by those who have nothing else to do with it: a reading that found strangers is repeated until
//! they have moved or lapsed, and what lapsed is struck by an ordinary turn without a request ([`crate::Errand::Tidy`]).
//!
//! # What it does not do
//!
//! It has no timer and reads nothing: it says how long to rest before the next reading, and what to do after it.

use crate::{Line, Outcome};

/// How long after a turn that left something behind the line is read, in milliseconds; as much again by chance, so that
/// of many who leave at once one tidies and the others find it done.
pub const PAUSE_MS: u64 = 200;

/// How often a line with strangers in it is read again, in milliseconds.
const WATCH_MS: u64 = 2_500;

/// For how many readings after the last that anybody asked for: longer than the longest time to live.
const WATCHES: u32 = 16;

/// The upkeep of one process. Whoever is told to begin rests for [`PAUSE_MS`] and a bit, reads the line, and asks
/// [`Upkeep::after_watching`] what is next.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    is_at_work: bool,
    watches_left: u32,
}

/// Whether somebody has to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Begin: nobody is at it.
    Begin,
    /// There is nothing to do, or somebody is at it.
    Nothing,
}

/// What follows a reading made for the upkeep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Let a tidying turn pass, then it is done.
    Tidy,
    /// Read again after so many milliseconds.
    Watch(u64),
    /// Done.
    Done,
}

impl Upkeep {
    /// A turn of this process is over: whoever left may have left something behind. `last` is the last reading there is.
    pub fn after_a_turn(&mut self, outcome: Option<Outcome>, last: Option<&Line>) -> Call {
        if outcome != Some(Outcome::Served) || last.is_some_and(Line::is_unfinished) {
            self.begin()
        } else {
            Call::Nothing
        }
    }

    /// The line was read, by whomever: strangers in it may be dead. `served_here` is how many of those who stand in it this
    /// process serves itself.
    pub fn after_a_reading(&mut self, line: &Line, served_here: usize) -> Call {
        let known = line.active.len() + line.waiting.len();
        if known > served_here || line.wants_tidying() {
            self.watches_left = WATCHES;
            self.begin()
        } else {
            Call::Nothing
        }
    }

    /// The line was read for the upkeep; `None`: the store could not be read.
    pub fn after_watching(&mut self, line: Option<&Line>) -> Next {
        let next = match line {
            Some(line) if line.wants_tidying() => Next::Tidy,
            Some(line) if self.watches_left > 0 && !line.is_empty() => {
                self.watches_left -= 1;
                Next::Watch(WATCH_MS)
            }
            _ => Next::Done,
        };
        if next == Next::Done {
            self.is_at_work = false;
        }
        next
    }

    /// The tidying turn is over.
    pub fn tidied(&mut self) {
        self.is_at_work = false;
    }

    fn begin(&mut self) -> Call {
        if std::mem::replace(&mut self.is_at_work, true) {
            Call::Nothing
        } else {
            Call::Begin
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    fn line_of(waiting: u64, left: u32, lapsed: u32) -> Line {
        Line {
            waiting: (0..waiting)
                .map(|ticket| (ticket, Record::unreadable(b"")))
                .collect(),
            left,
            lapsed,
            queued: u32::try_from(waiting).unwrap(),
            exact: true,
            ..Line::default()
        }
    }

    fn long(line: Line) -> Line {
        Line {
            queued: 300,
            exact: false,
            ..line
        }
    }

    #[test]
    fn one_at_a_time_is_at_it_and_whoever_left_calls_for_it() {
        let mut upkeep = Upkeep::default();
        assert_eq!(
            upkeep.after_a_turn(Some(Outcome::Served), None),
            Call::Nothing
        );
        assert_eq!(upkeep.after_a_turn(Some(Outcome::Left), None), Call::Begin);
        assert_eq!(
            upkeep.after_a_turn(Some(Outcome::Left), None),
            Call::Nothing
        );
        assert_eq!(upkeep.after_watching(Some(&line_of(0, 3, 0))), Next::Tidy);
        upkeep.tidied();
        assert_eq!(upkeep.after_a_turn(Some(Outcome::Left), None), Call::Begin);
        assert_eq!(upkeep.after_watching(None), Next::Done, "the store is away");
        let left_behind = line_of(0, 1, 0);
        let served = Some(Outcome::Served);
        assert_eq!(upkeep.after_a_turn(served, Some(&left_behind)), Call::Begin);
    }

    #[test]
    fn a_long_line_that_was_not_read_whole_is_not_forgotten() {
        let served = Some(Outcome::Served);
        let call = |line: Line| Upkeep::default().after_a_turn(served, Some(&line));
        assert_eq!(call(line_of(0, 0, 1)), Call::Begin, "one lapsed");
        assert_eq!(call(long(line_of(0, 0, 0))), Call::Begin, "none was read");
        assert_eq!(call(line_of(1, 0, 0)), Call::Nothing, "it waits");

        let mut upkeep = Upkeep::default();
        let strangers = long(line_of(2, 0, 0));
        assert_eq!(upkeep.after_a_reading(&strangers, 1), Call::Begin);
        let all_lapsed = long(line_of(0, 0, 2));
        assert_eq!(
            upkeep.after_watching(Some(&all_lapsed)),
            Next::Watch(WATCH_MS),
            "hundreds still wait, or are dead"
        );
    }

    #[test]
    fn strangers_are_watched_until_they_have_moved_and_not_for_ever() {
        let mut upkeep = Upkeep::default();
        let strangers = line_of(2, 0, 0);
        assert_eq!(
            upkeep.after_a_reading(&strangers, 2),
            Call::Nothing,
            "they are served here"
        );
        assert_eq!(upkeep.after_a_reading(&strangers, 1), Call::Begin);
        let mut readings = 0;
        while upkeep.after_watching(Some(&strangers)) != Next::Done {
            readings += 1;
        }
        assert_eq!(readings, WATCHES);
        assert_eq!(
            upkeep.after_a_reading(&line_of(0, 0, 1), 0),
            Call::Begin,
            "one lapsed"
        );
        assert_eq!(upkeep.after_watching(Some(&line_of(0, 0, 0))), Next::Done);
    }
}
