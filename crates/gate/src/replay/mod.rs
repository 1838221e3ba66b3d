//! A day under the policy: requests that come, upstreams that load and serve, and [`crate::policy::Policy`] that decides, in
//! virtual time. With other limits the same day comes out otherwise: that is what it is for.
//!
//! # What it is true to
//!
//! The policy and the board are the real ones. An upstream ([`Upstream`]) does what Ollama does with what it is sent: it loads a model
//! for whoever needs it, evicts one that is idle, lets requests for a loaded model pass while another waits for memory, and runs so
//! many of a model at once while the others wait inside it.
//!
//! # What it leaves out
//!
//! The store, the sessions and all that can go wrong: those are simulated with the adapter. A decision is in force at once.

mod upstream;

use std::collections::VecDeque;

use crate::board::{AskId, Board, Decision, Member};
use crate::models::{Models, Seen, Wants};
use crate::policy::{Answer, Asks, Class, Joined, Policy, Rules, Spans, Stage};
use crate::room::Room;

pub use upstream::Upstream;

/// One request of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// When it comes, in milliseconds since the day began.
    pub at_ms: u64,
    /// How long an upstream of ordinary speed works on it.
    pub busy_ms: u64,
    /// Its class.
    pub class: Class,
    /// Its client; 0 for one without a key.
    pub client: u64,
    /// What it says of its model.
    pub wants: Wants,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// When it was granted, and where.
    pub granted: Option<(u64, u8)>,
    /// When its answer ended.
    pub ended_ms: Option<u64>,
    /// It was refused: the line was full.
    pub is_refused: bool,
}

/// What a day came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The requests in the order in which they came, and what became of them.
    pub fates: Vec<(Request, Fate)>,
    /// How often a model was loaded, at each upstream.
    pub loads: Vec<u64>,
    /// When the last answer ended.
    pub ended_ms: u64,
}

/// What is given: the settings and the upstreams.
#[derive(Clone, Debug)]
pub struct Day {
    /// The policy's settings.
    pub rules: Rules,
    /// How many may relay over all.
    pub max_concurrent: u32,
    /// The upstreams, at most eight.
    pub upstreams: Vec<Upstream>,
    /// What is known of models from the start; what is loaded is seen as the day goes on.
    pub models: Models,
}

/// Between two looks of the policy while somebody waits, in milliseconds: turns end by time alone.
const TICK_MS: u64 = 100;

/// A day that is not over by then is cut off, in milliseconds: a month.
const LONGEST_MS: u64 = 30 * 24 * 3_600_000;

impl Day {
    /// Runs these, which stand in the order in which they come. `next` is told of each answer that has ended, by its place in
    /// [`Outcome::fates`], and answers what comes because of it; `see` sees the board after each decision.
    pub fn run(
        &self,
        requests: &[Request],
        mut next: impl FnMut(usize, u64) -> Option<Request>,
        mut see: impl FnMut(&Board, u64),
    ) -> Outcome {
        let mut run = Run::new(self, requests);
        while !run.is_over() && run.now_ms < LONGEST_MS {
            run.go_to(run.next_event_ms());
            for ended in run.take_in_ends() {
                if let Some(request) = next(ended, run.now_ms) {
                    run.add(request);
                }
            }
            run.decide();
            see(&run.board, run.now_ms);
        }
        run.outcome()
    }
}

struct Run<'d> {
    day: &'d Day,
    now_ms: u64,
    board: Board,
    models: Models,
    spans: Spans,
    upstreams: Vec<Upstream>,
    /// Who has not come yet, the next first.
    coming: VecDeque<Request>,
    fates: Vec<(Request, Fate)>,
    ended_ms: u64,
}

impl<'d> Run<'d> {
    fn new(day: &'d Day, requests: &[Request]) -> Run<'d> {
        let member = Member {
            session: SESSION,
            ..Member::default()
        };
        Run {
            day,
            now_ms: 0,
            board: Board {
                open: true,
                top: SESSION,
                members: vec![member],
                ..Board::default()
            },
            models: day.models.clone(),
            spans: Spans::default(),
            upstreams: day.upstreams.clone(),
            coming: requests.iter().copied().collect(),
            fates: Vec::new(),
            ended_ms: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.coming.is_empty() && self.board.grants.is_empty() && self.board.line.is_empty()
    }

    fn next_event_ms(&self) -> u64 {
        let coming = self.coming.front().map(|request| request.at_ms);
        let busy = self.upstreams.iter().filter_map(Upstream::next_event_ms);
        let waits = self.board.waiting().next().is_some();
        let tick = waits.then(|| self.now_ms + TICK_MS);
        let next = coming.into_iter().chain(busy).chain(tick).min();
        next.unwrap_or(LONGEST_MS).max(self.now_ms)
    }

    fn go_to(&mut self, at_ms: u64) {
        self.board.age(at_ms - self.now_ms);
        self.now_ms = at_ms;
    }

    /// Lets a request come that was not known of; those that come at the same time stay before it.
    fn add(&mut self, request: Request) {
        let at = self
            .coming
            .partition_point(|other| other.at_ms <= request.at_ms);
        self.coming.insert(at, request);
    }

    /// The answers that have ended by now.
    fn take_in_ends(&mut self) -> Vec<usize> {
        let now_ms = self.now_ms;
        let mut ended = Vec::new();
        for (index, upstream) in (0_u8..).zip(&mut self.upstreams) {
            for (k, busy_ms) in upstream.go_to(now_ms) {
                ended.push((index, k, busy_ms));
            }
        }
        for (upstream, k, busy_ms) in &ended {
            self.measure(*upstream, *k, *busy_ms);
            self.board.remove_ask(ask(*k));
            if let Some((_, fate)) = self.fates.get_mut(*k) {
                fate.ended_ms = Some(now_ms);
            }
            self.ended_ms = now_ms;
        }
        ended.into_iter().map(|(_, k, _)| k).collect()
    }

    fn measure(&mut self, upstream: u8, k: usize, busy_ms: u64) {
        let Some(grant) = self.board.grant(ask(k)) else {
            return;
        };
        let (model, service_ms) = (grant.wants.model, grant.granted_ms);
        let others = self.board.grants.iter().filter(|other| {
            other.ask != grant.ask
                && (other.upstream, other.wants.model) == (upstream, model)
                && other.granted_ms >= busy_ms
        });
        let granted = u8::try_from(others.count() + 1).unwrap_or(u8::MAX);
        let ran = self.spans.note(upstream, model, self.now_ms, busy_ms);
        self.board.policy.measure(upstream, model, |figure| {
            figure.note(service_ms);
            if let Some(ran) = ran {
                figure.parallel.note(Answer { granted, ran });
            }
        });
    }

    fn decide(&mut self) {
        let mut asks = Asks::default();
        while self
            .coming
            .front()
            .is_some_and(|next| next.at_ms <= self.now_ms)
        {
            let Some(request) = self.coming.pop_front() else {
                break;
            };
            asks.joined.push(Joined {
                ask: ask(self.fates.len()),
                class: request.class,
                client: request.client,
                wants: request.wants,
                ..Joined::default()
            });
            self.fates.push((request, Fate::default()));
        }
        self.look_at_models();
        let policy = Policy {
            rules: self.day.rules,
            room: self.room(),
            models: &self.models,
        };
        // A policy that fails is a bug that the tests of it would find: here the day just stands still.
        let decisions = policy.schedule(&self.board, &asks).unwrap_or_default();
        for decision in &decisions {
            if self.board.apply(decision, self.day.max_concurrent).is_ok() {
                self.follow(decision);
            }
        }
        self.load_what_is_to_be_loaded();
        self.drop_refused();
    }

    fn room(&self) -> Room {
        let limits = self
            .upstreams
            .iter()
            .map(|upstream| upstream.max_concurrent);
        Room::new(self.day.max_concurrent, limits)
    }

    fn follow(&mut self, decision: &Decision) {
        let Decision::Grant { ask, upstream } = decision else {
            return;
        };
        let k = usize::try_from(ask.k).unwrap_or(usize::MAX);
        let (now_ms, index) = (self.now_ms, usize::from(*upstream));
        let Some((request, fate)) = self.fates.get_mut(k) else {
            return;
        };
        fate.granted = Some((now_ms, *upstream));
        let (model, busy_ms) = (request.wants.model, request.busy_ms);
        if let Some(upstream) = self.upstreams.get_mut(index) {
            upstream.take(k, model, busy_ms, now_ms);
        }
    }

    /// Sluice's own load requests.
    fn load_what_is_to_be_loaded(&mut self) {
        for hold in &self.board.policy.holds {
            let Some(upstream) = self.upstreams.get_mut(usize::from(hold.upstream)) else {
                continue;
            };
            for turn in hold
                .turns
                .iter()
                .filter(|turn| turn.stage == Stage::Loading)
            {
                upstream.want(turn.model, self.now_ms);
            }
        }
    }

    fn look_at_models(&mut self) {
        for seen in &mut self.models.seen {
            if let Some(upstream) = self.upstreams.get(usize::from(seen.upstream)) {
                seen.is_loaded = upstream.has_loaded(seen.model);
            }
        }
    }

    fn drop_refused(&mut self) {
        let refused = self
            .board
            .line
            .iter()
            .filter(|waiting| waiting.mark.is_some());
        for ask in refused.map(|waiting| waiting.ask).collect::<Vec<_>>() {
            self.board.remove_ask(ask);
            let k = usize::try_from(ask.k).unwrap_or(usize::MAX);
            if let Some((_, fate)) = self.fates.get_mut(k) {
                fate.is_refused = true;
            }
        }
    }

    fn outcome(self) -> Outcome {
        Outcome {
            fates: self.fates,
            loads: self
                .upstreams
                .iter()
                .map(|upstream| upstream.loads)
                .collect(),
            ended_ms: self.ended_ms,
        }
    }
}

impl Outcome {
    /// How long each waited that was granted, in milliseconds, the shortest first.
    pub fn waits_ms(&self) -> Vec<u64> {
        let wait_ms = |(request, fate): &(Request, Fate)| {
            let (granted_ms, _) = fate.granted?;
            Some(granted_ms.saturating_sub(request.at_ms))
        };
        let mut waits: Vec<u64> = self.fates.iter().filter_map(wait_ms).collect();
        waits.sort_unstable();
        waits
    }

    /// How many models were loaded, over all upstreams.
    pub fn all_loads(&self) -> u64 {
        self.loads.iter().sum()
    }
}

impl Models {
    /// That these upstreams have these models, which take so long to load; where `at_once` is 0 all of them fit.
    pub fn of(upstreams: &[Upstream], models: &[u64], at_once: u8) -> Models {
        let mut known = Models::default();
        for (index, upstream) in (0_u8..).zip(upstreams) {
            if let Some(told) = known.at_once.get_mut(usize::from(index)) {
                *told = at_once;
            }
            known.seen.extend(models.iter().map(|model| Seen {
                upstream: index,
                model: *model,
                load_ms: Some(upstream.load_ms),
                ..Seen::default()
            }));
        }
        known
    }
}

/// All that come are in one session.
const SESSION: u64 = 1;

fn ask(k: usize) -> AskId {
    AskId {
        session: SESSION,
        k: u64::try_from(k).unwrap_or(u64::MAX),
    }
}
