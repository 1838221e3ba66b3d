//! The store of the simulation: a counter and registers, each operation done at one moment.

use std::collections::{BTreeMap, HashMap};

use crate::turn::Event;
use crate::{Epoch, Key, Lane, Op, Standing, Value};

/// What the store holds.
#[derive(Default)]
pub(super) struct Store {
    pub(super) values: HashMap<Key, Value>,
    counters: BTreeMap<Epoch, u64>,
}

impl Store {
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.values.get(key)
    }

    pub(super) fn perform(&mut self, op: &Op) -> Event {
        match op {
            Op::Get(key) => Event::Got(self.values.get(key).cloned()),
            Op::Put(key, value) => {
                // What a record looks like in bytes is what others read.
                let value = Value::decode(key, &value.encode()).expect("own bytes");
                self.values.insert(*key, value);
                Event::Done
            }
            Op::Delete(key) => {
                self.values.remove(key);
                Event::Done
            }
            Op::Draw(Key::Counter(epoch)) => {
                let counter = self.counters.entry(*epoch).or_default();
                *counter += 1;
                Event::Drawn(*counter)
            }
            Op::Peek(Key::Counter(epoch)) => {
                Event::Drawn(self.counters.get(epoch).copied().unwrap_or(0))
            }
            Op::Draw(_) | Op::Peek(_) => panic!("only counters are counted"),
        }
    }

    /// Makes it a store that has an epoch and whose first start has been.
    pub(super) fn settle(&mut self) {
        self.values.insert(Key::Epoch, Value::Epoch(Epoch(1)));
        self.values.insert(Key::Settled(Epoch(1)), Value::Mark(0));
    }

    pub(super) fn empty(&mut self) {
        self.values.clear();
        self.counters.clear();
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        match self.values.get(&Key::Epoch) {
            Some(Value::Epoch(epoch)) => Some(*epoch),
            _ => None,
        }
    }

    /// The records of a line in the epoch in force, and the requests to stop: what is left besides counter, epoch and
    /// verdicts.
    pub(super) fn left(&self, lane: Lane) -> Vec<(Key, Option<Standing>)> {
        let epoch = self.epoch().map(|epoch| lane.word(epoch));
        let mut left: Vec<_> = self
            .values
            .iter()
            .filter_map(|(key, value)| match (key, value) {
                (Key::Record(of, _), Value::Record(record)) if Some(*of) == epoch => {
                    Some((*key, Some(record.standing)))
                }
                (Key::Cancel(of, _), _) if Some(*of) == epoch => Some((*key, None)),
                _ => None,
            })
            .collect();
        left.sort_unstable_by_key(|(key, _)| *key);
        left
    }
}
