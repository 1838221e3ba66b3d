//! What is next when nothing is under way.

use super::{Context, Effect, Instance};
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::session::Ended;
use crate::session::requests::Told;
use crate::store::{Key, Op};
use crate::term::Term;

use super::step::State;

/// How many steps without an operation may follow one another; each leads to another state, so this is never reached.
const SILENT_STEPS_MAX: u32 = 8;

impl Instance {
    pub(super) fn next(&mut self, context: &Context) -> Effect {
        let now_ms = context.now.mono_ms;
        let lives = self.requests.any_lives();
        if lives || self.lived {
            (self.lived, self.lived_at) = (lives, now_ms);
        }
        for _ in 0..SILENT_STEPS_MAX {
            let effect = match self.session.as_ref().map(|session| session.over) {
                None => self.begin(context),
                Some(true) => self.leave(context),
                Some(false) => self.go_on(context),
            };
            if let Some(effect) = effect {
                return effect;
            }
        }
        let until_ms = now_ms.saturating_add(self.times.pause_ms);
        Effect::Rest { until_ms }
    }

    /// In a session: renewal first, then a scheduler's word to heirs, then its round, or the outbox and the look of one who is none.
    fn go_on(&mut self, context: &Context) -> Option<Effect> {
        let (times, now) = (self.times, context.now);
        let has_word = self.has_word_for_heirs(now.mono_ms);
        let session = self.session.as_mut()?;
        session.wish(&mut self.unsaid);
        let lives = self.requests.any_lives() || !session.cancels.is_empty();
        let lingers = !lives && now.mono_ms.saturating_sub(self.lived_at) >= times.linger_ms;
        let may_try = session.retry_at <= now.mono_ms;
        let wants_renewal = lives && session.renewal_is_due(now, &times);
        if wants_renewal && may_try {
            return self.say(Some(now), now);
        }
        if may_try && has_word {
            return self.say(None, now);
        }
        if self.term.is_some() {
            let effect = self.round(context, lingers);
            if effect.is_some() || !self.is_settled() {
                return effect;
            }
            return match lives && self.idles_unseen(now.mono_ms) {
                true => self.look(None),
                false => Some(self.rest(context)),
            };
        }
        if lingers {
            return self.leave(context);
        }
        // The term is lost whose board would have been the second half of a renewal.
        if let Some(issued) = session.renewing.take_if(|_| may_try) {
            return self.look(Some(issued));
        }
        let told = self.requests.least_told();
        let signs = session.sign_is_due(&self.requests, now.mono_ms, context.op_ms, &times);
        let asks = told == Some(Told::Looked) && !times.lacks(Mutant::NoAsk);
        if may_try && (session.dirty || signs || asks) {
            return self.say(None, now);
        }
        let wants_look = lives || !session.ended.is_empty();
        let is_due = told == Some(Told::Unknown) || wants_look && session.look_at <= now.mono_ms;
        if may_try && is_due {
            return self.look(None);
        }
        Some(self.rest(context))
    }

    /// Whether this scheduler has one that has ended whose slot an heir elsewhere may take: it reads the outbox sooner than a board, and
    /// needs no fence. Not while a beat is due, for which a renewal may wait, nor while a fence is unread, for which an own grant may.
    fn has_word_for_heirs(&self, now_ms: u64) -> bool {
        let (Some(term), Some(session)) = (&self.term, &self.session) else {
            return false;
        };
        let board = &term.board;
        let is_news = |ended: &Ended| {
            ended.tag.is_none() && !ended.on_board && board.grant(session.ask(ended.k)).is_some()
        };
        let mut heirs = board.heirs.iter();
        term.passed
            && !term.unfenced
            && !term.resigns
            && !term.beat_is_due(now_ms, &self.times)
            && session.ended.iter().any(is_news)
            && heirs.any(|heir| heir.ask.session != session.no)
    }

    /// Whether the session and its term are as they were: a round that lost them is followed by what is next then.
    fn is_settled(&self) -> bool {
        self.term.is_some() && self.session.as_ref().is_some_and(|session| !session.over)
    }

    /// Whether an idle scheduler is to look what has become of its board: anybody may have taken the next term, and may have
    /// something to say to who relays here.
    fn idles_unseen(&self, now_ms: u64) -> bool {
        let is_idle = self.term.as_ref().is_some_and(|term| !term.is_active());
        let session = self.session.as_ref();
        is_idle && session.is_some_and(|session| session.look_at.max(session.retry_at) <= now_ms)
    }

    /// Whether the board that is put next is the second half of a renewal.
    pub(super) fn renews_by_board(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.renewing.is_some())
    }

    /// Rules 6, 7, 10: puts the outbox.
    pub(super) fn say(&mut self, renewal: Option<Now>, now: Now) -> Option<Effect> {
        let session = self.session.as_mut()?;
        let outbox = session.next_outbox(&mut self.requests, now);
        session.dirty = false;
        let op = Op::Put(Key::Member(session.epoch, session.no), outbox.encode());
        self.write(State::Saying { renewal }, op)
    }

    /// It was acknowledged: the second half of a renewal, or a look for what it leads to.
    pub(super) fn said(&mut self, renewal: Option<Now>, context: &Context) -> Option<Effect> {
        let session = self.session.as_mut().filter(|session| !session.over)?;
        session.heard_since = session.said_at;
        if self.times.lacks(Mutant::ForGoodWhenSaid) {
            self.requests.all_for_good();
        }
        if renewal.is_some() && self.times.lacks(Mutant::FreshFromPut) {
            session.fresh_since = context.now;
        }
        if renewal.is_some() && self.term.as_ref().is_some_and(Term::is_active) {
            // The board that it puts next and the fence after it say all that it could read.
            session.renewing = renewal;
            return None;
        }
        if renewal.is_some() {
            return self.look(renewal);
        }
        session.look_at = context.now.mono_ms;
        None
    }

    /// Done or not, it is to be said again.
    pub(super) fn unsaid(&mut self, context: &Context) -> Option<Effect> {
        let session = self.session.as_mut().filter(|session| !session.over)?;
        session.dirty = true;
        self.pause(context)
    }

    /// The rest until the next thing that comes by time alone.
    fn rest(&self, context: &Context) -> Effect {
        let times = &self.times;
        let now_ms = context.now.mono_ms;
        let mut until_ms = u64::MAX;
        let mut at = |then_ms: u64| until_ms = until_ms.min(then_ms);
        if let Some(session) = &self.session {
            let since_ms = now_ms.saturating_sub(context.now.since(session.fresh_since));
            at(since_ms.saturating_add(times.own_limit_ms));
            let tries_at = |then_ms: u64| then_ms.max(session.retry_at);
            match self.requests.any_lives() || !session.cancels.is_empty() {
                true => at(tries_at(since_ms.saturating_add(times.renewal_ms))),
                false => at(tries_at(self.lived_at.saturating_add(times.linger_ms))),
            }
            match &self.term {
                None => {
                    at(tries_at(session.look_at));
                    if let Some(sign_at) =
                        session.next_sign_at(&self.requests, context.op_ms, times)
                    {
                        at(tries_at(sign_at));
                    }
                }
                Some(term) => {
                    if !term.is_active() && self.requests.any_lives() {
                        at(tries_at(session.look_at));
                    }
                    if term.unfenced {
                        at(session.retry_at);
                    }
                    if term.is_active() {
                        let rest_ms = term.look_rest_ms(session.no, context.room.total(), times);
                        at(tries_at(term.read_at.unwrap_or(0).saturating_add(rest_ms)));
                        at(tries_at(term.put_at.saturating_add(times.beat_ms)));
                    }
                    if term.passed && (term.board.oldest < term.no || !term.deletable.is_empty()) {
                        at(tries_at(term.put_at.saturating_add(times.tidy_ms)));
                    }
                }
            }
        }
        let until_ms = until_ms.max(now_ms.saturating_add(1));
        Effect::Rest { until_ms }
    }
}
