//! A day at the gate, to hold the estimate against: quiet hours and rushes, short and long answers, and a change of what is asked
//! for at noon.

use super::dice::Dice;
use super::plan::{Odds, Plan};
use super::request::Request;
use super::tally::Told;
use super::world::World;
use crate::turn::Phase;
use crate::{Estimate, estimate};

/// The hours of a day, as how much of what there is is asked for (in hundredths), and how many come at once at most.
const HOURS: [(u64, u64); 10] = [
    (30, 1),
    (70, 6),
    (115, 20),
    (50, 2),
    (130, 25),
    (90, 12),
    (40, 2),
    (110, 20),
    (80, 8),
    (30, 1),
];

/// From this hour on answers take so much longer, in hundredths: another class, another exercise.
const NOON: (usize, u64) = (5, 160);

/// Short, usual and long answers: of ten so many, and how long they take on average, in hundredths of what is usual.
const KINDS: [(u64, u64); 3] = [(3, 40), (5, 100), (2, 220)];

/// How far into the day it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hour(usize);

impl Hour {
    /// The hour in which this one of so many comes.
    pub(super) fn of(arrived: u64, requests: u64) -> Hour {
        let hour = arrived * HOURS.len() as u64 / requests.max(1);
        Hour(usize::try_from(hour).map_or(0, |hour| hour.min(HOURS.len() - 1)))
    }

    /// How many come at once at most, and how many microseconds after them the next ones come on average.
    pub(super) fn rush(self, plan: &Plan) -> (u64, u64) {
        let (load, burst) = HOURS[self.0];
        let between_us = self.usual_us(plan) * 100 / (u64::from(plan.capacity) * load);
        (burst, between_us * (burst + 1) / 2)
    }

    /// How long an answer takes.
    pub(super) fn service_us(self, plan: &Plan, dice: &mut Dice) -> u64 {
        let mut kind = dice.below(10);
        let hundredths = KINDS
            .into_iter()
            .find(|(share, _)| match kind.checked_sub(*share) {
                Some(rest) => {
                    kind = rest;
                    false
                }
                None => true,
            })
            .map_or(100, |(_, hundredths)| hundredths);
        let mean_us = self.usual_us(plan) * hundredths / 100;
        dice.between((mean_us / 2, mean_us * 3 / 2))
    }

    fn usual_us(self, plan: &Plan) -> u64 {
        if self.0 >= NOON.0 {
            plan.service_us * NOON.1 / 100
        } else {
            plan.service_us
        }
    }
}

fn plan(requests: u64) -> Plan {
    Plan {
        capacity: 4,
        other_capacity: None,
        ttl_ms: 15_000,
        instances: 1,
        requests,
        service_us: 8_000_000,
        gap_us: 0,
        burst: 0,
        is_a_day: true,
        read_us: (5, 20),
        write_us: (900, 2_500),
        is_settled: true,
        drift_ppm: 0,
        odds: Odds::default(),
        keys: None,
        faults: Vec::new(),
    }
}

impl World {
    /// The line was read: who waits is told how long it will take, once.
    pub(super) fn tell_estimates(&mut self, at: usize, desks: &[usize]) {
        let Some(line) = self.instances[at].seen(crate::Lane::Main).last.clone() else {
            return;
        };
        for index in desks {
            let request = &mut self.requests[*index];
            let waits = request.turn.is_in_line() && request.turn.phase() == Phase::Queued;
            let (Some((_, ticket)), true, None) = (request.turn.ticket(), waits, request.told)
            else {
                continue;
            };
            if line.counter < ticket {
                continue;
            }
            let asked = Estimate {
                ahead: line.ahead_of(ticket),
                active: u32::try_from(line.active.len()).expect("few"),
                capacity: self.plan.capacity,
            };
            request.told = Some(Told {
                at_us: self.at_us,
                finished: line.ledger.finished,
                ahead: asked.ahead,
                estimate_ms: estimate(asked, &line.ledger),
            });
        }
    }
}

/// How far off an estimate was, in hundredths of what it took, and how many were ahead.
type Off = (u64, u32);

/// How far off the estimates of a day were, of all who were told one and waited a second or more.
fn errors(seed: u64) -> Vec<Off> {
    let mut world = World::of(plan(1_200), Dice::new(seed), Dice::new(!seed), None);
    while world.step() {}
    assert_eq!(world.trouble, None);
    let error = |request: &Request| {
        let told = request.told?;
        let took_ms = request.times.started_us?.checked_sub(told.at_us)? / 1_000;
        let counts = told.finished >= WARM_UP && took_ms >= 1_000;
        let off_ms = told.estimate_ms.unwrap_or(0).abs_diff(took_ms);
        counts.then(|| (off_ms * 100 / took_ms, told.ahead))
    };
    world.requests.iter().filter_map(error).collect()
}

/// After so many answers the estimate has to hold.
const WARM_UP: u64 = 20;

#[test]
fn the_estimate_holds_on_a_simulated_day() {
    let mut all = Vec::new();
    for seed in 0..4 {
        let errors = errors(seed);
        println!("day {seed}: {}", Summary::of(&errors));
        all.extend(errors);
    }
    let whole = Summary::of(&all);
    println!("all days: {whole}");
    for (least, most) in [(0, 0), (1, 3), (4, 15), (16, u32::MAX)] {
        let some: Vec<Off> = all
            .iter()
            .copied()
            .filter(|(_, ahead)| (least..=most).contains(ahead))
            .collect();
        println!("with {least} or more ahead: {}", Summary::of(&some));
    }
    assert!(whole.count > 1_000, "{whole}");
    assert!(whole.median <= 25, "{whole}");
    assert!(whole.within_60 >= 90, "{whole}");
}

/// What errors come to.
struct Summary {
    count: usize,
    median: u64,
    ninth: u64,
    within_60: usize,
}

impl Summary {
    fn of(errors: &[Off]) -> Summary {
        let mut errors: Vec<u64> = errors.iter().map(|(error, _)| *error).collect();
        errors.sort_unstable();
        let at = |tenths: usize| errors.get(errors.len() * tenths / 10).copied().unwrap_or(0);
        let within_60 = errors.partition_point(|error| *error <= 60);
        Summary {
            count: errors.len(),
            median: at(5),
            ninth: at(9),
            within_60: (within_60 * 100).checked_div(errors.len()).unwrap_or(0),
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} waited; median error {} %, nine in ten within {} %, {} in a hundred within 60 %",
            self.count, self.median, self.ninth, self.within_60
        )
    }
}
