//! A session's outbox: the record that it alone writes, with one put under way at a time.
//!
//! Every put that is issued has the next beat, acknowledged or not. The form number, the name and the beat stand in front and
//! are the same in all versions: whoever cannot read the rest still sees that the session lives.

use serde::{Deserialize, Serialize};

use crate::board::codec::FORMAT;
use crate::models::Wants;
use crate::policy::{Again, Cancel, Class};

/// The most asks of a session at a time; more requests of an instance wait until one of them is over.
pub const ASKS_MAX: usize = 128;

/// The most bytes of an outbox.
pub const OUTBOX_MAX: usize = 32 * 1024;

/// What a session says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outbox {
    /// Its random name.
    pub name: u64,
    /// The number of this put.
    pub beat: u64,
    /// It has stopped everything and will never be fresh again.
    pub over: bool,
    /// What it asks for, each request that waits or relays.
    pub asks: Vec<Ask>,
    /// What has ended, until a board that passed has taken it in.
    pub ended: Vec<Ended>,
    /// What it wants to be cancelled, of whatever session.
    pub cancels: Vec<Cancel>,
}

impl Outbox {
    /// Whether it says that the slot of this ask is free. One that has a successor is not said to have ended while that relays in its
    /// slot.
    pub fn frees(&self, k: u64) -> bool {
        self.over || self.ended.iter().any(|ended| ended.k == k)
    }

    /// Who relays in the slot of this ask, which has ended.
    pub fn successor(&self, ended: u64) -> Option<u64> {
        let mut asks = self.asks.iter();
        let next = asks.find(|ask| ask.after.is_some_and(|after| after.k == ended));
        next.map(|ask| ask.k)
    }
}

/// A request that waits or relays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// Its number in the session.
    pub k: u64,
    /// Its class.
    pub class: Class,
    /// Hash of its client's key; 0 without one.
    pub client: u64,
    /// Hash of its ticket's secret.
    pub guard: u64,
    /// What it says of its model.
    pub wants: Wants,
    /// How long it has waited, in milliseconds, at the issue of the put.
    pub waited_ms: u64,
    /// Whether it has waited before.
    pub again: Again,
    /// The upstreams that it does not want, as bits.
    pub avoid: u8,
    /// How often it has wished to move.
    pub moves: u8,
    /// The ask of the same session in whose slot it relays, which has ended.
    pub after: Option<Ended>,
    /// Its grant is to be provisional no longer: it has started, or starts when a board says so.
    pub confirms: bool,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ended {
    /// Its number in the session.
    pub k: u64,
    /// What it came to, if that counts for estimates.
    pub work: Option<Work>,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Work {
    /// How long it held its slot, in milliseconds.
    pub service_ms: u64,
    /// How long the upstream worked on its prompt and its answer, in milliseconds, where its last frame says so.
    pub busy_ms: Option<u64>,
    /// How long ago it ended when the outbox was put, in milliseconds.
    pub ago_ms: u64,
}

/// What was read of an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// All of it.
    All(Outbox),
    /// The name and the beat alone: the rest is in another version's form, or damaged.
    Beat {
        /// The session's name.
        name: u64,
        /// The number of the put.
        beat: u64,
    },
    /// Nothing: there is none, or none that anybody could read. It counts as beat 0.
    Nothing,
}

impl Outbox {
    /// The bytes for the store.
    pub fn encode(&self) -> Vec<u8> {
        let head = postcard::to_extend(&(self.name, self.beat), vec![FORMAT]);
        let body = (self.over, &self.asks, &self.ended, &self.cancels);
        // Integers and lists into memory: nothing here can fail to serialise.
        head.and_then(|head| postcard::to_extend(&body, head))
            .unwrap_or_default()
    }

    /// What these bytes say.
    pub fn read(bytes: &[u8]) -> Said {
        let Some((format, rest)) = bytes.split_first().filter(|_| bytes.len() <= OUTBOX_MAX) else {
            return Said::Nothing;
        };
        let Ok(((name, beat), rest)) = postcard::take_from_bytes::<(u64, u64)>(rest) else {
            return Said::Nothing;
        };
        let body = postcard::take_from_bytes::<(bool, Vec<Ask>, Vec<Ended>, Vec<Cancel>)>(rest);
        match body {
            Ok(((over, asks, ended, cancels), [])) if *format == FORMAT => Said::All(Outbox {
                name,
                beat,
                over,
                asks,
                ended,
                cancels,
            }),
            _ => Said::Beat { name, beat },
        }
    }
}

impl Said {
    /// The number of the put; 0 where nothing was read.
    pub fn beat(&self) -> u64 {
        match self {
            Said::All(outbox) => outbox.beat,
            Said::Beat { beat, .. } => *beat,
            Said::Nothing => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::AskId;

    fn outbox() -> Outbox {
        Outbox {
            name: u64::MAX,
            beat: 1_000,
            over: true,
            asks: vec![Ask {
                k: 3,
                ..Ask::default()
            }],
            ended: vec![Ended {
                k: 2,
                work: Some(Work {
                    service_ms: 70,
                    busy_ms: Some(60),
                    ago_ms: 5,
                }),
            }],
            cancels: vec![
                Cancel::Ticket(9),
                Cancel::Operator(AskId { session: 4, k: 1 }),
            ],
        }
    }

    #[test]
    fn an_outbox_is_read_back_as_it_was_put() {
        assert_eq!(Outbox::read(&outbox().encode()), Said::All(outbox()));
    }

    #[test]
    fn of_another_version_or_a_damaged_body_the_beat_is_still_read() {
        let mut bytes = outbox().encode();
        bytes.pop();
        let beat = Said::Beat {
            name: u64::MAX,
            beat: 1_000,
        };
        assert_eq!(Outbox::read(&bytes), beat);
        let mut other = outbox().encode();
        other[0] = FORMAT + 1;
        assert_eq!(Outbox::read(&other), beat);
        assert_eq!(Outbox::read(&[]).beat(), 0);
        assert_eq!(Outbox::read(&[FORMAT, 0xff]), Said::Nothing);
    }

    #[test]
    fn the_largest_outbox_can_be_put() {
        let ended = Ended {
            k: 1 << 40,
            work: Some(Work {
                service_ms: 1 << 40,
                busy_ms: Some(1 << 40),
                ago_ms: 1 << 40,
            }),
        };
        let ask = Ask {
            k: 1 << 40,
            client: u64::MAX,
            guard: u64::MAX,
            waited_ms: 1 << 40,
            after: Some(ended),
            ..Ask::default()
        };
        let largest = Outbox {
            asks: vec![ask; ASKS_MAX],
            ended: vec![ended; 4 * ASKS_MAX],
            ..outbox()
        };
        assert_eq!(Outbox::read(&largest.encode()), Said::All(largest));
    }
}
