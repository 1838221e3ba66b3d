//! What a scheduler makes of the sessions: who is new, who has lapsed, what their outboxes say (rules 17 and 18).

use super::Term;
use crate::board::{AskId, Grant};
use crate::mutant::Mutant;
use crate::policy::{Answer, Joined, Move, Service};
use crate::session::outbox::{Ask, Ended, Outbox, Said, Work};
use crate::store::SessionNo;
use crate::times::Times;

/// What this scheduler knows of a member beside the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    pub session: SessionNo,
    /// When it read the outbox last.
    pub read_at: u64,
    /// A board of this term that condemns it has passed, or one that doubts it.
    pub mark_passed: bool,
    pub doubt_passed: bool,
    /// When it gave its last sign of life in this term, and since when another is missed while it is next.
    pub lived_at: Option<u64>,
    pub missed_since: Option<u64>,
}

impl Term {
    /// The sessions whose outbox is to be read now: those that were not read in this term, holders each time, the others
    /// seldom, and the condemned when their mark has passed.
    /// `rest_ms`: the rest between two readings of a holder's.
    pub fn due_outboxes(
        &self,
        me: SessionNo,
        now_ms: u64,
        rest_ms: u64,
        times: &Times,
    ) -> Vec<SessionNo> {
        let has_grant = |session| {
            self.board
                .grants
                .iter()
                .any(|grant| grant.ask.session == session)
        };
        let others = self
            .board
            .members
            .iter()
            .filter(|member| member.session != me);
        let due = others.filter(|member| {
            let Some(watch) = self.watch(member.session) else {
                return true;
            };
            let is_missed = watch.missed_since.is_some() && !member.away;
            let rest_ms = match is_missed || has_grant(member.session) || self.board.line.is_empty()
            {
                true => rest_ms,
                false => times.waiter_read_ms,
            };
            let since_ms = now_ms.saturating_sub(watch.read_at);
            let is_silent = member.quiet_ms.saturating_add(since_ms) >= times.ttl_ms;
            since_ms >= rest_ms
                || is_silent && !member.condemned
                || member.condemned && watch.mark_passed
                || member.doubted && watch.doubt_passed
        });
        due.map(|member| member.session).collect()
    }

    /// Takes in what was read of a member's outbox just now.
    pub fn take_in(&mut self, session: SessionNo, said: &Said, now_ms: u64, times: &Times) {
        let Some(member) = self.board.member(session) else {
            return;
        };
        let (last, beat) = (member.last, said.beat());
        let is_sign_of_life = match times.lacks(Mutant::OnlyHigherBeats) {
            true => beat > member.seen,
            false => beat != last,
        };
        match is_sign_of_life {
            true => self.lives(session, beat, now_ms),
            false => self.is_quiet(session, now_ms, times),
        }
        if self.board.member(session).is_none() {
            return;
        }
        self.note(session, |watch| watch.read_at = now_ms);
        if let Said::All(outbox) = said {
            self.take_in_content(session, outbox, beat != last, now_ms, times);
        }
    }

    /// Another beat than the last that was read, be it a lower one: it lives.
    fn lives(&mut self, session: SessionNo, beat: u64, now_ms: u64) {
        if let Some(member) = self.board.member_mut(session) {
            member.last = beat;
            member.quiet_ms = 0;
            self.changed |= std::mem::take(&mut member.condemned);
            self.changed |= std::mem::take(&mut member.away);
            self.changed |= std::mem::take(&mut member.doubted);
        }
        self.note(session, |watch| {
            (watch.mark_passed, watch.doubt_passed) = (false, false);
            (watch.lived_at, watch.missed_since) = (Some(now_ms), None);
        });
    }

    /// Finds out of whom nothing was heard lately, and who has been silent for too long while it was next. A slot that is granted to
    /// one who died is lost for a time to live, so a sign of life comes before the grant.
    pub fn look_for_signs(&mut self, me: SessionNo, now_ms: u64, op_ms: u64, times: &Times) {
        self.asks.silent.clear();
        if times.sign_ms == 0 {
            return;
        }
        let counts_ms = times.sign_counts_ms(op_ms);
        let mut next = self.board.next_up();
        next.extend(self.board.heirs.iter().map(|heir| heir.ask.session));
        let watches = &mut self.watches;
        for member in self
            .board
            .members
            .iter_mut()
            .filter(|member| member.session != me)
        {
            // Of one whose outbox was not read in this term nothing is known yet.
            let at = watches.binary_search_by_key(&member.session, |watch| watch.session);
            let watch = at.ok().and_then(|at| watches.get_mut(at));
            let lived_at = watch.as_ref().and_then(|watch| watch.lived_at);
            if lived_at.is_some_and(|at| now_ms.saturating_sub(at) < counts_ms) {
                continue;
            }
            self.asks.silent.push(member.session);
            let Some(watch) = watch else { continue };
            watch.missed_since = match next.contains(&member.session) {
                true => watch.missed_since.or(Some(now_ms)),
                false => None,
            };
            let missed_ms = watch
                .missed_since
                .map_or(0, |since| now_ms.saturating_sub(since));
            if missed_ms >= Times::slowed(times.away_ms, op_ms) && !member.away {
                member.away = true;
                self.changed = true;
            }
        }
    }

    /// The same beat as before: the time since this scheduler's own previous reading counts, and two steps lead out.
    fn is_quiet(&mut self, session: SessionNo, now_ms: u64, times: &Times) {
        let watch = self.watch(session).copied();
        let Some(member) = self.board.member_mut(session) else {
            return;
        };
        if let Some(watch) = watch {
            let since_ms = now_ms.saturating_sub(watch.read_at);
            member.quiet_ms = member.quiet_ms.saturating_add(since_ms).min(times.ttl_ms);
        }
        if member.quiet_ms < times.ttl_ms {
            return self.doubt(session, watch, times);
        }
        let mark_passed = watch.is_some_and(|watch| watch.mark_passed)
            || member.condemned && times.lacks(Mutant::MarkInMemory);
        if !member.condemned && !times.lacks(Mutant::OneStep) {
            member.condemned = true;
            self.changed = true;
            self.note(session, |watch| watch.mark_passed = false);
        } else if mark_passed || times.lacks(Mutant::OneStep) {
            let lost = self
                .board
                .grants
                .iter()
                .filter(|grant| grant.ask.session == session);
            self.tally.lost += u64::try_from(lost.count()).unwrap_or(0);
            self.tally.lapsed += 1;
            self.remove(session);
            if times.lacks(Mutant::TopFalls) {
                self.board.top = self.board.top.min(session.saturating_sub(1));
            }
        }
    }

    /// Rule 32: whoever is silent for so long has started nothing by a provisional grant, or has stopped it, unless it is heard of
    /// after all before a board says that it is doubted. Two steps, as for a session that lapses.
    fn doubt(&mut self, session: SessionNo, watch: Option<Watch>, times: &Times) {
        let is_heir = self.board.has_heir_of(session);
        let is_meant = is_heir || self.board.has_provisional(Some(session));
        let Some(member) = self.board.member_mut(session) else {
            return;
        };
        if !is_meant || member.quiet_ms < times.doubt_ms {
            return;
        }
        let has_passed = watch.is_some_and(|watch| watch.doubt_passed);
        if !member.doubted && !times.lacks(Mutant::DoubtAtOnce) {
            member.doubted = true;
            self.changed = true;
            self.note(session, |watch| watch.doubt_passed = false);
        } else if has_passed || times.lacks(Mutant::DoubtAtOnce) {
            (member.doubted, member.away) = (false, true);
            let back = self.board.take_back(session);
            self.tally.lost += u64::try_from(back).unwrap_or(0);
            self.changed = true;
        }
    }

    /// The content of a beat that is higher than any before it.
    fn take_in_content(
        &mut self,
        session: SessionNo,
        outbox: &Outbox,
        has_changed: bool,
        now_ms: u64,
        times: &Times,
    ) {
        let Some(member) = self.board.member_mut(session) else {
            return;
        };
        let counts_again = times.lacks(Mutant::OldBeatsCount) && has_changed;
        if outbox.beat <= member.seen && !counts_again {
            return;
        }
        member.seen = outbox.beat;
        member.name = outbox.name;
        if outbox.over {
            self.remove(session);
        } else {
            self.hear(session, outbox, now_ms);
        }
    }

    /// What a session says, read from its outbox or, of the scheduler's own session, from memory.
    pub fn hear(&mut self, session: SessionNo, outbox: &Outbox, now_ms: u64) {
        // Their owner waits to see these beats on a board that passed.
        self.changed |= !outbox.ended.is_empty() || !outbox.cancels.is_empty();
        for ended in &outbox.ended {
            let ask = AskId {
                session,
                k: ended.k,
            };
            if let Some(work) = ended.work {
                self.measure(ask, work, now_ms);
            }
            self.changed |= self.board.remove_ask(ask);
            self.asks.joined.retain(|joined| joined.ask != ask);
        }
        for asked in &outbox.asks {
            let ask = AskId {
                session,
                k: asked.k,
            };
            if outbox.ended.iter().any(|ended| ended.k == asked.k) {
                continue;
            }
            if let Some(ended) = asked.after {
                self.hand_on(ask, asked, ended, now_ms);
            }
            if asked.confirms {
                self.board.confirm(|other| other == ask);
                self.board.note_started(ask);
            }
            match self.board.grant(ask) {
                Some(grant) if grant.moves != asked.moves => {
                    let (avoid, moves) = (asked.avoid, asked.moves);
                    self.asks.moves.retain(|wish| wish.ask != ask);
                    self.asks.moves.push(Move { ask, avoid, moves });
                }
                Some(_) => {}
                None if self.board.knows(ask) => {}
                None => {
                    self.asks.joined.retain(|joined| joined.ask != ask);
                    self.asks.joined.push(Joined {
                        ask,
                        class: asked.class,
                        client: asked.client,
                        guard: asked.guard,
                        wants: asked.wants,
                        waited_ms: asked.waited_ms,
                        again: asked.again,
                    });
                }
            }
        }
        for cancel in &outbox.cancels {
            if !self.asks.cancels.contains(cancel) {
                self.asks.cancels.push(*cancel);
            }
        }
    }

    /// Rule 26: one has started in the slot of another of its session.
    fn hand_on(&mut self, ask: AskId, asked: &Ask, ended: Ended, now_ms: u64) {
        let before = AskId {
            session: ask.session,
            k: ended.k,
        };
        if let Some(work) = ended.work {
            self.measure(before, work, now_ms);
        }
        let grant = Grant {
            ask,
            class: asked.class,
            client: asked.client,
            guard: asked.guard,
            wants: asked.wants,
            ..Grant::default()
        };
        self.changed |= self.board.hand_on(before, grant);
    }

    /// Takes in what an answer came to that is still granted here.
    fn measure(&mut self, ask: AskId, work: Work, now_ms: u64) {
        let Some(grant) = self.board.grant(ask) else {
            return;
        };
        let (upstream, model) = (grant.upstream, grant.wants.model);
        let answer = work.busy_ms.filter(|_| model != 0).and_then(|busy_ms| {
            let end_ms = now_ms.saturating_sub(work.ago_ms);
            let is_beside = |other: &&Grant| {
                other.ask != ask
                    && (other.upstream, other.wants.model) == (upstream, model)
                    && other.granted_ms >= busy_ms.saturating_add(work.ago_ms)
            };
            let beside = self.board.grants.iter().filter(is_beside).count();
            let ran = self.spans.note(upstream, model, end_ms, busy_ms)?;
            let granted = u8::try_from(beside + 1).unwrap_or(u8::MAX);
            Some(Answer { granted, ran })
        });
        Service::note(&mut self.board, work.service_ms);
        self.board.policy.measure(upstream, model, |figure| {
            figure.note(work.service_ms);
            if let Some(answer) = answer {
                figure.parallel.note(answer);
            }
        });
    }

    /// Takes a session out; its outbox is deleted later.
    fn remove(&mut self, session: SessionNo) {
        self.changed |= self.board.remove_member(session);
        self.watches.retain(|watch| watch.session != session);
        self.asks
            .joined
            .retain(|joined| joined.ask.session != session);
        self.removed.push(session);
    }

    fn watch(&self, session: SessionNo) -> Option<&Watch> {
        let at = self
            .watches
            .binary_search_by_key(&session, |watch| watch.session);
        at.ok().and_then(|at| self.watches.get(at))
    }

    fn note(&mut self, session: SessionNo, change: impl FnOnce(&mut Watch)) {
        let found = self
            .watches
            .binary_search_by_key(&session, |watch| watch.session);
        let at = found.unwrap_or_else(|at| {
            let watch = Watch {
                session,
                read_at: 0,
                mark_passed: false,
                doubt_passed: false,
                lived_at: None,
                missed_since: None,
            };
            self.watches.insert(at, watch);
            at
        });
        if let Some(watch) = self.watches.get_mut(at) {
            change(watch);
        }
    }
}
