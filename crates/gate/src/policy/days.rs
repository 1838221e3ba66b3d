//! The policy's properties, over random days and long ones.

use std::collections::BTreeMap;

use super::tests::Day;
use super::*;
use crate::board::Waiting;
use Class::{Batch, Interactive};

/// A small generator: the same days each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How many of its like stand before each who waits.
fn places(board: &Board) -> BTreeMap<u64, (bool, usize)> {
    let mut before = [0, 0];
    let place = |waiting: &Waiting| {
        let is_front = waiting.rank.is_in_front();
        let count = &mut before[usize::from(is_front)];
        *count += 1;
        (waiting.ask.k, (is_front, *count))
    };
    board.waiting().map(place).collect()
}

#[test]
fn on_random_days_every_limit_is_kept_and_no_place_gets_worse_among_its_like() {
    let mut granted = 0;
    for seed in 1..=200 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let mut day = Day::new(Room::new(4, [3, 2]));
        day.policy.rules.max_queue = 12;
        let mut told = BTreeMap::new();
        for _ in 0..120 {
            let newcomers = dice.below(3);
            let joined: Vec<Joined> = (0..newcomers)
                .map(|_| {
                    let class = if dice.below(3) == 0 {
                        Batch
                    } else {
                        Interactive
                    };
                    let client = dice.below(4);
                    day.asks(class, client, 0)
                })
                .collect();
            if dice.below(2) == 0 && !day.board.grants.is_empty() {
                let at = dice.below(day.board.grants.len() as u64) as usize;
                let ask = day.board.grants[at].ask;
                day.board.remove_ask(ask);
            }
            if dice.below(8) == 0 && !day.board.line.is_empty() {
                let at = dice.below(day.board.line.len() as u64) as usize;
                day.board.line.remove(at);
            }
            let limits = [dice.below(4) as u32, 2];
            day.policy.room = Room::new(4, limits);
            let before = day.board.load();
            day.wait(dice.below(5_000));
            granted += day.come(&joined).len();
            let load = day.board.load();
            assert!(load.all() <= 4);
            for (upstream, limit) in limits.iter().enumerate() {
                assert!(load.at(upstream) <= (*limit).max(before.at(upstream)));
            }
            for (k, place) in places(&day.board) {
                if let Some((was_front, was)) = told.insert(k, place)
                    && place.0 == was_front
                {
                    assert!(
                        place.1 <= was,
                        "seed {seed}: {k} was told {was}, now {place:?}"
                    );
                }
            }
        }
    }
    assert!(granted > 5_000, "{granted}");
}

#[test]
fn nobody_starves_behind_those_who_keep_coming() {
    let mut day = Day::new(Room::one(1));
    let mut active = day.come_one(Interactive, 0);
    (0..3).for_each(|_| _ = day.come_one(Interactive, 0));
    let batch = [(); 3].map(|()| day.come_one(Batch, 0));
    let mut served = Vec::new();
    for _ in 0..60 {
        day.come_one(Interactive, 0);
        day.wait(5_000);
        let next = day.end(active);
        active = next[0];
        served.extend(batch.iter().position(|k| *k == active));
    }
    assert_eq!(served, [0, 1, 2], "each in its turn");
}
