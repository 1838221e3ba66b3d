//! The heirs of slots: they start as soon as they know that grants have ended, before a board grants them anything (rule 26).
//!
//! # Why it is safe
//!
//! Whoever schedules gives the next slot that is free to the first heir, and to nobody before it, until it is granted one, has ended,
//! or its session is gone; the one after that to the second. So from the board that names it on there is a slot for the first as soon
//! as any grant of that board has ended, and for the second as soon as two have, whatever is decided meanwhile and whoever schedules.
//! An end is true for good, so it does not matter when it was read. One that has ended and whose successor relays in its slot counts
//! only where that is an heir before this one, which has its slot then.
//!
//! As by a provisional grant an heir starts and relays only while its session is heard of, since the slot of a silent heir goes to another.
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
    /// The heirs before it, who have a slot each first.
    pub before: Vec<AskId>,
    /// Those of whom one more has to end.
    pub grants: Vec<AskId>,
    /// Who of them is known to have ended.
    pub ended: Vec<AskId>,
}

impl Right {
    /// Whether a slot is free that is not another heir's.
    fn is_due(&self, times: &Times) -> bool {
        let before = match times.lacks(Mutant::HeirOutOfTurn) {
            true => 0,
            false => self.before.len(),
        };
        self.ended.len() > before
    }

    /// Takes in who has ended, of that session: whether the slot of one is free, and who relays in it if not.
    fn hear(
        &mut self,
        from: SessionNo,
        is_free: impl Fn(u64) -> bool,
        successor: impl Fn(u64) -> Option<u64>,
        times: &Times,
    ) {
        let is_before = |k| {
            let session = from;
            self.before.contains(&AskId { session, k }) || times.lacks(Mutant::HeirOfHandedOn)
        };
        let has_ended = |k| is_free(k) || successor(k).is_some_and(is_before);
        let grants = self.grants.iter().filter(|ask| ask.session == from);
        let ended = grants.filter(|ask| has_ended(ask.k) && !self.ended.contains(ask));
        let ended: Vec<AskId> = ended.copied().collect();
        self.ended.extend(ended);
    }
}

impl Session {
    /// Takes what a board that passed says of heirs here.
    pub(super) fn take_rights(&mut self, board: &Board, is_heard: bool) {
        let heirs = board.heirs.iter().enumerate();
        let own = heirs.filter(|(_, heir)| is_heard && heir.ask.session == self.no);
        let rights = own.map(|(at, heir)| Right {
            k: heir.ask.k,
            upstream: heir.upstream,
            before: board.heirs.iter().take(at).map(|heir| heir.ask).collect(),
            grants: board.grants.iter().map(|grant| grant.ask).collect(),
            ended: Vec::new(),
        });
        self.rights = rights.collect();
    }

    /// Whether a board says something of heirs here that is not known yet.
    pub(super) fn rights_differ(&self, board: &Board, requests: &Requests) -> bool {
        let mut heirs = board.heirs.iter().enumerate();
        heirs.any(|(at, heir)| {
            let is_known = |right: &Right| {
                let before = board.heirs.iter().take(at).map(|heir| &heir.ask);
                let grants = board.grants.iter().map(|grant| &grant.ask);
                right.k == heir.ask.k && before.eq(&right.before) && grants.eq(&right.grants)
            };
            let is_own = heir.ask.session == self.no;
            is_own && requests.waits(heir.ask.k) && !self.rights.iter().any(is_known)
        })
    }

    /// The rights of those who still wait.
    fn live_rights(&self, requests: &Requests) -> impl Iterator<Item = &Right> {
        let rights = self.rights.iter();
        rights.filter(|right| requests.waits(right.k))
    }

    /// The other sessions whose outboxes say when an heir here may start; none if nobody here is one.
    pub fn inherits_from(&self, requests: &Requests) -> Vec<SessionNo> {
        let grants = self.live_rights(requests).flat_map(|right| &right.grants);
        let mut sessions: Vec<SessionNo> = grants.map(|ask| ask.session).collect();
        sessions.retain(|session| *session != self.no);
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// How many slots are to be free still before the first heir here has one, besides its own; `None` if nobody here is an heir.
    pub fn before_heir(&self, requests: &Requests) -> Option<u32> {
        let rights = self.live_rights(requests);
        let before = rights.map(|right| right.before.len().saturating_sub(right.ended.len()));
        u32::try_from(before.min()?).ok()
    }

    /// An outbox was read: an heir starts, if a slot is free by it, and where somebody may start at all.
    pub fn inherit(
        &mut self,
        from: SessionNo,
        said: &Said,
        requests: &mut Requests,
        context: &Context,
        times: &Times,
    ) {
        let Said::All(outbox) = said else { return };
        for right in &mut self.rights {
            right.hear(from, |k| outbox.frees(k), |k| outbox.successor(k), times);
        }
        self.start_heirs(requests, context, times);
    }

    /// The same of what has ended here, which is known without a reading.
    pub fn inherit_own(&mut self, requests: &mut Requests, context: &Context, times: &Times) {
        let mut rights = std::mem::take(&mut self.rights);
        for right in &mut rights {
            let is_free = |k| self.has_ended(k);
            right.hear(self.no, is_free, |k| requests.successor(k), times);
        }
        self.rights = rights;
        self.start_heirs(requests, context, times);
    }

    /// Those whose slot is free start.
    fn start_heirs(&mut self, requests: &mut Requests, context: &Context, times: &Times) {
        let (now, room) = (context.now, &context.room);
        let may_start = self.is_fresh(now, times)
            && (self.is_heard_to_start(now, times) || times.lacks(Mutant::HeirUnheard));
        let is_due = |right: &mut Right| {
            may_start && right.is_due(times) && room.limit(right.upstream.into()) > 0
        };
        let due: Vec<Right> = self.rights.extract_if(.., is_due).collect();
        for right in due {
            let heir = requests.find_mut(right.k);
            if let Some(entry) = heir.filter(|entry| entry.phase == Phase::Waiting) {
                entry.phase = Phase::Relaying {
                    upstream: right.upstream,
                };
                // Its next sign of life says so: the slot is known to be its own.
                (entry.provisional, entry.is_heir) = (true, true);
            }
        }
    }
}
