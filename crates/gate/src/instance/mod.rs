//! One instance's side of the gate: what it asks for, the session it is in, the term it may hold.
//!
//! # How it is driven
//!
//! [`Instance::step`] is told what happened and answers what comes next: one write, some reads that may run side by side,
//! or a rest. The caller performs it and tells the outcome. Requests come and go between two steps, at any moment, by
//! [`Instance::arrive`], [`Instance::end`] and the like; they only note what is wished, and a rest ends when something
//! was noted. What became of a request is read from [`Instance::phase`] after each step.
//!
//! # What it does not do
//!
//! No I/O, clock or randomness: the time, the room and a fresh random number come with each step.

mod begin;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod canonical;
#[cfg(test)]
mod epochs;
mod fence;
#[cfg(test)]
mod heirs;
mod look;
mod next;
mod older;
#[cfg(test)]
mod own_ends;
mod port;
#[cfg(test)]
mod provisional;
mod report;
mod round;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod slow;
mod step;
#[cfg(test)]
mod succession;
#[cfg(test)]
mod superseded;
mod take;
#[cfg(test)]
mod tests;

use crate::board::{AskId, Board, Grant, Heir};
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::policy::{Rules, Stage};
use crate::session::requests::{Entry, Requests};
use crate::session::{CANCELS_MAX, Ended, Session};
use crate::store::Epoch;
use crate::term::Term;
use crate::times::Times;

pub use crate::policy::Cancel;
pub use crate::session::outbox::Work;
pub use crate::session::requests::{Phase, Request, RequestNo, Why};
pub use port::{Context, Effect, Event, Illegal};
pub use report::{Report, Sums};

/// The machine; see the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    times: Times,
    rules: Rules,
    state: step::State,
    /// The epoch it is in.
    epoch: Option<Epoch>,
    /// It founded this epoch in a store that is known to be new (rule 31).
    leave: Option<Epoch>,
    session: Option<Session>,
    term: Option<Term>,
    /// The terms that need not be looked at for a board of this epoch.
    bare: Option<older::Bare>,
    /// How often it took the term in vain since the line last got on.
    lost: u32,
    requests: Requests,
    /// Wishes to cancel that no session has.
    unsaid: Vec<Cancel>,
    /// When a request was last alive here, and whether one was at the last step.
    lived_at: u64,
    lived: bool,
    /// Without a session: no operation before this time, after one that failed.
    retry_at: u64,
    failing_since: Option<u64>,
    /// How long nothing new was seen when it drew its last term.
    silent_ms: u64,
    sums: Sums,
}

impl Instance {
    /// An instance that has done nothing yet.
    pub fn new(times: Times, rules: Rules) -> Instance {
        Instance {
            times,
            rules,
            state: step::State::Rest,
            epoch: None,
            leave: None,
            session: None,
            term: None,
            bare: None,
            lost: 0,
            requests: Requests::default(),
            unsaid: Vec::new(),
            lived_at: 0,
            lived: false,
            retry_at: 0,
            failing_since: None,
            silent_ms: 0,
            sums: Sums::default(),
        }
    }

    /// Gives the term up at the next moment, if it has one: whoever waits takes it at once (rule 22). For a process that is
    /// about to end. The rest is to be ended.
    pub fn resign(&mut self) {
        if let Some(term) = &mut self.term {
            term.resigns = true;
        }
    }

    /// Takes over changed settings, from the next round on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// A request comes. The rest is to be ended.
    pub fn arrive(&mut self, request: Request, now: Now) -> RequestNo {
        self.lived_at = now.mono_ms;
        self.requests.arrive(request, now)
    }

    /// The answer ended, or its client left: it has nothing at the gate any more. `work`: what it came to, if that is to count for
    /// the estimates. The rest is to be ended.
    pub fn end(&mut self, request: RequestNo, work: Option<Work>, now: Now) {
        let RequestNo(k) = request;
        let Some(entry) = self.requests.end(k) else {
            return;
        };
        let successor = self.successor(&entry, now);
        let Some(session) = self.session.as_mut().filter(|session| !session.over) else {
            return;
        };
        if !entry.is_said() {
            return;
        }
        let ended = Ended::new(k, work, now.mono_ms);
        if let Some(next) = successor.and_then(|k| self.requests.find_mut(k)) {
            (next.phase, next.after) = (entry.phase, Some(ended));
            next.provisional = entry.provisional;
            session.dirty = true;
        } else if !self.times.lacks(Mutant::NoEnded) {
            session.note_past(ended);
        }
        if let Some(ended) = entry.after {
            session.note_past(ended);
        }
    }

    /// Rule 26: who starts in the slot of one that ends: a request of the same session to which the newest board grants another one,
    /// which is still to pass, or else that of [`Instance::next_in_slot`]. Nothing has to be said before: the slot stays in its session.
    fn successor(&self, entry: &Entry, now: Now) -> Option<u64> {
        let Phase::Relaying { upstream } = entry.phase else {
            return None;
        };
        let session = self.session.as_ref()?;
        let (board, _) = self.board(now)?;
        let grant = board.grant(session.ask(entry.k))?;
        // One that is a successor itself has a slot of its own only once a board that passed says so.
        let is_own =
            entry.after.is_none() && !entry.is_heir || self.times.lacks(Mutant::UnsettledSlot);
        let is_settled = is_own
            && !grant.recall
            && (grant.upstream, grant.moves) == (upstream, entry.moves)
            && session.may_relay(entry, now, &self.times);
        let mut waiting = self.requests.list.iter().filter(|entry| entry.waits());
        let granted = waiting.find_map(|entry| board.grant(session.ask(entry.k)));
        let (successor, goes_to) = match granted.filter(|granted| !granted.recall) {
            Some(granted) => (granted.ask.k, granted.upstream),
            None => (self.next_in_slot(session, board, grant)?, upstream),
        };
        (is_settled && goes_to == upstream).then_some(successor)
    }

    /// Who waits and is named by the board in this slot. Where that one waits no longer, having begun in another slot or left, it is the
    /// first of the heirs that still does, provided that it is of this session and for this upstream: who named the heirs may have
    /// known of no other.
    fn next_in_slot(&self, session: &Session, board: &Board, grant: &Grant) -> Option<u64> {
        let named = Some(grant.successor).filter(|k| *k != 0)?;
        if self.requests.waits(named) {
            return Some(named);
        }
        let is_own = |heir: &&Heir| heir.ask.session == session.no;
        let mut heirs = board.heirs.iter();
        let next = heirs.find(|heir| !is_own(heir) || self.requests.waits(heir.ask.k));
        let is_here = |heir: &&Heir| is_own(heir) && heir.upstream == grant.upstream;
        next.filter(is_here).map(|heir| heir.ask.k)
    }

    /// Asks for another upstream than those of the set bits, before anything was relayed. [`Instance::is_moving`] until it is
    /// decided; then [`Instance::phase`] says where it goes, which may be where it was. The rest is to be ended.
    pub fn move_from(&mut self, request: RequestNo, avoid: u8) {
        let relaying = self
            .requests
            .find_mut(request.0)
            .filter(|entry| entry.relays());
        if let Some(entry) = relaying {
            entry.avoid = avoid;
            entry.moves = entry.moved.wrapping_add(1);
            if let Some(session) = &mut self.session {
                session.dirty = true;
            }
        }
    }

    /// Whether a wish to move is still to be decided.
    pub fn is_moving(&self, request: RequestNo) -> bool {
        let entry = self.requests.find(request.0);
        entry.is_some_and(|entry| entry.relays() && entry.moves != entry.moved)
    }

    /// Notes that a request, of this instance or another, is cancelled; whether there is such a request is known from a
    /// board. An instance without a session begins one to say it. `false`: it has as many to say as it can. The rest is to be
    /// ended.
    pub fn cancel(&mut self, cancel: Cancel, now: Now) -> bool {
        if !self.is_cancelled(cancel) {
            return true;
        }
        let said = self
            .session
            .as_ref()
            .map_or(0, |session| session.cancels.len());
        if said + self.unsaid.len() >= CANCELS_MAX {
            return false;
        }
        self.lived_at = now.mono_ms;
        self.unsaid.push(cancel);
        true
    }

    /// Whether the cancel has been taken in by a board that passed.
    pub fn is_cancelled(&self, cancel: Cancel) -> bool {
        let said = self.session.iter().flat_map(|session| &session.cancels);
        let mut all = said
            .map(|wish| wish.cancel)
            .chain(self.unsaid.iter().copied());
        !all.any(|other| other == cancel)
    }

    /// What is to be loaded at this moment, as upstream and model, by a request of nobody's: whoever schedules sees to it. Empty for
    /// everybody else, and until a board that says so has passed.
    pub fn loads(&self) -> Vec<(u8, u64)> {
        let term = self.term.as_ref();
        let Some(term) = term.filter(|term| term.passed && !term.unfenced && !term.changed) else {
            return Vec::new();
        };
        let holds = term.board.policy.holds.iter();
        let loading = holds.flat_map(|hold| {
            let turns = hold
                .turns
                .iter()
                .filter(|turn| turn.stage == Stage::Loading);
            turns.map(|turn| (hold.upstream, turn.model))
        });
        loading.collect()
    }

    /// Where a request stands; [`Why::Ended`] for one that is not known.
    pub fn phase(&self, request: RequestNo) -> Phase {
        let entry = self.requests.find(request.0);
        entry.map_or(Phase::Over(Why::Ended), |entry| entry.phase)
    }

    /// Forgets a request that is over, once its owner has read why.
    pub fn forget(&mut self, request: RequestNo) {
        self.requests.forget(request.0);
    }

    /// The ask by which the boards know a request; another one after its session was over, none before it has one.
    pub fn ask(&self, request: RequestNo) -> Option<AskId> {
        let session = self.session.as_ref().filter(|session| !session.over)?;
        Some(session.ask(self.requests.find(request.0)?.k))
    }

    /// Whether a chunk of this request's answer may be relayed at this moment: asked for each, beside the timer of
    /// [`Instance::relays_for_ms`].
    pub fn may_relay(&self, request: RequestNo, now: Now) -> bool {
        let entry = self.requests.find(request.0).zip(self.session.as_ref());
        entry.is_some_and(|(entry, session)| session.may_relay(entry, now, &self.times))
    }

    /// For how long the request may still be relayed, in milliseconds: the time of a timer beside each relay, set anew when it is
    /// over. 0 if it may not.
    pub fn relays_for_ms(&self, request: RequestNo, now: Now) -> u64 {
        let entry = self.requests.find(request.0).zip(self.session.as_ref());
        entry.map_or(0, |(entry, session)| {
            session.relays_for_ms(entry, now, &self.times)
        })
    }

    /// The newest board that this instance has seen, and when it saw it, in milliseconds ago: what heartbeats are told from. The
    /// scheduler's is its own, as it was put last or will be put next; that of an idle one may be another's by now.
    pub fn board(&self, now: Now) -> Option<(&Board, u64)> {
        if let Some(term) = &self.term {
            let age_ms = match term.is_active() {
                true => 0,
                false => now.mono_ms.saturating_sub(term.put_at),
            };
            return Some((&term.board, age_ms));
        }
        let view = self.session.as_ref()?.view.as_ref()?;
        Some((&view.board, now.mono_ms.saturating_sub(view.at)))
    }
}
