//! The public ticket: the number and 128 random bits. Knowing it is the right to give the place up; the store holds a hash.
//!
//! A request that stands behind the main line keeps the ticket that it drew there first: its number has a `b` before it.

use std::fmt;

use crate::random;
use sha2::{Digest, Sha256};
use sluice_gate::{Epoch, Event, Key, Lane, Op, Standing, Ticket, Value};

use super::store::perform;
use crate::store::StoreError;

/// What a client is told of its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTicket {
    lane: Lane,
    number: Ticket,
    secret: u128,
}

/// The secret half of a ticket. A request that has to draw anew keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketSecret(u128);

impl TicketSecret {
    /// 128 random bits.
    pub fn random() -> TicketSecret {
        TicketSecret(u128::from(random::number()) << 64 | u128::from(random::number()))
    }

    /// The hash that stands in the record.
    pub fn guard(self) -> u64 {
        let digest = Sha256::digest(self.0.to_be_bytes());
        digest
            .iter()
            .take(8)
            .fold(0, |guard, byte| guard << 8 | u64::from(*byte))
    }

    /// The public ticket with this number of a line.
    pub fn ticket(self, lane: Lane, number: Ticket) -> PublicTicket {
        PublicTicket {
            lane,
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
        let (lane, rest) = match text.strip_prefix('b') {
            Some(rest) => (Lane::Batch, rest),
            None => (Lane::Main, text),
        };
        let (number, secret) = rest.split_once('-')?;
        let ticket = PublicTicket {
            lane,
            number: number.parse().ok()?,
            secret: u128::from_str_radix(secret, 16).ok()?,
        };
        (ticket.to_string() == text).then_some(ticket)
    }
}

impl fmt::Display for PublicTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.lane {
            Lane::Main => "",
            Lane::Batch => "b",
        };
        write!(f, "{prefix}{}-{:032x}", self.number, self.secret)
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
    let word = ticket.lane.word(epoch);
    let held = if is_held(word, ticket).await? {
        Some((word, ticket.number))
    } else {
        started(epoch, ticket).await?
    };
    let Some((word, number)) = held else {
        return Ok(false);
    };
    let mark = Value::Mark(crate::clock::now().wall_ms);
    match perform(Op::Put(Key::Cancel(word, number), mark)).await {
        Event::Done => {
            super::bell::ask_to_stop(word, number);
            Ok(true)
        }
        _ => Err(StoreError::unavailable()),
    }
}

/// Whether the ticket's own record says that somebody waits or relays by it.
async fn is_held(word: Epoch, ticket: PublicTicket) -> Result<bool, StoreError> {
    match perform(Op::Get(Key::Record(word, ticket.number))).await {
        Event::Got(Some(Value::Record(record))) => {
            let is_held = matches!(record.standing, Standing::Waiting | Standing::Active);
            // The guard is a hash of what only the client knows: comparing it leaks nothing that could be used.
            Ok(is_held && record.guard == TicketSecret(ticket.secret).guard())
        }
        Event::Got(_) => Ok(false),
        _ => Err(StoreError::unavailable()),
    }
}

/// The ticket of the main line by which a request relays that stood in the batch line with this one. While it waits there its
/// record of the batch line is held.
async fn started(
    epoch: Epoch,
    ticket: PublicTicket,
) -> Result<Option<(Epoch, Ticket)>, StoreError> {
    if ticket.lane == Lane::Main {
        return Ok(None);
    }
    let line = super::line::line(0).await?;
    let is_same = line.epoch == Some(epoch);
    let number = line.active_with(TicketSecret(ticket.secret).guard());
    Ok(number.filter(|_| is_same).map(|number| (epoch, number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_is_written_and_nothing_else_is_one() {
        let secret = TicketSecret(7);
        for lane in Lane::ALL {
            let ticket = secret.ticket(lane, 42);
            assert_eq!(PublicTicket::parse(&ticket.to_string()), Some(ticket));
        }
        let good = secret.ticket(Lane::Batch, 42).to_string();
        assert!(good.starts_with("b42-"), "{good}");
        for bad in ["", "b", "b-", "42", "bb42-7", "B42-7", "+42-7", &good[1..9]] {
            assert_eq!(PublicTicket::parse(bad), None, "{bad}");
        }
    }
}
