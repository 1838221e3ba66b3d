//! A ticket's record: what it says, and its bytes in the store.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Figures, Held, Lane, Ledger, Settings};

/// What a record can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// In the line.
    Waiting,
    /// Started, and not yet finished.
    Active,
    /// Started, and over.
    Finished,
    /// Gone without having started.
    Left,
}

/// A ticket's record. JSON in the store: an operator can read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// What the ticket is doing.
    pub standing: Standing,
    /// Counts the writes of this record, so that each renewal changes it.
    pub beat: u32,
    /// For how long a reader has to see this record unchanged to take it for lapsed, in milliseconds.
    pub ttl_ms: u32,
    /// Those who were active when this one started (`Active` and `Finished` only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub view: Vec<Held>,
    /// What the line remembered when this ticket started (`Active` and `Finished` only).
    #[serde(default, skip_serializing_if = "is_blank")]
    pub ledger: Box<Ledger>,
    /// What this ticket has to tell (`Finished` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Box<Figures>>,
    /// Hash of the secret half of the public ticket; 0 where there is none.
    #[serde(default)]
    pub guard: u64,
    /// Hash of the client's key; 0 for a client without.
    #[serde(default)]
    pub client: u64,
    /// The line that the request came through.
    #[serde(default, skip_serializing_if = "Lane::is_main")]
    pub via: Lane,
    /// Which upstream the request went to.
    #[serde(default)]
    pub upstream: u8,
}

/// The bytes are not a record.
#[derive(Debug)]
pub struct Unreadable(serde_json::Error);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not a record")
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Record {
    /// The bytes for the store.
    pub fn encode(&self) -> Vec<u8> {
        // Integers, strings and lists only: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The bytes are not a record of this version.
    pub fn decode(bytes: &[u8]) -> Result<Record, Unreadable> {
        let mut record: Record = serde_json::from_slice(bytes).map_err(Unreadable)?;
        record.ttl_ms = record.ttl_ms.min(Settings::TTL_MAX_MS);
        Ok(record)
    }

    /// Stands for bytes that are no record: waits until the reader has seen the same bytes for the longest time to
    /// live.
    pub(crate) fn unreadable(bytes: &[u8]) -> Record {
        let stamp = bytes
            .iter()
            .fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        Record {
            standing: Standing::Waiting,
            beat: stamp,
            ttl_ms: Settings::TTL_MAX_MS,
            view: Vec::new(),
            ledger: Box::default(),
            figures: None,
            guard: 0,
            client: 0,
            via: Lane::Main,
            upstream: 0,
        }
    }

    /// Changes with every write of the record.
    pub(crate) fn stamp(&self) -> u64 {
        (u64::from(self.beat) << 2) | self.standing as u64
    }
}

fn is_blank(ledger: &Ledger) -> bool {
    *ledger == Ledger::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_bytes_and_an_older_one_without_the_new_members_is_read() {
        let record = Record {
            standing: Standing::Finished,
            beat: 3,
            ttl_ms: 15_000,
            view: vec![Held::from((4, 0)), Held::from((9, 1))],
            ledger: Box::new(Ledger {
                finished: 8,
                ..Ledger::default()
            }),
            figures: Some(Box::new(Figures {
                service_ms: 5,
                ..Figures::default()
            })),
            guard: u64::MAX,
            client: 1,
            via: Lane::Batch,
            upstream: 2,
        };
        assert_eq!(Record::decode(&record.encode()).expect("own bytes"), record);
        let bare = Record::decode(br#"{"standing":"waiting","beat":0,"ttl_ms":99000000}"#)
            .expect("no members");
        assert_eq!(
            bare.ttl_ms,
            Settings::TTL_MAX_MS,
            "a foreign time to live cannot hold up the line"
        );
    }
}
