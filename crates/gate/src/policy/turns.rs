//! Whose turn it is, at an upstream whose memory does not hold all models at once.
//!
//! # States
//!
//! A model's turn is *loading* until it was seen loaded, then *running*, and *draining* from the moment at which it was decided that
//! another is next: nobody is sent there for it any more, since Ollama would let each pass the pending eviction. Once the last of
//! its answers has ended the turn is over, and the next one's begins.
//!
//! # When a turn ends
//!
//! When another model waits that does not fit beside it and cannot start sooner elsewhere, and either it has run for
//! [`quantum_ms`], or nobody has waited for it or been relayed from it for [`linger_ms`]. Without the second, whoever comes while it
//! does nothing would wait for nothing; without its delay two agents that take turns themselves would change models at each answer.
//!
//! # Who is next
//!
//! The model that has waited longest: since its oldest request came, or since its own last turn here ended, whichever is less. So
//! each other model has at most one turn before it, whatever waits for those, and the bound of [`super::longest_wait_ms`] holds.
//!
//! # What it does not do
//!
//! Load: whoever schedules does that for what is loading. Nothing takes turns where everything is taken to fit.

use super::bound::{linger_ms, quantum_ms};
use super::upstream::upstreams;
use super::{Decision, Draft, Hold, Past, Refusal, Rules, Stage, Turn};
use crate::board::{Mark, Unlawful, Waiting};
use crate::models::Wants;
use crate::policy::field::PAST_MAX;

/// A load that was not seen to have ended is taken to have after three times its time, at least so long, in milliseconds: then
/// requests load the model themselves.
const LOADING_MAX_MS: u64 = 60_000;

/// A turn of a model that is not in memory any more and that nobody has wanted for so long is over, in milliseconds: longer than
/// what is seen is old.
const FORGOTTEN_MS: u64 = 10_000;

/// The most models that have their turn at one upstream at once. One that nobody wants makes room for the next.
pub const TURNS_MAX: u8 = 16;

/// An answer of which nothing was measured is taken to last so long, in milliseconds.
const SERVICE_GUESS_MS: u64 = 10_000;

/// Tells those at once whose model cannot be loaded anywhere.
pub(super) fn refuse(draft: &mut Draft<'_>) -> Result<(), Unlawful> {
    if draft.models.seen.iter().all(|seen| seen.barred_ms == 0) {
        return Ok(());
    }
    let is_lost = |waiting: &&Waiting| {
        let wants = waiting.wants;
        let with_it = upstreams().filter(|upstream| draft.may_have(*upstream, wants));
        let mut with_it = with_it.peekable();
        with_it.peek().is_some() && with_it.all(|upstream| draft.is_barred(upstream, wants.model))
    };
    let lost: Vec<_> = draft
        .board
        .waiting()
        .filter(is_lost)
        .map(|waiting| waiting.ask)
        .collect();
    for ask in lost {
        let mark = Mark::Refused(Refusal::NoLoad);
        draft.decide(Decision::Mark { ask, mark })?;
    }
    Ok(())
}

/// Brings the turns of all upstreams up to date.
pub(super) fn take(draft: &mut Draft<'_>, rules: &Rules) -> Result<(), Unlawful> {
    if !draft.board.open {
        return Ok(());
    }
    for upstream in upstreams().filter(|upstream| draft.models.has_turns(*upstream)) {
        if draft.room.limit(usize::from(upstream)) == 0 {
            continue;
        }
        let before = draft.board.policy.hold(upstream).cloned();
        let mut at = At {
            hold: before.clone().unwrap_or_else(|| Hold {
                upstream,
                ..Hold::default()
            }),
            draft,
            rules,
        };
        at.go_on();
        at.choose_next();
        at.go_on();
        let hold = at.hold;
        if before.map_or(!hold.is_new(), |before| before != hold) {
            draft.decide(Decision::Turn { hold })?;
        }
    }
    Ok(())
}

/// One upstream, and its turns as they will be.
struct At<'d> {
    hold: Hold,
    draft: &'d Draft<'d>,
    rules: &'d Rules,
}

/// A model that waits for its turn.
struct Candidate {
    model: u64,
    wants: Wants,
    /// How many wait for it, and how long it has waited as the order of turns counts it.
    count: u32,
    waited_ms: u64,
}

impl At<'_> {
    /// Loads that have ended, turns that are over, and the next one's beginning.
    fn go_on(&mut self) {
        let mut turns = std::mem::take(&mut self.hold.turns);
        turns.retain_mut(|turn| {
            let stays = self.stays(turn);
            if !stays {
                self.hold.remember(turn.model);
            }
            stays
        });
        self.hold.turns = turns;
        let next = self.hold.next;
        if next == 0 {
            return;
        }
        let is_clear = self
            .hold
            .turns
            .iter()
            .all(|turn| turn.stage != Stage::Draining);
        if !self.is_awaited(next) {
            self.hold.next = 0;
            for turn in &mut self.hold.turns {
                if turn.stage == Stage::Draining {
                    turn.stage = Stage::Running;
                }
            }
        } else if is_clear {
            self.hold.note_drain();
            self.hold.next = 0;
            self.begin(next);
        }
    }

    /// Brings one turn up to date; whether it goes on.
    fn stays(&self, turn: &mut Turn) -> bool {
        let upstream = self.hold.upstream;
        let is_loaded = self.draft.models.is_loaded(upstream, turn.model) != Some(false);
        match turn.stage {
            // loading → over, if its load failed
            Stage::Loading if self.draft.is_barred(upstream, turn.model) => false,
            // loading → running
            Stage::Loading => {
                let load_ms = self.draft.load_ms(upstream, turn.model);
                let most_ms = load_ms.saturating_mul(3).max(LOADING_MAX_MS);
                if is_loaded || turn.for_ms >= most_ms {
                    *turn = Turn::new(turn.model, Stage::Running);
                }
                true
            }
            // draining → over
            Stage::Draining => self.draft.active(upstream, turn.model) > 0,
            // running → over, if it was unloaded meanwhile
            Stage::Running => is_loaded || turn.idle_ms < FORGOTTEN_MS,
        }
    }

    /// Makes room for one more to have its turn: what nobody has wanted for longest gives its own up. `false`: there is none.
    fn make_room(&mut self) -> bool {
        let turns = &self.hold.turns;
        if turns.len() < usize::from(TURNS_MAX) {
            return true;
        }
        let idle = turns.iter().filter(|turn| turn.idle_ms > 0);
        let Some(idlest) = idle.max_by_key(|turn| turn.idle_ms).map(|turn| turn.model) else {
            return false;
        };
        self.hold.turns.retain(|turn| turn.model != idlest);
        self.hold.remember(idlest);
        true
    }

    fn begin(&mut self, model: u64) {
        let stage = match self.draft.models.is_loaded(self.hold.upstream, model) {
            Some(false) => Stage::Loading,
            Some(true) | None => Stage::Running,
        };
        self.hold.past.retain(|past| past.model != model);
        self.hold.turns.push(Turn::new(model, stage));
    }

    /// Whether somebody waits who may go here for this model.
    fn is_awaited(&self, model: u64) -> bool {
        let upstream = self.hold.upstream;
        let mut waiting = self.draft.board.present();
        waiting.any(|waiting| {
            waiting.wants.model == model && self.draft.may_go(upstream, waiting.wants)
        })
    }

    fn choose_next(&mut self) {
        for candidate in self.candidates() {
            let Some(in_its_way) = self.in_the_way(&candidate) else {
                continue;
            };
            if self.starts_as_soon_elsewhere(&candidate, &in_its_way) {
                continue;
            }
            if in_its_way.is_empty() {
                if self.make_room() {
                    self.begin(candidate.model);
                }
                continue;
            }
            self.hold.next = candidate.model;
            self.hold.draining_ms = 0;
            for turn in &mut self.hold.turns {
                if in_its_way.contains(&turn.model) {
                    turn.stage = Stage::Draining;
                }
            }
        }
    }

    /// The models that wait and have no turn here, in the order in which they get one.
    fn candidates(&self) -> Vec<Candidate> {
        let (hold, board) = (&self.hold, &self.draft.board);
        let mut candidates: Vec<Candidate> = Vec::new();
        for waiting in board.waiting() {
            let (model, wants) = (waiting.wants.model, waiting.wants);
            let may_start = waiting.rank.is_in_front()
                && board.is_there(waiting.ask.session)
                && self.draft.may_go(hold.upstream, wants);
            if !may_start || model == 0 || model == hold.next || hold.turn(model).is_some() {
                continue;
            }
            let mut others = candidates.iter_mut();
            match others.find(|candidate| candidate.model == model) {
                Some(candidate) => {
                    candidate.count += 1;
                    candidate.waited_ms = candidate.waited_ms.max(waiting.waited_ms);
                }
                None => candidates.push(Candidate {
                    model,
                    wants,
                    count: 1,
                    waited_ms: waiting.waited_ms,
                }),
            }
        }
        for candidate in &mut candidates {
            let past = hold.past.iter().find(|past| past.model == candidate.model);
            let since_ms = past.map_or(u64::MAX, |past| past.ago_ms);
            candidate.waited_ms = candidate.waited_ms.min(since_ms);
        }
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.waited_ms));
        candidates
    }

    /// The models that have to make room for this one, all of them at the end of their turns; `None` where it cannot have its turn
    /// yet.
    fn in_the_way(&self, candidate: &Candidate) -> Option<Vec<u64>> {
        let hold = &self.hold;
        let model = candidate.model;
        let is_apart = |other: u64| self.draft.models.are_apart(hold.upstream, model, other);
        if hold.next != 0 && is_apart(hold.next) {
            return None;
        }
        let (mut leave, mut stay): (Vec<&Turn>, Vec<&Turn>) =
            hold.turns.iter().partition(|turn| is_apart(turn.model));
        if let Some(fit) = self.draft.models.told(hold.upstream) {
            // Who goes first is whom nobody wants, then who has had the most.
            stay.sort_by_key(|turn| (self.is_over(turn), turn.idle_ms, turn.for_ms));
            let next = usize::from(hold.next != 0);
            while stay.len() + next + 1 > fit {
                leave.push(stay.pop()?);
            }
        }
        let is_free =
            leave.is_empty() || hold.next == 0 && leave.iter().all(|turn| self.is_over(turn));
        is_free.then(|| leave.iter().map(|turn| turn.model).collect())
    }

    /// Whether its turn ends if another model waits.
    fn is_over(&self, turn: &Turn) -> bool {
        let measured_ms = self.draft.models.load_ms(self.hold.upstream, turn.model);
        let load_ms = measured_ms.unwrap_or(0);
        turn.stage == Stage::Running
            && (turn.for_ms >= quantum_ms(self.rules, load_ms, self.hold.drain_ms)
                || turn.idle_ms >= linger_ms(measured_ms))
    }

    /// Whether those who wait for this model start at another upstream no later than here: the first of them, or the last where
    /// nobody wants what would have to leave.
    fn starts_as_soon_elsewhere(&self, candidate: &Candidate, in_its_way: &[u64]) -> bool {
        let own = self.hold.upstream;
        let is_wanted = |model: &u64| self.draft.board.is_wanted(own, *model);
        let drains = in_its_way
            .iter()
            .any(|model| self.draft.active(own, *model) > 0);
        let drain_ms = if drains { self.hold.drain_ms } else { 0 };
        let here_ms = drain_ms.saturating_add(self.load_left_ms(own, candidate.model));
        let ahead = match in_its_way.iter().any(is_wanted) {
            true => 1,
            false => candidate.count,
        };
        let mut others = upstreams().filter(|other| *other != own);
        others.any(|other| {
            let start_ms = self.start_ms(other, candidate, ahead);
            start_ms.is_some_and(|start_ms| start_ms <= here_ms)
        })
    }

    /// When the one with so many before it, itself included, starts at another upstream that has the model or is about to; in
    /// milliseconds.
    fn start_ms(&self, upstream: u8, candidate: &Candidate, ahead: u32) -> Option<u64> {
        let (draft, model) = (self.draft, candidate.model);
        if !draft.may_go(upstream, candidate.wants) {
            return None;
        }
        let hold = draft.board.policy.hold(upstream);
        let hold = hold.filter(|_| draft.models.has_turns(upstream));
        let load_ms = match hold.map(|hold| (hold.turn(model), hold.next == model)) {
            None if draft.models.has_turns(upstream) => return None,
            None => self.load_left_ms(upstream, model),
            Some((Some(turn), _)) => match turn.stage {
                Stage::Running => 0,
                Stage::Loading => draft.load_ms(upstream, model).saturating_sub(turn.for_ms),
                Stage::Draining => return None,
            },
            Some((None, true)) => {
                let drain_ms = hold.map_or(0, |hold| hold.drain_ms);
                draft.load_ms(upstream, model).saturating_add(drain_ms)
            }
            Some((None, false)) => return None,
        };
        let slots = draft.places(upstream, candidate.wants);
        let free = slots.saturating_sub(draft.active(upstream, model));
        let mean_ms = draft.mean_ms(upstream, model).unwrap_or(SERVICE_GUESS_MS);
        let turns = u64::from(ahead.saturating_sub(free));
        let queue_ms = mean_ms.saturating_mul(turns) / u64::from(slots.max(1));
        Some(load_ms.saturating_add(queue_ms))
    }

    fn load_left_ms(&self, upstream: u8, model: u64) -> u64 {
        match self.draft.models.is_loaded(upstream, model) {
            Some(false) => self.draft.load_ms(upstream, model),
            Some(true) | None => 0,
        }
    }
}

impl Turn {
    fn new(model: u64, stage: Stage) -> Turn {
        Turn {
            model,
            stage,
            for_ms: 0,
            idle_ms: 0,
        }
    }
}

impl Hold {
    fn is_new(&self) -> bool {
        self.turns.is_empty() && self.next == 0
    }

    /// This model's turn ends now.
    fn remember(&mut self, model: u64) {
        self.past.retain(|past| past.model != model);
        if self.past.len() >= PAST_MAX {
            self.past.remove(0);
        }
        self.past.push(Past { model, ago_ms: 0 });
    }

    /// The last of those that were in the way has ended.
    fn note_drain(&mut self) {
        self.drain_ms = match self.drain_ms {
            0 => self.draining_ms,
            old => old.saturating_mul(3).saturating_add(self.draining_ms) / 4,
        };
        self.draining_ms = 0;
    }
}
