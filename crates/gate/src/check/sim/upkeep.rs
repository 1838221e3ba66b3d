//! Reading the line, tidying it, sweeping it: as `src/gate/line.rs` and `src/gate/tidying.rs` do.

use super::agenda::Item;
use super::instance::Caller;
use super::world::World;
use crate::turn::{Errand, Event};
use crate::{Call, Census, CensusStep, Lane, Line, Next, Op, Settings, Sweep, SweepStep};

/// How often those who wait in an instance are told their places.
const TOLD_US: u64 = 900_000;

impl World {
    /// Somebody waits in this instance, so the line is read now and again.
    pub(super) fn show_the_line(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        if !std::mem::replace(&mut instance.reads_on, true) {
            let soon_us = self.dice.below(50_000);
            self.push(self.at_us + soon_us, Item::Read(at));
        }
    }

    pub(super) fn read_on(&mut self, at: usize) {
        let requests = &self.requests;
        let is_watched = |index: &usize| requests[*index].turn.is_in_line();
        if self.instances[at].desks.iter().any(is_watched) {
            self.push(self.at_us + TOLD_US, Item::Read(at));
            self.read_all(at);
        } else {
            self.instances[at].reads_on = false;
        }
    }

    /// Reads every line there is.
    pub(super) fn read_all(&mut self, at: usize) {
        for lane in self.lanes() {
            self.read(at, lane);
        }
    }

    /// Without keys nobody can stand in the batch line.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let has_keys = self.plan.keys.is_some();
        let is_there = |lane: &Lane| *lane == Lane::Main || has_keys;
        Lane::ALL.into_iter().filter(is_there).collect()
    }

    /// Reads a line, or joins a reading under way.
    pub(super) fn read(&mut self, at: usize, lane: Lane) {
        let seen = self.instances[at].seen(lane);
        if seen.reading.is_some() {
            return;
        }
        let floor = seen
            .last
            .as_ref()
            .and_then(|line| Some((line.epoch?, line.front)));
        let watched_to = seen.last.as_ref().map_or(0, |line| line.watched_to);
        let census = Census::new(floor).of(lane).watching_from(watched_to);
        let op = census.begin();
        seen.reading = Some(census);
        self.call(at, Caller::Reader(lane), op);
    }

    pub(super) fn read_further(&mut self, at: usize, lane: Lane, event: Event) {
        let Some(mut census) = self.instances[at].seen(lane).reading.take() else {
            return;
        };
        match census.step(event) {
            CensusStep::Store(op) => {
                self.instances[at].seen(lane).reading = Some(census);
                self.call(at, Caller::Reader(lane), op);
            }
            CensusStep::Done(line) => self.has_read(at, lane, line),
            CensusStep::Unavailable => {
                let seen = self.instances[at].seen(lane);
                seen.sightings.forget();
                if std::mem::take(&mut seen.upkeep_asks) {
                    _ = seen.upkeep.after_watching(None);
                }
            }
        }
    }

    fn has_read(&mut self, at: usize, lane: Lane, mut line: Line) {
        let now = self.instances[at].now(self.at_us);
        let mut desks = self.instances[at].desks.clone();
        desks.retain(|index| self.requests[*index].stands_in(lane));
        let seen = self.instances[at].seen(lane);
        let begun = seen.read_at.replace(now);
        let moved_us = seen.last.as_ref().and_then(|last| {
            let took_us = 1_000 * now.mono_ms.checked_sub(begun?.mono_ms)?;
            let starts = line.front.checked_sub(last.front)?;
            took_us
                .checked_div(starts)
                .filter(|_| last.epoch == line.epoch)
        });
        line.drop_lapsed(&mut seen.sightings, now);
        for index in &desks {
            let turn = &mut self.requests[*index].turn;
            if let Some((_, ticket)) = turn.ticket() {
                turn.stand_behind(now, line.ahead_of(ticket), &line.ledger);
                if let Some(us) = moved_us {
                    turn.saw_line_move(us);
                }
                turn.learn(&seen.sightings);
            }
        }
        let call = seen.upkeep.after_a_reading(&line, desks.len());
        let next =
            std::mem::take(&mut seen.upkeep_asks).then(|| seen.upkeep.after_watching(Some(&line)));
        seen.last = Some(line);
        if self.plan.is_a_day {
            self.tell_estimates(at, &desks);
        }
        if call == Call::Begin {
            self.begin_upkeep(at, lane);
        }
        match next {
            Some(Next::Tidy) => _ = self.enter(at, Errand::Tidy, lane),
            Some(Next::Watch(rest_ms)) => {
                self.push(self.at_us + rest_ms * 1_000, Item::Upkeep(at, lane));
            }
            Some(Next::Done) | None => {}
        }
    }

    /// The upkeep has rested, and wants a reading.
    pub(super) fn watch(&mut self, at: usize, lane: Lane) {
        self.instances[at].seen(lane).upkeep_asks = true;
        self.read(at, lane);
    }

    /// Begins a sweep over what the store lists now.
    pub(super) fn sweep(&mut self, at: usize, lane: Lane) {
        if self.instances[at].seen(lane).sweep.is_some() {
            return;
        }
        let line = self.line_at_one_stroke(lane);
        let wall_ms = self.instances[at].now(self.at_us).wall_ms;
        let mut settings = Settings::clamped(self.plan.capacity, self.plan.ttl_ms);
        settings.broken = self.broken;
        let mut names: Vec<String> = self.store.values.keys().map(crate::Key::name).collect();
        names.sort_unstable();
        let mut sweep = Sweep::new(&settings, &line, names, wall_ms);
        if let SweepStep::Store(op) = sweep.begin() {
            self.instances[at].seen(lane).sweep = Some(sweep);
            self.call(at, Caller::Sweep(lane), op);
        }
    }

    pub(super) fn sweep_further(&mut self, at: usize, lane: Lane, event: Event) {
        let Some(mut sweep) = self.instances[at].seen(lane).sweep.take() else {
            return;
        };
        if let SweepStep::Store(op) = sweep.step(event) {
            self.instances[at].seen(lane).sweep = Some(sweep);
            self.call(at, Caller::Sweep(lane), op);
        }
    }

    /// The line as it stands.
    pub(super) fn line_at_one_stroke(&mut self, lane: Lane) -> Line {
        let mut census = Census::new(None).of(lane);
        let mut op: Op = census.begin();
        loop {
            match census.step(self.store.perform(&op)) {
                CensusStep::Store(next) => op = next,
                CensusStep::Done(line) => return line,
                CensusStep::Unavailable => panic!("this store can always be read"),
            }
        }
    }
}
