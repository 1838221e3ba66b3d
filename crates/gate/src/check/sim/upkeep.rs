//! Reading the line, tidying it, sweeping it: as `src/gate/line.rs` and `src/gate/tidying.rs` do.

use super::agenda::Item;
use super::instance::Caller;
use super::world::World;
use crate::turn::{Errand, Event};
use crate::{Call, Census, CensusStep, Line, Next, Op, Settings, Sweep, SweepStep};

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
            self.read(at);
        } else {
            self.instances[at].reads_on = false;
        }
    }

    /// Reads the line, or joins a reading under way.
    pub(super) fn read(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        if instance.reading.is_some() {
            return;
        }
        let floor = instance
            .last
            .as_ref()
            .and_then(|line| Some((line.epoch?, line.front)));
        let watched_to = instance.last.as_ref().map_or(0, |line| line.watched_to);
        let census = Census::new(floor).watching_from(watched_to);
        let op = census.begin();
        instance.reading = Some(census);
        self.call(at, Caller::Reader, op);
    }

    pub(super) fn read_further(&mut self, at: usize, event: Event) {
        let Some(mut census) = self.instances[at].reading.take() else {
            return;
        };
        match census.step(event) {
            CensusStep::Store(op) => {
                self.instances[at].reading = Some(census);
                self.call(at, Caller::Reader, op);
            }
            CensusStep::Done(line) => self.has_read(at, line),
            CensusStep::Unavailable => {
                let instance = &mut self.instances[at];
                instance.sightings.forget();
                if std::mem::take(&mut instance.upkeep_asks) {
                    _ = instance.upkeep.after_watching(None);
                }
            }
        }
    }

    fn has_read(&mut self, at: usize, mut line: Line) {
        let now = self.instances[at].now(self.at_us);
        let instance = &mut self.instances[at];
        let begun = instance.read_at.replace(now);
        let moved_us = instance.last.as_ref().and_then(|last| {
            let took_us = 1_000 * now.mono_ms.checked_sub(begun?.mono_ms)?;
            let starts = line.front.checked_sub(last.front)?;
            took_us
                .checked_div(starts)
                .filter(|_| last.epoch == line.epoch)
        });
        line.drop_lapsed(&mut instance.sightings, now);
        for index in &instance.desks {
            let turn = &mut self.requests[*index].turn;
            if let Some((_, ticket)) = turn.ticket() {
                turn.stand_behind(now, line.ahead_of(ticket), &line.ledger);
                if let Some(us) = moved_us {
                    turn.saw_line_move(us);
                }
                turn.learn(&instance.sightings);
            }
        }
        let call = instance.upkeep.after_a_reading(&line, instance.desks.len());
        let next = std::mem::take(&mut instance.upkeep_asks)
            .then(|| instance.upkeep.after_watching(Some(&line)));
        instance.last = Some(line);
        if call == Call::Begin {
            self.begin_upkeep(at);
        }
        match next {
            Some(Next::Tidy) => _ = self.enter(at, Errand::Tidy),
            Some(Next::Watch(rest_ms)) => {
                self.push(self.at_us + rest_ms * 1_000, Item::Upkeep(at));
            }
            Some(Next::Done) | None => {}
        }
    }

    /// The upkeep has rested, and wants a reading.
    pub(super) fn watch(&mut self, at: usize) {
        self.instances[at].upkeep_asks = true;
        self.read(at);
    }

    /// Begins a sweep over what the store lists now.
    pub(super) fn sweep(&mut self, at: usize) {
        if self.instances[at].sweep.is_some() {
            return;
        }
        let line = self.line_at_one_stroke();
        let wall_ms = self.instances[at].now(self.at_us).wall_ms;
        let mut settings = Settings::clamped(self.plan.capacity, self.plan.ttl_ms);
        settings.broken = self.broken;
        let mut names: Vec<String> = self.store.values.keys().map(crate::Key::name).collect();
        names.sort_unstable();
        let mut sweep = Sweep::new(&settings, &line, names, wall_ms);
        if let SweepStep::Store(op) = sweep.begin() {
            self.instances[at].sweep = Some(sweep);
            self.call(at, Caller::Sweep, op);
        }
    }

    pub(super) fn sweep_further(&mut self, at: usize, event: Event) {
        let Some(mut sweep) = self.instances[at].sweep.take() else {
            return;
        };
        if let SweepStep::Store(op) = sweep.step(event) {
            self.instances[at].sweep = Some(sweep);
            self.call(at, Caller::Sweep, op);
        }
    }

    /// The line as it stands.
    pub(super) fn line_at_one_stroke(&mut self) -> Line {
        let mut census = Census::new(None);
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
