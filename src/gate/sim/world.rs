//! The simulated world: instances with clocks of their own, a store between them, and who relays at this moment.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use sluice_gate::Now;
use sluice_gate::history::Span;

use super::dice::Dice;
use super::executor::{Executor, Liveness, Owner};
use super::plan::{Plan, Stillness};
use super::store::{Values, call};
use crate::gate::place::Place;
use crate::world::{Outcome, World};

/// The whole.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) executor: Executor,
    pub(super) dice: RefCell<Dice>,
    pub(super) values: RefCell<Values>,
    pub(super) out_until_us: Cell<u64>,
    /// Nothing goes wrong any more.
    pub(super) is_quiet: Cell<bool>,
    pub(super) instances: RefCell<Vec<Clock>>,
    pub(super) relays: RefCell<Vec<Relay>>,
    pub(super) counts: RefCell<Counts>,
    /// How many slots are free for somebody who waits, and since when.
    pub(super) idle: Cell<(u64, u64)>,
    /// What clients saw, for the offline checker.
    pub(super) history: RefCell<Vec<Span>>,
    pub(super) trouble: RefCell<Option<String>>,
    pub(super) is_told: bool,
}

/// An answer that is relayed.
pub(super) struct Relay {
    pub(super) request: u64,
    pub(super) instance: usize,
    pub(super) place: Rc<Place<Instance>>,
}

/// What a run has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) arrived: u64,
    pub(super) served: u64,
    pub(super) left: u64,
    pub(super) stopped: u64,
    pub(super) refused: u64,
    pub(super) died: u64,
    pub(super) most_at_once: usize,
    pub(super) operations: u64,
    pub(super) faults: u64,
    /// How long slots were free while somebody waited, added up over the slots.
    pub(super) idle_us: u64,
}

impl Counts {
    /// How many have come to an end.
    pub(super) fn ended(&self) -> u64 {
        self.served + self.left + self.stopped + self.refused + self.died
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.arrived += other.arrived;
        self.served += other.served;
        self.left += other.left;
        self.stopped += other.stopped;
        self.refused += other.refused;
        self.died += other.died;
        self.most_at_once = self.most_at_once.max(other.most_at_once);
        self.operations += other.operations;
        self.faults += other.faults;
        self.idle_us += other.idle_us;
    }
}

/// The clocks of one instance, and whether it goes on.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    began_us: u64,
    mono_us: u64,
    wall_us: u64,
    drift_ppm: i64,
    /// How long each clock has stood still.
    mono_lost_us: u64,
    wall_lost_us: u64,
    jumped_ms: i64,
    still: Option<(u64, Stillness)>,
    pub(super) is_alive: bool,
    pub(super) capacity: u32,
    /// The monotonic time at which clocks that had stood still ran again, in milliseconds.
    pub(super) thawed_ms: Option<u64>,
}

impl Clock {
    fn now(&self, at_us: u64) -> (u64, u64) {
        let at_us = match self.still {
            Some((since_us, Stillness::Freeze)) => since_us,
            _ => at_us,
        };
        let mono_at_us = match self.still {
            Some((since_us, Stillness::Suspend)) => since_us,
            _ => at_us,
        };
        let run = |until_us: u64, lost_us: u64| {
            let ran_us = until_us.saturating_sub(self.began_us + lost_us);
            let drifted_us = i128::from(ran_us) * i128::from(self.drift_ppm) / 1_000_000;
            u64::try_from(i128::from(ran_us) + drifted_us).expect("clocks run forwards")
        };
        let mono_us = self.mono_us + run(mono_at_us, self.mono_lost_us);
        let wall_us = self.wall_us + run(at_us, self.wall_lost_us);
        (
            mono_us,
            wall_us.saturating_add_signed(self.jumped_ms * 1_000),
        )
    }
}

impl Shared {
    pub(super) fn new(plan: Plan, dice: Dice, is_told: bool) -> Rc<Shared> {
        let is_decimal = plan.is_decimal;
        Rc::new(Shared {
            plan,
            executor: Executor::default(),
            dice: RefCell::new(dice),
            values: RefCell::new(Values {
                is_decimal,
                ..Values::default()
            }),
            out_until_us: Cell::new(0),
            is_quiet: Cell::new(false),
            instances: RefCell::default(),
            relays: RefCell::default(),
            counts: RefCell::default(),
            idle: Cell::default(),
            history: RefCell::default(),
            trouble: RefCell::default(),
            is_told,
        })
    }

    /// An instance comes up.
    pub(super) fn come_up(self: &Rc<Self>) -> Instance {
        let mut dice = self.dice.borrow_mut();
        let drift_ppm = i64::try_from(self.plan.drift_ppm).expect("a small drift");
        let span = dice.below(2 * self.plan.drift_ppm + 1);
        let capacity = match self.plan.other_capacity {
            Some(other) if dice.coin() => other,
            _ => self.plan.capacity,
        };
        let mut instances = self.instances.borrow_mut();
        instances.push(Clock {
            began_us: self.executor.now_us(),
            mono_us: dice.between((1_000_000, 1 << 40)),
            // The hosts' clocks are up to an hour apart.
            wall_us: (1 << 50) + dice.between((0, 3_600_000_000)),
            drift_ppm: i64::try_from(span).expect("a small drift") - drift_ppm,
            mono_lost_us: 0,
            wall_lost_us: 0,
            jumped_ms: 0,
            still: None,
            is_alive: true,
            capacity,
            thawed_ms: None,
        });
        Instance {
            shared: self.clone(),
            index: instances.len() - 1,
        }
    }

    pub(super) fn liveness(&self, index: usize) -> Liveness {
        match self.instances.borrow().get(index) {
            Some(clock) if !clock.is_alive => Liveness::Dead,
            Some(clock) if clock.still.is_some() => Liveness::StandsStill,
            _ => Liveness::Runs,
        }
    }

    pub(super) fn stand_still(&self, index: usize, stillness: Stillness) {
        let now_us = self.executor.now_us();
        let mut instances = self.instances.borrow_mut();
        instances[index].still.get_or_insert((now_us, stillness));
    }

    pub(super) fn go_on(&self, index: usize) {
        let now_us = self.executor.now_us();
        let clock = &mut self.instances.borrow_mut()[index];
        let Some((since_us, stillness)) = clock.still.take() else {
            return;
        };
        let lost_us = now_us - since_us;
        match stillness {
            Stillness::Stall => {}
            Stillness::Suspend => clock.mono_lost_us += lost_us,
            Stillness::Freeze => {
                clock.mono_lost_us += lost_us;
                clock.wall_lost_us += lost_us;
                clock.thawed_ms = Some(clock.now(now_us).0 / 1_000);
            }
        }
    }

    pub(super) fn jump(&self, index: usize, ms: i64) {
        self.instances.borrow_mut()[index].jumped_ms += ms;
    }

    /// Dies with all its tasks.
    pub(super) fn crash(&self, index: usize) {
        self.instances.borrow_mut()[index].is_alive = false;
        self.executor.kill(index);
    }

    /// How many relay at this moment by their own clocks. One whose clocks stood still is not counted from then until the first
    /// renewal that it began after they ran again: no store can close that.
    pub(super) fn relaying(&self) -> usize {
        let own_limit_ms = super::own_limit_ms(&self.plan);
        let relays = self.relays.borrow();
        let counted = relays.iter().filter(|relay| {
            let (is_alive, is_frozen, thawed_ms) = {
                let clock = &self.instances.borrow()[relay.instance];
                let is_frozen = matches!(clock.still, Some((_, Stillness::Freeze)));
                (clock.is_alive, is_frozen, clock.thawed_ms)
            };
            let world = relay.place.world();
            let is_renewed = thawed_ms.is_none_or(|thawed_ms| {
                let until_ms = world.now().mono_ms + relay.place.relays_for_ms();
                until_ms > thawed_ms + own_limit_ms
            });
            is_alive && !is_frozen && is_renewed && relay.place.may_relay()
        });
        counted.count()
    }

    /// Something that chance decides.
    pub(super) fn throw<T>(&self, throw: impl FnOnce(&mut Dice) -> T) -> T {
        throw(&mut self.dice.borrow_mut())
    }

    /// Waits for so long.
    pub(super) async fn pause(&self, us: u64) {
        self.executor.sleep_until(self.executor.now_us() + us).await;
    }

    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.is_told {
            println!("{:>12} us: {}", self.executor.now_us(), what());
        }
    }

    pub(super) fn fail(&self, what: impl FnOnce() -> String) {
        let mut trouble = self.trouble.borrow_mut();
        if trouble.is_none() {
            *trouble = Some(format!("at {} us: {}", self.executor.now_us(), what()));
        }
    }
}

/// The world as one instance sees it.
#[derive(Clone)]
pub(super) struct Instance {
    pub(super) shared: Rc<Shared>,
    pub(super) index: usize,
}

impl Instance {
    fn operation<T: 'static>(
        &self,
        is_write: bool,
        what: impl FnOnce() -> String,
        effect: impl FnOnce(&mut Values) -> T + 'static,
    ) -> impl Future<Output = Outcome<T>> + 'static {
        self.shared.counts.borrow_mut().operations += 1;
        self.shared
            .say(|| format!("instance {}: {}", self.index, what()));
        call(self.shared.clone(), is_write, effect)
    }
}

impl World for Instance {
    fn now(&self) -> Now {
        let at_us = self.shared.executor.now_us();
        let (mono_us, wall_us) = self.shared.instances.borrow()[self.index].now(at_us);
        Now {
            mono_ms: mono_us / 1_000,
            wall_ms: wall_us / 1_000,
        }
    }

    fn now_us(&self) -> u64 {
        self.shared.instances.borrow()[self.index]
            .now(self.shared.executor.now_us())
            .0
    }

    fn random(&self) -> u64 {
        self.shared.dice.borrow_mut().next()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let executor = &self.shared.executor;
        executor.sleep_until(executor.now_us().saturating_add(us))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let owner = Owner::Instance(self.index);
        self.shared.executor.spawn(owner, task);
    }

    fn get(&self, key: String) -> impl Future<Output = Outcome<Option<Vec<u8>>>> + 'static {
        let what = format!("get {key}");
        self.operation(false, || what, move |values| values.keys.get(&key).cloned())
    }

    fn reads_many(&self) -> bool {
        self.shared.plan.reads_many
    }

    fn get_many(
        &self,
        keys: Vec<String>,
    ) -> impl Future<Output = Outcome<Vec<Option<Vec<u8>>>>> + 'static {
        let what = format!("get {}", keys.join(", "));
        self.operation(
            false,
            || what,
            move |values| {
                let values = keys.iter().map(|key| values.keys.get(key).cloned());
                values.collect()
            },
        )
    }

    fn set(&self, key: String, value: Vec<u8>) -> impl Future<Output = Outcome<()>> + 'static {
        let what = format!("put {key} {} bytes", value.len());
        self.operation(
            true,
            || what,
            move |values| {
                values.keys.insert(key, value);
            },
        )
    }

    fn delete(&self, key: String) -> impl Future<Output = Outcome<()>> + 'static {
        let what = format!("delete {key}");
        self.operation(
            true,
            || what,
            move |values| {
                values.keys.remove(&key);
            },
        )
    }

    fn increment(&self, key: String, by: u64) -> impl Future<Output = Outcome<u64>> + 'static {
        let what = format!("add {by} to {key}");
        self.operation(true, || what, move |values| values.increment(&key, by))
    }

    fn keys(&self) -> impl Future<Output = Outcome<Vec<String>>> + 'static {
        self.operation(
            false,
            || "list".to_owned(),
            |values| values.keys.keys().cloned().collect(),
        )
    }

    fn took(&self, _us: u64) {}

    fn fault(&self, error: &dyn fmt::Display) {
        self.shared.counts.borrow_mut().faults += 1;
        self.shared
            .say(|| format!("instance {}: {error}", self.index));
    }
}
