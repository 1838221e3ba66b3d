//! The task that drives an instance of the gate: it does what the machine asks for, and tells it what came of it.
//!
//! # Shape
//! One task for each instance, begun by whoever needs it and over when there is nothing left to do. It belongs to the request that
//! began it, as every task of a component does. Should that be dropped, whoever waits at the gate begins another: what was under
//! way is told as unresolved, which it is.
//!
//! # Limits
//! No rule of the protocol is here. An event that the machine takes for illegal is a fault of this file: the machine is begun anew,
//! relays lapse by their own timers, and nobody is started twice.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{Either, poll_fn, select};
use sluice_gate::Room;
use sluice_gate::instance::{Context, Effect, Event, Instance, RequestNo};
use sluice_gate::models::Models;
use sluice_gate::policy::Rules;
use sluice_gate::store::Found;
use sluice_gate::times::Times;

use super::foresight::Foresight;
use super::last::Readings;
use super::upgrade;
use super::wakers::{PhaseWakers, Wakers};
use crate::store::Store;
use crate::world::World;

/// The gate of one instance: cheap to clone, one for all its requests.
pub struct Gate<W: World>(pub(super) Rc<Shared<W>>);

impl<W: World> Clone for Gate<W> {
    fn clone(&self) -> Self {
        Gate(self.0.clone())
    }
}

/// What is around the gate: asked at each step, so nothing in here waits.
pub struct Around {
    /// How many may relay now, and where.
    pub room: Box<dyn Fn() -> Room>,
    /// What is known of models.
    pub models: Box<dyn Fn() -> Arc<Models>>,
    /// Begins to load a model at an upstream, if that is not under way: it is asked for again while it is wanted.
    pub load: Box<dyn Fn(u8, u64)>,
}

/// The longest rest that a slow reading leads to, in microseconds, of one who has nobody before it.
const REST_AT_MOST_US: u64 = 8_000;

/// Whoever has others before it rests so much longer for each of them, and for so many at most.
const LONGER: u64 = 2;
const BEFORE_AT_MOST: u64 = 3;

/// After so long a load that is still wanted is asked for again, in milliseconds.
const LOAD_AGAIN_MS: u64 = 2_000;

pub(super) struct Shared<W: World> {
    pub(super) world: W,
    pub(super) store: Store<W>,
    pub(super) machine: RefCell<Instance>,
    pub(super) settings: Cell<(Times, Rules)>,
    pub(super) around: Around,
    /// When each load was asked for last, of those that are wanted.
    loads: RefCell<Vec<((u8, u64), u64)>>,
    /// What the machine asked for and was not answered.
    outstanding: RefCell<Option<Effect>>,
    pub(super) readings: Readings,
    pub(super) foresight: Foresight,
    /// No chain of tickets is in use in the same store.
    is_chain_over: Cell<bool>,
    /// How long operations take at present, in milliseconds.
    pace_ms: Cell<u64>,
    /// How long the last reading took, and when it ended, in microseconds of the monotonic clock.
    last_read_us: Cell<(u64, u64)>,
    /// How many operations have failed, and whether the last one did.
    pub(super) failures: Cell<u64>,
    pub(super) is_failing: Cell<bool>,
    is_driven: Cell<bool>,
    /// Something was noted since the last step.
    is_noted: Cell<bool>,
    noted: Wakers,
    /// Anything may have changed.
    changed: Wakers,
    /// A request may be in another phase.
    phases: PhaseWakers,
}

impl<W: World> Gate<W> {
    /// A gate at which nobody has been yet.
    pub fn new(world: W, store: Store<W>, times: Times, rules: Rules, around: Around) -> Gate<W> {
        Gate(Rc::new(Shared {
            world,
            store,
            machine: RefCell::new(Instance::new(times, rules)),
            settings: Cell::new((times, rules)),
            around,
            loads: RefCell::default(),
            outstanding: RefCell::default(),
            readings: Readings::default(),
            foresight: Foresight::default(),
            is_chain_over: Cell::new(false),
            pace_ms: Cell::new(0),
            last_read_us: Cell::default(),
            failures: Cell::new(0),
            is_failing: Cell::new(false),
            is_driven: Cell::new(false),
            is_noted: Cell::new(false),
            noted: Wakers::default(),
            changed: Wakers::default(),
            phases: PhaseWakers::default(),
        }))
    }

    /// Tells the machine something, and lets it go on at once.
    pub(super) fn note<T>(&self, tell: impl FnOnce(&mut Instance) -> T) -> T {
        let told = tell(&mut self.0.machine.borrow_mut());
        self.0.is_noted.set(true);
        self.0.noted.wake();
        self.ensure_driven();
        told
    }

    /// Begins the task, if there is none.
    pub(super) fn ensure_driven(&self) {
        if !self.0.is_driven.replace(true) {
            // Not made by the task: one that is dropped before it is polled would leave the gate without another.
            let driving = Driving {
                gate: self.clone(),
                is_at_rest: Cell::new(false),
            };
            self.0.world.spawn(async move {
                driving.gate.drive().await;
                driving.is_at_rest.set(true);
            });
        }
    }

    async fn drive(&self) {
        if !self.0.is_chain_over.get() {
            self.await_chain().await;
        }
        let mut event = self.resumed();
        loop {
            self.0.is_noted.set(false);
            let effect = self.step(event);
            self.0.outstanding.replace(Some(effect.clone()));
            self.publish();
            let begun_us = self.0.world.now_us();
            event = match effect {
                Effect::Write { op, patience_ms } => {
                    let event = self.write(op, Duration::from_millis(patience_ms)).await;
                    self.note_pace(begun_us);
                    event
                }
                Effect::Read { keys, patience_ms } => {
                    let patience = Duration::from_millis(patience_ms);
                    let found = self.read_all(keys, patience).await;
                    self.0.last_read_us.set(self.note_pace(begun_us));
                    Event::Read(found)
                }
                Effect::Rest { until_ms } => self.rest(until_ms).await,
                Effect::Quiet if self.0.is_noted.get() => Event::Due,
                Effect::Quiet => return,
            };
        }
    }

    /// An operation that took long counts at once, and is forgotten over some that did not. How long it took, and when it ended, in
    /// microseconds.
    fn note_pace(&self, begun_us: u64) -> (u64, u64) {
        let now_us = self.0.world.now_us();
        let took_us = now_us.saturating_sub(begun_us);
        let took_ms = took_us / 1_000;
        let pace_ms = self.0.pace_ms.get();
        self.0
            .pace_ms
            .set(took_ms.max(pace_ms - pace_ms.div_ceil(8)));
        (took_us, now_us)
    }

    /// Wakes whoever waits for what the machine may have done, and asks for what is to be loaded.
    fn publish(&self) {
        self.ask_for_loads();
        let shared = &self.0;
        shared.changed.wake();
        if shared.is_failing.get() {
            shared.phases.wake_all();
        } else {
            self.wake_phases();
        }
    }

    /// Wakes those whose request is in another phase.
    pub(super) fn wake_phases(&self) {
        let shared = &self.0;
        shared
            .phases
            .wake(|request| shared.machine.borrow().phase(request));
    }

    fn ask_for_loads(&self) {
        let wanted = self.0.machine.borrow().loads();
        let mut loads = self.0.loads.borrow_mut();
        loads.retain(|(load, _)| wanted.contains(load));
        if wanted.is_empty() {
            return;
        }
        let now_ms = self.0.world.now().mono_ms;
        for load in wanted {
            match loads.iter_mut().find(|(other, _)| *other == load) {
                Some((_, asked_ms)) if now_ms.saturating_sub(*asked_ms) < LOAD_AGAIN_MS => continue,
                Some((_, asked_ms)) => *asked_ms = now_ms,
                None => loads.push((load, now_ms)),
            }
            (self.0.around.load)(load.0, load.1);
        }
    }

    /// Nothing is asked of the machine while a chain of tickets may be in use in the same store.
    async fn await_chain(&self) {
        let shared = &self.0;
        let ttl = Duration::from_millis(shared.settings.get().0.ttl_ms);
        let seen = |is_good| {
            self.note_outcome(is_good);
            if !is_good {
                shared.phases.wake_all();
            }
        };
        let (world, store) = (&shared.world, &shared.store);
        let is_to_be_removed = upgrade::chain_is_over(world, store, ttl, seen).await;
        shared.is_chain_over.set(true);
        if is_to_be_removed {
            let store = shared.store.clone();
            // What is left the next one removes.
            shared
                .world
                .spawn(async move { _ = upgrade::remove_chain(&store).await });
        }
    }

    /// What is told of an effect that a driver before this one was asked for.
    fn resumed(&self) -> Event {
        match self.0.outstanding.take() {
            Some(Effect::Write { .. }) => Event::Unresolved,
            Some(Effect::Read { keys, .. }) => Event::Read(vec![Found::Failed; keys.len()]),
            Some(Effect::Rest { .. } | Effect::Quiet) | None => Event::Due,
        }
    }

    fn step(&self, event: Event) -> Effect {
        let world = &self.0.world;
        let context = Context {
            now: world.now(),
            room: (self.0.around.room)(),
            models: (self.0.around.models)(),
            random: world.random(),
            op_ms: self.0.pace_ms.get(),
        };
        let mut machine = self.0.machine.borrow_mut();
        match machine.step(event, &context) {
            Ok(effect) => effect,
            Err(illegal) => {
                world.fault(&illegal);
                let (times, rules) = self.0.settings.get();
                *machine = Instance::new(times, rules);
                Effect::Quiet
            }
        }
    }

    /// Rests until it is time, or something was noted; after a reading as long as that took, within bounds, and several times as long
    /// behind others. Many instances on a store that does one thing after another (Spin's SQLite) would else keep it at work with
    /// their looks alone, and whoever is next would wait for those who are not.
    async fn rest(&self, until_ms: u64) -> Event {
        let (took_us, read_us) = self.0.last_read_us.get();
        let before = u64::from(self.0.machine.borrow().distance()).min(BEFORE_AT_MOST);
        let rest_us = took_us.min(REST_AT_MOST_US) * (1 + LONGER * before);
        // To the beginning of that millisecond, not as much later as the rest has begun after one.
        let until_us = until_ms
            .saturating_mul(1_000)
            .max(read_us.saturating_add(rest_us));
        let left_us = until_us.saturating_sub(self.0.world.now_us());
        let noted = poll_fn(|context| {
            self.0.noted.register(context.waker());
            if self.0.is_noted.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let slept = self.0.world.sleep(Duration::from_micros(left_us));
        select(pin!(noted), pin!(slept)).await;
        Event::Due
    }

    /// Waits until `found` finds something, looking after each step of the machine.
    pub(super) async fn until<T>(&self, mut found: impl FnMut(&Instance) -> Option<T>) -> T {
        poll_fn(|context| {
            self.0.changed.register(context.waker());
            let answer = found(&self.0.machine.borrow());
            match answer {
                Some(answer) => Poll::Ready(answer),
                None => {
                    self.ensure_driven();
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The same for one request, looking when its phase is another one or the store fails.
    pub(super) async fn until_phase<T>(
        &self,
        request: RequestNo,
        mut found: impl FnMut(&Instance) -> Option<T>,
    ) -> T {
        poll_fn(|context| {
            let machine = self.0.machine.borrow();
            if let Some(answer) = found(&machine) {
                return Poll::Ready(answer);
            }
            let phase = machine.phase(request);
            self.0.phases.register(request, phase, context.waker());
            drop(machine);
            self.ensure_driven();
            Poll::Pending
        })
        .await
    }

    /// The same, for so long.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        awaited: impl Future<Output = T>,
    ) -> Option<T> {
        match select(pin!(awaited), pin!(self.0.world.sleep(limit))).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(_) => None,
        }
    }
}

/// While it lives the machine is driven.
struct Driving<W: World> {
    gate: Gate<W>,
    /// There was nothing left to do.
    is_at_rest: Cell<bool>,
}

impl<W: World> Drop for Driving<W> {
    fn drop(&mut self) {
        let shared = &self.gate.0;
        shared.is_driven.set(false);
        if !self.is_at_rest.get() {
            // The task was dropped: whoever waits begins another.
            shared.changed.wake();
            shared.phases.wake_all();
        }
    }
}
