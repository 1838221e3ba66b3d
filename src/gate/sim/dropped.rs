//! Tasks that are dropped, as those of a request are whose client has gone, and operations that are given up: nothing is left undone,
//! and nobody is held up.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sluice_gate::Room;
use sluice_gate::instance::{Phase, Request};
use sluice_gate::policy::Rules;

use super::dice::Dice;
use super::executor::Liveness;
use super::plan::Plan;
use super::times;
use super::world::{Instance, Shared};
use crate::gate::driver::{Around, Gate};
use crate::gate::place::Place;
use crate::gate::ticket::TicketSecret;
use crate::store::{PATIENCE, Store};
use crate::world::{Outcome, StoreError, World as _};

/// One instance with one slot, whose operations take so long and never fail.
struct Scene {
    shared: Rc<Shared>,
    instance: Instance,
    store: Store<Instance>,
    gate: Gate<Instance>,
}

impl Scene {
    fn new(read_us: u64, write_us: u64) -> Scene {
        let mut dice = Dice::new(1);
        let plan = Plan {
            capacity: 1,
            other_capacity: None,
            ttl_ms: 2_000,
            read_us: (read_us, read_us + 1),
            write_us: (write_us, write_us + 1),
            faults: Vec::new(),
            ..Plan::of(&mut dice)
        };
        let shared = Shared::new(plan, dice, false);
        shared.is_quiet.set(true);
        let instance = shared.come_up();
        let rules = Rules {
            max_queue: 8,
            places_per_client: 8,
            batch_wait_max_ms: 1_000,
            model_turn_ms: Rules::MODEL_TURN_MS,
            swap_share: Rules::SWAP_SHARE,
        };
        let around = Around {
            room: Box::new(|| Room::one(1)),
            models: Box::new(Arc::default),
            load: Box::new(|_, _| {}),
        };
        let store = Store::new(instance.clone());
        let of_gate = store.clone();
        let gate = Gate::new(
            instance.clone(),
            of_gate,
            times(&shared.plan),
            rules,
            around,
        );
        Scene {
            shared,
            instance,
            store,
            gate,
        }
    }

    fn enter(&self) -> Place<Instance> {
        self.gate.enter(Request::default(), TicketSecret::of(0, 0))
    }

    /// Lets so much time pass, or less, until something is so.
    fn pass(&self, limit: Duration, is_so: impl Fn() -> bool) -> bool {
        let executor = &self.shared.executor;
        let until_us = executor.now_us() + u64::try_from(limit.as_micros()).expect("not ages");
        while !is_so() {
            if !executor.turn(until_us, |_| 0, |_| Liveness::Runs) {
                return is_so();
            }
        }
        true
    }

    fn list(&self) -> impl Future<Output = Outcome<Vec<String>>> + 'static {
        let store = self.store.clone();
        async move { store.keys(PATIENCE).await }
    }

    /// Writes the same key each time.
    fn put(&self, patience: Duration) -> impl Future<Output = Outcome<()>> + 'static {
        let store = self.store.clone();
        async move { store.put("a".to_owned(), Vec::new(), patience).await }
    }

    /// Begins an operation, and answers where its outcome will be.
    fn begin<T: 'static>(
        &self,
        operation: impl Future<Output = T> + 'static,
    ) -> Rc<RefCell<Option<T>>> {
        let outcome = Rc::new(RefCell::new(None));
        let told = outcome.clone();
        self.instance.spawn(async move {
            let ended = operation.await;
            told.replace(Some(ended));
        });
        outcome
    }

    /// Waits for a new store to settle, at least.
    fn until_relayed(&self, place: &Place<Instance>) -> bool {
        let is_relayed = || matches!(place.phase(), Phase::Relaying { .. });
        self.pass(Duration::from_secs(5), is_relayed)
    }
}

#[test]
fn a_slot_is_given_back_although_the_task_that_waits_with_it_is_dropped() {
    let scene = Scene::new(100, 100);
    let first = scene.enter();
    assert!(scene.until_relayed(&first));
    // Its upstream may still work for it: it gets a moment to notice.
    first.account().ask(0);
    first.end();
    scene.shared.executor.drop_last_of(scene.instance.index);
    let second = scene.enter();
    assert!(scene.until_relayed(&second));
}

#[test]
fn nothing_is_foreseen_for_one_that_waits_no_longer() {
    let scene = Scene::new(100, 100);
    let first = scene.enter();
    assert!(scene.until_relayed(&first));
    let waiting = scene.enter();
    assert!(scene.pass(Duration::from_secs(1), || waiting.is_in_line()));
    let board = scene.gate.cached(u64::MAX).expect("it was read");
    assert!(waiting.foreseen(&board).is_some());
    drop(first);
    assert!(scene.until_relayed(&waiting));
    assert_eq!(waiting.foreseen(&board), None, "it waits by an old board");
}

#[test]
fn the_gate_is_driven_although_the_task_that_was_to_do_it_is_dropped_before_it_began() {
    let scene = Scene::new(100, 100);
    let first = scene.enter();
    scene.shared.executor.drop_last_of(scene.instance.index);
    let second = scene.enter();
    assert!(scene.until_relayed(&first));
    drop(first);
    assert!(scene.until_relayed(&second));
}

#[test]
fn a_listing_that_hangs_is_given_up_and_holds_up_nobody_after_that() {
    let scene = Scene::new(1_000_000_000, 100);
    let listed = scene.begin(scene.list());
    let put = scene.begin(scene.put(2 * PATIENCE));
    assert!(scene.pass(3 * PATIENCE, || put.borrow().is_some()));
    assert_eq!(*put.borrow(), Some(Ok(())));
    assert_eq!(*listed.borrow(), Some(Err(StoreError::Late(PATIENCE))));
}

#[test]
fn a_write_that_is_given_up_before_its_turn_is_never_begun() {
    let scene = Scene::new(100, 8_000_000);
    let first = scene.begin(scene.put(PATIENCE));
    let second = scene.begin(scene.put(PATIENCE));
    assert!(scene.pass(2 * PATIENCE, || second.borrow().is_some()));
    assert_eq!(*first.borrow(), Some(Err(StoreError::Late(PATIENCE))));
    assert_eq!(*second.borrow(), Some(Err(StoreError::NotDone)));
    // What has begun goes on to its end, and the next of its key follows it.
    let third = scene.begin(scene.put(4 * PATIENCE));
    assert!(scene.pass(10 * PATIENCE, || third.borrow().is_some()));
    assert_eq!(*third.borrow(), Some(Ok(())));
    assert_eq!(scene.shared.counts.borrow().operations, 2);
}
