//! What a reader of the board can tell: counts, places, what a client holds.
//!
//! The line stands in the order in which it is served, so a place is a position in it. Whose session is away is passed over: it
//! is not counted, and stands before nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::{AskId, Board, Class, Rank, Waiting};
use crate::room::Load;
use crate::store::SessionNo;

/// How many of those who wait for a model are next: their sessions say that they are alive. As many as may be free at once, within
/// these bounds.
const NEXT: usize = 4;
const NEXT_MOST: usize = 16;

/// The same while somebody who waits is away: whoever died with it is found out at the same time.
const NEXT_TO_AWAY: usize = 32;

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

    /// Who waits and is not passed over.
    pub fn present(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting()
            .filter(|waiting| !self.is_away(waiting.ask.session))
    }

    /// How many stand behind all others.
    pub fn queued_behind(&self) -> u32 {
        let behind = self
            .waiting()
            .filter(|waiting| waiting.rank == Rank::Behind);
        u32::try_from(behind.count()).unwrap_or(u32::MAX)
    }

    /// The sessions of those who are next of their models. Who is away is among them, and takes nobody's place.
    pub(crate) fn next_up(&self) -> BTreeSet<SessionNo> {
        let is_away = |waiting: &Waiting| self.is_away(waiting.ask.session);
        let at_once = usize::try_from(self.capacity).unwrap_or(NEXT_MOST);
        let most = match self.waiting().any(is_away) {
            true => NEXT_TO_AWAY,
            false => at_once.clamp(NEXT, NEXT_MOST),
        };
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        let next = self.waiting().filter(|waiting| {
            let place = places.entry(waiting.wants.model).or_default();
            let is_next = *place < most;
            *place += usize::from(!is_away(waiting));
            is_next
        });
        next.map(|waiting| waiting.ask.session).collect()
    }

    /// How many wait before this one; `None` if it does not wait here.
    pub fn ahead(&self, ask: AskId) -> Option<u32> {
        let mut line = self
            .waiting()
            .filter(|waiting| waiting.ask == ask || !self.is_away(waiting.ask.session));
        let at = line.position(|waiting| waiting.ask == ask)?;
        u32::try_from(at).ok()
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
            .present()
            .filter(|waiting| is_meant(waiting.class, waiting.client));
        Count {
            active: u32::try_from(active.count()).unwrap_or(u32::MAX),
            queued: u32::try_from(queued.count()).unwrap_or(u32::MAX),
        }
    }
}
