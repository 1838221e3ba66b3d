//! The put of a board: what is decided before it, what follows once it has passed (rules 15, 19, 21, 22 and 23).

use super::Term;
use crate::board::AskId;
use crate::board::codec::CodecError;
use crate::mutant::Mutant;
use crate::policy::{Decision, Policy, plain};
use crate::session::Session;
use crate::store::{Epoch, Key, SessionNo, TermNo};
use crate::times::Times;

/// The most boards of older terms that a scheduler looks after: what lies deeper is the rare sweep's.
const OLDER_MAX: TermNo = 64;

impl Term {
    /// Lets the policy decide about everything that was asked. If it fails, nobody waits for it: plain order is in force
    /// from then on in this term (rule 30).
    ///
    /// Grants are provisional where operations are quick. Where they are not, nobody can be heard of in time.
    pub fn decide(&mut self, policy: &Policy<'_>, is_quick: bool, times: &Times) {
        let asks = std::mem::take(&mut self.asks);
        if !times.lacks(Mutant::HeirNotFirst) {
            let before = self.board.heirs.len();
            self.tally.new_grants += self.board.give_to_heirs(&policy.room, is_quick);
            self.changed |= self.board.heirs.len() < before;
        }
        if !self.board.degraded {
            match policy.schedule(&self.board, &asks) {
                Ok(decisions) => {
                    self.apply(&decisions, policy, is_quick);
                    self.name_successors(policy, &asks.silent);
                    if is_quick && times.doubt_ms > 0 {
                        self.name_heirs(policy, &asks.silent, times);
                    }
                    return;
                }
                Err(_) => self.board.degraded = true,
            }
        }
        // No model has a turn in plain order, and none is loaded for one.
        self.board.policy.holds.clear();
        if let Ok(decisions) = plain::schedule(policy, &self.board, &asks) {
            self.apply(&decisions, policy, is_quick);
        }
        for grant in &mut self.board.grants {
            grant.successor = 0;
        }
    }

    /// Rule 26. They are told with the next board, which is not put for them alone.
    fn name_successors(&mut self, policy: &Policy<'_>, silent: &[SessionNo]) {
        let successors = policy.successors(&self.board, silent);
        for (grant, successor) in self.board.grants.iter_mut().zip(successors) {
            grant.successor = successor;
        }
    }

    /// Rule 26: whoever is named stays heir until it has a slot or is gone: it may have read a board that names it.
    fn name_heirs(&mut self, policy: &Policy<'_>, silent: &[SessionNo], times: &Times) {
        let before = match times.lacks(Mutant::HeirChanges) {
            true => std::mem::take(&mut self.board.heirs),
            false => self.board.heirs.clone(),
        };
        let mut heirs = policy.heirs(&self.board, silent);
        self.board.heirs.append(&mut heirs);
        // A second one is told with the next board.
        self.changed |= self.board.heirs.first() != before.first();
    }

    fn apply(&mut self, decisions: &[Decision], policy: &Policy<'_>, is_quick: bool) {
        for decision in decisions {
            let is_done = self.board.apply(decision, policy.room.total()).is_ok();
            self.changed |= is_done;
            if is_done && let Decision::Grant { ask, .. } = decision {
                self.tally.new_grants += 1;
                if is_quick {
                    self.board.make_provisional(*ask);
                }
            }
        }
    }

    /// Whether the board is to be put now.
    pub fn wants_put(&self, now_ms: u64, times: &Times) -> bool {
        self.changed || !self.passed || self.beat_is_due(now_ms, times)
    }

    /// Whether the board is to be put for the time that has passed, which is so where somebody waits.
    pub fn beat_is_due(&self, now_ms: u64, times: &Times) -> bool {
        self.is_active() && now_ms.saturating_sub(self.put_at) >= times.beat_ms
    }

    /// Whether the first board may be put before any outbox was read: there is room on it as found (rule 15).
    pub fn has_room_as_found(&self, capacity: u32) -> bool {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        self.board.open && self.board.grants.len() < capacity
    }

    /// The board to put. What its own session said was heard; `resigns`: it gives the term up, whatever line there is.
    ///
    /// # Errors
    /// It is too large.
    pub fn compose(
        &mut self,
        session: &Session,
        signature: Signature,
        resigns: bool,
        now_ms: u64,
        times: &Times,
    ) -> Result<Vec<u8>, CodecError> {
        if let Some(own) = self.board.member_mut(session.no) {
            own.name = session.name;
            own.last = session.beat;
            own.quiet_ms = 0;
            if !times.lacks(Mutant::OwnUnseen) {
                own.seen = session.beat;
            }
        }
        // Of its own it knows better, and without the time for that a grant is for good.
        let is_for_good = |ask: AskId| ask.session == session.no || times.doubt_ms == 0;
        self.board.confirm(is_for_good);
        self.board.put = self.board.put.saturating_add(1);
        self.board.settings = signature.settings;
        self.board.capacity = signature.capacity;
        let is_at_rest = self.board.waiting().next().is_none() && !self.board.has_provisional(None);
        self.board.idle = resigns || is_at_rest && !times.lacks(Mutant::NeverIdle);
        self.board.open |= resigns && times.lacks(Mutant::ResignOpens);
        if times.lacks(Mutant::RecallFrees) {
            self.board.grants.retain(|grant| !grant.recall);
        }
        self.resigns = resigns;
        self.put_at = now_ms;
        let bytes = self.board.encode()?;
        self.changed = false;
        self.unfenced = true;
        Ok(bytes)
    }

    /// The board that was put has passed.
    pub fn commit(&mut self, now_ms: u64, times: &Times) {
        let new_grants = std::mem::take(&mut self.tally.new_grants);
        let idle_ms = new_grants.saturating_mul(now_ms.saturating_sub(self.put_at));
        self.tally.handoff_ms = self.tally.handoff_ms.saturating_add(idle_ms);
        self.passed = true;
        self.unfenced = false;
        for watch in &mut self.watches {
            let member = self.board.member(watch.session);
            watch.mark_passed = member.is_some_and(|member| member.condemned);
            watch.doubt_passed = member.is_some_and(|member| member.doubted);
        }
        self.deletable.append(&mut self.removed);
        if times.lacks(Mutant::NoSecondReading) {
            let condemned = self.board.members.iter().filter(|member| member.condemned);
            for session in condemned.map(|member| member.session).collect::<Vec<_>>() {
                self.changed |= self.board.remove_member(session);
            }
        }
    }

    /// The next key to delete: boards of older terms, oldest first, then outboxes of sessions that were removed.
    pub fn next_delete(&mut self, epoch: Epoch, times: &Times) -> Option<Key> {
        if !self.passed && !times.lacks(Mutant::DeleteEarly) {
            return None;
        }
        self.board.oldest = self.board.oldest.max(self.no.saturating_sub(OLDER_MAX));
        if self.board.oldest < self.no {
            return Some(Key::Board(epoch, self.board.oldest));
        }
        let session = self.deletable.last()?;
        Some(Key::Member(epoch, *session))
    }

    /// That key was deleted, or never will be by this scheduler.
    pub fn deleted(&mut self, key: Key) {
        match key {
            Key::Board(_, term) => {
                self.board.oldest = self.board.oldest.max(term.saturating_add(1))
            }
            Key::Member(_, session) => self.deletable.retain(|other| *other != session),
            _ => {}
        }
    }
}

/// By what a board was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// Hash of the policy's version and its rules.
    pub settings: u32,
    /// How many may relay.
    pub capacity: u32,
}
