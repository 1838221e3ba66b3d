//! The newest board that a session has read, and what it says of the session's place.

use std::collections::BTreeSet;

use super::Session;
use super::requests::Requests;
use crate::board::Board;
use crate::policy::Service;
use crate::store::TermNo;
use crate::times::Times;

/// A board as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub term: TermNo,
    pub board: Board,
    /// One of its own is next, and may be granted something at any moment.
    pub is_next: bool,
    /// When it was read last.
    pub at: u64,
}

/// What the bytes of a board came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The board that was read last.
    Same,
    New,
    Unreadable,
}

impl Session {
    /// Takes in the bytes of the newest term's board.
    pub fn see(&mut self, bytes: &[u8], now_ms: u64) -> Seen {
        let put = Board::peek_put(bytes);
        let view = self.view.as_mut().filter(|view| view.term == self.known);
        if let Some(view) = view.filter(|view| put == Some(view.board.put)) {
            view.at = now_ms;
            return Seen::Same;
        }
        match Board::decode(bytes) {
            Ok(board) => {
                self.changed_at = now_ms;
                self.unreadable_since = None;
                self.view = Some(View {
                    term: self.known,
                    is_next: board.next_up().contains(&self.no) || board.has_heir_of(self.no),
                    board,
                    at: now_ms,
                });
                Seen::New
            }
            Err(_) => {
                let stamp = stamp(bytes);
                if self.unreadable != stamp {
                    self.unreadable = stamp;
                    self.unreadable_since = None;
                }
                self.unreadable_since.get_or_insert(now_ms);
                self.view = None;
                Seen::Unreadable
            }
        }
    }

    pub fn unreadable_for(&self, now_ms: u64) -> u64 {
        self.unreadable_since
            .map_or(0, |since| now_ms.saturating_sub(since))
    }

    /// How many wait before the first of its own, by the newest board it has read; `None` if none of them is listed.
    pub fn nearest_ahead(&self) -> Option<u32> {
        let board = &self.newest_view()?.board;
        let is_own = |session| session == self.no;
        let sessions = board.waiting().map(|waiting| waiting.ask.session);
        let mut line = sessions.filter(|session| is_own(*session) || !board.is_away(*session));
        let at = line.position(is_own)?;
        u32::try_from(at).ok()
    }

    /// Whether the newest board that it has read names heirs: who are next start without another board.
    pub fn sees_heirs(&self) -> bool {
        let view = self.newest_view();
        view.is_some_and(|view| !view.board.heirs.is_empty())
    }

    /// Whether the newest board that it has read is from before one of its asks was heard of.
    pub fn is_ahead_of_view(&self, requests: &Requests) -> bool {
        let said = requests
            .list
            .iter()
            .filter(|entry| entry.waits() && entry.is_said());
        let is_own = |session| session == self.no;
        let listed = self.newest_view().map_or(0, |view| {
            let sessions = view.board.line.iter().map(|waiting| waiting.ask.session);
            sessions.filter(|session| is_own(*session)).count()
        });
        said.count() > listed
    }

    /// The time between two starts, by that board; 0 where nobody knows.
    pub fn gap_ms(&self, capacity: u32) -> u64 {
        let service = self.newest_view().map(|view| Service::of(&view.board));
        service.map_or(0, |service| service.gap_ms(capacity))
    }

    /// Whether it is to give a sign of life now.
    pub fn sign_is_due(&self, requests: &Requests, now_ms: u64, op_ms: u64, times: &Times) -> bool {
        let sign_at = self.next_sign_at(requests, op_ms, times);
        sign_at.is_some_and(|sign_at| sign_at <= now_ms)
    }

    /// When it is to give the next sign of life, if it is to give one: while one of its own is next, or relays by a provisional
    /// grant, so that its outbox says that it does.
    pub fn next_sign_at(&self, requests: &Requests, op_ms: u64, times: &Times) -> Option<u64> {
        let is_next = self.newest_view().is_some_and(|view| view.is_next) && times.sign_ms > 0;
        let rest_ms = match (is_next, requests.any_provisional()) {
            (true, _) => times.sign_rest_ms(op_ms),
            (false, true) => times.confirm_rest_ms(op_ms),
            (false, false) => return None,
        };
        Some(self.said_at.mono_ms.saturating_add(rest_ms))
    }

    fn newest_view(&self) -> Option<&View> {
        self.view.as_ref().filter(|view| view.term == self.known)
    }

    /// How many other sessions have an ask before the first of its own.
    pub fn rank(&self) -> u64 {
        let Some(view) = &self.view else { return 0 };
        let before = view.board.present().map(|waiting| waiting.ask.session);
        let others: BTreeSet<_> = before.take_while(|session| *session != self.no).collect();
        u64::try_from(others.len()).unwrap_or(u64::MAX)
    }
}

/// Tells one unreadable board from another.
fn stamp(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
