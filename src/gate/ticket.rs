//! The public ticket: the ask's two numbers and 128 random bits. Knowing it is the right to give the place up; the board holds a
//! hash of the bits.

use std::fmt;

use sha2::{Digest, Sha256};
use sluice_gate::board::AskId;

/// What a client is told of its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTicket {
    ask: AskId,
    secret: TicketSecret,
}

/// The secret half of a ticket. A request that has to ask anew keeps it, so a ticket that was told stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketSecret(u128);

impl TicketSecret {
    /// A secret of 128 random bits, made of two numbers.
    pub fn of(high: u64, low: u64) -> TicketSecret {
        TicketSecret(u128::from(high) << 64 | u128::from(low))
    }

    /// The hash that stands on the board.
    pub fn guard(self) -> u64 {
        let digest = Sha256::digest(self.0.to_be_bytes());
        digest
            .iter()
            .take(8)
            .fold(0, |guard, byte| guard << 8 | u64::from(*byte))
    }

    /// The public ticket of this ask.
    pub fn ticket(self, ask: AskId) -> PublicTicket {
        PublicTicket { ask, secret: self }
    }
}

/// The numbers of a ticket.
pub fn number(ask: AskId) -> String {
    format!("{}-{}", ask.session, ask.k)
}

/// The ask with these numbers, as [`number`] writes them.
pub fn ask_of(text: &str) -> Option<AskId> {
    let (session, k) = text.split_once('-')?;
    let ask = AskId {
        session: session.parse().ok()?,
        k: k.parse().ok()?,
    };
    (number(ask) == text).then_some(ask)
}

impl PublicTicket {
    /// The hash by which the board knows it.
    pub fn guard(&self) -> u64 {
        self.secret.guard()
    }

    /// The numbers alone, which give no right: for the log.
    pub fn number(&self) -> String {
        number(self.ask)
    }

    /// Reads a ticket as [`fmt::Display`] writes it; anything else is no ticket.
    pub fn parse(text: &str) -> Option<PublicTicket> {
        let mut parts = text.split('-');
        let (session, k, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let ticket = PublicTicket {
            ask: AskId {
                session: session.parse().ok()?,
                k: k.parse().ok()?,
            },
            secret: TicketSecret(u128::from_str_radix(secret, 16).ok()?),
        };
        (ticket.to_string() == text).then_some(ticket)
    }
}

impl fmt::Display for PublicTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:032x}", self.number(), self.secret.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_is_written_and_nothing_else_is_one() {
        let ask = AskId { session: 3, k: 42 };
        let good = TicketSecret::of(0, 7).ticket(ask).to_string();
        assert!(good.starts_with("3-42-0"), "{good}");
        let ticket = PublicTicket::parse(&good).expect("a ticket");
        assert_eq!(
            (ticket.to_string(), ticket.guard()),
            (good.clone(), TicketSecret::of(0, 7).guard())
        );
        let more = format!("{good}-1");
        for bad in [
            "",
            "3",
            "3-",
            "3-42-7",
            "+3-42-7",
            "3-42",
            &good[1..],
            &more,
        ] {
            assert_eq!(PublicTicket::parse(bad), None, "{bad}");
        }
    }
}
