//! A bench for tests of whole ways: a few instances on one store in memory, on one virtual clock. Each operation is done at once, or
//! takes as long as the bench is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Effect, Event, Instance, Phase, Request, RequestNo, Work};
use crate::board::Board;
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::policy::Rules;
use crate::room::Room;
use crate::store::{Found, Key, Op};
use crate::times::Times;

pub(super) const TTL_MS: u64 = 15_000;

pub(super) struct Bench {
    pub store: BTreeMap<Key, Vec<u8>>,
    pub counters: BTreeMap<Key, u64>,
    pub instances: Vec<Instance>,
    effects: Vec<Option<Effect>>,
    pub room: Room,
    pub now_ms: u64,
    /// How long each operation takes. It takes effect when it is answered.
    pub op_ms: u64,
    /// No operation is done.
    pub is_away: bool,
    begun_ms: Vec<u64>,
    random: u64,
}

impl Bench {
    pub fn new(instances: usize, room: Room) -> Bench {
        let rules = Rules {
            max_queue: 64,
            places_per_client: 8,
            batch_wait_max_ms: 60_000,
            model_turn_ms: Rules::MODEL_TURN_MS,
            swap_share: Rules::SWAP_SHARE,
        };
        let instance = Instance::new(Times::new(TTL_MS), rules);
        Bench {
            store: BTreeMap::new(),
            counters: BTreeMap::new(),
            instances: vec![instance; instances],
            effects: vec![None; instances],
            room,
            now_ms: 1_000_000,
            op_ms: 0,
            is_away: false,
            begun_ms: vec![0; instances],
            random: 0,
        }
    }

    /// The same on a store that its host has marked as new.
    pub fn marked(instances: usize, room: Room) -> Bench {
        let mut bench = Bench::new(instances, room);
        bench.store.insert(Key::New, b"1".to_vec());
        bench
    }

    /// Without these rules.
    pub fn without(mut self, rules: &'static [Mutant]) -> Bench {
        for instance in &mut self.instances {
            instance.times.mutants = rules;
        }
        self
    }

    pub fn now(&self) -> Now {
        Now {
            mono_ms: self.now_ms,
            wall_ms: self.now_ms,
        }
    }

    pub fn arrive(&mut self, at: usize, request: Request) -> RequestNo {
        let now = self.now();
        let no = self.instances[at].arrive(request, now);
        self.wake(at);
        no
    }

    pub fn end(&mut self, at: usize, no: RequestNo) {
        let work = Work {
            service_ms: 1_000,
            ..Work::default()
        };
        let now = self.now();
        self.instances[at].end(no, Some(work), now);
        self.wake(at);
    }

    pub fn phase(&self, at: usize, no: RequestNo) -> Phase {
        self.instances[at].phase(no)
    }

    pub fn relays(&self, at: usize, no: RequestNo) -> bool {
        matches!(self.phase(at, no), Phase::Relaying { .. })
            && self.instances[at].may_relay(no, self.now())
    }

    /// Ends a rest, and performs what follows.
    pub fn wake(&mut self, at: usize) {
        if matches!(
            self.effects[at],
            None | Some(Effect::Rest { .. } | Effect::Quiet)
        ) {
            self.tell(at, Event::Due);
        }
        self.settle();
    }

    /// Lets so much time pass, with everything that happens in it.
    pub fn pass(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        self.settle();
        while let Some(next_ms) = self.next_due().filter(|next_ms| *next_ms <= until_ms) {
            self.now_ms = next_ms.max(self.now_ms);
            for at in 0..self.instances.len() {
                if self.due(at).is_some_and(|due_ms| due_ms <= self.now_ms) {
                    let event = self.perform_effect(at).unwrap_or(Event::Due);
                    self.tell(at, event);
                }
            }
            self.settle();
        }
        self.now_ms = until_ms;
    }

    /// The process is gone, without a word.
    pub fn kill(&mut self, at: usize) {
        self.instances.remove(at);
        self.effects.remove(at);
        self.begun_ms.remove(at);
    }

    /// The newest board in the store.
    pub fn board(&self) -> Board {
        let newest = self
            .store
            .iter()
            .rfind(|(key, _)| matches!(key, Key::Board(..)));
        Board::decode(newest.expect("a board").1).expect("a readable one")
    }

    fn due(&self, at: usize) -> Option<u64> {
        match self.effects[at] {
            Some(Effect::Rest { until_ms }) => Some(until_ms),
            Some(Effect::Write { .. } | Effect::Read { .. }) => {
                Some(self.begun_ms[at] + self.op_ms)
            }
            None | Some(Effect::Quiet) => None,
        }
    }

    fn next_due(&self) -> Option<u64> {
        (0..self.instances.len())
            .filter_map(|at| self.due(at))
            .min()
    }

    fn tell(&mut self, at: usize, event: Event) {
        self.random += 1;
        let context = Context {
            now: self.now(),
            room: self.room,
            models: Arc::default(),
            random: self.random,
            op_ms: self.op_ms,
        };
        let effect = self.instances[at].step(event, &context);
        self.effects[at] = Some(effect.expect("a legal event"));
        self.begun_ms[at] = self.now_ms;
    }

    /// One operation of each instance in turn, until all rest. Where operations take time they are answered as it passes.
    fn settle(&mut self) {
        if self.op_ms > 0 {
            return;
        }
        for _ in 0..10_000 {
            let mut was_quiet = true;
            for at in 0..self.instances.len() {
                let Some(event) = self.perform_effect(at) else {
                    continue;
                };
                was_quiet = false;
                self.tell(at, event);
            }
            if was_quiet {
                return;
            }
        }
        panic!("operations without a rest");
    }

    /// Performs what an instance has asked for, unless that is a rest.
    fn perform_effect(&mut self, at: usize) -> Option<Event> {
        match self.effects[at].clone() {
            Some(Effect::Write { op, .. }) => Some(self.perform(op)),
            Some(Effect::Read { keys, .. }) => {
                Some(Event::Read(keys.iter().map(|key| self.find(key)).collect()))
            }
            None | Some(Effect::Rest { .. } | Effect::Quiet) => None,
        }
    }

    fn perform(&mut self, op: Op) -> Event {
        if self.is_away {
            return Event::Unresolved;
        }
        match op {
            Op::Put(key, bytes) => _ = self.store.insert(key, bytes),
            Op::Delete(key) => _ = self.store.remove(&key),
            Op::Add(key @ Key::Term(_)) if !self.counters.contains_key(&key) => {
                return Event::Added(0);
            }
            Op::Add(key) => {
                let counter = self.counters.entry(key).or_default();
                *counter += 1;
                return Event::Added(*counter);
            }
            Op::AddBase(epoch) => _ = self.counters.insert(Key::Term(epoch), 0),
        }
        Event::Done
    }

    fn find(&self, key: &Key) -> Found {
        if self.is_away {
            return Found::Failed;
        }
        match (self.counters.get(key), self.store.get(key)) {
            (Some(number), _) => Found::Number(*number),
            (None, Some(bytes)) => Found::Bytes(bytes.clone()),
            (None, None) => Found::Absent,
        }
    }
}
