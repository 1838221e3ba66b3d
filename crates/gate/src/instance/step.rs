//! The table: what is under way, what happened, what follows.

use super::look::Look;
use super::older::Older;
use super::{Context, Effect, Event, Illegal, Instance};
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::store::{Epoch, Found, Key, Op, SessionNo, TermNo};

/// What is under way. One operation at a time, so that every outcome belongs to one state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// Nothing.
    Rest,
    /// Rules 3, 20: the epoch and the mark of a new store are read.
    ReadingEpoch,
    /// Rule 20: the terms of a new word get their base.
    Basing { word: Epoch, is_new: bool },
    /// Rule 20: a new word is put.
    Founding { word: Epoch, is_new: bool },
    /// Rules 20, 31: they are read again.
    Founded { word: Epoch, is_new: bool },
    /// Rule 31: the mark is deleted.
    Unmarking { word: Epoch },
    /// Rule 3: a session number is drawn.
    Numbering,
    /// Rule 3: the first outbox is put.
    Entering {
        no: SessionNo,
        name: u64,
        issued: Now,
    },
    /// Rule 3: the epoch and its newest term are read after it.
    Entered {
        no: SessionNo,
        name: u64,
        issued: Now,
    },
    /// Rules 6, 7, 10: the outbox is put; with the time of issue, if it begins a renewal.
    Saying { renewal: Option<Now> },
    /// Rule 5: *over* is put.
    Leaving,
    /// Rules 1, 2, 9, 10: a board is read, and the fence around it.
    Looking(Look),
    /// Rule 14: a term is drawn.
    Drawing,
    /// Rule 14: the newest board is looked for.
    Walking { no: TermNo, at: Older },
    /// Rules 17, 18: the sessions' counter and these outboxes are read.
    Reading(Vec<SessionNo>),
    /// Rule 19: the board is put.
    Putting,
    /// Rule 19: the fence after it, of so many keys, and beside it what is read next: the sessions' counter and these outboxes.
    Fencing {
        keys: usize,
        beside: Option<Vec<SessionNo>>,
    },
    /// Rule 23: a key that nobody needs is deleted.
    Deleting(Key),
}

impl Instance {
    /// Tells what happened, and answers what comes next.
    ///
    /// # Errors
    /// The event does not answer what was asked for; the machine is as before.
    pub fn step(&mut self, event: Event, context: &Context) -> Result<Effect, Illegal> {
        self.note_outcome(&event, context.now);
        let state = std::mem::replace(&mut self.state, State::Rest);
        self.expire(context.now);
        if let Some(session) = &mut self.session {
            session.inherit_own(&mut self.requests, context, &self.times);
        }
        let effect = match (state, event) {
            (State::Rest, Event::Due) => None,

            (State::ReadingEpoch, Event::Read(found)) => self.read_epoch(&found, context),
            (State::Basing { word, is_new }, Event::Done) => self.put_epoch(word, is_new),
            (State::Basing { .. }, Event::NotDone | Event::Unresolved) => self.pause(context),
            (State::Founding { word, is_new }, Event::Done) => self.founded(word, is_new),
            (State::Founding { .. }, Event::NotDone | Event::Unresolved) => self.pause(context),
            (State::Founded { word, is_new }, Event::Read(found)) => {
                self.read_epoch_again(word, is_new, &found, context)
            }
            (State::Unmarking { word }, Event::Done) => self.may_open_at_once(word),
            (State::Unmarking { .. }, Event::NotDone | Event::Unresolved) => None,

            (State::Numbering, Event::Added(no)) => self.enter(no, context),
            (State::Numbering, Event::NotDone | Event::Unresolved) => self.pause(context),
            (State::Entering { no, name, issued }, Event::Done) => self.entered(no, name, issued),
            (State::Entering { .. }, Event::NotDone | Event::Unresolved) => self.pause(context),
            (State::Entered { no, name, issued }, Event::Read(found)) => {
                self.begin_session(no, name, issued, &found, context)
            }

            (State::Saying { renewal }, Event::Done) => self.said(renewal, context),
            (State::Saying { .. }, Event::NotDone | Event::Unresolved) => self.unsaid(context),
            (State::Leaving, Event::Done) => self.left(),
            (State::Leaving, Event::NotDone | Event::Unresolved) => self.not_left(context),

            (State::Looking(look), Event::Read(found)) => self.looked(look, found, context),

            (State::Drawing, Event::Added(no)) => self.drawn(no, context),
            (State::Drawing, Event::NotDone | Event::Unresolved) => self.not_drawn(context),
            (State::Walking { no, at }, Event::Read(found)) => self.walked(no, at, &found, context),

            (State::Reading(sessions), Event::Read(found)) => {
                self.read_outboxes(&sessions, &found, context)
            }
            (State::Putting, Event::Done) => self.put_done(context),
            (State::Putting, Event::NotDone) => self.put_again(context),
            (State::Putting, Event::Unresolved) => self.put_unresolved(context),
            (State::Fencing { keys, beside }, Event::Read(found)) => {
                self.fenced(keys, beside.as_deref(), &found, context)
            }
            (State::Deleting(key), Event::Done) => self.deleted(key),
            (State::Deleting(_), Event::NotDone | Event::Unresolved) => self.pause(context),

            (state, _) => {
                self.state = state;
                return Err(Illegal);
            }
        };
        Ok(effect.unwrap_or_else(|| self.next(context)))
    }

    /// Begins a write.
    pub(super) fn write(&mut self, state: State, op: Op) -> Option<Effect> {
        let patience_ms = match state {
            State::Saying { .. } => self.times.renewal_patience_ms,
            State::Putting if self.renews_by_board() => self.times.renewal_patience_ms,
            _ => self.times.patience_ms,
        };
        self.state = state;
        Some(Effect::Write { op, patience_ms })
    }

    /// Begins reads.
    pub(super) fn read(&mut self, state: State, keys: Vec<Key>) -> Option<Effect> {
        self.state = state;
        Some(Effect::Read {
            keys,
            patience_ms: self.times.patience_ms,
        })
    }

    /// Leaves the store alone for a while, after an operation that failed.
    pub(super) fn pause(&mut self, context: &Context) -> Option<Effect> {
        let retry_at = context.now.mono_ms.saturating_add(self.times.pause_ms);
        match &mut self.session {
            Some(session) => session.retry_at = retry_at,
            None => self.retry_at = retry_at,
        }
        None
    }

    /// Rule 4: a session that was not renewed in time is over, whatever is acknowledged later.
    fn expire(&mut self, now: Now) {
        let session = self.session.as_ref().filter(|session| !session.over);
        if session.is_some_and(|session| !session.is_fresh(now, &self.times)) {
            self.end_session();
        }
        let times = self.times;
        let unheard = self
            .session
            .as_mut()
            .filter(|session| !session.is_heard(now, &times));
        if let Some(session) = unheard {
            self.requests.stop_provisional();
            session.rights.retain(|_| times.lacks(Mutant::HeirUnheard));
        }
    }

    fn note_outcome(&mut self, event: &Event, now: Now) {
        let failed = match event {
            Event::Due => return,
            Event::Done | Event::Added(_) => false,
            Event::NotDone | Event::Unresolved => true,
            Event::Read(found) => found.iter().all(|found| *found == Found::Failed),
        };
        match failed {
            true => _ = self.failing_since.get_or_insert(now.mono_ms),
            false => self.failing_since = None,
        }
    }
}
