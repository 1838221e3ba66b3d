//! The store of the simulation, and the ways in which an operation on it can go.
//!
//! An operation takes effect at one moment, at most once, whatever becomes of the instance that asked for it. Its outcome may be
//! reported wrong, late or never.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::channel::oneshot;

use super::executor::Owner;
use super::world::Shared;
use crate::world::{Outcome, StoreError};

/// What the store holds, and in which form it keeps counters.
#[derive(Default)]
pub(super) struct Values {
    pub(super) keys: BTreeMap<String, Vec<u8>>,
    pub(super) is_decimal: bool,
}

impl Values {
    pub(super) fn increment(&mut self, key: &str, by: u64) -> u64 {
        let value = self.keys.entry(key.to_owned()).or_default();
        let sum = crate::store::number(value).unwrap_or(0) + by;
        *value = if self.is_decimal {
            sum.to_string().into_bytes()
        } else {
            sum.to_le_bytes().to_vec()
        };
        sum
    }
}

/// How one operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Done,
    /// Reported as failed, and not done.
    Undone,
    /// Reported as failed, and done.
    Unheard,
    /// Reported as failed, and done later.
    Late,
}

/// Performs an operation as the plan lets it go.
pub(super) async fn call<T: 'static>(
    shared: Rc<Shared>,
    is_write: bool,
    effect: impl FnOnce(&mut Values) -> T + 'static,
) -> Outcome<T> {
    let (answer, answered) = oneshot::channel();
    let world = shared.clone();
    let (way, there_us, back_us, late_us) = way(&shared, is_write);
    shared.executor.spawn(Owner::World, async move {
        let sleep = |us| world.executor.sleep_until(world.executor.now_us() + us);
        sleep(there_us).await;
        let is_out = world.executor.now_us() < world.out_until_us.get();
        if is_out || way == Way::Undone {
            sleep(back_us).await;
            let _ = answer.send(Err(StoreError::Failed("it went wrong".to_owned())));
            return;
        }
        if way == Way::Late {
            let _ = answer.send(Err(StoreError::Failed("it went wrong".to_owned())));
            sleep(late_us).await;
            effect(&mut world.values.borrow_mut());
            return;
        }
        let done = effect(&mut world.values.borrow_mut());
        sleep(back_us).await;
        let _ = answer.send(match way {
            Way::Unheard => Err(StoreError::Failed("it went wrong".to_owned())),
            _ => Ok(done),
        });
    });
    // Whoever dropped the other end has died.
    answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Failed("nobody answers".to_owned())))
}

fn way(shared: &Shared, is_write: bool) -> (Way, u64, u64, u64) {
    let mut dice = shared.dice.borrow_mut();
    let plan = &shared.plan;
    let range = if is_write {
        plan.write_us
    } else {
        plan.read_us
    };
    let mut took_us = dice.between(range);
    let is_quiet = shared.is_quiet.get();
    if !is_quiet && dice.chance(plan.odds.slow) {
        took_us += dice.between((100_000, 8_000_000));
    }
    let there_us = dice.below(took_us + 1);
    let late_us = dice.between((0, 3_000 * u64::from(plan.ttl_ms)));
    let way = if is_quiet {
        Way::Done
    } else if dice.chance(plan.odds.undone) {
        Way::Undone
    } else if dice.chance(plan.odds.unheard) {
        Way::Unheard
    } else if is_write && dice.chance(plan.odds.late) {
        Way::Late
    } else {
        Way::Done
    };
    (way, there_us, took_us - there_us, late_us)
}
