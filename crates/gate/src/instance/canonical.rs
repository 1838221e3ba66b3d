//! What the model check has to renumber in an instance so that states that behave alike are one state.

use super::look::{Look, Step};
use super::step::State;
use super::superseded::{asks, own_grants};
use super::{Effect, Instance, Phase, Request, RequestNo};
use crate::board::{AskId, Board};
use crate::clock::Now;
use crate::session::Session;
use crate::session::outbox::Ask;
use crate::store::{Epoch, Key, Op, SessionNo, TermNo};
use crate::term::Term;

impl Instance {
    /// The epochs it knows.
    pub(crate) fn epochs(&self) -> Vec<Epoch> {
        let word = match &self.state {
            State::Basing { word, .. }
            | State::Founding { word, .. }
            | State::Founded { word, .. }
            | State::Unmarking { word } => Some(*word),
            _ => None,
        };
        [self.epoch, self.leave, word]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The epoch of its numbers.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Stands in a session that was listed long ago, on a board of term 1.
    pub(crate) fn stand_in(&mut self, epoch: Epoch, no: SessionNo, now: Now) {
        let mut session = Session::new(epoch, no, 1, now);
        (session.known, session.was_renewed) = (1, true);
        self.epoch = Some(epoch);
        self.session = Some(session);
    }

    /// Relays one request.
    pub(crate) fn hold(&mut self, now: Now) -> (AskId, Ask) {
        let (ask, said) = self.wait(now);
        if let Some(entry) = self.requests.find_mut(ask.k) {
            entry.phase = Phase::Relaying { upstream: 0 };
        }
        (ask, said)
    }

    /// Has one more request, which it has said.
    pub(crate) fn wait(&mut self, now: Now) -> (AskId, Ask) {
        let RequestNo(k) = self.arrive(Request::default(), now);
        let said = self.requests.publish(now);
        let session = self.session.as_ref().map_or(0, |session| session.no);
        (AskId { session, k }, said[said.len() - 1])
    }

    /// Is the scheduler of `board`, which has passed.
    pub(crate) fn lead(&mut self, no: TermNo, board: Board, now: Now) {
        let me = self.session.as_ref().map_or(0, |session| session.no);
        let found = Some((0, board.clone()));
        let mut term =
            Term::take(no, found, me, false, now.mono_ms, &self.times).expect("a member");
        (term.board, term.passed, term.changed) = (board, true, false);
        self.term = Some(term);
    }

    /// An ask of its session on this board that is neither alive here nor said to have ended.
    pub(crate) fn leak_on(&self, epoch: Epoch, board: &Board) -> Option<AskId> {
        let session = self.session.as_ref().filter(|session| !session.over)?;
        let granted = board.grants.iter().map(|grant| grant.ask);
        let lined = board.line.iter().map(|waiting| waiting.ask);
        granted.chain(lined).find(|ask| {
            let lives = self.requests.find(ask.k).is_some_and(|entry| entry.lives());
            (session.epoch, session.no) == (epoch, ask.session)
                && !lives
                && !session.has_ended(ask.k)
                && !self.requests.succeeds(ask.k)
        })
    }

    pub(crate) fn is_in_session(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn is_scheduler(&self) -> bool {
        self.term.as_ref().is_some_and(|term| !term.resigns)
    }

    pub(crate) fn has_requests(&self) -> bool {
        self.requests.any_lives()
    }

    /// Whether it is in a state from which it could take the term, wanted or not.
    pub(crate) fn could_take(&self) -> bool {
        self.state == State::Rest
            && self.term.is_none()
            && self.requests.any_lives()
            && self.session.as_ref().is_some_and(|session| !session.over)
    }

    /// Takes the term for no reason.
    pub(crate) fn take(&mut self) -> Effect {
        let epoch = self.epoch.expect("a session has an epoch");
        self.write(State::Drawing, Op::Add(Key::Term(epoch)))
            .expect("a write")
    }

    /// The requests that relay at this moment.
    pub(crate) fn relaying(&self, now: Now) -> Vec<u64> {
        let requests = self.requests.list.iter();
        let relaying = requests.filter(|entry| self.may_relay(RequestNo(entry.k), now));
        relaying.map(|entry| entry.k).collect()
    }

    pub(crate) fn living(&self) -> Vec<u64> {
        let living = self.requests.list.iter().filter(|entry| entry.lives());
        living.map(|entry| entry.k).collect()
    }

    pub(crate) fn phases(&self) -> Vec<(u64, Phase)> {
        self.requests
            .list
            .iter()
            .map(|entry| (entry.k, entry.phase))
            .collect()
    }

    /// Whether its last renewal was found good at a time when its clocks ran.
    pub(crate) fn is_renewed(&self, now: Now) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.is_fresh(now, &self.times))
    }

    /// Whether a renewal is under way, in whichever half.
    pub(crate) fn renews(&self) -> bool {
        match &self.state {
            State::Saying { renewal } => renewal.is_some(),
            State::Looking(look) => look.renewal.is_some(),
            _ => self.renews_by_board(),
        }
    }

    /// Every term number.
    pub(crate) fn terms_mut(&mut self) -> Vec<&mut TermNo> {
        let mut all: Vec<&mut TermNo> = Vec::new();
        if let Some(session) = &mut self.session {
            all.push(&mut session.known);
            all.extend(session.view.as_mut().map(|view| &mut view.term));
        }
        all.extend(self.term.as_mut().map(|term| &mut term.no));
        all.extend(
            self.bare
                .as_mut()
                .into_iter()
                .flat_map(|bare| [&mut bare.newest, &mut bare.oldest]),
        );
        match &mut self.state {
            State::Walking { no, at } => {
                all.extend([no, &mut at.newest, &mut at.oldest, &mut at.top]);
            }
            State::Looking(look) => {
                if let Step::Older(older) = &mut look.step {
                    all.extend([&mut older.newest, &mut older.oldest, &mut older.top]);
                }
                all.extend(look.found.as_mut().map(|(term, _)| term));
            }
            State::Deleting(crate::store::Key::Board(_, term)) => all.push(term),
            _ => {}
        }
        all
    }

    /// Every board in its memory, but for the one that it has read last.
    pub(crate) fn boards_mut(&mut self) -> Vec<&mut Board> {
        let working = self.term.as_mut().map(|term| &mut term.board);
        let found = match &mut self.state {
            State::Looking(Look {
                found: Some((_, board)),
                ..
            }) => Some(&mut **board),
            _ => None,
        };
        working.into_iter().chain(found).collect()
    }

    /// Numbers the board that it has read last: 1 if it is the one in the store.
    pub(crate) fn number_view(&mut self, is_current: impl Fn(TermNo, u64) -> bool) {
        let view = self
            .session
            .as_mut()
            .and_then(|session| session.view.as_mut());
        if let Some(view) = view {
            view.board.put = u64::from(is_current(view.term, view.board.put));
        }
    }

    /// Numbers the board that it is putting.
    pub(crate) fn number_put(&mut self, put: u64) {
        if let Some(term) = &mut self.term {
            term.board.put = put;
        }
    }

    /// Every session number outside of boards.
    pub(crate) fn sessions_mut(&mut self) -> Vec<&mut SessionNo> {
        let mut all: Vec<&mut SessionNo> = Vec::new();
        if let Some(session) = &mut self.session {
            let own = session.no;
            let view = session.view.iter_mut();
            let asks = view.flat_map(|view| asks(&mut view.board));
            let asks = asks.map(|ask| &mut ask.session);
            all.extend(asks.filter(|session| **session == own));
            all.push(&mut session.no);
            let rights = session.rights.iter_mut();
            let inherits = rights.flat_map(|right| {
                let known = right.grants.iter_mut().chain(&mut right.ended);
                known.chain(&mut right.before)
            });
            all.extend(inherits.map(|ask| &mut ask.session));
        }
        if let Some(term) = &mut self.term {
            all.extend(term.watches.iter_mut().map(|watch| &mut watch.session));
            all.extend(
                term.asks
                    .joined
                    .iter_mut()
                    .map(|joined| &mut joined.ask.session),
            );
            all.extend(term.removed.iter_mut());
            all.extend(term.deletable.iter_mut());
        }
        match &mut self.state {
            State::Entering { no, .. } | State::Entered { no, .. } => all.push(no),
            State::Reading(sessions)
            | State::Fencing {
                beside: Some(sessions),
                ..
            } => all.extend(sessions),
            State::Deleting(crate::store::Key::Member(_, session)) => all.push(session),
            _ => {}
        }
        all
    }

    /// Its own session's number and every beat of it.
    pub(crate) fn beats_mut(&mut self) -> Option<(SessionNo, Vec<&mut u64>)> {
        let session = self.session.as_mut()?;
        let ended = session
            .ended
            .iter_mut()
            .filter_map(|ended| ended.tag.as_mut());
        let wishes = session
            .cancels
            .iter_mut()
            .filter_map(|wish| wish.tag.as_mut());
        let tags = ended.chain(wishes);
        let no = session.no;
        Some((no, std::iter::once(&mut session.beat).chain(tags).collect()))
    }

    /// Moves every instant so that `now` is `origin_ms`, forgets what no step depends on, and takes all ages above those that
    /// matter for one. `is_current`: whether the board that was read last is the one in the store.
    pub(crate) fn rebase(
        &mut self,
        now: Now,
        origin_ms: u64,
        is_prompt: bool,
        current: impl Fn(TermNo) -> Option<Board>,
    ) {
        let times = self.times;
        let shift = |instant: &mut u64, cap_ms: u64| {
            *instant = match now.mono_ms.checked_sub(*instant) {
                Some(age_ms) => origin_ms - age_ms.min(cap_ms),
                None => origin_ms + (*instant - now.mono_ms),
            };
        };
        let shift_now = |instant: &mut Now, cap_ms: u64| {
            shift(&mut instant.mono_ms, cap_ms);
            shift(&mut instant.wall_ms, cap_ms);
        };
        self.sums = super::Sums::default();
        (self.lived, self.lived_at) = (false, origin_ms);
        self.silent_ms = 0;
        self.failing_since = None;
        shift(&mut self.retry_at, 0);
        for entry in &mut self.requests.list {
            entry.arrived = Now {
                mono_ms: origin_ms,
                wall_ms: origin_ms,
            };
        }
        match &mut self.state {
            State::Entering { issued, .. }
            | State::Entered { issued, .. }
            | State::Saying {
                renewal: Some(issued),
            }
            | State::Looking(Look {
                renewal: Some(issued),
                ..
            }) => {
                shift_now(issued, times.own_limit_ms);
            }
            _ => {}
        }
        let is_scheduler = self.term.is_some();
        let waits = self.requests.any_waits();
        let living = self.living().len();
        if let Some(session) = &mut self.session {
            session.name = 1;
            match times.doubt_ms {
                0 => {
                    let origin = Now {
                        mono_ms: origin_ms,
                        wall_ms: origin_ms,
                    };
                    (session.said_at, session.heard_since) = (origin, origin);
                }
                _ => {
                    shift_now(&mut session.said_at, times.heard_ms);
                    shift_now(&mut session.heard_since, times.heard_ms);
                }
            }
            shift_now(&mut session.fresh_since, times.own_limit_ms);
            if let Some(issued) = &mut session.renewing {
                shift_now(issued, times.own_limit_ms);
            }
            self.lost = self.lost.min(times.doublings_max);
            let takeover_ms = times.takeover_ms << self.lost;
            shift(
                &mut session.changed_at,
                if waits && !is_scheduler {
                    takeover_ms
                } else {
                    0
                },
            );
            shift(
                &mut session.checked_at,
                if is_scheduler { 0 } else { times.term_check_ms },
            );
            shift(&mut session.look_at, 0);
            shift(&mut session.retry_at, 0);
            if !is_prompt {
                (session.look_at, session.retry_at) = (origin_ms, origin_ms);
            }
            if let Some(since) = &mut session.unreadable_since {
                shift(since, times.ttl_ms);
            }
            let no = session.no;
            // Only where another of its own may start in such a slot is an older board of any use.
            let has_more = living > 1;
            session.view = session.view.take().and_then(|mut view| {
                let board = current(view.term).filter(|board| board.put == view.board.put);
                view.board = board.or_else(|| has_more.then(|| own_grants(&view.board, no)))?;
                view.is_next = false;
                view.at = origin_ms;
                Some(view)
            });
        }
        if let Some(term) = &mut self.term {
            term.aged_at = origin_ms;
            term.tally = crate::term::Tally::default();
            let is_active = term.is_active();
            shift(
                &mut term.closed_since,
                if term.board.open { 0 } else { times.ttl_ms },
            );
            shift(&mut term.put_at, if is_active { times.beat_ms } else { 0 });
            if let Some(read_at) = &mut term.read_at {
                shift(read_at, times.slow_look_ms.max(times.waiter_read_ms));
            }
            for watch in &mut term.watches {
                shift(&mut watch.read_at, times.ttl_ms);
                watch.lived_at = None;
            }
        }
    }
}
