//! Rules about room that changes while somebody waits, and about moving to another upstream.

use std::collections::BTreeMap;

use super::*;
use crate::rule::Rule;
use crate::testing::at;
use crate::{Key, Op, Value};

/// A store in memory, and turns that are stepped by hand.
#[derive(Default)]
struct Bench {
    store: BTreeMap<Key, Value>,
    counter: Ticket,
    now: Now,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench::default();
        let epoch = Epoch(1);
        bench.store.insert(Key::Epoch, Value::Epoch(epoch));
        bench.store.insert(Key::Settled(epoch), Value::Mark(0));
        bench
    }

    fn turn(&self, room: Room) -> Turn {
        let settings = Settings {
            room,
            ..Settings::clamped(1, 15_000)
        };
        Turn::new(settings, Errand::Serve, Identity::default(), None)
    }

    /// Tells `event` and does what follows from it, up to the next rest.
    fn tell(&mut self, turn: &mut Turn, event: Event) -> Phase {
        let mut event = event;
        loop {
            self.now.mono_ms += 1;
            event = match turn.step(self.now, event).expect("a legal event") {
                Effect::Store(op) => self.perform(op),
                Effect::Rest { .. } | Effect::Over => return turn.phase(),
            };
        }
    }

    /// The same in no time.
    fn tell_at_once(&mut self, turn: &mut Turn, event: Event) {
        let mut event = event;
        while let Effect::Store(op) = turn.step(self.now, event).expect("a legal event") {
            event = self.perform(op);
        }
    }

    fn perform(&mut self, op: Op) -> Event {
        match op {
            Op::Draw(_) => {
                self.counter += 1;
                Event::Drawn(self.counter)
            }
            Op::Peek(_) => Event::Drawn(self.counter),
            Op::Get(key) => Event::Got(self.store.get(&key).cloned()),
            Op::Put(key, value) => {
                self.store.insert(key, value);
                Event::Done
            }
            Op::Delete(key) => {
                self.store.remove(&key);
                Event::Done
            }
        }
    }

    fn recorded_upstream(&self, turn: &Turn) -> u8 {
        let (epoch, ticket) = turn.ticket().expect("a ticket");
        match self.store.get(&Key::Record(epoch, ticket)) {
            Some(Value::Record(record)) => record.upstream,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn starts_fill_the_upstreams_evenly_and_then_wait() {
    let mut bench = Bench::new();
    let room = Room::new(8, [2, 1]);
    let mut turns: Vec<Turn> = (0..4).map(|_| bench.turn(room)).collect();
    let phases: Vec<Phase> = turns
        .iter_mut()
        .map(|turn| bench.tell(turn, Event::Begin))
        .collect();
    let upstreams: Vec<u8> = turns[..3].iter().map(Turn::upstream).collect();
    assert_eq!(upstreams, [0, 1, 0]);
    assert_eq!(phases[..3], [Phase::Relaying; 3]);
    assert_eq!(phases[3], Phase::Queued);
    bench.tell(&mut turns[1], Event::Served(Figures::default()));
    assert_eq!(bench.tell(&mut turns[3], Event::Due), Phase::Relaying);
    assert_eq!(turns[3].upstream(), 1, "where the place was freed");
}

#[test]
fn without_an_upstream_nobody_starts_and_whoever_waits_starts_when_one_is_back() {
    let mut bench = Bench::new();
    let mut turn = bench.turn(Room::new(4, [0, 0]));
    assert_eq!(bench.tell(&mut turn, Event::Begin), Phase::Queued);
    assert_eq!(bench.tell(&mut turn, Event::Due), Phase::Queued);
    turn.set_room(Room::new(4, [0, 1]));
    assert_eq!(bench.tell(&mut turn, Event::Due), Phase::Relaying);
    assert_eq!(turn.upstream(), 1);
}

#[test]
fn a_holder_that_moved_is_found_at_its_new_upstream() {
    let mut bench = Bench::new();
    let room = Room::new(2, [1, 1]);
    let mut first = bench.turn(room);
    bench.tell(&mut first, Event::Begin);
    assert_eq!(bench.recorded_upstream(&first), 0);

    first.move_to(1);
    assert!(first.owes_move());
    assert_eq!(bench.tell(&mut first, Event::Due), Phase::Relaying);
    assert!(!first.owes_move());
    assert_eq!(bench.recorded_upstream(&first), 1);

    let mut second = bench.turn(room);
    bench.tell(&mut second, Event::Begin);
    assert_eq!(second.upstream(), 0, "the other one");
}

#[test]
fn a_view_from_before_a_move_is_set_right_by_whoever_looks_for_room() {
    let mut bench = Bench::new();
    let room = Room::new(4, [2, 1]);
    let mut turns: Vec<Turn> = (0..3).map(|_| bench.turn(room)).collect();
    for turn in &mut turns {
        bench.tell(turn, Event::Begin);
    }
    bench.tell(&mut turns[1], Event::Served(Figures::default()));
    turns[0].move_to(1);
    bench.tell(&mut turns[0], Event::Due);

    // What the fourth inherits says that the first is still at upstream 0, and that 1 is taken.
    let mut fourth = bench.turn(room);
    assert_eq!(bench.tell(&mut fourth, Event::Begin), Phase::Relaying);
    assert_eq!(fourth.upstream(), 0);
}

#[test]
fn staying_where_one_is_writes_nothing() {
    let mut bench = Bench::new();
    let mut turn = bench.turn(Room::one(1));
    bench.tell(&mut turn, Event::Begin);
    turn.move_to(0);
    assert!(!turn.owes_move());
}

/// A comes to the gate and stands still after its operation number `stalls_after` was done and before it hears of it. Then the
/// store is emptied; B comes and waits for a time to live at the bottom of a new epoch. By the time that B starts A must have
/// stopped, whatever it does when it wakes. Answers when both relay, if they do, in a gate that lacks the rule `broken`.
fn both_relay_after_the_epoch_was_lost(stalls_after: u32, broken: Option<Rule>) -> Option<u64> {
    let mut bench = Bench::new();
    let turn = |nonce| {
        let settings = Settings {
            broken,
            ..Settings::clamped(1, 15_000)
        };
        let identity = Identity {
            nonce,
            ..Identity::default()
        };
        Turn::new(settings, Errand::Serve, identity, None)
    };
    let relays = |turn: &Turn, now| turn.phase() == Phase::Relaying && !turn.lapsed(now);

    let (mut a, mut untold) = (turn(10), Event::Begin);
    for _ in 0..=stalls_after {
        untold = match a.step(bench.now, untold).expect("a legal event") {
            Effect::Store(op) => bench.perform(op),
            Effect::Rest { .. } | Effect::Over => return None,
        };
    }
    bench.now = at(1);
    bench.store.clear();
    bench.counter = 0;
    let mut b = turn(20);
    bench.tell_at_once(&mut b, Event::Begin);
    assert_eq!(b.phase(), Phase::Queued, "it waits at the bottom");

    bench.now = at(13_000);
    bench.tell_at_once(&mut a, untold);
    for ms in (13_000..=19_000).step_by(100) {
        bench.now = at(ms);
        if b.phase() == Phase::Queued {
            bench.tell_at_once(&mut b, Event::Due);
        }
        if relays(&a, bench.now) && relays(&b, bench.now) {
            return Some(ms);
        }
    }
    assert_eq!(b.phase(), Phase::Relaying, "the wait is over");
    None
}

#[test]
fn a_start_in_an_epoch_that_was_lost_meanwhile_does_not_outlive_the_wait_at_the_bottom() {
    let both_relay = |broken| (0..8).find_map(|op| both_relay_after_the_epoch_was_lost(op, broken));
    assert_eq!(both_relay(None), None);
    let seen = both_relay(Some(Rule::StartEpoch));
    assert_eq!(seen, Some(15_100), "the mutant is seen");
}
