//! Time as the gate uses it: a holder's own clock, and what a reader has seen of others.
//!
//! No clocks of two hosts are ever compared. A holder counts from before its last acknowledged renewal was issued; a
//! reader counts, by its own clock, how long it has seen a record unchanged.

use crate::{Epoch, Record, Ticket};

/// The two clocks of the process that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Now {
    /// Monotonic, in milliseconds from any start; may stand still while the machine is suspended.
    pub mono_ms: u64,
    /// Wall time in milliseconds; may jump.
    pub wall_ms: u64,
}

impl Now {
    /// Milliseconds since `then`, the larger of what the two clocks say: a suspended machine stops the one, a
    /// correction moves the other, and a holder that errs on the long side only stops early.
    pub fn since(&self, then: Now) -> u64 {
        let mono = self.mono_ms.saturating_sub(then.mono_ms);
        mono.max(self.wall_ms.saturating_sub(then.wall_ms))
    }
}

/// What one reader has seen of other tickets' records, and since when each has been unchanged; in the order of tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sightings {
    epoch: Epoch,
    seen: Vec<Sighting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sighting {
    ticket: Ticket,
    stamp: u64,
    since_ms: u64,
}

impl Sightings {
    /// What follows is of this epoch. Numbers begin anew there, and who has drawn the same one again writes what it wrote
    /// before: what was seen in another epoch is forgotten.
    pub fn enter(&mut self, epoch: Epoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.forget();
        }
    }

    /// Notes that `record` was read and answers whether it has lapsed: seen unchanged for its own time to live.
    pub fn lapsed(&mut self, ticket: Ticket, record: &Record, now: Now) -> bool {
        let (stamp, since_ms) = (record.stamp(), now.mono_ms);
        match self.find(ticket) {
            Ok(at) if self.seen[at].stamp == stamp => {
                since_ms.saturating_sub(self.seen[at].since_ms) >= u64::from(record.ttl_ms)
            }
            Ok(at) => {
                (self.seen[at].stamp, self.seen[at].since_ms) = (stamp, since_ms);
                false
            }
            Err(at) => {
                let seen = Sighting {
                    ticket,
                    stamp,
                    since_ms,
                };
                self.seen.insert(at, seen);
                false
            }
        }
    }

    /// Whether `record` is what was last seen of `ticket`.
    pub fn unchanged(&self, ticket: Ticket, record: &Record) -> bool {
        self.find(ticket)
            .is_ok_and(|at| self.seen[at].stamp == record.stamp())
    }

    /// Takes over what another reader of the same process has seen of the tickets `from` to `to`: the earlier of two moments
    /// since which a record has been unchanged. So the dead in a line lapse all at once, not one after another.
    pub fn learn(&mut self, other: &Sightings, from: Ticket, to: Ticket) {
        if other.epoch != self.epoch {
            return;
        }
        let mut own = std::mem::take(&mut self.seen).into_iter().peekable();
        let (Ok(first) | Err(first)) = other.find(from);
        for seen in other
            .seen
            .iter()
            .skip(first)
            .take_while(|seen| seen.ticket <= to)
        {
            while let Some(earlier) = own.next_if(|own| own.ticket < seen.ticket) {
                self.seen.push(earlier);
            }
            let merged = match own.next_if(|own| own.ticket == seen.ticket) {
                Some(mut own) if own.stamp == seen.stamp => {
                    own.since_ms = own.since_ms.min(seen.since_ms);
                    own
                }
                Some(own) => own,
                None => seen.clone(),
            };
            self.seen.push(merged);
        }
        self.seen.extend(own);
    }

    fn find(&self, ticket: Ticket) -> Result<usize, usize> {
        self.seen.binary_search_by_key(&ticket, |seen| seen.ticket)
    }

    /// Forgets everything: a read failed, so nothing is known of the time between. An outage condemns nobody.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// Keeps only the tickets that are still of interest.
    pub fn retain(&mut self, keep: impl Fn(Ticket) -> bool) {
        self.seen.retain(|seen| keep(seen.ticket));
    }

    /// Shifts every instant `ms` into the past, no further than `floor_ms` ago: for explorations in which only the
    /// age of a sighting counts.
    #[cfg(test)]
    pub(crate) fn rebase(&mut self, origin_ms: u64, horizon_ms: u64) {
        for seen in &mut self.seen {
            seen.since_ms = rebased(seen.since_ms, origin_ms, horizon_ms);
        }
    }

    /// Hands out each sighting's ticket and stamp, to be renumbered.
    #[cfg(test)]
    pub(crate) fn stamps(&mut self) -> impl Iterator<Item = (Ticket, &mut u64)> {
        self.seen
            .iter_mut()
            .map(|seen| (seen.ticket, &mut seen.stamp))
    }
}

/// `instant` in a time whose present is `horizon_ms`: ages above the horizon are all alike.
#[cfg(test)]
pub(crate) fn rebased(instant_ms: u64, now_ms: u64, horizon_ms: u64) -> u64 {
    (instant_ms + horizon_ms).saturating_sub(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn what_was_seen_in_another_epoch_is_forgotten() {
        let record = Record::unreadable(b"a");
        let ttl_ms = u64::from(record.ttl_ms);
        let [mut sightings, mut other] = [Epoch(1), Epoch(2)].map(|epoch| {
            let mut sightings = Sightings::default();
            sightings.enter(epoch);
            sightings
        });
        assert!(!sightings.lapsed(3, &record, at(0)));
        other.learn(&sightings, 1, 3);
        assert!(!other.lapsed(3, &record, at(ttl_ms)), "it is another's");
        sightings.enter(Epoch(1));
        assert!(sightings.lapsed(3, &record, at(ttl_ms)));
        sightings.enter(Epoch(2));
        assert!(!sightings.lapsed(3, &record, at(ttl_ms)), "it is a new one");
    }

    #[test]
    fn what_another_reader_saw_counts_as_long_as_the_record_is_the_same() {
        let record = Record::unreadable(b"a");
        let ttl_ms = u64::from(record.ttl_ms);
        let (mut early, mut late) = (Sightings::default(), Sightings::default());
        assert!(!early.lapsed(3, &record, at(0)));
        late.learn(&early, 1, 2);
        assert!(
            !late.lapsed(3, &record, at(ttl_ms)),
            "only those asked for are learnt of"
        );
        late.learn(&early, 1, 3);
        assert!(late.lapsed(3, &record, at(ttl_ms)));
        assert!(
            !late.lapsed(3, &Record::unreadable(b"b"), at(ttl_ms)),
            "it was renewed"
        );
    }
}
