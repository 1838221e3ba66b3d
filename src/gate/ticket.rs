//! The public ticket: the number and 128 random bits. Knowing it is the right to give the place up; the store holds a hash.

use std::fmt;

use sha2::{Digest, Sha256};
use sluice_gate::{Event, Key, Op, Ticket, Value};
use spin_sdk::wasip3::random::random::get_random_u64;

use super::store::{StoreError, perform};

/// What a client is told of its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTicket {
    number: Ticket,
    secret: u128,
}

/// The secret half of a ticket. A request that has to draw anew keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketSecret(u128);

impl TicketSecret {
    /// 128 random bits.
    pub fn random() -> TicketSecret {
        TicketSecret(u128::from(get_random_u64()) << 64 | u128::from(get_random_u64()))
    }

    /// The hash that stands in the record.
    pub fn guard(self) -> u64 {
        let digest = Sha256::digest(self.0.to_be_bytes());
        digest
            .iter()
            .take(8)
            .fold(0, |guard, byte| guard << 8 | u64::from(*byte))
    }

    /// The public ticket with this number.
    pub fn ticket(self, number: Ticket) -> PublicTicket {
        PublicTicket {
            number,
            secret: self.0,
        }
    }
}

impl PublicTicket {
    /// The number alone, which gives no right.
    pub fn number(&self) -> Ticket {
        self.number
    }

    /// Reads a ticket as [`fmt::Display`] writes it; anything else is no ticket.
    pub fn parse(text: &str) -> Option<PublicTicket> {
        let (number, secret) = text.split_once('-')?;
        let ticket = PublicTicket {
            number: number.parse().ok()?,
            secret: u128::from_str_radix(secret, 16).ok()?,
        };
        (ticket.to_string() == text).then_some(ticket)
    }
}

impl fmt::Display for PublicTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:032x}", self.number, self.secret)
    }
}

/// Asks whoever holds this ticket to stop. Answers whether there is such a ticket, waiting or relaying; nothing is written
/// where there is not.
///
/// # Errors
/// The store could not be read or written.
pub async fn cancel(ticket: PublicTicket) -> Result<bool, StoreError> {
    let Some(epoch) = super::line::epoch().await? else {
        return Ok(false);
    };
    let key = Key::Record(epoch, ticket.number);
    let record = match perform(Op::Get(key)).await {
        Event::Got(Some(Value::Record(record))) => record,
        Event::Got(_) => return Ok(false),
        _ => return Err(StoreError::unavailable()),
    };
    let held = matches!(
        record.standing,
        sluice_gate::Standing::Waiting | sluice_gate::Standing::Active
    );
    // The guard is a hash of what only the client knows: comparing it leaks nothing that could be used.
    if !held || record.guard != TicketSecret(ticket.secret).guard() {
        return Ok(false);
    }
    let mark = Value::Mark(super::now().wall_ms);
    match perform(Op::Put(Key::Cancel(epoch, ticket.number), mark)).await {
        Event::Done => {
            super::bell::ask_to_stop(epoch, ticket.number);
            Ok(true)
        }
        _ => Err(StoreError::unavailable()),
    }
}
