//! A scheduler's round: reads, the put of the board, the fence after it, what is left to delete (rules 15 to 19 and 21 to 23).

use super::fence::Fence;
use super::step::State;
use super::{Context, Effect, Instance};
use crate::mutant::Mutant;
use crate::policy::Policy;
use crate::session::outbox::{Outbox, Said};
use crate::store::{Epoch, Found, Key, Op, SessionNo};
use crate::term::put::Signature;

impl Instance {
    /// The next step of the scheduler, if there is one to be done now. `lingers`: nobody here needs the term any more.
    pub(super) fn round(&mut self, context: &Context, lingers: bool) -> Option<Effect> {
        let (times, now_ms) = (self.times, context.now.mono_ms);
        let session = self.session.as_mut()?;
        let term = self.term.as_mut()?;
        let resigns = lingers || term.resigns;
        if session.retry_at > now_ms {
            return None;
        }
        if term.unfenced {
            return self.fence_put(context);
        }
        if lingers && term.passed && !term.changed && term.board.idle {
            return self.leave(context);
        }
        term.age(now_ms);
        let own = session.outbox(&mut self.requests, context.now);
        term.hear(session.no, &own, now_ms);
        if !resigns && (term.is_active() || !term.asks.is_empty()) {
            term.open_when_settled(now_ms, &times);
            // Where there is room, an own request starts first, and the others are looked at after that.
            let has_room =
                term.has_room_as_found(context.room.total()) || times.lacks(Mutant::PutUnread);
            // Who moves is told of the room that there is now: on an idle board nobody has taken in what has ended since.
            let moves = !term.asks.moves.is_empty();
            let rest_ms = term.look_rest_ms(session.no, context.room.total(), &times);
            let is_due = match term.read_at {
                None => term.passed && term.is_active() || !has_room || moves,
                Some(at) => {
                    let is_time = now_ms.saturating_sub(at) >= rest_ms;
                    is_time && (term.is_active() || !has_room || moves)
                }
            };
            if is_due {
                let sessions = term.due_outboxes(session.no, now_ms, rest_ms, &times);
                let keys = round_keys(session.epoch, &sessions).collect();
                return self.read(State::Reading(sessions), keys);
            }
        }
        if !resigns {
            let (rules, room) = (self.rules, context.room);
            let models = &context.models;
            term.look_for_signs(session.no, now_ms, context.op_ms, &times);
            let policy = Policy {
                rules,
                room,
                models,
            };
            term.decide(&policy, times.is_quick(context.op_ms), &times);
        }
        if times.lacks(Mutant::DeleteEarly)
            && let Some(key) = term.next_delete(session.epoch, &times)
        {
            return self.write(State::Deleting(key), Op::Delete(key));
        }
        if resigns || session.renewing.is_some() || term.wants_put(now_ms, &times) {
            return self.put(context, resigns);
        }
        let is_quiet = now_ms.saturating_sub(term.put_at) >= times.tidy_ms;
        let key = term
            .next_delete(session.epoch, &times)
            .filter(|_| is_quiet)?;
        self.write(State::Deleting(key), Op::Delete(key))
    }

    pub(super) fn read_outboxes(
        &mut self,
        sessions: &[SessionNo],
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        let (times, now_ms) = (self.times, context.now.mono_ms);
        let term = self.term.as_mut()?;
        let session = self.session.as_mut()?;
        // The rest between two readings begins here: one that takes longer than it would be due again, and nothing ever put.
        term.read_at = Some(now_ms);
        let mut found = found.iter();
        if let Some(Found::Number(members)) = found.next()
            && !times.lacks(Mutant::NotListed)
        {
            term.changed |= term.board.list_up_to(*members);
        }
        for (from, found) in sessions.iter().zip(found) {
            match found {
                Found::Bytes(bytes) => {
                    let said = Outbox::read(bytes);
                    session.inherit(*from, &said, &mut self.requests, context, &times);
                    term.take_in(*from, &said, now_ms, &times);
                }
                Found::Absent => term.take_in(*from, &Said::Nothing, now_ms, &times),
                Found::Number(_) | Found::Failed => {}
            }
        }
        None
    }

    fn put(&mut self, context: &Context, resigns: bool) -> Option<Effect> {
        let signature = Signature {
            settings: self.rules.signature(),
            capacity: context.room.total(),
        };
        let (times, now_ms) = (self.times, context.now.mono_ms);
        let session = self.session.as_mut()?;
        let term = self.term.as_mut()?;
        let composed = term.compose(session, signature, resigns, now_ms, &times);
        let Ok(bytes) = composed else {
            // Larger than a board may be: nothing can be put by this scheduler.
            self.lose_term();
            return self.pause(context);
        };
        session.mark_on_board();
        session.said_at = context.now;
        self.sums.board_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let op = Op::Put(Key::Board(session.epoch, term.no), bytes);
        self.requests.send(|k| {
            let granted = term.board.grant(session.ask(k));
            granted
                .filter(|grant| !grant.recall)
                .map(|grant| grant.upstream)
        });
        self.write(State::Putting, op)
    }

    pub(super) fn put_done(&mut self, context: &Context) -> Option<Effect> {
        self.term.as_ref()?;
        if self.times.lacks(Mutant::StartBeforeFence) {
            return self.commit(context);
        }
        self.fence_put(context)
    }

    /// What the next round reads is read beside the fence, unless own grants wait for it: the board is in the store already.
    fn fence_put(&mut self, context: &Context) -> Option<Effect> {
        let mut keys = self.fence_keys(self.renews_by_board());
        let (session, term) = (self.session.as_ref()?, self.term.as_ref()?);
        let goes_on = term.passed && !term.board.idle && !self.requests.any_sent();
        let beside =
            goes_on.then(|| term.due_outboxes(session.no, context.now.mono_ms, 0, &self.times));
        let state = State::Fencing {
            keys: keys.len(),
            beside: beside.clone(),
        };
        keys.extend(
            beside
                .iter()
                .flat_map(|sessions| round_keys(session.epoch, sessions)),
        );
        self.read(state, keys)
    }

    /// The board is known never to have been sent: it may be put again.
    pub(super) fn put_again(&mut self, context: &Context) -> Option<Effect> {
        let term = self.term.as_mut()?;
        term.changed = true;
        term.unfenced = false;
        self.requests.take_back();
        if let Some(session) = &mut self.session {
            session.unmark_on_board();
        }
        self.pause(context)
    }

    /// Rule 19: not acknowledged: the term is given up at once, since its board may change behind its back.
    pub(super) fn put_unresolved(&mut self, context: &Context) -> Option<Effect> {
        if self.times.lacks(Mutant::PutAgain) {
            return self.put_again(context);
        }
        self.sums.fence_failures += 1;
        self.lose_term();
        self.pause(context)
    }

    pub(super) fn fenced(
        &mut self,
        keys: usize,
        beside: Option<&[SessionNo]>,
        found: &[Found],
        context: &Context,
    ) -> Option<Effect> {
        let (no, epoch) = (self.term.as_ref()?.no, self.session.as_ref()?.epoch);
        let (fence, found) = found.split_at_checked(keys)?;
        match self.fence(epoch, fence) {
            Fence::Term(newest) if newest == no => {
                let effect = self.commit(context);
                beside.and_then(|sessions| self.read_outboxes(sessions, found, context));
                effect
            }
            Fence::Term(newest) => {
                self.sums.fence_failures += 1;
                self.lose_term();
                self.learn_term(newest, context.now);
                None
            }
            Fence::Void | Fence::Lost => self.lose_epoch(),
            Fence::Unknown if self.times.lacks(Mutant::FenceUnread) => self.commit(context),
            Fence::Unknown => self.pause(context),
        }
    }

    /// The board has passed: own grants start, what it has taken in need not be said again.
    fn commit(&mut self, context: &Context) -> Option<Effect> {
        let times = self.times;
        let session = self.session.as_mut()?;
        let term = self.term.as_mut()?;
        term.commit(context.now.mono_ms, &times);
        self.sums.take_in(&mut term.tally);
        (self.lost, self.bare) = (0, None);
        // Whoever takes the next term does so after the fence, and begins to count then: a board that passed is as good as a word.
        session.heard_since = session.said_at;
        session.drop_on_board();
        if let Some(issued) = session.renewing.take() {
            session.renewed(issued, context.now, &times);
            session.level(&term.board, &mut self.requests, &times);
        }
        if session.is_fresh(context.now, &times) {
            session.take_up(&term.board, &mut self.requests, context.now, &times);
        }
        session.look_at = context.now.mono_ms.saturating_add(times.far_look_ms);
        self.sums.boards += 1;
        if term.resigns {
            self.lose_term();
        }
        None
    }

    pub(super) fn deleted(&mut self, key: Key) -> Option<Effect> {
        self.term.as_mut()?.deleted(key);
        None
    }
}

/// What a round reads: the sessions' counter and these outboxes.
fn round_keys(epoch: Epoch, sessions: &[SessionNo]) -> impl Iterator<Item = Key> + '_ {
    let outboxes = sessions.iter().map(move |no| Key::Member(epoch, *no));
    std::iter::once(Key::Members(epoch)).chain(outboxes)
}
