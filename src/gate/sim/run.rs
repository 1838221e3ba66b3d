//! One run: clients that come and go, what goes wrong, and what must hold at every moment and at the end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use sluice_gate::history::{self, Law};
use sluice_gate::instance::{Phase, Request};
use sluice_gate::policy::{Class, Rules};
use sluice_gate::{Room, Wants};

use super::client::Client;
use super::dice::Dice;
use super::executor::Owner;
use super::plan::{Fault, Plan};
use super::times;
use super::world::{Counts, Instance, Shared};
use crate::gate::driver::{Around, Gate};
use crate::gate::ticket::TicketSecret;
use crate::store::Store;

/// Runs a seed to its end.
///
/// # Errors
/// What did not hold, and when.
pub(super) fn run(seed: u64, is_told: bool) -> Result<Counts, String> {
    run_with(seed, is_told, |_| {})
}

/// The same, with a plan that is changed.
///
/// # Errors
/// The same.
pub(super) fn run_with(
    seed: u64,
    is_told: bool,
    change: impl FnOnce(&mut Plan),
) -> Result<Counts, String> {
    let mut dice = Dice::new(seed);
    let mut plan = Plan::of(&mut dice);
    change(&mut plan);
    if is_told {
        println!("{plan:#?}");
    }
    let run = Run::new(plan, dice, is_told);
    let ended = run.to_the_end();
    let counts = *run.shared.counts.borrow();
    match ended {
        Ok(()) => Ok(counts),
        Err(trouble) => Err(format!("{trouble}; {counts:?}")),
    }
}

struct Run {
    shared: Rc<Shared>,
    gates: RefCell<Vec<Gate<Instance>>>,
}

impl Run {
    fn new(plan: Plan, dice: Dice, is_told: bool) -> Rc<Run> {
        let run = Rc::new(Run {
            shared: Shared::new(plan, dice, is_told),
            gates: RefCell::default(),
        });
        for _ in 0..run.shared.plan.instances {
            run.come_up();
        }
        let (clients, troubles) = (run.clone(), run.clone());
        run.shared
            .executor
            .spawn(Owner::World, async move { clients.arrive_all().await });
        run.shared
            .executor
            .spawn(Owner::World, async move { troubles.go_wrong().await });
        run
    }

    fn come_up(&self) -> usize {
        let world = self.shared.come_up();
        let plan = &self.shared.plan;
        let rules = Rules {
            max_queue: u32::MAX,
            places_per_client: plan.places,
            batch_wait_max_ms: plan.service_us / 50,
            model_turn_ms: Rules::MODEL_TURN_MS,
            swap_share: Rules::SWAP_SHARE,
        };
        let store = Store::new(world.clone());
        let index = world.index;
        let room = Room::one(self.shared.instances.borrow()[index].capacity);
        let around = Around {
            room: Box::new(move || room),
            models: Box::new(Arc::default),
            load: Box::new(|_, _| {}),
        };
        let gate = Gate::new(world, store, times(plan), rules, around);
        self.gates.borrow_mut().push(gate);
        index
    }

    fn to_the_end(self: &Rc<Self>) -> Result<(), String> {
        self.until(
            || self.is_over(),
            self.deadline_us(),
            "have not come to an end",
        )?;
        let stopped = self.shared.counts.borrow().stopped;
        if self.shared.plan.is_faultless() && self.shared.plan.renews_in_time() && stopped > 0 {
            return Err(format!(
                "{stopped} were stopped although nothing went wrong"
            ));
        }
        self.judge_history()?;
        self.judge_idle()?;
        self.nothing_is_left()
    }

    /// The same again by whoever knows nothing of the gate. An instance that stands still relays nothing, but its client cannot tell.
    fn judge_history(&self) -> Result<(), String> {
        let plan = &self.shared.plan;
        let is_ordered = plan.is_faultless() && plan.clients == 0 && plan.batch == 0;
        let law = Law {
            capacity: plan.bound(),
            overlap_us: 0,
            slack_us: 0,
        };
        let findings = history::check(&self.shared.history.borrow(), &law);
        if !plan.has_pauses() && !findings.overlaps.is_empty() {
            return Err(format!("too many at once: {:?}", findings.overlaps));
        }
        if is_ordered && !findings.passed.is_empty() {
            return Err(format!("one passed another: {:?}", findings.passed));
        }
        Ok(())
    }

    /// Runs until `is_done`, at most to `deadline_us`.
    fn until(
        &self,
        is_done: impl Fn() -> bool,
        deadline_us: u64,
        what: &str,
    ) -> Result<(), String> {
        let shared = &self.shared;
        while !is_done() {
            let choose = |count: usize| {
                let count = u64::try_from(count).expect("a few");
                usize::try_from(shared.dice.borrow_mut().below(count)).expect("one of them")
            };
            let goes_on = shared
                .executor
                .turn(deadline_us, choose, |index| shared.liveness(index));
            self.judge();
            if let Some(trouble) = shared.trouble.borrow_mut().take() {
                return Err(trouble);
            }
            if !goes_on {
                let counts = shared.counts.borrow();
                return Err(format!(
                    "{what} by {} us: {counts:?}",
                    shared.executor.now_us()
                ));
            }
            if shared.executor.polls() > POLLS_MAX {
                return Err(format!("it spins at {} us", shared.executor.now_us()));
            }
        }
        Ok(())
    }

    fn judge(&self) {
        let shared = &self.shared;
        self.count_idle();
        let bound = shared.plan.bound();
        let most = shared.counts.borrow().most_at_once;
        if shared.relays.borrow().len() > bound.min(most) {
            let relaying = shared.relaying();
            let mut counts = shared.counts.borrow_mut();
            counts.most_at_once = most.max(relaying);
            if relaying > bound {
                shared.fail(|| format!("{relaying} relay, {bound} may"));
            }
        }
    }

    fn count_idle(&self) {
        let (shared, now_us) = (&self.shared, self.shared.executor.now_us());
        let mut counts = shared.counts.borrow_mut();
        let (slots, since_us) = shared.idle.get();
        counts.idle_us += slots * (now_us - since_us);
        let relaying = shared.relays.borrow().len() as u64;
        let waiting = (counts.arrived - counts.ended()).saturating_sub(relaying);
        let free = u64::from(shared.plan.capacity).saturating_sub(relaying);
        shared.idle.set((free.min(waiting), now_us));
    }

    /// Where nothing goes wrong no slot stands free for much longer than the store needs for a hand-off.
    fn judge_idle(&self) -> Result<(), String> {
        let (plan, counts) = (&self.shared.plan, *self.shared.counts.borrow());
        let handoff_us = HANDOFF_OPS * (plan.read_us.1 + plan.write_us.1) + 20_000;
        let begin_us = u64::from(plan.capacity) * 3_000 * u64::from(plan.ttl_ms);
        let bound_us = begin_us + counts.arrived * handoff_us;
        match plan.is_faultless() && counts.idle_us > bound_us {
            true => Err(format!(
                "slots stood free for {} us, the bound is {bound_us}",
                counts.idle_us
            )),
            false => Ok(()),
        }
    }

    fn is_over(&self) -> bool {
        let counts = self.shared.counts.borrow();
        counts.arrived == self.shared.plan.requests
            && counts.ended() == counts.arrived
            && self.shared.is_quiet.get()
    }

    /// Until when everybody has to have come to an end, generously.
    fn deadline_us(&self) -> u64 {
        let plan = &self.shared.plan;
        let each_us = plan.service_us + 40 * (plan.write_us.1 + plan.read_us.1) + 20_000;
        let work_us = plan.requests * each_us;
        let lapses_us = 30 * 1_000 * u64::from(plan.ttl_ms);
        4 * plan.span_us() + 2 * work_us + lapses_us + 120_000_000
    }

    /// As many as may relay come to a new instance, and all of them must start: nothing leaked.
    fn nothing_is_left(self: &Rc<Self>) -> Result<(), String> {
        let shared = self.shared.clone();
        let index = self.come_up();
        let capacity = shared.instances.borrow()[index].capacity;
        let begun_us = shared.executor.now_us();
        let started = Rc::new(Cell::new(0));
        for _ in 0..capacity {
            let (gate, started) = (self.gates.borrow()[index].clone(), started.clone());
            shared.executor.spawn(Owner::Instance(index), async move {
                let place = gate.enter(Request::default(), TicketSecret::of(0, 0));
                let mut phase = place.phase();
                while !matches!(phase, Phase::Relaying { .. }) {
                    phase = place.changed_from(phase).await;
                }
                started.set(started.get() + 1);
                std::future::pending::<()>().await;
            });
        }
        let limit_us = begun_us + 3_000 * u64::from(shared.plan.ttl_ms) + 5_000_000;
        self.until(
            || started.get() == capacity,
            limit_us,
            "a slot leaked: not all start",
        )
    }

    async fn arrive_all(self: Rc<Self>) {
        let plan = self.shared.plan.clone();
        let mut left = plan.requests;
        while left > 0 {
            let burst = (1 + self.shared.throw(|dice| dice.below(plan.burst))).min(left);
            for _ in 0..burst {
                self.clone().arrive();
            }
            left -= burst;
            let gap_us = self.shared.throw(|dice| dice.exponential(plan.gap_us));
            self.shared.pause(gap_us).await;
        }
    }

    fn arrive(self: Rc<Self>) {
        let plan = &self.shared.plan;
        let number = {
            let mut counts = self.shared.counts.borrow_mut();
            counts.arrived += 1;
            counts.arrived
        };
        let index = self.some_instance();
        let (request, service_us, leaves_after_us) = self.shared.throw(|dice| {
            let client = if plan.clients == 0 {
                0
            } else {
                1 + dice.below(plan.clients)
            };
            let request = Request {
                class: if dice.chance(plan.batch) {
                    Class::Batch
                } else {
                    Class::Interactive
                },
                client,
                guard: dice.next(),
                wants: Wants::default(),
                waited_ms: 0,
            };
            let hangs_up = dice.chance(plan.odds.hangup);
            let after_us = dice.below(plan.span_us());
            (
                request,
                dice.exponential(plan.service_us),
                hangs_up.then_some(after_us),
            )
        });
        let gate = self.gates.borrow()[index].clone();
        let elsewhere = plan
            .gives_up
            .then(|| self.gates.borrow()[self.some_instance()].clone());
        let client = Client {
            shared: self.shared.clone(),
            number,
            index,
            arrived_us: self.shared.executor.now_us(),
            elsewhere,
            has_given_up: Cell::new(false),
            is_counted: Cell::new(false),
        };
        self.shared
            .executor
            .spawn(Owner::Instance(index), async move {
                client
                    .visit(gate, request, service_us, leaves_after_us)
                    .await;
            });
    }

    fn some_instance(&self) -> usize {
        let instances = self.shared.instances.borrow();
        let alive: Vec<usize> = (0..instances.len())
            .filter(|index| instances[*index].is_alive)
            .collect();
        self.shared.throw(|dice| dice.one_of(&alive))
    }

    async fn go_wrong(self: Rc<Self>) {
        let shared = self.shared.clone();
        for (at_us, fault) in shared.plan.faults.clone() {
            shared.executor.sleep_until(at_us).await;
            let index = self.some_instance();
            shared.say(|| format!("instance {index}: {fault:?}"));
            match fault {
                Fault::Crash => {
                    shared.crash(index);
                    self.come_up();
                }
                Fault::Pause(stillness, us) => {
                    shared.stand_still(index, stillness);
                    let wakes = shared.clone();
                    let until_us = shared.executor.now_us() + us;
                    shared.executor.spawn(Owner::World, async move {
                        wakes.executor.sleep_until(until_us).await;
                        wakes.go_on(index);
                    });
                }
                Fault::DropTask => {
                    let choice = self.shared.throw(Dice::next);
                    shared.executor.drop_one_of(index, choice);
                }
                Fault::Outage(us) => shared.out_until_us.set(shared.executor.now_us() + us),
                Fault::Empty => shared.values.borrow_mut().keys.clear(),
                Fault::Jump(ms) => shared.jump(index, ms),
            }
        }
        let longest_us = 4_000 * u64::from(shared.plan.ttl_ms);
        self.shared.pause(shared.plan.span_us() + longest_us).await;
        shared.is_quiet.set(true);
    }
}

/// How many readings and writes of the store may pass while a slot is handed on.
const HANDOFF_OPS: u64 = 12;

/// How often tasks may be polled in one run.
const POLLS_MAX: u64 = 40_000_000;
