//! A reading of the newest board, with as much of the fence as it needs (rules 1, 2, 9, 10 and 12).
//!
//! # Order
//!
//! Board, then term. A renewal reads the epoch beside the term, and so does a session before its first one, and whoever cannot read
//! the board. A look that needs nothing ends after the board: most do. A renewal looks further down where the newest term has no
//! board yet, and then reads that term's board once more: it must still be absent.

use super::fence::Fence;
use super::older::{Newest, Older};
use super::step::State;
use super::{Context, Effect, Instance};
use crate::board::Board;
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::session::Seen;
use crate::session::outbox::Outbox;
use crate::session::verdict::Verdict;
use crate::store::{Found, Key, Op, TermNo};

/// How often a look begins anew because a newer term was drawn meanwhile.
const TRIES_MAX: u8 = 5;

/// A look under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Look {
    /// The issue of the put, if it is the second half of a renewal.
    pub(super) renewal: Option<Now>,
    pub(super) step: Step,
    /// The board that was found, and its term.
    pub(super) found: Option<(TermNo, Box<Board>)>,
    /// The board is one that this version cannot read.
    is_unreadable: bool,
    tries: u8,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The term, where none is known.
    FirstTerm,
    /// The board of the newest term that is known.
    Board,
    /// The boards of older terms.
    Older(Older),
    /// The board of the newest term once more.
    Again,
    /// The fence.
    Fence,
}

impl Instance {
    pub(super) fn look(&mut self, renewal: Option<Now>) -> Option<Effect> {
        let look = Look {
            renewal,
            step: Step::Board,
            found: None,
            is_unreadable: false,
            tries: 0,
        };
        let known = self.session.as_ref()?.known;
        let step = match known == 0 || self.times.lacks(Mutant::TermBeforeBoard) {
            true => Step::FirstTerm,
            false => Step::Board,
        };
        self.look_at(look, step)
    }

    fn look_at(&mut self, mut look: Look, step: Step) -> Option<Effect> {
        let session = self.session.as_ref()?;
        let (epoch, known) = (session.epoch, session.known);
        look.step = step;
        let keys = match step {
            Step::FirstTerm | Step::Fence => {
                self.fence_keys(look.renewal.is_some() || look.is_unreadable)
            }
            Step::Board => {
                let heard = session.inherits_from(&self.requests);
                let outboxes = heard.into_iter().map(|no| Key::Member(epoch, no));
                std::iter::once(Key::Board(epoch, known))
                    .chain(outboxes)
                    .collect()
            }
            Step::Again => vec![Key::Board(epoch, known)],
            Step::Older(older) => older.keys(epoch).collect(),
        };
        self.read(State::Looking(look), keys)
    }

    pub(super) fn looked(
        &mut self,
        look: Look,
        found: Vec<Found>,
        context: &Context,
    ) -> Option<Effect> {
        self.session.as_ref().filter(|session| !session.over)?;
        let first = found.first().unwrap_or(&Found::Failed);
        if look.step == Step::Board {
            self.inherit(found.get(1..).unwrap_or_default(), context);
        }
        match look.step {
            Step::Older(older) => self.saw_older(look, older, &found, context),
            Step::FirstTerm | Step::Fence => self.saw_term(look, &found, context),
            _ if *first == Found::Failed => self.look_failed(context),
            Step::Board => self.saw_board(look, first, context),
            Step::Again => self.saw_again(look, first, context),
        }
    }

    /// Rule 26: beside the board the outboxes were read by which an heir may start.
    fn inherit(&mut self, outboxes: &[Found], context: &Context) {
        let Some(session) = &mut self.session else {
            return;
        };
        let from = session.inherits_from(&self.requests);
        for (from, found) in from.into_iter().zip(outboxes) {
            if let Found::Bytes(bytes) = found {
                let said = Outbox::read(bytes);
                session.inherit(from, &said, &mut self.requests, context, &self.times);
            }
        }
    }

    fn look_failed(&mut self, context: &Context) -> Option<Effect> {
        self.look_again_at(context);
        self.pause(context)
    }

    fn saw_board(&mut self, mut look: Look, found: &Found, context: &Context) -> Option<Effect> {
        let (times, now_ms) = (self.times, context.now.mono_ms);
        match found {
            Found::Bytes(bytes) => {
                look.is_unreadable = !self.see(bytes, now_ms);
            }
            _ => {
                self.session.as_mut()?.unreadable_since = None;
            }
        }
        let (requests, session) = (&self.requests, self.session.as_ref()?);
        let view = session
            .view
            .as_ref()
            .filter(|view| view.term == session.known);
        let board = view.map(|view| &view.board);
        let is_needed = board.is_some_and(|board| session.has_need_of(board, requests, &times));
        let is_due = now_ms.saturating_sub(session.checked_at) >= times.term_check_ms
            || self.takeover_is_due(context);
        let is_absent = !matches!(found, Found::Bytes(_));
        if look.renewal.is_none() && !is_needed && !is_due && !look.is_unreadable {
            return self.look_ends(context);
        }
        if !is_absent && !look.is_unreadable {
            let view = self.session.as_ref()?.view.as_ref();
            look.found = view.map(|view| (view.term, Box::new(view.board.clone())));
        }
        let known = self.session.as_ref()?.known;
        let walks =
            look.renewal.is_some() && is_absent && !self.times.lacks(Mutant::AbsentIsNoMember);
        match Older::than(known, self.bare).filter(|_| walks) {
            Some(older) => self.look_at(look, Step::Older(older)),
            None => self.look_at_fence(look, context),
        }
    }

    /// Takes in the board of the newest term; whether it can be read. A new one says that the line gets on, whoever sees to it.
    fn see(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        self.bare = None;
        let seen = session.see(bytes, now_ms);
        if seen == Seen::New {
            self.lost = 0;
        }
        seen != Seen::Unreadable
    }

    /// Rule 2: down to the newest board that exists.
    fn saw_older(
        &mut self,
        mut look: Look,
        older: Older,
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        let newest = older.newest_of(found);
        if newest == Newest::Absent {
            let known = self.session.as_ref()?.known;
            self.bare = Some(older.bare_with(self.bare));
            if self.times.lacks(Mutant::BareNewest) {
                self.bare = self.bare.map(|bare| bare.up_to(known));
            }
        }
        match (newest, older.further(self.bare)) {
            (Newest::Board(term, bytes), _) => {
                look.found = Board::decode(bytes)
                    .ok()
                    .map(|board| (term, Box::new(board)));
            }
            (Newest::Absent, Some(further)) => {
                return self.look_at(look, Step::Older(further));
            }
            (Newest::Absent, None) => {}
            (Newest::Failed, _) => return self.look_failed(context),
        }
        let next = match self.times.lacks(Mutant::NoSecondLook) {
            true => Step::Fence,
            false => Step::Again,
        };
        self.look_at(look, next)
    }

    /// Rule 2: the newest term's board must still be absent; else it is the one.
    fn saw_again(&mut self, mut look: Look, found: &Found, context: &Context) -> Option<Effect> {
        if let Found::Bytes(bytes) = found {
            look.is_unreadable = !self.see(bytes, context.now.mono_ms);
            let view = self.session.as_ref()?.view.as_ref();
            let view = view.filter(|_| !look.is_unreadable);
            look.found = view.map(|view| (view.term, Box::new(view.board.clone())));
        }
        self.look_at_fence(look, context)
    }

    fn look_at_fence(&mut self, look: Look, context: &Context) -> Option<Effect> {
        let is_unfenced =
            self.times.lacks(Mutant::TermBeforeBoard) || self.times.lacks(Mutant::StartByLook);
        if is_unfenced && look.found.is_some() {
            return self.conclude(look, context);
        }
        self.look_at(look, Step::Fence)
    }

    /// The newest term, before any board is read or as the fence after one.
    fn saw_term(&mut self, mut look: Look, found: &[Found], context: &Context) -> Option<Effect> {
        let session = self.session.as_mut()?;
        let (epoch, known) = (session.epoch, session.known);
        session.checked_at = context.now.mono_ms;
        let term = match self.fence(epoch, found) {
            Fence::Term(term) => term,
            Fence::Void | Fence::Lost => return self.lose_epoch(),
            Fence::Unknown => return self.look_failed(context),
        };
        if term == known && look.step == Step::Fence {
            return self.conclude(look, context);
        }
        if term != known {
            self.lose_term();
            self.learn_term(term, context.now);
            look.found = None;
            look.tries += u8::from(look.step == Step::Fence);
        }
        if term == 0 {
            return match look.renewal {
                Some(_) => self.conclude(look, context),
                None => self.take_or_rest(context, true, false),
            };
        }
        if look.tries > TRIES_MAX {
            return self.look_failed(context);
        }
        self.look_at(look, Step::Board)
    }

    /// The fence holds.
    fn conclude(&mut self, look: Look, context: &Context) -> Option<Effect> {
        let (times, now) = (self.times, context.now);
        let session = self.session.as_mut()?;
        if let Some((term, board)) = &look.found {
            let verdict = session.conclude(board, *term, &mut self.requests, now, &times);
            if verdict == Verdict::Over {
                self.end_session();
                return None;
            }
        } else if look.renewal.is_some()
            && self.requests.any_lives()
            && (times.lacks(Mutant::AbsentIsNoMember) || times.lacks(Mutant::NoSecondLook))
        {
            self.end_session();
            return None;
        }
        if let Some(issued) = look.renewal {
            session.renewed(issued, now, &times);
        }
        let is_lost = session.unreadable_for(now.mono_ms) >= times.ttl_ms
            && !times.lacks(Mutant::KeepUnreadable);
        if is_lost && self.requests.any_waits() {
            // Rule 30: nobody alive can read this board, it is a lost one.
            return self.found_epoch(false, context);
        }
        let newest = look
            .found
            .as_ref()
            .filter(|(term, _)| *term == session.known);
        let is_idle = newest.is_some_and(|(_, board)| board.idle);
        self.take_or_rest(context, is_idle, look.renewal.is_some())
    }

    /// Rule 13: takes the term, if somebody waits here and the board is idle or has stood still for too long. A renewal that is due
    /// comes before that, unless it was `just_renewed`: the session has to last until its board has passed.
    fn take_or_rest(
        &mut self,
        context: &Context,
        is_idle: bool,
        just_renewed: bool,
    ) -> Option<Effect> {
        let is_due = self.takeover_is_due(context);
        let session = self.session.as_ref()?;
        let may_take = self.term.is_none()
            && (session.unreadable_since.is_none() || self.times.lacks(Mutant::TakeUnreadable))
            && session.wants_scheduler(&self.requests)
            && session.is_fresh(context.now, &self.times);
        if may_take && (is_idle || is_due) {
            if !just_renewed && session.renewal_is_due(context.now, &self.times) {
                return self.say(Some(context.now), context.now);
            }
            self.sums.takeovers += u64::from(!is_idle);
            self.requests.looked();
            return self.write(State::Drawing, Op::Add(Key::Term(session.epoch)));
        }
        self.look_ends(context)
    }

    fn look_ends(&mut self, context: &Context) -> Option<Effect> {
        self.requests.looked();
        self.look_again_at(context);
        None
    }

    /// When it looks next: soon while one of its asks is among the next, else in proportion to the distance.
    fn look_again_at(&mut self, context: &Context) {
        let times = self.times;
        let far_ms = times.far_look_ms;
        let Some(session) = self.session.as_mut() else {
            return;
        };
        let rest_ms = match session.wants_scheduler(&self.requests) {
            false => far_ms,
            // Whoever relays by a provisional grant has time.
            true if !self.requests.any_waits()
                && !self.requests.any_moves()
                && session.cancels.is_empty() =>
            {
                times.waiter_read_ms
            }
            true => {
                let capacity = context.room.capacity();
                let gap_ms = session.gap_ms(capacity);
                let ahead = u64::from(session.nearest_ahead().unwrap_or(0));
                let beyond = ahead.saturating_sub(u64::from(capacity));
                match session.before_heir(&self.requests) {
                    Some(0) => times.look_rest_ms(gap_ms),
                    Some(_) => times.second_look_rest_ms(gap_ms),
                    None if ahead > 0 && session.sees_heirs() => {
                        times.behind_look_rest_ms(gap_ms, ahead, beyond > 0)
                    }
                    None if beyond > 0 => times.far_look_rest_ms(gap_ms, beyond),
                    None => times.look_rest_ms(gap_ms),
                }
            }
        };
        // Whoever has just come is told its place as soon as there is one.
        let most_ms = match session.is_ahead_of_view(&self.requests) {
            true => times.waiter_read_ms,
            false => far_ms,
        };
        session.look_at = context.now.mono_ms.saturating_add(rest_ms.min(most_ms));
    }

    /// How many stand before the first who waits here; 0 of a scheduler and of the first heir, of one who moves or cancels, has just come,
    /// or starts by the next reading. Who is second may be granted a slot at the same time as the first, and sees it a little later.
    pub fn distance(&self) -> u32 {
        let session = self.session.as_ref().filter(|_| self.term.is_none());
        let calm = session.filter(|session| {
            session.cancels.is_empty()
                && !self.requests.any_moves()
                && !self.requests.any_confirms()
                && !session.is_ahead_of_view(&self.requests)
        });
        let ahead = calm.and_then(|session| {
            let heirs = session.before_heir(&self.requests);
            heirs.or_else(|| session.nearest_ahead())
        });
        ahead.unwrap_or(0)
    }

    /// A newer term is known.
    pub(super) fn learn_term(&mut self, term: TermNo, now: Now) {
        if let Some(session) = &mut self.session {
            session.known = term;
            session.changed_at = now.mono_ms;
            session.checked_at = now.mono_ms;
            session.unreadable_since = None;
        }
    }
}
