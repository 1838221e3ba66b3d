//! What a reader of the board can tell: counts, places, what a client holds.
//!
//! The line stands in the order in which it is served, so a place is a position in it.

use super::{AskId, Board, Class, Rank};
use crate::room::Load;

/// How many relay and wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Who relays.
    pub active: u32,
    /// Who waits.
    pub queued: u32,
}

impl Board {
    /// How many relay and wait.
    pub fn count(&self) -> Count {
        self.count_if(|_, _| true)
    }

    /// The same of one class, by which the requests came.
    pub fn count_of(&self, class: Class) -> Count {
        self.count_if(|other, _| other == class)
    }

    /// The same of a client with a key; nothing of one without.
    pub fn holdings(&self, client: u64) -> Count {
        self.count_if(|_, other| client != 0 && other == client)
    }

    /// How many stand behind all others.
    pub fn queued_behind(&self) -> u32 {
        let behind = self
            .waiting()
            .filter(|waiting| waiting.rank == Rank::Behind);
        u32::try_from(behind.count()).unwrap_or(u32::MAX)
    }

    /// How many wait before this one; `None` if it does not wait here.
    pub fn ahead(&self, ask: AskId) -> Option<u32> {
        let at = self.waiting().position(|waiting| waiting.ask == ask)?;
        u32::try_from(at).ok()
    }

    /// How many requests of the same client, as far as that has a key, wait before this one or relay.
    pub fn own_before(&self, ask: AskId) -> u32 {
        let own = self.waiting().find(|waiting| waiting.ask == ask);
        let Some(client) = own.map(|own| own.client).filter(|client| *client != 0) else {
            return 0;
        };
        let before = self.waiting().take_while(|waiting| waiting.ask != ask);
        let waiting = before.filter(|waiting| waiting.client == client).count();
        let active = self.grants.iter().filter(|grant| grant.client == client);
        u32::try_from(waiting + active.count()).unwrap_or(u32::MAX)
    }

    /// How many relay at each upstream.
    pub fn load(&self) -> Load {
        self.grants.iter().map(|grant| grant.upstream).collect()
    }

    /// The ask with this guard: granted or waiting.
    pub fn ask_of(&self, guard: u64) -> Option<AskId> {
        if guard == 0 {
            return None;
        }
        let granted = self.grants.iter().find(|grant| grant.guard == guard);
        let mut waiting = self.waiting();
        granted.map(|grant| grant.ask).or_else(|| {
            waiting
                .find(|waiting| waiting.guard == guard)
                .map(|waiting| waiting.ask)
        })
    }

    fn count_if(&self, is_meant: impl Fn(Class, u64) -> bool) -> Count {
        let active = self
            .grants
            .iter()
            .filter(|grant| is_meant(grant.class, grant.client));
        let queued = self
            .waiting()
            .filter(|waiting| is_meant(waiting.class, waiting.client));
        Count {
            active: u32::try_from(active.count()).unwrap_or(u32::MAX),
            queued: u32::try_from(queued.count()).unwrap_or(u32::MAX),
        }
    }
}
