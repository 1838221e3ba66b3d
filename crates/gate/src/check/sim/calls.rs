//! Calls to the store: one at a time per instance, slow, failing, late, given up, as `src/store.rs` makes them.

use super::agenda::Item;
use super::instance::{Call, Caller};
use super::world::World;
use crate::turn::Event;
use crate::{Key, Op, Record, Standing, Value};

/// How long a caller waits for an operation, as in the component.
const PATIENCE_US: u64 = 5_000_000;

/// How often it is looked who has lost it.
const GLANCE_US: u64 = 500_000;

impl World {
    /// Asks for an operation on the store.
    pub(super) fn call(&mut self, index: usize, caller: Caller, op: Op) {
        self.calls += 1;
        let number = self.calls;
        let call = Call {
            number,
            caller,
            op,
            since_us: self.at_us,
            outcome: None,
            is_given_up: false,
            is_sent: false,
            is_reported_failed: false,
        };
        self.instances[index].calls.push_back(call);
        self.pump(index);
    }

    /// Sends the next call, if none is under way.
    pub(super) fn pump(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        let is_able = instance.is_alive && instance.still_until_us.is_none();
        if !is_able || instance.under_way.is_some() {
            return;
        }
        let Some(mut call) = instance.calls.pop_front() else {
            return;
        };
        call.is_sent = true;
        let (there_us, back_us) = self.way_of(&call.op);
        let number = call.number;
        self.befall(&mut call);
        self.instances[index].under_way = Some(call);
        self.push(self.at_us + there_us, Item::Effect(index, number));
        self.push(self.at_us + there_us + back_us, Item::Answer(index, number));
        self.count_patience(index);
    }

    fn way_of(&mut self, op: &Op) -> (u64, u64) {
        let range = match op {
            Op::Get(_) | Op::Peek(_) => self.plan.read_us,
            Op::Put(..) | Op::Delete(_) | Op::Draw(_) => self.plan.write_us,
        };
        let mut takes_us = self.dice.between(range);
        if self.errs() && self.dice.chance(self.plan.odds.slow) {
            takes_us += self.dice.between((500_000, 12_000_000));
        }
        let there_us = self.dice.below(takes_us + 1);
        (there_us, takes_us - there_us)
    }

    fn errs(&self) -> bool {
        self.quiet_from_us.is_none()
    }

    /// Decides what goes wrong with a call.
    fn befall(&mut self, call: &mut Call) {
        let odds = self.plan.odds;
        let is_write = matches!(call.op, Op::Put(..) | Op::Delete(_));
        if self.at_us < self.out_until_us || self.errs() && self.dice.chance(odds.undone) {
            call.outcome = Some(Event::Failed);
        } else if self.errs() && self.dice.chance(odds.unheard) {
            call.is_reported_failed = true;
        } else if self.errs() && is_write && self.dice.chance(odds.late) {
            call.outcome = Some(Event::Failed);
            let late_us = self
                .dice
                .between((1_000, 2_000 * u64::from(self.plan.ttl_ms)));
            self.push(self.at_us + late_us, Item::Land(call.op.clone()));
        }
    }

    /// The store does what is under way.
    pub(super) fn effect(&mut self, index: usize, number: u64) {
        let call = match &mut self.instances[index].under_way {
            Some(call) if call.number == number && call.outcome.is_none() => call,
            _ => return,
        };
        call.is_sent = true;
        let op = call.op.clone();
        if matches!(op, Op::Put(..) | Op::Delete(..)) {
            self.say(|| format!("instance {index}: does {op:?}"));
        }
        self.put_down(&op);
        let outcome = self.store.perform(&op);
        if let Some(call) = &mut self.instances[index].under_way {
            let is_failed = call.is_reported_failed;
            call.outcome = Some(if is_failed { Event::Failed } else { outcome });
        }
    }

    /// Notes a write for those who judge.
    pub(super) fn put_down(&mut self, op: &Op) {
        if let Op::Put(key, value) = op {
            self.ghost.put(key, value, self.store.get(key));
            if let (
                Key::Record(..),
                Value::Record(Record {
                    standing: Standing::Active,
                    ..
                }),
            ) = (key, value)
            {
                self.tally.starts += 1;
            }
        }
    }

    /// The outcome comes back, and the next call goes out.
    pub(super) fn answer(&mut self, index: usize, number: u64) {
        let instance = &mut self.instances[index];
        let Some(call) = instance.under_way.take_if(|call| call.number == number) else {
            return;
        };
        let event = call.outcome.unwrap_or(Event::Failed);
        if let Caller::Turn(request) = call.caller {
            self.say(|| {
                format!(
                    "instance {index}, request {request}: {:?} -> {event:?}",
                    call.op
                )
            });
        }
        self.pump(index);
        if call.is_given_up {
            return;
        }
        if event == Event::Done && matches!(call.caller, Caller::Turn(_)) {
            self.ring(index, &call.op);
        }
        self.deliver(index, call.caller, event);
    }

    fn deliver(&mut self, index: usize, caller: Caller, event: Event) {
        match caller {
            Caller::Turn(request) => self.tell(request, event),
            Caller::Reader(lane) => self.read_further(index, lane, event),
            Caller::Sweep(lane) => self.sweep_further(index, lane, event),
        }
    }

    fn count_patience(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        if !std::mem::replace(&mut instance.counts_patience, true) {
            self.push(self.at_us + GLANCE_US, Item::Patience(index));
        }
    }

    /// Who has waited for too long is told that it failed. A read is given up; a write goes on by itself.
    pub(super) fn lose_patience(&mut self, index: usize) {
        let now_us = self.at_us;
        let instance = &mut self.instances[index];
        instance.counts_patience = false;
        let is_late = |call: &Call| !call.is_given_up && now_us - call.since_us >= PATIENCE_US;
        let is_read = |op: &Op| matches!(op, Op::Get(_) | Op::Peek(_));
        let mut told = Vec::new();
        if let Some(call) = &mut instance.under_way
            && is_late(call)
        {
            call.is_given_up = true;
            told.push(call.caller);
            if is_read(&call.op) {
                instance.under_way = None;
            }
        }
        instance.calls.retain_mut(|call| {
            if !is_late(call) {
                return true;
            }
            call.is_given_up = true;
            told.push(call.caller);
            !is_read(&call.op)
        });
        if instance.under_way.is_some() || !instance.calls.is_empty() {
            self.count_patience(index);
        }
        for caller in told {
            self.deliver(index, caller, Event::Failed);
        }
        self.pump(index);
    }
}
