//! How an instance comes into an epoch and a session, and how it goes out of them (rules 3, 5, 20 and 31).

use super::fence::Fence;
use super::step::State;
use super::{Context, Effect, Instance};
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::session::Session;
use crate::session::outbox::Outbox;
use crate::store::{Epoch, Found, Key, Op, SessionNo};

impl Instance {
    /// Without a session: the next step towards one, if anybody wants it.
    pub(super) fn begin(&mut self, context: &Context) -> Option<Effect> {
        if !self.requests.any_lives() && self.unsaid.is_empty() {
            return Some(Effect::Quiet);
        }
        if self.retry_at > context.now.mono_ms {
            let until_ms = self.retry_at;
            return Some(Effect::Rest { until_ms });
        }
        match self.epoch {
            None => self.read(State::ReadingEpoch, vec![Key::Epoch, Key::New]),
            Some(epoch) => self.write(State::Numbering, Op::Add(Key::Members(epoch))),
        }
    }

    pub(super) fn read_epoch(&mut self, found: &[Found], context: &Context) -> Option<Effect> {
        match found {
            [Found::Failed, ..] => self.pause(context),
            [Found::Bytes(bytes), ..] if Epoch::decode(bytes).is_some() => {
                self.epoch = Epoch::decode(bytes);
                None
            }
            // None, or one that nobody can read.
            _ => self.found_epoch(matches!(found, [_, Found::Bytes(_)]), context),
        }
    }

    /// Rule 20: founds an epoch of a new random word. Its terms get their base first, while nobody else knows the word. `is_new`: the
    /// host says that this store is new.
    pub(super) fn found_epoch(&mut self, is_new: bool, context: &Context) -> Option<Effect> {
        let word = Epoch(context.random);
        self.write(State::Basing { word, is_new }, Op::AddBase(word))
    }

    pub(super) fn put_epoch(&mut self, word: Epoch, is_new: bool) -> Option<Effect> {
        let op = Op::Put(Key::Epoch, word.encode());
        self.write(State::Founding { word, is_new }, op)
    }

    pub(super) fn founded(&mut self, word: Epoch, is_new: bool) -> Option<Effect> {
        if self.times.lacks(Mutant::MarkOnce) && is_new {
            self.leave = Some(word);
        }
        if self.times.lacks(Mutant::FoundUnread) {
            self.epoch = Some(word);
            return None;
        }
        self.read(State::Founded { word, is_new }, vec![Key::Epoch, Key::New])
    }

    /// Whoever founded at the same moment may have put another word: that one is in force then. Rule 31: only who finds its own
    /// word *and* the mark, and deletes the mark before anything is granted, may open its board at once. Of two founders the
    /// one whose word was put last reads the mark after that, so it finds none if the other has used it.
    pub(super) fn read_epoch_again(
        &mut self,
        word: Epoch,
        is_new: bool,
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        let [Found::Bytes(bytes), mark] = found else {
            return self.pause(context);
        };
        if self.session.is_some() {
            // Founded because nobody alive can read the boards of the one before: everything of that one stops.
            self.lose_epoch();
        }
        (self.epoch, self.bare) = (Epoch::decode(bytes), None);
        let is_marked = is_new && matches!(mark, Found::Bytes(_));
        if self.epoch == Some(word) && is_marked {
            return self.write(State::Unmarking { word }, Op::Delete(Key::New));
        }
        None
    }

    pub(super) fn may_open_at_once(&mut self, word: Epoch) -> Option<Effect> {
        self.leave = Some(word);
        None
    }

    /// Rule 3: the first put of a session whose number was drawn.
    pub(super) fn enter(&mut self, no: SessionNo, context: &Context) -> Option<Effect> {
        let epoch = self.epoch?;
        let name = context.random.max(1);
        let outbox = Outbox {
            name,
            beat: 1,
            ..Outbox::default()
        };
        let issued = context.now;
        let op = Op::Put(Key::Member(epoch, no), outbox.encode());
        self.write(State::Entering { no, name, issued }, op)
    }

    pub(super) fn entered(&mut self, no: SessionNo, name: u64, issued: Now) -> Option<Effect> {
        let epoch = self.epoch?;
        if self.times.lacks(Mutant::EnterUnread) {
            self.session = Some(Session::new(epoch, no, name, issued));
            return None;
        }
        let keys = vec![Key::Term(epoch), Key::Epoch];
        self.read(State::Entered { no, name, issued }, keys)
    }

    pub(super) fn begin_session(
        &mut self,
        no: SessionNo,
        name: u64,
        issued: Now,
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        let epoch = self.epoch?;
        match self.fence(epoch, found) {
            Fence::Term(term) => {
                self.sums.sessions += 1;
                self.session = Some(Session::new(epoch, no, name, issued));
                self.learn_term(term, context.now);
                None
            }
            Fence::Void => {
                self.lose_epoch();
                self.found_epoch(false, context)
            }
            Fence::Lost => self.lose_epoch(),
            Fence::Unknown => self.pause(context),
        }
    }

    /// Rule 20: another epoch, or none: everything stops, and all of this one is forgotten.
    pub(super) fn lose_epoch(&mut self) -> Option<Effect> {
        self.end_session();
        self.session = None;
        self.term = None;
        self.epoch = None;
        self.leave = None;
        self.bare = None;
        None
    }

    /// Rule 5: all relays stop, whoever waits asks anew, the term is given up without a word. *Over* is put next.
    pub(super) fn end_session(&mut self) {
        self.requests.session_over();
        if self.term.take().is_some_and(|term| !term.passed) {
            self.took_in_vain();
        }
        if let Some(session) = &mut self.session {
            session.over = true;
            self.unsaid
                .extend(session.cancels.drain(..).map(|wish| wish.cancel));
        }
    }

    /// Rule 5: *over* is put.
    pub(super) fn leave(&mut self, context: &Context) -> Option<Effect> {
        self.end_session();
        let session = self.session.as_ref()?;
        if self.retry_at > context.now.mono_ms {
            let until_ms = self.retry_at;
            return Some(Effect::Rest { until_ms });
        }
        if self.times.lacks(Mutant::NoOver) {
            self.session = None;
            return None;
        }
        let outbox = Outbox {
            name: session.name,
            beat: session.beat.saturating_add(1),
            over: true,
            ..Outbox::default()
        };
        let op = Op::Put(Key::Member(session.epoch, session.no), outbox.encode());
        self.write(State::Leaving, op)
    }

    /// It is said again until the session has lapsed: until then what it had stays taken, if nobody reads it.
    pub(super) fn not_left(&mut self, context: &Context) -> Option<Effect> {
        let fresh_since = self.session.as_ref()?.fresh_since;
        if context.now.since(fresh_since) >= self.times.says_over_ms {
            return self.left();
        }
        self.retry_at = context.now.mono_ms.saturating_add(self.times.pause_ms);
        None
    }

    pub(super) fn left(&mut self) -> Option<Effect> {
        self.session = None;
        None
    }
}
