//! What a check remembers besides the state, to judge the order of starts. The model and the simulation share it.

use std::collections::{BTreeMap, BTreeSet};

use crate::turn::{Event, Phase, Turn};
use crate::{Epoch, Key, Record, Standing, Ticket, Value};

/// A judge of starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ghost {
    highest_active: BTreeMap<Epoch, Ticket>,
    late_starts: BTreeSet<(Epoch, Ticket)>,
    granted: BTreeSet<(Epoch, Ticket)>,
    /// Whom a ticket that has not started yet has passed over.
    passing: BTreeMap<(Epoch, Ticket), BTreeSet<Ticket>>,
    passed_over: BTreeSet<(Epoch, Ticket)>,
    /// One relays whose active record was written after that of a later ticket.
    pub(crate) out_of_order: bool,
    /// One who started has passed over another who started too, before or after.
    pub(crate) passed_over_one_that_started: bool,
    pub(crate) seen: Seen,
}

/// Interesting things that happened, for the `sometimes` properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) verdict: bool,
    pub(crate) verdict_overturned: bool,
    pub(crate) start_taken_back: bool,
    pub(crate) inherited_through_finished: bool,
    pub(crate) predecessor_left: bool,
    pub(crate) died_before_first_write: bool,
}

/// A turn as it was before a step.
pub(crate) struct Before {
    behind: Option<(Epoch, Ticket)>,
    phase: Phase,
    reconsiders: bool,
}

impl Ghost {
    /// `value` is about to be written over `old`.
    pub(crate) fn put(&mut self, key: &Key, value: &Value, old: Option<&Value>) {
        match (key, value) {
            (
                Key::Record(epoch, ticket),
                Value::Record(Record {
                    standing: Standing::Active,
                    ..
                }),
            ) => {
                let highest = self.highest_active.entry(*epoch).or_default();
                let started_before = matches!(
                    old,
                    Some(Value::Record(Record {
                        standing: Standing::Active | Standing::Finished,
                        ..
                    }))
                );
                if *highest > *ticket && !started_before {
                    self.late_starts.insert((*epoch, *ticket));
                }
                *highest = (*highest).max(*ticket);
            }
            (Key::Gone(..), _) => self.seen.verdict = true,
            _ => {}
        }
    }

    /// `turn` is about to be told `event`.
    pub(crate) fn before(&mut self, turn: &Turn, event: &Event) -> Before {
        if let (true, Event::Got(Some(Value::Record(record)))) = (turn.follows(), event) {
            let seen = &mut self.seen;
            seen.predecessor_left |= record.standing == Standing::Left;
            seen.inherited_through_finished |=
                record.standing == Standing::Finished && !record.view.is_empty();
        }
        Before {
            behind: turn.stands_behind(),
            phase: turn.phase(),
            reconsiders: turn.reconsiders(),
        }
    }

    /// `turn` has been told; `read` looks into the store.
    pub(crate) fn after<'a>(
        &mut self,
        before: &Before,
        turn: &Turn,
        read: impl Fn(&Key) -> Option<&'a Value>,
    ) {
        let phase = turn.phase();
        self.seen.start_taken_back |= before.phase == Phase::Sending && phase == Phase::Queued;
        self.seen.verdict_overturned |= before.reconsiders && turn.rests_in_line();
        let Some(own) = turn.ticket() else { return };
        if let (Some((epoch, was)), Some((same, is))) = (before.behind, turn.stands_behind())
            && (epoch, was - 1) == (same, is)
            && !matches!(read(&Key::Record(epoch, was)), Some(Value::Record(r)) if r.standing == Standing::Left)
        {
            self.passing.entry(own).or_default().insert(was);
        }
        if before.phase != Phase::Relaying && phase == Phase::Relaying {
            self.granted(own);
        }
    }

    fn granted(&mut self, own: (Epoch, Ticket)) {
        self.out_of_order |= self.late_starts.contains(&own);
        self.passed_over_one_that_started |= self.passed_over.contains(&own);
        self.granted.insert(own);
        for passed in self.passing.remove(&own).unwrap_or_default() {
            let passed = (own.0, passed);
            self.passed_over_one_that_started |= self.granted.contains(&passed);
            self.passed_over.insert(passed);
        }
    }
}
