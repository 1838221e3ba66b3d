//! The lawful changes of a board. Whatever a policy decides, nothing here lets a board grant more than its capacity, or
//! anything to one who is no member.

use std::fmt;

use super::{AskId, Board, Class, Grant, Mark, Member, Rank, Waiting};
use crate::policy::Hold;
use crate::store::SessionNo;

/// One change of the board.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// One more stands in the line, at this index.
    List {
        /// Who; with a mark, if it is refused.
        waiting: Waiting,
        /// Where.
        at: usize,
    },
    /// One who waits is told that it does not.
    Mark {
        /// Who.
        ask: AskId,
        /// Why.
        mark: Mark,
    },
    /// One who stood behind all others stands in order with them, where it is.
    Promote {
        /// Who.
        ask: AskId,
    },
    /// One who waits may relay.
    Grant {
        /// Who.
        ask: AskId,
        /// Where.
        upstream: u8,
    },
    /// One who is granted goes to another upstream, or is told that there is none.
    Move {
        /// Who.
        ask: AskId,
        /// Where.
        upstream: u8,
        /// The number of the wish that this answers.
        moves: u8,
    },
    /// One who is granted is to stop.
    Recall {
        /// Who.
        ask: AskId,
    },
    /// The turns of models at an upstream are these now. They let nobody relay by themselves.
    Turn {
        /// The turns, and where.
        hold: Hold,
    },
}

/// A decision that the board does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlawful {
    /// The board may not hold new grants yet.
    Closed,
    /// As many relay as may.
    Full,
    /// The session is no member, or condemned.
    Member,
    /// There is no such ask in that state.
    Ask,
}

impl fmt::Display for Unlawful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unlawful::Closed => "the board may not hold new grants yet",
            Unlawful::Full => "as many relay as may",
            Unlawful::Member => "the session is no member, or condemned",
            Unlawful::Ask => "there is no such ask in that state",
        })
    }
}

impl std::error::Error for Unlawful {}

impl Board {
    /// The session, if it is a member.
    pub fn member(&self, session: SessionNo) -> Option<&Member> {
        let at = self
            .members
            .binary_search_by_key(&session, |member| member.session);
        at.ok().and_then(|at| self.members.get(at))
    }

    pub(crate) fn member_mut(&mut self, session: SessionNo) -> Option<&mut Member> {
        let at = self
            .members
            .binary_search_by_key(&session, |member| member.session);
        at.ok().and_then(|at| self.members.get_mut(at))
    }

    /// Whether the session is a member and not condemned.
    pub fn counts(&self, session: SessionNo) -> bool {
        self.member(session).is_some_and(|member| !member.condemned)
    }

    /// Whether the session is passed over until it gives a sign of life.
    pub fn is_away(&self, session: SessionNo) -> bool {
        self.member(session).is_some_and(|member| member.away)
    }

    /// Whether something new may be granted to the session.
    pub fn is_there(&self, session: SessionNo) -> bool {
        self.counts(session) && !self.is_away(session)
    }

    /// The grant of this ask.
    pub fn grant(&self, ask: AskId) -> Option<&Grant> {
        let at = self.grants.binary_search_by_key(&ask, |grant| grant.ask);
        at.ok().and_then(|at| self.grants.get(at))
    }

    /// Whether this ask is granted, waits, or waits to be told that it does not.
    pub fn knows(&self, ask: AskId) -> bool {
        self.grant(ask).is_some() || self.line.iter().any(|waiting| waiting.ask == ask)
    }

    /// Lists the sessions `top + 1` to `last`, as far as there is room for; whether any was.
    pub(crate) fn list_up_to(&mut self, last: SessionNo) -> bool {
        let before = self.top;
        while self.top < last && self.members.len() < super::MEMBERS_MAX {
            self.top += 1;
            self.members.push(Member {
                session: self.top,
                ..Member::default()
            });
        }
        self.top > before
    }

    /// Takes a session out, with all that it has here; whether it was a member.
    pub(crate) fn remove_member(&mut self, session: SessionNo) -> bool {
        let Ok(at) = self
            .members
            .binary_search_by_key(&session, |member| member.session)
        else {
            return false;
        };
        self.members.remove(at);
        self.grants.retain(|grant| grant.ask.session != session);
        self.line.retain(|waiting| waiting.ask.session != session);
        self.forget_heirs();
        true
    }

    /// Takes an ask out; whether it was there.
    pub(crate) fn remove_ask(&mut self, ask: AskId) -> bool {
        let before = self.grants.len() + self.line.len();
        self.grants.retain(|grant| grant.ask != ask);
        self.line.retain(|waiting| waiting.ask != ask);
        self.forget_heirs();
        self.grants.len() + self.line.len() < before
    }

    /// Does what was decided, where at most `capacity` may relay.
    ///
    /// # Errors
    /// The decision is not lawful; the board is as before.
    pub fn apply(&mut self, decision: &Decision, capacity: u32) -> Result<(), Unlawful> {
        match decision {
            Decision::List { waiting, at } => {
                if self.member(waiting.ask.session).is_none() {
                    return Err(Unlawful::Member);
                }
                if self.knows(waiting.ask) || *at > self.line.len() {
                    return Err(Unlawful::Ask);
                }
                self.line.insert(*at, waiting.clone());
                Ok(())
            }
            Decision::Mark { ask, mark } => {
                let at = self.waiting_at(*ask)?;
                if let Some(waiting) = self.line.get_mut(at) {
                    waiting.mark = Some(*mark);
                }
                Ok(())
            }
            Decision::Promote { ask } => {
                let at = self.waiting_at(*ask)?;
                if let Some(waiting) = self.line.get_mut(at) {
                    waiting.rank = Rank::Promoted;
                }
                Ok(())
            }
            Decision::Grant { ask, upstream } => self.give(*ask, *upstream, capacity),
            Decision::Move {
                ask,
                upstream,
                moves,
            } => {
                let grant = self.grant_mut(*ask)?;
                grant.upstream = *upstream;
                grant.moves = *moves;
                Ok(())
            }
            Decision::Recall { ask } => {
                self.grant_mut(*ask)?.recall = true;
                Ok(())
            }
            Decision::Turn { hold } => {
                let holds = &mut self.policy.holds;
                match holds.iter_mut().find(|old| old.upstream == hold.upstream) {
                    Some(old) => old.clone_from(hold),
                    None => holds.push(hold.clone()),
                }
                Ok(())
            }
        }
    }

    fn give(&mut self, ask: AskId, upstream: u8, capacity: u32) -> Result<(), Unlawful> {
        if !self.open {
            return Err(Unlawful::Closed);
        }
        if self.grants.len() >= usize::try_from(capacity).unwrap_or(usize::MAX) {
            return Err(Unlawful::Full);
        }
        if !self.counts(ask.session) {
            return Err(Unlawful::Member);
        }
        let at = self.waiting_at(ask)?;
        let Err(place) = self.grants.binary_search_by_key(&ask, |grant| grant.ask) else {
            return Err(Unlawful::Ask);
        };
        let waiting = self.line.remove(at);
        self.grants.insert(place, waiting.granted(upstream));
        self.forget_heirs();
        Ok(())
    }

    /// The slot of `ended` is that of `successor`, of the same session, from now on: there it has started. One that was granted
    /// another meanwhile gives that one back, and one that was cancelled meanwhile is to be stopped. Whether `ended` had one.
    pub(crate) fn hand_on(&mut self, ended: AskId, successor: Grant) -> bool {
        let Ok(at) = self.grants.binary_search_by_key(&ended, |grant| grant.ask) else {
            return false;
        };
        let upstream = self.grants.remove(at).upstream;
        let ask = successor.ask;
        // It is in the line no longer, whichever way it goes on.
        self.heirs.retain(|heir| heir.ask != ask);
        if let Ok(grant) = self.grant_mut(ask) {
            (grant.upstream, grant.provisional) = (upstream, false);
            return true;
        }
        let mut recall = false;
        self.line.retain(|waiting| {
            let is_own = waiting.ask == ask;
            recall |= is_own && waiting.mark == Some(Mark::Cancelled);
            !is_own
        });
        let place = self.grants.partition_point(|grant| grant.ask < ask);
        let grant = Grant {
            upstream,
            recall,
            ..successor
        };
        self.grants.insert(place, grant);
        true
    }

    /// Takes the provisional grants of a session back: whoever had one waits again, in front. How many they were. It has no heir.
    pub(crate) fn take_back(&mut self, session: SessionNo) -> usize {
        let is_meant = |grant: &mut Grant| grant.provisional && grant.ask.session == session;
        self.heirs.retain(|heir| heir.ask.session != session);
        let back: Vec<Grant> = self.grants.extract_if(.., is_meant).collect();
        for grant in back.iter().rev() {
            let waiting = Waiting {
                ask: grant.ask,
                class: grant.class,
                rank: match grant.class {
                    Class::Interactive => Rank::Front,
                    Class::Batch => Rank::Promoted,
                },
                client: grant.client,
                guard: grant.guard,
                wants: grant.wants,
                waited_ms: grant.granted_ms,
                mark: grant.recall.then_some(Mark::Cancelled),
            };
            self.line.insert(0, waiting);
        }
        back.len()
    }

    /// A grant is provisional from now on.
    pub(crate) fn make_provisional(&mut self, ask: AskId) {
        if let Ok(grant) = self.grant_mut(ask) {
            grant.provisional = true;
        }
    }

    /// Provisional grants are so no longer, if `is_meant`.
    pub(crate) fn confirm(&mut self, is_meant: impl Fn(AskId) -> bool) {
        for grant in &mut self.grants {
            grant.provisional &= !is_meant(grant.ask);
        }
    }

    /// Whether a session has a provisional grant; whether any has, if none is named.
    pub(crate) fn has_provisional(&self, session: Option<SessionNo>) -> bool {
        let mut grants = self.grants.iter().filter(|grant| grant.provisional);
        grants.any(|grant| session.is_none_or(|session| grant.ask.session == session))
    }

    fn waiting_at(&self, ask: AskId) -> Result<usize, Unlawful> {
        let mut line = self.line.iter();
        line.position(|waiting| waiting.ask == ask && waiting.mark.is_none())
            .ok_or(Unlawful::Ask)
    }

    fn grant_mut(&mut self, ask: AskId) -> Result<&mut Grant, Unlawful> {
        let at = self.grants.binary_search_by_key(&ask, |grant| grant.ask);
        let at = at.map_err(|_| Unlawful::Ask)?;
        self.grants.get_mut(at).ok_or(Unlawful::Ask)
    }

    /// Whether it is as a scheduler would put it: in order, each ask once, every ask that of a member, no member above `top`.
    pub fn is_sound(&self) -> bool {
        let members_rise = self
            .members
            .is_sorted_by(|one, next| one.session < next.session);
        let grants_rise = self.grants.is_sorted_by(|one, next| one.ask < next.ask);
        let below_top = self
            .members
            .last()
            .is_none_or(|last| last.session <= self.top);
        let mut waiting: Vec<AskId> = self.line.iter().map(|waiting| waiting.ask).collect();
        waiting.sort_unstable();
        let once = waiting.is_sorted_by(|one, next| one < next);
        members_rise
            && grants_rise
            && below_top
            && once
            && self
                .heirs
                .iter()
                .all(|heir| waiting.binary_search(&heir.ask).is_ok())
            && waiting.iter().all(|ask| self.grant(*ask).is_none())
            && waiting
                .iter()
                .chain(self.grants.iter().map(|grant| &grant.ask))
                .all(|ask| self.member(ask.session).is_some())
    }
}

impl Waiting {
    /// Its grant.
    pub(crate) fn granted(self, upstream: u8) -> Grant {
        Grant {
            ask: self.ask,
            upstream,
            class: self.class,
            client: self.client,
            guard: self.guard,
            wants: self.wants,
            granted_ms: 0,
            moves: 0,
            recall: false,
            successor: 0,
            provisional: false,
        }
    }
}
