//! Requests: who drives a turn does what it asks for and tells it what happened, as `src/gate/keeper.rs` does.

use super::agenda::Item;
use super::behind::Link;
use super::day::Hour;
use super::instance::Caller;
use super::tally::{Times, Told};
use super::world::World;
use crate::turn::{Effect, Errand, Event, Identity, Phase, Turn};
use crate::{
    Call, Epoch, Figures, Key, Lane, Op, PAUSE_MS, Room, Settings, Standing, Ticket, Value,
};

/// One request, or a turn that tidies.
pub(super) struct Request {
    pub(super) turn: Turn,
    pub(super) instance: usize,
    errand: Errand,
    /// What it has to do with the batch line.
    pub(super) link: Link,
    /// Whether its turn has begun: whoever stands behind the main line has not begun there.
    pub(super) is_begun: bool,
    pub(super) is_over: bool,
    is_resting: bool,
    is_rung: bool,
    /// Counts its rests, so that a timer of an earlier one is known.
    rest: u32,
    /// Counts its starts.
    grant: u32,
    /// What its client wishes; the first wish counts.
    pub(super) wish: Option<Event>,
    pub(super) service_us: u64,
    pub(super) times: Times,
    pub(super) told: Option<Told>,
}

impl Request {
    /// Whether it is at that line, in whatever way.
    pub(super) fn stands_in(&self, lane: Lane) -> bool {
        self.is_begun && self.turn.settings().lane == lane
    }
}

impl World {
    /// Some come, and the next are on their way.
    pub(super) fn arrive(&mut self) {
        let (burst, gap_us) = self.rush();
        let at_once = self.dice.between((1, burst));
        for _ in 0..at_once {
            if self.arrived < self.plan.requests {
                self.arrived += 1;
                self.come();
            }
        }
        if self.arrived < self.plan.requests {
            let gap_us = self.dice.exponential(gap_us);
            self.push(self.at_us + gap_us, Item::Arrive);
        } else {
            self.maybe_quiet();
        }
    }

    /// How many come at once at most, and how long after them the next ones on average.
    fn rush(&self) -> (u64, u64) {
        if self.plan.is_a_day {
            self.hour().rush(&self.plan)
        } else {
            (self.plan.burst, self.plan.gap_us)
        }
    }

    fn hour(&self) -> Hour {
        Hour::of(self.arrived, self.plan.requests)
    }

    fn come(&mut self) {
        self.tally.requests += 1;
        let index = self.some_instance();
        let request = match self.plan.keys {
            None => self.enter(index, Errand::Serve, Lane::Main),
            Some(keys) => match self.come_with_key(index, &keys) {
                Some(request) => request,
                None => return,
            },
        };
        if self.dice.chance(self.plan.odds.hangup) {
            let patience_us = 1 + self.plan.service_us * self.dice.below(10);
            let hung_up_us = self.at_us + self.dice.exponential(patience_us);
            self.push(hung_up_us, Item::Hangup(request));
        }
    }

    /// A turn comes to a line.
    pub(super) fn enter(&mut self, index: usize, errand: Errand, lane: Lane) -> usize {
        let identity = Identity {
            nonce: self.dice.next(),
            guard: self.dice.next(),
            ..Identity::default()
        };
        let request = self.prepare(index, errand, lane, identity);
        self.begin(request);
        request
    }

    /// The turn of a request begins.
    pub(super) fn begin(&mut self, request: usize) {
        self.requests[request].is_begun = true;
        self.requests[request].times.drew_us = Some(self.at_us);
        self.tell(request, Event::Begin);
    }

    /// A turn that has not begun.
    pub(super) fn prepare(
        &mut self,
        index: usize,
        errand: Errand,
        lane: Lane,
        identity: Identity,
    ) -> usize {
        let instance = &mut self.instances[index];
        let capacity = match errand {
            Errand::Serve => instance.capacity,
            Errand::Tidy => u32::MAX,
        };
        let mut settings = Settings::clamped(capacity, self.plan.ttl_ms);
        settings.broken = self.broken;
        if self.plan.is_a_day {
            // The front of the line looks so seldom that a day is soon over.
            settings.look_ms = 50;
        }
        if lane == Lane::Batch {
            settings = settings.behind();
        }
        if errand == Errand::Tidy {
            settings.room = Room::one(u32::MAX);
        }
        let mut turn = Turn::new(settings, errand, identity, instance.epoch_seen);
        if errand == Errand::Tidy {
            turn = turn.having_seen(instance.seen(lane).sightings.clone());
        }
        let service_us = if self.plan.is_a_day {
            self.hour().service_us(&self.plan, &mut self.dice)
        } else {
            self.dice.exponential(self.plan.service_us)
        };
        let request = self.requests.len();
        self.requests.push(Request {
            turn,
            instance: index,
            errand,
            link: Link::None,
            is_begun: false,
            is_over: false,
            is_resting: false,
            is_rung: false,
            rest: 0,
            grant: 0,
            wish: None,
            service_us,
            told: None,
            times: Times {
                came_us: self.at_us,
                ..Times::default()
            },
        });
        self.alive += 1;
        self.instances[index].desks.push(request);
        request
    }

    /// Tells a turn what happened, and does what it asks for next.
    pub(super) fn tell(&mut self, index: usize, event: Event) {
        let mut event = event;
        loop {
            let request = &mut self.requests[index];
            if request.is_over {
                return;
            }
            let at = request.instance;
            let predecessor = request.turn.predecessor();
            let is_here = predecessor.is_some_and(|ticket| self.waits_here(at, ticket));
            let request = &mut self.requests[index];
            request.turn.hear_of_predecessor(is_here);
            let instance = &mut self.instances[at];
            let now = instance.now(self.at_us);
            event = request.turn.heard(event);
            let before = self.ghost.before(&request.turn, &event);
            let phase = request.turn.phase();
            let effect = match request.turn.step(now, event) {
                Ok(effect) => effect,
                Err(illegal) => {
                    self.fail(|| illegal.to_string());
                    return;
                }
            };
            let store = &self.store;
            self.ghost
                .after(&before, &request.turn, |key| store.get(key));
            instance.epoch_seen = request.turn.epoch_seen().or(instance.epoch_seen);
            self.phase_changed(index, phase);
            match self.follow(index, effect) {
                Some(next) => event = next,
                None => return,
            }
        }
    }

    /// Does what a turn asks for. Answers what is to be told at once.
    fn follow(&mut self, index: usize, effect: Effect) -> Option<Event> {
        let request = &mut self.requests[index];
        let at = request.instance;
        match effect {
            Effect::Store(op) => {
                request.is_resting = false;
                self.call(at, Caller::Turn(index), op);
                None
            }
            Effect::Rest { until_ms } => {
                if let Some(wish) = request.wish.take() {
                    return Some(wish);
                }
                if std::mem::take(&mut request.is_rung) {
                    return Some(Event::Due);
                }
                request.is_resting = true;
                request.rest += 1;
                let rest = request.rest;
                // A timer is late by up to a millisecond.
                let due_us = self.instances[at].due_us(self.at_us, until_ms);
                let due_us = due_us + self.dice.below(1_000);
                self.push(due_us, Item::Due(index, rest));
                if matches!(self.requests[index].turn.phase(), Phase::Queued) {
                    self.show_the_line(at);
                    if self.plan.is_a_day && self.requests[index].told.is_none() {
                        self.read(at, Lane::Main);
                    }
                }
                None
            }
            Effect::Over => {
                self.over(index);
                None
            }
        }
    }

    fn phase_changed(&mut self, index: usize, before: Phase) {
        let request = &mut self.requests[index];
        let phase = request.turn.phase();
        if phase == before {
            return;
        }
        let is_behind = request.turn.settings().lane == Lane::Batch;
        let holders = if is_behind {
            &mut self.rights
        } else {
            &mut self.holders
        };
        holders.retain(|holder| *holder != index);
        if phase == Phase::Relaying {
            request.times.started_us.get_or_insert(self.at_us);
            holders.push(index);
            request.grant += 1;
            if !is_behind {
                let (grant, end_us) = (request.grant, self.at_us + request.service_us);
                self.push(end_us, Item::Served(index, grant));
            }
        }
        self.link_changed(index);
    }

    pub(super) fn due(&mut self, index: usize, rest: u32) {
        let request = &mut self.requests[index];
        if request.is_resting && request.rest == rest {
            request.is_resting = false;
            self.tell(index, Event::Due);
        }
    }

    pub(super) fn hang_up(&mut self, index: usize) {
        self.wish(index, Event::Leave);
        self.leave_behind(index);
    }

    pub(super) fn served(&mut self, index: usize, grant: u32) {
        let request = &self.requests[index];
        if request.grant == grant && request.turn.phase() == Phase::Relaying {
            let figures = Figures {
                service_ms: request.service_us.div_ceil(1_000),
                complete: true,
                ..Figures::default()
            };
            self.wish(index, Event::Served(figures));
        }
    }

    pub(super) fn wish(&mut self, index: usize, wish: Event) {
        let request = &mut self.requests[index];
        if request.is_over {
            return;
        }
        let wish = request.wish.take().unwrap_or(wish);
        if std::mem::take(&mut request.is_resting) {
            self.tell(index, wish);
        } else {
            request.wish = Some(wish);
        }
    }

    /// Whether a ticket stands in line in this instance: the bell will be rung when that changes.
    fn waits_here(&self, at: usize, ticket: (Epoch, Ticket)) -> bool {
        let is_it = |desk: &usize| {
            let turn = &self.requests[*desk].turn;
            turn.is_in_line() && turn.ticket() == Some(ticket)
        };
        self.instances[at].desks.iter().any(is_it)
    }

    /// A record changed: those in this instance who wait for it hear of it, and those behind one that started know that
    /// they are nearer.
    pub(super) fn ring(&mut self, at: usize, op: &Op) {
        if let Op::Put(Key::Record(epoch, ticket), Value::Record(record)) = op
            && record.standing == Standing::Active
        {
            let now = self.instances[at].now(self.at_us);
            for desk in &self.instances[at].desks {
                self.requests[*desk].turn.saw_start_of(now, *epoch, *ticket);
            }
        }
        let (Op::Put(Key::Record(epoch, ticket), _) | Op::Delete(Key::Record(epoch, ticket))) = *op
        else {
            return;
        };
        for desk in 0..self.instances[at].desks.len() {
            let index = self.instances[at].desks[desk];
            let request = &mut self.requests[index];
            let is_same = request.turn.ticket().is_some_and(|(word, _)| word == epoch);
            if is_same && request.turn.is_in_line() && request.turn.watches(ticket) {
                request.is_rung = true;
                if request.is_resting {
                    request.is_rung = false;
                    self.push(self.at_us, Item::Due(index, self.requests[index].rest));
                }
            }
        }
    }

    /// The end of a turn.
    fn over(&mut self, index: usize) {
        let request = &self.requests[index];
        let (at, errand) = (request.instance, request.errand);
        let outcome = match request.turn.phase() {
            Phase::Over(outcome) => Some(outcome),
            _ => None,
        };
        let lane = request.turn.settings().lane;
        self.instances[at].desks.retain(|desk| *desk != index);
        self.close(index);
        let seen = self.instances[at].seen(lane);
        if errand == Errand::Tidy {
            seen.upkeep.tidied();
            return;
        }
        if seen.upkeep.after_a_turn(outcome, seen.last.as_ref()) == Call::Begin {
            self.begin_upkeep(at, lane);
        }
        if lane == Lane::Main {
            self.count(outcome);
        }
    }

    /// Nothing is heard of it any more.
    pub(super) fn close(&mut self, index: usize) {
        let request = &mut self.requests[index];
        request.is_over = true;
        self.alive -= 1;
        for held in [&mut self.holders, &mut self.rights, &mut self.drawn] {
            held.retain(|holder| *holder != index);
        }
    }

    pub(super) fn begin_upkeep(&mut self, at: usize, lane: Lane) {
        let rest_ms = PAUSE_MS + self.dice.below(PAUSE_MS);
        self.push(self.at_us + rest_ms * 1_000, Item::Upkeep(at, lane));
    }
}
