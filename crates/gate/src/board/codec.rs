//! The packed form of a board: a format number, the number of the put, then everything in variable-length integers.
//!
//! Nothing in here can trap, whatever the bytes are. Whoever cannot read a board must not take over from it.

use std::fmt;

use super::Board;

/// The most bytes of a board. What would be larger is not put, see [`super::LINE_MAX`] and [`super::MEMBERS_MAX`].
pub const BOARD_MAX: usize = 128 * 1024;

/// The number of this form of boards and outboxes. Raised with every change that an older version would misread.
pub const FORMAT: u8 = if cfg!(feature = "next-format") { 9 } else { 8 };

/// Why bytes are no board, or a board has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// It is in the form of another version.
    Format(u8),
    /// It is damaged.
    Damaged,
    /// It is larger than [`BOARD_MAX`].
    Size(usize),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Format(other) => write!(f, "the form is number {other}, not {FORMAT}"),
            CodecError::Damaged => f.write_str("the bytes are damaged"),
            CodecError::Size(size) => write!(f, "{size} bytes are more than {BOARD_MAX}"),
        }
    }
}

impl std::error::Error for CodecError {}

impl Board {
    /// The bytes for the store.
    ///
    /// # Errors
    /// It is too large.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let bytes = postcard::to_extend(self, vec![FORMAT]).map_err(|_| CodecError::Damaged)?;
        match bytes.len() {
            size if size > BOARD_MAX => Err(CodecError::Size(size)),
            _ => Ok(bytes),
        }
    }

    /// The board in these bytes.
    ///
    /// # Errors
    /// It is in another form, damaged, too large, or not as a scheduler would have put it.
    pub fn decode(bytes: &[u8]) -> Result<Board, CodecError> {
        if bytes.len() > BOARD_MAX {
            return Err(CodecError::Size(bytes.len()));
        }
        match bytes.split_first() {
            None => Err(CodecError::Damaged),
            Some((&FORMAT, rest)) => match postcard::take_from_bytes::<Board>(rest) {
                Ok((board, [])) if board.is_sound() => Ok(board),
                _ => Err(CodecError::Damaged),
            },
            Some((&other, _)) => Err(CodecError::Format(other)),
        }
    }

    /// The number of the put in these bytes, without reading the rest.
    pub fn peek_put(bytes: &[u8]) -> Option<u64> {
        let rest = bytes.strip_prefix(&[FORMAT])?;
        postcard::take_from_bytes::<u64>(rest)
            .ok()
            .map(|(put, _)| put)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{
        AskId, Class, Grant, Heir, LINE_MAX, MEMBERS_MAX, Mark, Member, Refusal, Waiting,
    };
    use crate::models::{Places, Wants};
    use crate::policy::{Field, Figure, Hold, PAST_MAX, Past, Stage, Turn};

    /// The most that settings allow to relay, and models at one upstream.
    const GRANTS: u64 = 256;
    const TURNS: usize = 64;

    fn ask(session: u64, k: u64) -> AskId {
        AskId { session, k }
    }

    /// A policy's field with everything in it, at its largest.
    fn field() -> Field {
        let mut field = Field::default();
        for model in 0..2 * Figure::FIGURES as u64 {
            field.measure(0, u64::MAX - model, |figure| {
                (0..Figure::SAMPLES).for_each(|_| figure.note(1_000));
            });
        }
        let turn = |model| Turn {
            model,
            stage: Stage::Running,
            for_ms: 1 << 30,
            idle_ms: 1 << 30,
        };
        let past = |model| Past {
            model,
            ago_ms: 1 << 30,
        };
        let hold = |upstream| Hold {
            upstream,
            turns: (1..=4).map(turn).collect(),
            next: u64::MAX,
            draining_ms: 1 << 20,
            drain_ms: 1 << 20,
            past: (1..=PAST_MAX as u64).map(past).collect(),
        };
        field.holds = (0..8).map(hold).collect();
        field
    }

    fn board() -> Board {
        Board {
            put: 300,
            open: true,
            top: 9,
            members: [2, 7, 9]
                .map(|session| Member {
                    session,
                    ..Member::default()
                })
                .into(),
            grants: vec![Grant {
                ask: ask(2, 1),
                upstream: 3,
                ..Grant::default()
            }],
            line: vec![Waiting {
                ask: ask(7, 2),
                class: Class::Batch,
                mark: Some(Mark::Refused(Refusal::QueueFull)),
                ..Waiting::default()
            }],
            heirs: vec![Heir {
                ask: ask(7, 2),
                upstream: 3,
                of: 1,
                started: true,
            }],
            policy: field(),
            ..Board::default()
        }
    }

    #[test]
    fn a_board_is_read_back_as_it_was_put() {
        let bytes = board().encode().unwrap();
        assert_eq!(Board::decode(&bytes), Ok(board()));
        assert_eq!(Board::peek_put(&bytes), Some(300));
    }

    #[test]
    fn bytes_of_another_form_cut_off_or_longer_are_errors() {
        let bytes = board().encode().unwrap();
        for end in 0..bytes.len() {
            assert!(Board::decode(&bytes[..end]).is_err(), "{end}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Board::decode(&longer), Err(CodecError::Damaged));
        let mut other = bytes;
        other[0] = FORMAT + 1;
        assert_eq!(Board::decode(&other), Err(CodecError::Format(FORMAT + 1)));
        assert_eq!(Board::peek_put(&other), None);
    }

    #[test]
    fn no_damage_traps_and_what_is_read_is_sound() {
        let bytes = board().encode().unwrap();
        let mut read = 0;
        for at in 1..bytes.len() {
            for value in 0..=u8::MAX {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                if let Ok(board) = Board::decode(&damaged) {
                    assert!(board.is_sound());
                    read += 1;
                }
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn a_board_that_grants_to_nobody_or_twice_is_damaged() {
        let mut stranger = board();
        stranger.grants[0].ask.session = 3;
        let mut twice = board();
        twice.line[0].ask = ask(2, 1);
        let mut unlisted = board();
        unlisted.top = 8;
        let mut absent = board();
        absent.line.clear();
        for board in [stranger, twice, unlisted, absent] {
            let bytes = board.encode().unwrap();
            assert_eq!(Board::decode(&bytes), Err(CodecError::Damaged), "{board:?}");
        }
    }

    #[test]
    fn the_largest_board_that_is_made_can_be_put() {
        let members = 1..=MEMBERS_MAX as u64;
        let line = 0..LINE_MAX as u64;
        let mut policy = field();
        for hold in &mut policy.holds {
            hold.turns = vec![hold.turns[0]; TURNS];
        }
        let wants = Wants {
            model: u64::MAX,
            lacks: u8::MAX,
            is_auxiliary: true,
            places: Places::Told(u8::MAX),
            hint: u16::MAX,
        };
        let largest = Board {
            top: MEMBERS_MAX as u64,
            members: members
                .map(|session| Member {
                    session,
                    name: u64::MAX,
                    seen: 1 << 20,
                    last: 1 << 20,
                    quiet_ms: 30_000,
                    condemned: true,
                    away: true,
                    doubted: true,
                })
                .collect(),
            line: line
                .map(|k| Waiting {
                    ask: ask(MEMBERS_MAX as u64, 1 << 20 | k),
                    client: u64::MAX,
                    guard: u64::MAX,
                    wants,
                    waited_ms: 1 << 20,
                    ..Waiting::default()
                })
                .collect(),
            grants: (0..GRANTS)
                .map(|k| Grant {
                    ask: ask(MEMBERS_MAX as u64, 1 << 21 | k),
                    client: u64::MAX,
                    guard: u64::MAX,
                    wants,
                    granted_ms: 1 << 30,
                    moves: u8::MAX,
                    recall: true,
                    successor: 1 << 20 | k,
                    ..Grant::default()
                })
                .collect(),
            policy,
            ..Board::default()
        };
        let size = largest.encode().map(|bytes| bytes.len());
        assert!(size.is_ok_and(|size| size < BOARD_MAX), "{size:?}");
    }
}
