//! The requests of one instance: what each asks for and where it stands, whatever session they are in.

use super::Ended;
use super::outbox::{ASKS_MAX, Ask};
use crate::clock::Now;
use crate::models::Wants;
use crate::policy::{Again, Class, Refusal};

/// A request as its instance knows it, whatever session it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestNo(pub u64);

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its class.
    pub class: Class,
    /// Hash of its client's key; 0 without one.
    pub client: u64,
    /// Hash of the secret half of its ticket: whoever knows the secret may cancel it.
    pub guard: u64,
    /// What it says of its model.
    pub wants: Wants,
    /// What it has waited elsewhere before, in milliseconds: a place that is resumed.
    pub waited_ms: u64,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits for its grant.
    Waiting,
    /// A board with its grant is being put: it may be sent to this upstream, but nothing may be relayed. It can fall back
    /// to [`Phase::Waiting`]: then the upstream is left.
    Sending {
        /// The upstream's index.
        upstream: u8,
    },
    /// It is granted: it relays, while [`crate::instance::Instance::may_relay`] says so.
    Relaying {
        /// The upstream's index.
        upstream: u8,
    },
    /// It has nothing at the gate any more.
    Over(Why),
}

impl Phase {
    /// Whether it waits: nothing of its answer may be relayed, and it may still come to that.
    pub fn waits(self) -> bool {
        match self {
            Phase::Waiting | Phase::Sending { .. } => true,
            Phase::Relaying { .. } | Phase::Over(_) => false,
        }
    }
}

/// Why a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It ended or left by itself.
    Ended,
    /// Somebody who may cancelled it.
    Cancelled,
    /// The policy refused it.
    Refused(Refusal),
    /// Its session was over while it relayed.
    Lapsed,
}

/// All of them, in the order in which they came, which is that of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Requests {
    next: u64,
    pub list: Vec<Entry>,
}

/// One of them. Its number is the `k` of its asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub k: u64,
    pub request: Request,
    pub arrived: Now,
    pub phase: Phase,
    pub told: Told,
    /// It asked in a session that is over.
    pub again: bool,
    /// The upstreams that it does not want, as bits.
    pub avoid: u8,
    /// How often it has wished to move, and how many of these wishes were decided.
    pub moves: u8,
    pub moved: u8,
    /// In whose slot it relays, until a board that passed says that it is its own.
    pub after: Option<Ended>,
    /// Its grant was provisional on the newest board that passed: it relays only while its session is heard of.
    pub provisional: bool,
    /// It starts when its grant is provisional no longer.
    pub confirms: bool,
    /// It has started as the heir of a slot, and no board that passed grants it one yet.
    pub is_heir: bool,
}

/// How far an ask has been made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Told {
    /// Not at all: one look for an idle board comes first (rule 13).
    Unknown,
    /// That look was made: the outbox is next.
    Looked,
    /// It was issued with an outbox, or listed by its own session.
    Said,
}

impl Entry {
    pub fn waits(&self) -> bool {
        self.phase.waits()
    }

    pub fn relays(&self) -> bool {
        matches!(self.phase, Phase::Relaying { .. })
    }

    /// Whether a board may know it.
    pub fn is_said(&self) -> bool {
        self.told == Told::Said
    }

    pub fn lives(&self) -> bool {
        self.waits() || self.relays()
    }

    fn has_waited(&self) -> Again {
        match (self.again, self.request.waited_ms) {
            (true, _) => Again::Rejoined,
            (false, 0) => Again::No,
            (false, _) => Again::Resumed,
        }
    }
}

impl Requests {
    pub fn arrive(&mut self, request: Request, now: Now) -> RequestNo {
        self.next = self.next.saturating_add(1);
        self.list.push(Entry {
            k: self.next,
            request,
            arrived: now,
            phase: Phase::Waiting,
            told: Told::Unknown,
            again: false,
            avoid: 0,
            moves: 0,
            moved: 0,
            after: None,
            provisional: false,
            confirms: false,
            is_heir: false,
        });
        RequestNo(self.next)
    }

    pub fn find(&self, k: u64) -> Option<&Entry> {
        self.list.get(self.position(k)?)
    }

    pub fn find_mut(&mut self, k: u64) -> Option<&mut Entry> {
        let at = self.position(k)?;
        self.list.get_mut(at)
    }

    /// Who waits is looked for after each step, each of them: not one by one, where hundreds do.
    fn position(&self, k: u64) -> Option<usize> {
        self.list.binary_search_by_key(&k, |entry| entry.k).ok()
    }

    pub fn forget(&mut self, k: u64) {
        self.list.retain(|entry| entry.k != k || entry.lives());
    }

    /// Whether one with this number waits.
    pub fn waits(&self, k: u64) -> bool {
        self.find(k).is_some_and(Entry::waits)
    }

    /// Takes one out that ended by itself; it, if it was alive.
    pub fn end(&mut self, k: u64) -> Option<Entry> {
        let at = self.position(k)?;
        let entry = self.list.remove(at);
        entry.lives().then_some(entry)
    }

    /// Whether any was sent by a board that has not passed.
    pub fn any_sent(&self) -> bool {
        let is_sent = |entry: &Entry| matches!(entry.phase, Phase::Sending { .. });
        self.list.iter().any(is_sent)
    }

    /// Whether any relays in another's slot.
    pub fn any_succeeds(&self) -> bool {
        self.list.iter().any(|entry| entry.after.is_some())
    }

    /// Whether one that has ended has a successor in its slot.
    pub fn succeeds(&self, ended: u64) -> bool {
        self.successor(ended).is_some()
    }

    /// Who relays in the slot of one that has ended.
    pub fn successor(&self, ended: u64) -> Option<u64> {
        let mut living = self.list.iter().filter(|entry| entry.lives());
        let next = living.find(|entry| entry.after.is_some_and(|after| after.k == ended));
        next.map(|entry| entry.k)
    }

    /// Whether any relays by a provisional grant, or waits until its grant is that no longer.
    pub fn any_provisional(&self) -> bool {
        let mut living = self.list.iter().filter(|entry| entry.lives());
        living.any(|entry| entry.confirms || entry.relays() && entry.provisional)
    }

    /// A rule taken away: what was said is taken for heard.
    pub fn all_for_good(&mut self) {
        for entry in &mut self.list {
            entry.provisional = false;
        }
    }

    /// Stops those that relay by a provisional grant: nobody has heard of their session for too long.
    pub fn stop_provisional(&mut self) {
        for entry in &mut self.list {
            if entry.relays() && entry.provisional {
                entry.phase = Phase::Over(Why::Lapsed);
            }
        }
    }

    pub fn any_waits(&self) -> bool {
        self.list.iter().any(Entry::waits)
    }

    /// Whether anybody starts once its session has been heard of.
    pub fn any_confirms(&self) -> bool {
        self.list.iter().any(|entry| entry.confirms)
    }

    /// Whether anybody waits to be told where it goes on.
    pub fn any_moves(&self) -> bool {
        let mut relaying = self.list.iter().filter(|entry| entry.relays());
        relaying.any(|entry| entry.moves != entry.moved)
    }

    pub fn any_lives(&self) -> bool {
        self.list.iter().any(Entry::lives)
    }

    /// The least that any request that waits has been made known. One for which the outbox has no room waits for that, unsaid.
    pub fn least_told(&self) -> Option<Told> {
        let is_full = self.room_to_say() == 0;
        let waiting = self.list.iter().filter(|entry| entry.waits());
        let told = waiting.map(|entry| entry.told);
        told.filter(|told| !is_full || *told != Told::Looked).min()
    }

    /// How many more asks an outbox has room for.
    fn room_to_say(&self) -> usize {
        let is_said = |entry: &&Entry| entry.lives() && entry.is_said();
        ASKS_MAX.saturating_sub(self.list.iter().filter(is_said).count())
    }

    /// The look for an idle board was made.
    pub fn looked(&mut self) {
        for entry in &mut self.list {
            entry.told = entry.told.max(Told::Looked);
        }
    }

    /// The asks that are said from now on: at most [`ASKS_MAX`], those first that were said before.
    pub fn publish(&mut self, now: Now) -> Vec<Ask> {
        let mut room = self.room_to_say();
        let mut asks = Vec::new();
        for entry in self.list.iter_mut().filter(|entry| entry.lives()) {
            if entry.told != Told::Said {
                if room == 0 {
                    continue;
                }
                room -= 1;
                entry.told = Told::Said;
            }
            let waited_ms = now.mono_ms.saturating_sub(entry.arrived.mono_ms);
            asks.push(Ask {
                k: entry.k,
                class: entry.request.class,
                client: entry.request.client,
                guard: entry.request.guard,
                wants: entry.request.wants,
                waited_ms: entry.request.waited_ms.saturating_add(waited_ms),
                again: entry.has_waited(),
                avoid: entry.avoid,
                moves: entry.moves,
                after: entry.after.map(|ended| ended.said(now)),
                confirms: entry.confirms || entry.relays(),
            });
        }
        asks
    }

    /// A board is being put that grants to some who wait: where `granted` says.
    pub fn send(&mut self, granted: impl Fn(u64) -> Option<u8>) {
        for entry in &mut self.list {
            if entry.phase == Phase::Waiting
                && let Some(upstream) = granted(entry.k)
            {
                entry.phase = Phase::Sending { upstream };
            }
        }
    }

    /// A board with their grants is not put, or did not pass: whoever was sent waits again.
    pub fn take_back(&mut self) {
        for entry in &mut self.list {
            if let Phase::Sending { .. } = entry.phase {
                entry.phase = Phase::Waiting;
            }
        }
    }

    /// Their session is over: all relays stop, and whoever waits asks anew (rule 5).
    pub fn session_over(&mut self) {
        self.take_back();
        for entry in &mut self.list {
            entry.after = None;
            (entry.provisional, entry.confirms) = (false, false);
            entry.is_heir = false;
            if entry.relays() {
                entry.phase = Phase::Over(Why::Lapsed);
            } else if entry.waits() {
                entry.again |= entry.told == Told::Said;
                entry.told = Told::Unknown;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_slot_or_is_over_does_not_wait() {
        assert!(Phase::Waiting.waits() && Phase::Sending { upstream: 0 }.waits());
        assert!(!Phase::Relaying { upstream: 0 }.waits());
        assert!(!Phase::Over(Why::Cancelled).waits());
    }
}
