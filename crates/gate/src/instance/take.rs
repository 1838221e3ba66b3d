//! How an instance becomes the scheduler, and how it ceases to be (rules 11, 13 and 14).

use super::older::{Newest, Older};
use super::step::State;
use super::{Context, Effect, Instance};
use crate::board::Board;
use crate::mutant::Mutant;
use crate::store::{Found, Key, TermNo};
use crate::term::Term;
use crate::times::Times;

impl Instance {
    /// Rule 13 (iii): nothing new was seen for too long. That is longer where operations take long: a scheduler that lives needs several
    /// for each board.
    pub(super) fn takeover_is_due(&self, context: &Context) -> bool {
        let (times, now_ms) = (&self.times, context.now.mono_ms);
        let Some(session) = &self.session else {
            return false;
        };
        if !session.wants_scheduler(&self.requests) || times.lacks(Mutant::NoTakeover) {
            return false;
        }
        let rank_ms = session.rank().saturating_mul(times.takeover_rank_ms);
        let wait_ms = times.takeover_ms.saturating_add(rank_ms);
        let wait_ms = wait_ms.saturating_mul(1 << self.lost.min(times.doublings_max.min(16)));
        let wait_ms = Times::slowed(wait_ms, context.op_ms).min(times.ttl_ms);
        now_ms.saturating_sub(session.changed_at) >= wait_ms
    }

    /// Rule 14: a term was drawn; 0: from a counter that was lost.
    pub(super) fn drawn(&mut self, no: TermNo, context: &Context) -> Option<Effect> {
        if no == 0 {
            return self.lose_epoch();
        }
        self.sums.terms += 1;
        if self.session.as_ref().is_none_or(|session| session.over) {
            self.took_in_vain();
            return None;
        }
        self.silent_ms = context
            .now
            .mono_ms
            .saturating_sub(self.session.as_ref()?.changed_at);
        self.learn_term(no, context.now);
        match Older::than(no, self.bare) {
            None => self.adopt(no, None, context),
            Some(at) => self.walk(no, at),
        }
    }

    /// The draw may be done, unheard: that term is nobody's.
    pub(super) fn not_drawn(&mut self, context: &Context) -> Option<Effect> {
        self.session.as_ref().filter(|session| !session.over)?;
        self.took_in_vain();
        let session = self.session.as_mut()?;
        session.known = 0;
        session.changed_at = context.now.mono_ms;
        self.pause(context)
    }

    /// One that goes further looks each time whether its term is still the newest.
    fn walk(&mut self, no: TermNo, at: Older) -> Option<Effect> {
        let epoch = self.session.as_ref()?.epoch;
        let term = (!at.is_first()).then_some(Key::Term(epoch));
        let keys = at.keys(epoch).chain(term).collect();
        self.read(State::Walking { no, at }, keys)
    }

    pub(super) fn walked(
        &mut self,
        no: TermNo,
        at: Older,
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        if self.session.as_ref().is_none_or(|session| session.over) {
            self.took_in_vain();
            return None;
        }
        if !at.is_first() && found.last() != Some(&Found::Number(no)) {
            return self.give_up_walk(context);
        }
        let newest = at.newest_of(found);
        if newest == Newest::Absent {
            self.bare = Some(at.bare_with(self.bare));
        }
        let further = at.further(self.bare);
        match (
            newest,
            further.filter(|_| !self.times.lacks(Mutant::WalkOne)),
        ) {
            (Newest::Board(term, bytes), _) => match Board::decode(bytes) {
                Ok(board) => self.adopt(no, Some((term, board)), context),
                // Rule 30: who cannot read it must not take over.
                Err(_) => self.give_up_walk(context),
            },
            (Newest::Absent, Some(further)) => self.walk(no, further),
            (Newest::Absent, None) => self.adopt(no, None, context),
            (Newest::Failed, _) => self.give_up_walk(context),
        }
    }

    /// The next take-over waits twice as long, until the line gets on.
    pub(super) fn took_in_vain(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    fn give_up_walk(&mut self, context: &Context) -> Option<Effect> {
        self.took_in_vain();
        if let Some(session) = &mut self.session {
            session.known = 0;
        }
        self.pause(context)
    }

    fn adopt(
        &mut self,
        no: TermNo,
        found: Option<(TermNo, Board)>,
        context: &Context,
    ) -> Option<Effect> {
        let session = self.session.as_ref()?;
        let may_open = self.leave == Some(session.epoch);
        let (me, now_ms) = (session.no, context.now.mono_ms);
        if let Some((_, board)) = &found {
            let free = u64::from(context.room.total()).saturating_sub(board.grants.len() as u64);
            let waiting = u64::try_from(board.waiting().count()).unwrap_or(u64::MAX);
            let idle_ms = free.min(waiting).saturating_mul(self.silent_ms);
            self.sums.idle_takeover_ms = self.sums.idle_takeover_ms.saturating_add(idle_ms);
        }
        match Term::take(no, found, me, may_open, now_ms, &self.times) {
            Ok(term) => self.term = Some(term),
            Err(_) => self.end_session(),
        }
        None
    }

    /// It is no scheduler any more, or was none: its state is forgotten, and everything of its own is to be said (rule 11).
    pub(super) fn lose_term(&mut self) {
        let Some(term) = self.term.take() else { return };
        self.requests.take_back();
        if !term.passed {
            self.took_in_vain();
        }
        if let Some(session) = &mut self.session {
            session.unmark_on_board();
            session.dirty = session.wants_scheduler(&self.requests)
                || self.requests.any_succeeds()
                || !session.ended.is_empty();
            session.known = 0;
            session.look_at = 0;
        }
    }
}
