//! The heir of a slot: one that starts as soon as it reads that a grant has ended, before a board grants it anything (rule 26).
//!
//! # Why it is safe
//!
//! Whoever schedules gives the next slot that is free to the heir, and to nobody before it, until it is granted one, has ended, or its
//! session is gone. So from the board that names it on there is a slot for it as soon as any grant of that board has ended, whatever
//! is decided meanwhile and whoever schedules. An end is true for good, so it does not matter when it was read.
//!
//! As by a provisional grant it starts and relays only while its session is heard of, since the slot of a silent heir goes to another.
//! A session that was not heard of for too long starts nothing before it has read a board under the fence once more.

use super::Session;
use super::outbox::Said;
use super::requests::{Phase, Requests};
use crate::board::{AskId, Board};
use crate::instance::Context;
use crate::mutant::Mutant;
use crate::store::SessionNo;
use crate::times::Times;

/// What a board that passed lets one of a session's requests do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Right {
    /// Its number.
    pub k: u64,
    /// Where it starts.
    pub upstream: u8,
    /// Those one of whom has to end.
    pub grants: Vec<AskId>,
}

impl Session {
    /// Takes what a board that passed says of the heir.
    pub(super) fn take_right(&mut self, board: &Board, is_heard: bool) {
        let heir = board.heir.filter(|heir| heir.ask.session == self.no);
        self.right = heir.filter(|_| is_heard).map(|heir| Right {
            k: heir.ask.k,
            upstream: heir.upstream,
            grants: board.grants.iter().map(|grant| grant.ask).collect(),
        });
    }

    /// Whether a board says something of the heir that is not known yet.
    pub(super) fn right_differs(&self, board: &Board, requests: &Requests) -> bool {
        let is_own = |ask: AskId| {
            let waits = requests.find(ask.k).is_some_and(|entry| entry.waits());
            ask.session == self.no && waits
        };
        let grants = board.grants.iter().map(|grant| grant.ask);
        board.heir.is_some_and(|heir| {
            let known = self.right.as_ref().filter(|right| right.k == heir.ask.k);
            is_own(heir.ask) && !known.is_some_and(|right| grants.eq(right.grants.iter().copied()))
        })
    }

    /// The other sessions whose outboxes say when the heir may start; none if nobody here is one.
    pub fn inherits_from(&self, requests: &Requests) -> Vec<SessionNo> {
        let waits = |k| requests.find(k).is_some_and(|entry| entry.waits());
        let right = self.right.as_ref().filter(|right| waits(right.k));
        let grants = right.into_iter().flat_map(|right| &right.grants);
        let mut sessions: Vec<SessionNo> = grants.map(|ask| ask.session).collect();
        sessions.retain(|session| *session != self.no);
        sessions.dedup();
        sessions
    }

    /// An outbox was read: the heir starts, if a slot is free by it, and where somebody may start at all.
    pub fn inherit(
        &mut self,
        from: SessionNo,
        said: &Said,
        requests: &mut Requests,
        context: &Context,
        times: &Times,
    ) {
        let (now, room) = (context.now, &context.room);
        let Said::All(outbox) = said else { return };
        let may_start = self.is_fresh(now, times)
            && (self.is_heard(now, times) || times.lacks(Mutant::HeirUnheard));
        let is_open = |right: &&Right| room.limit(right.upstream.into()) > 0;
        let right = self.right.as_ref().filter(is_open);
        let Some(right) = right.filter(|_| may_start) else {
            return;
        };
        let mut grants = right.grants.iter().filter(|ask| ask.session == from);
        if !grants.any(|ask| outbox.frees(ask.k)) {
            return;
        }
        let heir = requests.find_mut(right.k);
        if let Some(entry) = heir.filter(|entry| entry.phase == Phase::Waiting) {
            entry.phase = Phase::Relaying {
                upstream: right.upstream,
            };
            (entry.provisional, entry.is_heir) = (true, true);
            self.dirty = true;
        }
        self.right = None;
    }
}
