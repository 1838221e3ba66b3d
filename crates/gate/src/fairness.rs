//! Fairness between clients that have keys: what each has at the gate, and which line its next request stands in.
//!
//! # Limits
//!
//! Both rules are soft: they go by a reading of the line that is a moment old, and two requests that come at the same moment may
//! not see each other. Clients without keys are known by address only, and a school behind one router is one address: for them
//! there are no places, and nobody is put behind others.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Lane, Line, Record};

/// What one client has at the gate: each of its requests once, whichever lines it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// By the guard of its ticket: whether it waits.
    stays: BTreeMap<u64, bool>,
}

impl Holdings {
    /// What `line`, and the line behind it, tell of a client; nothing of one without a key. What is `known` better than from
    /// records goes before: by the guard of a ticket of this client, whether it waits; `None`: it is over.
    pub fn of(
        client: u64,
        line: &Line,
        known: impl IntoIterator<Item = (u64, Option<bool>)>,
    ) -> Holdings {
        let mut holdings = Holdings::default();
        if client == 0 {
            return holdings;
        }
        let of_client = |record: &&Record| record.client == client;
        let records = |list: &'_ [(u64, Record)]| -> Vec<u64> {
            let records = list.iter().map(|(_, record)| record).filter(of_client);
            records.map(|record| record.guard).collect()
        };
        // Whoever has the right still waits, unless the main line says otherwise: that is told last.
        if let Some(behind) = &line.behind {
            holdings.note(records(&behind.active), true);
            holdings.note(records(&behind.waiting), true);
        }
        holdings.note(records(&line.waiting), true);
        holdings.note(records(&line.active), false);
        for (guard, state) in known {
            match state {
                Some(waits) => _ = holdings.stays.insert(guard, waits),
                None => _ = holdings.stays.remove(&guard),
            }
        }
        holdings
    }

    /// How many requests of its client stand before the one with this guard; 0 for a client without a key, or if it is not there.
    pub fn before(client: u64, guard: u64, line: &Line) -> u32 {
        if client == 0 {
            return 0;
        }
        let here = line.active.iter().chain(&line.waiting);
        let behind = line.behind.iter();
        let behind = behind.flat_map(|behind| behind.active.iter().chain(&behind.waiting));
        let mut seen = BTreeSet::new();
        for (_, record) in here.chain(behind) {
            if record.client != client {
                continue;
            }
            if record.guard == guard {
                return u32::try_from(seen.len()).unwrap_or(u32::MAX);
            }
            seen.insert(record.guard);
        }
        0
    }

    /// How many places it holds, waiting or relayed.
    pub fn places(&self) -> u32 {
        u32::try_from(self.stays.len()).unwrap_or(u32::MAX)
    }

    /// How many of them are relayed.
    pub fn relayed(&self) -> u32 {
        let relayed = self.stays.values().filter(|waits| !**waits).count();
        u32::try_from(relayed).unwrap_or(u32::MAX)
    }

    /// Which line its next request stands in: one whose requests can wait stands behind the others, and so does whoever has one
    /// waiting already.
    pub fn lane(&self, own: Lane) -> Lane {
        if self.stays.values().any(|waits| *waits) {
            Lane::Batch
        } else {
            own
        }
    }

    fn note(&mut self, guards: Vec<u64>, waits: bool) {
        self.stays
            .extend(guards.into_iter().map(|guard| (guard, waits)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(of: &[(u64, u64)]) -> Vec<(u64, Record)> {
        let record = |&(client, guard)| Record {
            client,
            guard,
            ..Record::unreadable(b"")
        };
        (1..).zip(of.iter().map(record)).collect()
    }

    /// Client 7 has 11 relayed, 12 waiting, 13 with the right and drawn, 14 with the right alone, 15 behind it.
    fn line() -> Line {
        Line {
            active: records(&[(7, 11), (8, 21)]),
            waiting: records(&[(7, 12), (7, 13), (0, 0), (0, 0)]),
            queued: 4,
            behind: Some(Box::new(Line {
                active: records(&[(7, 13), (7, 14)]),
                waiting: records(&[(7, 15), (9, 31)]),
                queued: 2,
                ..Line::default()
            })),
            ..Line::default()
        }
    }

    #[test]
    fn each_request_counts_once_and_those_of_nobody_do_not() {
        let of = |client| Holdings::of(client, &line(), []);
        assert_eq!((of(7).places(), of(7).relayed()), (5, 1));
        assert_eq!((of(8).places(), of(8).relayed()), (1, 1));
        assert_eq!(of(0), Holdings::default());
        let known = [(11, None), (12, Some(false)), (16, Some(true))];
        let better = Holdings::of(7, &line(), known);
        assert_eq!((better.places(), better.relayed()), (5, 1));
        assert_eq!(Holdings::of(0, &line(), known), Holdings::default());
    }

    #[test]
    fn the_requests_of_a_client_stand_in_one_order_over_both_lines() {
        let before = |client, guard| Holdings::before(client, guard, &line());
        let order = [11, 12, 13, 14, 15].map(|guard| before(7, guard));
        assert_eq!(order, [0, 1, 2, 3, 4]);
        assert_eq!((before(9, 31), before(0, 0), before(7, 99)), (0, 0, 0));
    }

    #[test]
    fn whoever_has_one_waiting_stands_behind_with_the_next() {
        let lane = |client, own| Holdings::of(client, &line(), []).lane(own);
        assert_eq!(lane(8, Lane::Main), Lane::Main, "one that is relayed");
        assert_eq!(lane(7, Lane::Main), Lane::Batch);
        assert_eq!(lane(9, Lane::Main), Lane::Batch, "behind is waiting too");
        assert_eq!(lane(0, Lane::Main), Lane::Main, "nobody knows who it is");
        assert_eq!(lane(5, Lane::Batch), Lane::Batch);
    }

    #[test]
    fn a_request_in_both_lines_is_counted_once_in_the_line() {
        assert_eq!(line().queued_behind(), 3, "14, 15 and 31: 13 stands here");
        assert_eq!(line().queued_in_all(), 7);
    }
}
