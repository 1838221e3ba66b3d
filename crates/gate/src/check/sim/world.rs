//! The simulated world: virtual time, the queue of what falls due, and the invariants that are asked after each of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::agenda::{Entry, Item};
use super::dice::Dice;
use super::instance::Instance;
use super::plan::{Fault, Plan, Stillness};
use super::request::Request;
use super::store::Store;
use super::tally::Tally;
use crate::Key;
use crate::check::ghost::Ghost;
use crate::rule::Rule;
use crate::turn::{Outcome, Phase};

/// The whole.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    pub(super) broken: Option<Rule>,
    pub(super) at_us: u64,
    items: BinaryHeap<Reverse<Entry>>,
    pushed: u64,
    pub(super) calls: u64,
    pub(super) store: Store,
    pub(super) out_until_us: u64,
    pub(super) instances: Vec<Instance>,
    pub(super) requests: Vec<Request>,
    pub(super) ghost: Ghost,
    /// Who relays, as its own turn has it.
    pub(super) holders: Vec<usize>,
    /// Who has the right to draw in the main line.
    pub(super) rights: Vec<usize>,
    /// Who came through the batch line and waits in the main line.
    pub(super) drawn: Vec<usize>,
    /// Chance that decides on clients and their requests alone.
    pub(super) clients_dice: Dice,
    pub(super) alive: usize,
    pub(super) arrived: u64,
    faults_left: usize,
    /// Nobody comes any more and nothing goes wrong.
    pub(super) quiet_from_us: Option<u64>,
    pub(super) froze: bool,
    pub(super) trouble: Option<String>,
    /// Whether what happens is printed.
    pub(super) is_told: bool,
    pub(super) tally: Tally,
}

impl World {
    pub(super) fn new(seed: u64, broken: Option<Rule>) -> World {
        let mut dice = Dice::new(seed);
        let mut clients_dice = Dice::new(!seed);
        let plan = Plan::of(&mut dice).with_keys(&mut clients_dice);
        World::of(plan, dice, clients_dice, broken)
    }

    /// The world of a plan.
    pub(super) fn of(plan: Plan, dice: Dice, clients_dice: Dice, broken: Option<Rule>) -> World {
        let mut world = World {
            dice,
            broken,
            at_us: 0,
            items: BinaryHeap::new(),
            pushed: 0,
            calls: 0,
            store: Store::default(),
            out_until_us: 0,
            instances: Vec::new(),
            requests: Vec::new(),
            ghost: Ghost::default(),
            holders: Vec::new(),
            rights: Vec::new(),
            drawn: Vec::new(),
            clients_dice,
            alive: 0,
            arrived: 0,
            faults_left: plan.faults.len(),
            quiet_from_us: None,
            froze: false,
            trouble: None,
            is_told: false,
            tally: Tally::default(),
            plan,
        };
        if world.plan.is_settled {
            world.store.settle();
        }
        for _ in 0..world.plan.instances {
            world.come_up();
        }
        for (at_us, fault) in world.plan.faults.clone() {
            world.push(at_us, Item::Fault(fault));
        }
        world.push(0, Item::Arrive);
        world
    }

    /// Lets an item fall due.
    pub(super) fn push(&mut self, at_us: u64, item: Item) {
        self.pushed += 1;
        self.items.push(Reverse(Entry(at_us, self.pushed, item)));
    }

    /// Lets the next item happen. `false`: nothing is left.
    pub(super) fn step(&mut self) -> bool {
        let Some(Reverse(Entry(at_us, _, item))) = self.items.pop() else {
            return false;
        };
        self.at_us = at_us.max(self.at_us);
        self.tally.events += 1;
        self.happen(item);
        self.judge();
        true
    }

    pub(super) fn happen(&mut self, item: Item) {
        if let Some(index) = self.instance_of(&item) {
            let instance = &mut self.instances[index];
            if !instance.is_alive {
                return;
            }
            if instance.still_until_us.is_some() {
                instance.missed.push(item);
                return;
            }
        }
        match item {
            Item::Arrive => self.arrive(),
            Item::Effect(instance, number) => self.effect(instance, number),
            Item::Answer(instance, number) => self.answer(instance, number),
            Item::Due(request, rest) => self.due(request, rest),
            Item::Hangup(request) => self.hang_up(request),
            Item::Served(request, grant) => self.served(request, grant),
            Item::Read(instance) => self.read_on(instance),
            Item::Upkeep(instance, lane) => self.watch(instance, lane),
            Item::Usher(request) => self.usher(request),
            Item::Patience(instance) => self.lose_patience(instance),
            Item::Fault(fault) => self.go_wrong(fault),
            Item::Wake(instance) => self.wake(instance),
            Item::Land(op) => {
                self.put_down(&op);
                _ = self.store.perform(&op);
            }
        }
    }

    /// Whose items they are: one that stands still misses them.
    fn instance_of(&self, item: &Item) -> Option<usize> {
        match item {
            Item::Effect(instance, number) => {
                // What the store has is done, whatever becomes of the instance.
                let call = self.instances[*instance].under_way.as_ref();
                let is_sent = call.is_some_and(|call| call.number == *number && call.is_sent);
                (!is_sent).then_some(*instance)
            }
            Item::Answer(instance, _)
            | Item::Read(instance)
            | Item::Upkeep(instance, _)
            | Item::Patience(instance) => Some(*instance),
            Item::Due(request, _)
            | Item::Hangup(request)
            | Item::Usher(request)
            | Item::Served(request, _) => Some(self.requests[*request].instance),
            Item::Arrive | Item::Fault(_) | Item::Wake(_) | Item::Land(_) => None,
        }
    }

    fn wake(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        if instance
            .still_until_us
            .is_none_or(|until_us| until_us > self.at_us)
        {
            return;
        }
        instance.go_on(self.at_us);
        for item in std::mem::take(&mut self.instances[index].missed) {
            self.happen(item);
            self.judge();
        }
        self.pump(index);
    }

    fn come_up(&mut self) {
        let drift = self.dice.between((0, 2 * self.plan.drift_ppm));
        let drift_ppm =
            i64::try_from(drift).unwrap_or(0) - i64::try_from(self.plan.drift_ppm).unwrap_or(0);
        let capacity = match self.plan.other_capacity {
            Some(other) if self.dice.coin() => other,
            _ => self.plan.capacity,
        };
        let mono_us = self.dice.between((1_000_000, 1 << 40));
        // The hosts' clocks are minutes apart.
        let wall_us = (1 << 50) + self.dice.between((0, 3_600_000_000));
        let instance = Instance::new(self.at_us, capacity, mono_us, wall_us, drift_ppm);
        self.instances.push(instance);
    }

    /// One that is alive.
    pub(super) fn some_instance(&mut self) -> usize {
        let alive: Vec<usize> = (0..self.instances.len())
            .filter(|index| self.instances[*index].is_alive)
            .collect();
        self.dice.one_of(&alive)
    }

    fn go_wrong(&mut self, fault: Fault) {
        self.faults_left -= 1;
        let index = self.some_instance();
        self.say(|| format!("instance {index}: {fault:?}"));
        match fault {
            Fault::Crash => {
                self.crash(index);
                self.come_up();
            }
            Fault::Pause(stillness, for_us) => {
                let until_us = self.at_us + for_us;
                self.froze |= stillness == Stillness::Freeze;
                if self.instances[index].still_until_us.is_none() {
                    self.hold_back(index);
                    self.instances[index].stand_still(self.at_us, until_us, stillness);
                    self.push(until_us, Item::Wake(index));
                }
            }
            Fault::Outage(for_us) => self.out_until_us = self.at_us + for_us,
            Fault::Empty => {
                self.store.empty();
            }
            Fault::Sweep => self.sweep_all(index),
            Fault::Jump(ms) => self.instances[index].jump(self.at_us, ms),
        }
        self.maybe_quiet();
    }

    /// A call that has not left yet may or may not leave before its instance stands still.
    fn hold_back(&mut self, index: usize) {
        let stays = self.dice.coin();
        if let Some(call) = &mut self.instances[index].under_way
            && call.outcome.is_none()
        {
            call.is_sent &= !stays;
        }
    }

    fn crash(&mut self, index: usize) {
        let is_done_still = self.dice.coin();
        let instance = &mut self.instances[index];
        instance.is_alive = false;
        let lost = std::mem::take(&mut instance.desks);
        if let Some(call) = &mut instance.under_way {
            call.is_sent &= is_done_still;
        }
        for request in lost {
            self.close(request);
        }
    }

    /// Whether anything can still go wrong; afterwards everybody has to come to an end.
    pub(super) fn maybe_quiet(&mut self) {
        if self.arrived >= self.plan.requests
            && self.faults_left == 0
            && self.quiet_from_us.is_none()
        {
            let still = self
                .instances
                .iter()
                .filter_map(|instance| instance.still_until_us);
            let until_us = still.chain([self.out_until_us, self.at_us]).max();
            self.quiet_from_us = until_us;
        }
    }

    /// Until when everybody has to have come to an end, generously.
    fn deadline_us(&self) -> Option<u64> {
        let plan = &self.plan;
        let work_us = plan.requests * (plan.service_us + 20 * plan.write_us.1);
        // Each start may stand behind a look of everybody in its instance.
        let looks_us = plan.requests * plan.requests / plan.instances as u64 * plan.read_us.1;
        let lapses_us = 20 * 1_000 * u64::from(plan.ttl_ms);
        let behind_us = plan.keys.map_or(0, |keys| {
            1_000 * (keys.batch_wait_max_ms + 200 * plan.requests)
        });
        Some(self.quiet_from_us? + 2 * work_us + looks_us + lapses_us + behind_us + 60_000_000)
    }

    /// Prints what happened, if this run is told.
    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.is_told {
            println!("{:>12} us: {}", self.at_us, what());
        }
    }

    pub(super) fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.trouble.is_none() {
            self.trouble = Some(format!("at {} us: {}", self.at_us, what()));
        }
    }

    /// The invariants, after each step.
    fn judge(&mut self) {
        let bound = self.plan.other_capacity.unwrap_or(self.plan.capacity) as usize;
        if self.holders.len() > bound.min(self.tally.most_at_once) {
            let relaying = self.count_holding(&self.holders);
            self.tally.most_at_once = self.tally.most_at_once.max(relaying);
            if relaying > bound {
                self.fail(|| format!("{relaying} relay, {bound} may"));
            }
        }
        self.judge_rights();
        if self.ghost.out_of_order {
            self.fail(|| "tickets start out of order".to_owned());
        }
        if self.ghost.passed_over_one_that_started {
            self.fail(|| "one who started was passed over".to_owned());
        }
        if self.alive > 0
            && self
                .deadline_us()
                .is_some_and(|deadline| self.at_us > deadline)
        {
            let waiting = self.alive;
            self.fail(|| format!("{waiting} have not come to an end"));
        }
    }

    /// How many may relay at this moment. One whose clocks stood still goes on until it reads its verdict, or that the epoch
    /// is another: no store can close that, so it is not counted.
    pub(super) fn count_holding(&self, holders: &[usize]) -> usize {
        let relays = |index: &&usize| {
            let request = &self.requests[**index];
            let instance = &self.instances[request.instance];
            let (epoch, ticket) = request.turn.ticket().unwrap_or_default();
            let lane = request.turn.settings().lane;
            let in_force = self.store.epoch().map(|epoch| lane.word(epoch));
            let is_told = self.store.get(&Key::Gone(epoch, ticket)).is_some();
            let is_condemned = self.froze && (is_told || in_force != Some(epoch));
            instance.is_alive
                && request.turn.phase() == Phase::Relaying
                && !request.turn.lapsed(instance.now(self.at_us))
                && !is_condemned
        };
        holders.iter().filter(relays).count()
    }

    pub(super) fn count(&mut self, outcome: Option<Outcome>) {
        let tally = &mut self.tally;
        match outcome {
            Some(Outcome::Served) => tally.served += 1,
            Some(Outcome::Left | Outcome::Cancelled) => tally.left += 1,
            Some(Outcome::Stopped(_)) => tally.stopped += 1,
            Some(Outcome::StoreUnavailable) => tally.unavailable += 1,
            None => {}
        }
    }
}
