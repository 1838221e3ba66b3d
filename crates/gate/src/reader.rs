//! Who is no session: status, metrics and the page read the newest board and never take a term (rule 29).
//!
//! A reading is a moment old when it is done, and no start depends on it, so there is no fence: the epoch, the term, the newest
//! board that exists, and the outboxes of those who relay on it. For an idle board is not kept up to date: what ended since it
//! was put stands in the outboxes alone until somebody asks again.

use crate::board::{AskId, Board};
use crate::session::outbox::{Outbox, Said};
use crate::store::{Epoch, Found, Key, SessionNo, TermNo};

/// After so many absent boards a reading says that there is none.
const WALK_MAX: u32 = 64;

/// How long a read may take.
const PATIENCE_MS: u64 = 5_000;

/// A reading under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    at: At,
    walked: u32,
    board: Box<Board>,
    holders: Vec<SessionNo>,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Epoch,
    Term(Epoch),
    Board(Epoch, TermNo),
    Outboxes,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read these keys, and tell [`Reader::step`].
    Read {
        /// The keys.
        keys: Vec<Key>,
        /// After so long what is missing is [`Found::Failed`].
        patience_ms: u64,
    },
    /// The newest board. An empty one where there is no epoch, or no board in it yet: nobody relays and nobody waits, as far
    /// as anybody has written down.
    Done(Box<Board>),
    /// The newest board is in the form of another version.
    Unreadable,
    /// The store could not be read. That is not an empty gate.
    Failed,
}

impl Reader {
    /// A new reading, and its first step.
    pub fn begin() -> (Reader, Step) {
        let mut reader = Reader {
            at: At::Epoch,
            walked: 0,
            board: Box::default(),
            holders: Vec::new(),
        };
        let first = reader.go(At::Epoch, vec![Key::Epoch]);
        (reader, first)
    }

    /// Tells what was found, and answers what is next.
    pub fn step(&mut self, found: &[Found]) -> Step {
        match (self.at, found.first()) {
            (_, None | Some(Found::Failed)) => Step::Failed,
            (At::Epoch, Some(Found::Bytes(bytes))) => match Epoch::decode(bytes) {
                Some(epoch) => self.go(At::Term(epoch), vec![Key::Term(epoch)]),
                None => Step::Unreadable,
            },
            (At::Term(epoch), Some(Found::Number(term))) if *term > 0 => {
                self.go(At::Board(epoch, *term), vec![Key::Board(epoch, *term)])
            }
            (At::Board(epoch, _), Some(Found::Bytes(bytes))) => match Board::decode(bytes) {
                Ok(board) => self.read_holders(epoch, board),
                Err(_) => Step::Unreadable,
            },
            (At::Board(epoch, term), Some(_)) if term > 1 && self.walked < WALK_MAX => {
                self.walked += 1;
                self.go(
                    At::Board(epoch, term - 1),
                    vec![Key::Board(epoch, term - 1)],
                )
            }
            (At::Outboxes, Some(_)) => {
                for (session, found) in self.holders.iter().zip(found) {
                    if let Found::Bytes(bytes) = found {
                        self.board
                            .without_what_ended(*session, &Outbox::read(bytes));
                    }
                }
                Step::Done(std::mem::take(&mut self.board))
            }
            _ => Step::Done(Box::default()),
        }
    }

    fn read_holders(&mut self, epoch: Epoch, board: Board) -> Step {
        let holders = board.grants.iter().map(|grant| grant.ask.session);
        self.holders = holders.collect();
        self.holders.dedup();
        *self.board = board;
        if self.holders.is_empty() {
            return Step::Done(std::mem::take(&mut self.board));
        }
        let keys = self
            .holders
            .iter()
            .map(|session| Key::Member(epoch, *session));
        self.go(At::Outboxes, keys.collect())
    }

    fn go(&mut self, at: At, keys: Vec<Key>) -> Step {
        self.at = at;
        Step::Read {
            keys,
            patience_ms: PATIENCE_MS,
        }
    }
}

impl Board {
    /// Leaves out what a session's outbox says to have ended.
    fn without_what_ended(&mut self, session: SessionNo, said: &Said) {
        let Said::All(outbox) = said else { return };
        if outbox.over {
            self.remove_member(session);
        }
        for ended in &outbox.ended {
            self.remove_ask(AskId {
                session,
                k: ended.k,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: Key) -> Step {
        Step::Read {
            keys: vec![key],
            patience_ms: PATIENCE_MS,
        }
    }

    #[test]
    fn the_newest_board_that_exists_is_read_and_a_failure_is_no_empty_gate() {
        let (mut reader, first) = Reader::begin();
        assert_eq!(first, read(Key::Epoch));
        let epoch = Epoch(5);
        let board = Board {
            top: 7,
            ..Board::default()
        };
        let bytes = Found::Bytes(board.encode().unwrap());
        let mut tell = |found: Found| reader.step(&[found]);
        assert_eq!(tell(Found::Bytes(epoch.encode())), read(Key::Term(epoch)));
        assert_eq!(tell(Found::Number(3)), read(Key::Board(epoch, 3)));
        assert_eq!(tell(Found::Failed), Step::Failed);
        assert_eq!(tell(Found::Absent), read(Key::Board(epoch, 2)));
        assert_eq!(tell(bytes), Step::Done(Box::new(board)));
        assert_eq!(tell(Found::Bytes(vec![0])), Step::Unreadable);
    }

    #[test]
    fn without_an_epoch_or_a_board_there_is_nobody() {
        let nobody = Step::Done(Box::default());
        let (mut reader, _) = Reader::begin();
        assert_eq!(reader.step(&[Found::Absent]), nobody);
        let epoch = Epoch(5);
        reader.step(&[Found::Bytes(epoch.encode())]);
        assert_eq!(reader.step(&[Found::Number(1)]), read(Key::Board(epoch, 1)));
        assert_eq!(reader.step(&[Found::Absent]), nobody);
    }

    #[test]
    fn what_ended_since_an_idle_board_was_put_is_left_out() {
        use crate::board::{Grant, Member};
        use crate::session::outbox::Ended;
        let grant = |session, k| Grant {
            ask: AskId { session, k },
            ..Grant::default()
        };
        let board = Board {
            top: 3,
            members: [1, 2, 3]
                .map(|session| Member {
                    session,
                    ..Member::default()
                })
                .into(),
            grants: vec![grant(1, 1), grant(1, 2), grant(2, 1), grant(3, 1)],
            ..Board::default()
        };
        let epoch = Epoch(5);
        let (mut reader, _) = Reader::begin();
        reader.step(&[Found::Bytes(epoch.encode())]);
        reader.step(&[Found::Number(1)]);
        let next = reader.step(&[Found::Bytes(board.encode().unwrap())]);
        let keys = [1, 2, 3].map(|session| Key::Member(epoch, session)).into();
        assert_eq!(
            next,
            Step::Read {
                keys,
                patience_ms: PATIENCE_MS
            }
        );
        let ended = Outbox {
            ended: vec![Ended { k: 2, work: None }],
            ..Outbox::default()
        };
        let over = Outbox {
            over: true,
            ..Outbox::default()
        };
        let outboxes = [ended, over].map(|outbox| Found::Bytes(outbox.encode()));
        let Step::Done(left) = reader.step(&[&outboxes[..], &[Found::Absent]].concat()) else {
            panic!("done");
        };
        assert_eq!(left.grants, [grant(1, 1), grant(3, 1)]);
    }
}
