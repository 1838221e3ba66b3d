//! Clients that have keys, and those of their requests that stand behind the main line: as `src/gate/right.rs` does it.

use super::agenda::Item;
use super::plan::Keys;
use super::world::World;
use crate::turn::{Errand, Event, Identity};
use crate::{Behind, Figures, Holdings, Lane, Line, RIGHT_LOOK_MS, Way};

/// What a request has to do with the batch line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// Nothing.
    None,
    /// It stands there until it may draw in the main line: how, and with which turn.
    Through(Behind, usize),
    /// It is such a turn, of that request.
    RightOf(usize),
}

/// How old a reading may be that a newcomer is judged by.
const SHOWN_MS: u64 = 400;

impl World {
    /// A request of one that has a key. `None`: it has no place left.
    pub(super) fn come_with_key(&mut self, at: usize, keys: &Keys) -> Option<usize> {
        let client = 1 + self.clients_dice.below(keys.clients);
        let own = if self.clients_dice.chance(keys.batch) {
            Lane::Batch
        } else {
            Lane::Main
        };
        self.come_for(at, keys, client, own)
    }

    /// A request of this client comes. `None`: it has no place left.
    pub(super) fn come_for(
        &mut self,
        at: usize,
        keys: &Keys,
        client: u64,
        own: Lane,
    ) -> Option<usize> {
        let holdings = self.holdings(at, client);
        if holdings.places() >= keys.places {
            self.tally.refused += 1;
            return None;
        }
        if self.plan.is_faultless() && self.plan.instances == 1 {
            let held = self.places_of(client);
            if held >= keys.places as usize {
                self.fail(|| format!("client {client} holds {held} places already"));
            }
        }
        Some(match holdings.lane(own) {
            Lane::Batch => self.come_behind(at, client),
            Lane::Main => {
                let request = self.prepare_for(at, client, Lane::Main, Lane::Main);
                self.begin(request);
                request
            }
        })
    }

    /// A request comes that stands behind the main line.
    pub(super) fn come_behind(&mut self, at: usize, client: u64) -> usize {
        self.tally.behind += 1;
        let now = self.instances[at].now(self.at_us);
        let wait_max_ms = self.plan.keys.map_or(0, |keys| keys.batch_wait_max_ms);
        let behind = Behind::new(now, wait_max_ms);
        let request = self.prepare_for(at, client, Lane::Main, Lane::Batch);
        self.stand_behind(request, behind);
        request
    }

    fn prepare_for(&mut self, at: usize, client: u64, lane: Lane, via: Lane) -> usize {
        let identity = Identity {
            nonce: self.dice.next(),
            guard: self.dice.next(),
            client,
            via,
            ..Identity::default()
        };
        self.prepare(at, Errand::Serve, lane, identity)
    }

    fn stand_behind(&mut self, request: usize, behind: Behind) {
        let at = self.requests[request].instance;
        let identity = Identity {
            nonce: self.dice.next(),
            ..self.requests[request].turn.identity()
        };
        let right = self.prepare(at, Errand::Serve, Lane::Batch, identity);
        self.requests[right].link = Link::RightOf(request);
        self.requests[request].link = Link::Through(behind, right);
        self.begin(right);
    }

    /// The phase of a turn has changed: whoever stands behind by it, or for it, hears of that.
    pub(super) fn link_changed(&mut self, index: usize) {
        let request = &self.requests[index];
        match request.link {
            Link::None => {}
            Link::RightOf(main) => self.push(self.at_us, Item::Usher(main)),
            Link::Through(_, right) => {
                if Behind::gives_back(&request.turn.settings(), request.turn.phase()) {
                    self.give_back(index, right);
                }
            }
        }
    }

    fn give_back(&mut self, index: usize, right: usize) {
        if self.requests[index].turn.phase() != crate::Phase::Queued {
            self.drawn.retain(|drawn| *drawn != index);
        }
        self.wish(right, Event::Served(Figures::default()));
    }

    /// One that stands behind sees what is next.
    pub(super) fn usher(&mut self, index: usize) {
        let request = &self.requests[index];
        let Link::Through(behind, right) = request.link else {
            return;
        };
        if request.is_over || request.is_begun {
            return;
        }
        let at = request.instance;
        let settings = request.turn.settings();
        let now = self.instances[at].now(self.at_us);
        let phase = self.requests[right].turn.phase();
        let seen = self.instances[at].seen(Lane::Main);
        let is_fresh = |read: crate::Now| now.mono_ms.saturating_sub(read.mono_ms) <= RIGHT_LOOK_MS;
        let line = seen
            .last
            .as_ref()
            .filter(|_| seen.read_at.is_some_and(is_fresh));
        let way = behind.way(now, &settings, phase, line);
        self.say(|| format!("request {index} behind, right {right} {phase:?}: {way:?}"));
        if self.requests[index].wish.is_some() && !matches!(way, Way::Wait | Way::Over(_)) {
            // Its client has left.
            return match way {
                Way::Again => self.tell(index, Event::Leave),
                _ => self.wish(right, Event::Leave),
            };
        }
        match way {
            Way::Wait => {}
            Way::Look => {
                self.read(at, Lane::Main);
                let again_us = self.at_us + RIGHT_LOOK_MS * 1_000;
                self.push(again_us, Item::Usher(index));
            }
            Way::Draw => {
                self.drawn.push(index);
                self.begin(index);
                if Behind::gives_back(&settings, self.requests[index].turn.phase()) {
                    self.give_back(index, right);
                }
            }
            Way::Again => self.stand_behind(index, behind),
            Way::Over(crate::Outcome::StoreUnavailable) => self.tell(index, Event::Failed),
            Way::Over(_) => self.tell(index, Event::Leave),
        }
    }

    /// A client has hung up whose request may not have drawn in the main line yet.
    pub(super) fn leave_behind(&mut self, index: usize) {
        let request = &self.requests[index];
        if let (Link::Through(_, right), false) = (request.link, request.is_begun) {
            self.wish(right, Event::Leave);
        }
    }

    /// What a client has, as its instance knows.
    fn holdings(&mut self, at: usize, client: u64) -> Holdings {
        let now = self.instances[at].now(self.at_us);
        let instance = &mut self.instances[at];
        let behind = instance.seen(Lane::Batch).last.clone();
        let seen = instance.seen(Lane::Main);
        let is_fresh = |read: crate::Now| now.mono_ms.saturating_sub(read.mono_ms) <= SHOWN_MS;
        let last = seen.last.clone();
        let line = last.filter(|_| seen.read_at.is_some_and(is_fresh));
        let line = Line {
            behind: behind.map(Box::new),
            ..line.unwrap_or_default()
        };
        let own = instance.desks.iter().map(|desk| &self.requests[*desk]);
        let own = own.filter(|request| {
            request.turn.identity().client == client && !matches!(request.link, Link::RightOf(_))
        });
        let known = own.map(|request| {
            let guard = request.turn.identity().guard;
            (guard, request.turn.phase().holds_a_place())
        });
        Holdings::of(client, &line, known)
    }

    /// How many requests of a client wait or are relayed.
    fn places_of(&self, client: u64) -> usize {
        let is_one = |request: &&super::request::Request| {
            !request.is_over
                && request.turn.identity().client == client
                && !matches!(request.link, Link::RightOf(_))
                && request.turn.phase().holds_a_place().is_some()
        };
        self.requests.iter().filter(is_one).count()
    }

    /// The invariants of the batch line, after each step. Both are soft: with faults a right can be lost, and its holder
    /// learns of another epoch when it renews.
    pub(super) fn judge_rights(&mut self) {
        if self.rights.len() > 1 {
            let epoch = |index: &usize| {
                let ticket = self.requests[*index].turn.ticket();
                ticket.map(|(epoch, _)| epoch)
            };
            let in_one = |one: &usize| {
                let same = self
                    .rights
                    .iter()
                    .filter(|other| epoch(other) == epoch(one));
                self.count_holding(&same.copied().collect::<Vec<_>>())
            };
            let rights = self.rights.iter().map(in_one).max().unwrap_or_default();
            if rights > 1 {
                self.fail(|| format!("{rights} have the right"));
            }
        }
        // Of a store that is new to all, several can found an epoch, and each has a right in its own.
        if self.drawn.len() > 1 && self.plan.is_faultless() && self.plan.is_settled {
            let drawn = self.drawn.len();
            self.fail(|| format!("{drawn} that stood behind wait in the main line"));
        }
    }

    pub(super) fn sweep_all(&mut self, at: usize) {
        for lane in self.lanes() {
            self.sweep(at, lane);
        }
    }
}
