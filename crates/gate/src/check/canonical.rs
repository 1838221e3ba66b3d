//! Worlds that behave alike made one: writes numbered anew, requests in one order, the dead blotted out.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::world::{Process, World};
use crate::turn::{Effect, Event, Identity, Turn};
use crate::{Epoch, Errand, Key, Op, Ticket, Value};

impl World {
    /// Numbers the writes of each record anew, in their order: only which is the later one counts. So an exploration
    /// with any number of renewals is finite, and no number ever comes round again.
    fn renumber(&mut self) {
        let mut numbers: BTreeMap<(Epoch, Ticket), BTreeSet<u32>> = BTreeMap::new();
        self.for_each_beat(|of, beat| {
            numbers.entry(of).or_default().insert(beat);
            beat
        });
        let rank = |of, beat: u32| {
            let rank = numbers
                .get(&of)
                .map_or(0, |known| known.range(..beat).count());
            u32::try_from(rank).expect("few writes")
        };
        self.for_each_beat(rank);
    }

    fn for_each_beat(&mut self, mut renumbered: impl FnMut((Epoch, Ticket), u32) -> u32) {
        let mut record = |key: &Key, value: &mut Value| {
            if let (Key::Record(epoch, ticket), Value::Record(record)) = (key, value) {
                record.beat = renumbered((*epoch, *ticket), record.beat);
                // How many were lost is told and decides nothing.
                record.ledger.lost = 0;
            }
        };
        for (key, value) in &mut self.store {
            record(key, value);
        }
        for (key, value) in &mut self.limbo {
            record(key, value);
        }
        for process in &mut self.processes {
            match (&mut process.next, &mut process.untold) {
                (Effect::Store(Op::Get(key)), Some(Event::Got(Some(value)))) => record(key, value),
                (Effect::Store(Op::Put(key, value)), _) => record(key, value),
                _ => {}
            }
        }
        for process in &mut self.processes {
            let (own, epoch, sightings) = process.turn.beats();
            if let Some((epoch, ticket, beat)) = own {
                *beat = renumbered((epoch, ticket), *beat);
            }
            for (ticket, stamp) in sightings.stamps() {
                let beat = renumbered((epoch, ticket), u32::try_from(*stamp >> 2).expect("a beat"));
                *stamp = u64::from(beat) << 2 | *stamp & 3;
            }
        }
    }

    pub(super) fn canonical(&mut self) {
        self.renumber();
        for process in &mut self.processes {
            process.turn.canonical();
            if process.crashed {
                let identity = Identity::default();
                process.turn = Turn::new(process.turn.settings(), Errand::Serve, identity, None);
                (process.next, process.untold, process.stalled) = (Effect::Over, None, false);
            }
        }
        if self.budget.empties == 0 && !self.store.contains_key(&Key::Epoch) {
            return;
        }
        if self.store.get(&Key::Epoch) == Some(&Value::Epoch(Epoch(1))) {
            self.processes.sort_by_cached_key(hash);
        }
    }
}

fn hash(process: &Process) -> u64 {
    let mut hasher = DefaultHasher::new();
    process.hash(&mut hasher);
    hasher.finish()
}
