//! One request's way through the gate.
//!
//! # States
//!
//! ```text
//! epoch ─ draw ─ follow the ticket before ─ count the view ─ start ─ hold ─ finish
//!                  └───────── wait ─────────────┘   (leave)
//! ```
//!
//! [`Turn::step`] takes what happened and answers with what is to be done next: one store operation, whose outcome is
//! the next event, or a rest. Anything that may come from outside (the client leaves, the answer ends) is told while
//! it rests, and at no other moment: writes follow one another and none is given up half-way.
//!
//! A ticket can be lost (a write that is not resolved, an own clock that ran out, a verdict): before its request
//! relays, the turn draws another by itself; afterwards it is over.
//!
//! # What it does not do
//!
//! It does not time its own operations: the adapter reports one that takes too long as [`Event::Failed`], and then
//! never sends another write to that record.

mod distance;
#[cfg(test)]
mod explore;
mod follow;
mod hold;
mod start;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod wait;
mod words;

pub use words::{Effect, Errand, Event, Illegal, Outcome, Phase, Stop};

use distance::Distance;
use state::{Spot, State, Wrote};

use crate::{Epoch, Figures, Held, Lane, Ledger, Now, Room, Settings, Sightings, Ticket};

/// One request's way through the gate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    settings: Settings,
    errand: Errand,
    identity: Identity,
    state: State,
    /// How many tickets were given up before this one.
    attempt: u64,
    /// How many epochs this turn has written.
    founded: u64,
    epoch: Epoch,
    /// When that epoch was first seen in the store.
    epoch_seen: Now,
    ticket: Ticket,
    /// The own clock: from before the draw, or before the last renewal that counts was issued.
    since: Now,
    /// When the write that is under way was issued.
    issued: Now,
    drawn: Now,
    /// The ticket whose record is looked at; smaller than `ticket`.
    behind: Ticket,
    spot: Spot,
    view: Vec<Held>,
    ledger: Box<Ledger>,
    /// Records that this turn will delete once its start stands.
    debris: Vec<Ticket>,
    wrote: Wrote,
    beat: u32,
    sightings: Sightings,
    distance: Distance,
    /// The ticket whose change will be told; 0 for none.
    heard: Ticket,
    cancel_seen: Now,
    failing_since: Option<Now>,
    owes_settled: bool,
    /// The record names another upstream than the one that the request has moved to.
    owes_move: bool,
    relaying: bool,
    ending: Option<Outcome>,
    figures: Option<Figures>,
}

/// Of how many of those right before it a turn takes over what others have seen of them.
const LEARNT_MAX: Ticket = 64;

/// What a turn writes into its records for others to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Random; the epoch that this turn founds when there is none is made from it.
    pub nonce: u64,
    /// Hash of the secret half of the public ticket.
    pub guard: u64,
    /// Hash of the client's key; 0 without one.
    pub client: u64,
    /// The line that the request came through.
    pub via: Lane,
    /// Which upstream the request goes to; a start chooses it.
    pub upstream: u8,
}

impl Turn {
    /// A turn that has not begun. `seen` is an epoch that this process has already seen in the store, and when: a
    /// process that was there need not wait at the bottom again.
    pub fn new(
        settings: Settings,
        errand: Errand,
        identity: Identity,
        seen: Option<(Epoch, Now)>,
    ) -> Turn {
        let seen = seen.map(|(epoch, since)| (settings.lane.word(epoch), since));
        let (epoch, epoch_seen) = seen.unwrap_or_default();
        Turn {
            settings,
            errand,
            identity,
            state: State::New,
            attempt: 0,
            founded: 0,
            epoch,
            epoch_seen,
            ticket: 0,
            since: Now::default(),
            issued: Now::default(),
            drawn: Now::default(),
            behind: 0,
            spot: Spot::Behind,
            view: Vec::new(),
            ledger: Box::default(),
            debris: Vec::new(),
            wrote: Wrote::Nothing,
            beat: 0,
            sightings: Sightings::default(),
            distance: Distance::default(),
            heard: 0,
            cancel_seen: Now::default(),
            failing_since: None,
            owes_settled: false,
            owes_move: false,
            relaying: false,
            ending: None,
            figures: None,
        }
    }

    /// Where the turn stands.
    pub fn phase(&self) -> Phase {
        match (&self.state, self.ending) {
            (State::Over, ending) => Phase::Over(ending.unwrap_or(Outcome::Left)),
            (_, Some(ending)) => Phase::Closing(ending),
            (State::Starting, None) if self.errand == Errand::Serve => Phase::Sending,
            (State::StartEpoch | State::StartVerdict, None) => Phase::Sending,
            _ if self.relaying => Phase::Relaying,
            _ => Phase::Queued,
        }
    }

    /// The ticket and the word in its keys; `None` before the draw.
    pub fn ticket(&self) -> Option<(Epoch, Ticket)> {
        (self.ticket > 0).then_some((self.epoch, self.ticket))
    }

    /// The epoch in force and when it was first seen, for the next turn of this process.
    pub fn epoch_seen(&self) -> Option<(Epoch, Now)> {
        let in_force = self.settings.lane.word(self.epoch);
        (self.epoch != Epoch::default()).then_some((in_force, self.epoch_seen))
    }

    /// Whether the own clock has run out: nothing may be sent or relayed, whatever the phase. To be asked before
    /// each chunk.
    pub fn lapsed(&self, now: Now) -> bool {
        let limit = match self.wrote {
            Wrote::Nothing => self.settings.first_write_limit_ms(),
            Wrote::Waiting | Wrote::Active => self.settings.own_limit_ms(),
        };
        now.since(self.since) >= limit && self.settings.keeps(crate::rule::Rule::OwnClock)
    }

    /// The same turn, knowing what this process has seen of other tickets: one that tidies need not watch them anew.
    #[must_use]
    pub fn having_seen(self, sightings: Sightings) -> Turn {
        Turn { sightings, ..self }
    }

    /// Takes over what another reader of this process has seen of those who came before: of those whom this turn may look
    /// at before it is told again.
    pub fn learn(&mut self, sightings: &Sightings) {
        let lowest = self
            .view
            .iter()
            .map(|held| held.ticket)
            .min()
            .unwrap_or(self.behind);
        let from = lowest.min(self.behind.saturating_sub(LEARNT_MAX));
        self.sightings.learn(sightings, from, self.behind);
    }

    /// What the client's side wishes, in this turn's terms: whoever leaves while it relays has been served in part, and
    /// whose answer ended before it might relay has left.
    pub fn heard(&self, event: Event) -> Event {
        match (self.phase(), event) {
            (Phase::Relaying, Event::Leave) => Event::Served(Figures {
                ending: Figures::LEFT,
                ..self.figures.clone().unwrap_or_default()
            }),
            (Phase::Relaying, event) => event,
            (_, Event::Served(_)) => Event::Leave,
            (_, event) => event,
        }
    }

    /// The room in force: it changes when an upstream fails or comes back. The next look goes by it. The batch line has its one
    /// right whatever upstreams do.
    pub fn set_room(&mut self, room: Room) {
        if self.settings.lane.is_main() {
            self.settings.room = room;
        }
    }

    /// The upstream that the request goes to, from [`Phase::Sending`] on.
    pub fn upstream(&self) -> u8 {
        self.identity.upstream
    }

    /// The request is sent again, to another upstream: the record will say so at the next rest, for those who start after
    /// it. Nothing was relayed yet.
    pub fn move_to(&mut self, upstream: u8) {
        self.owes_move |= self.identity.upstream != upstream;
        self.identity.upstream = upstream;
    }

    /// Whether the record may still name the upstream from before the last move: until the write that says so is acknowledged.
    pub fn owes_move(&self) -> bool {
        (self.owes_move || self.state == State::Renewing) && self.ending.is_none()
    }

    /// What it writes into its records.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The settings it goes by.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Whether it stands in line, its record saying so.
    pub fn is_in_line(&self) -> bool {
        self.wrote == Wrote::Waiting && self.ending.is_none()
    }

    /// The tickets whose change this turn waits for; for waking it before its rest is over.
    pub fn watches(&self, ticket: Ticket) -> bool {
        match self.spot {
            Spot::Behind => self.behind == ticket,
            Spot::Room => self.view.iter().any(|held| held.ticket == ticket),
            Spot::Bottom => false,
        }
    }

    /// The ticket that is looked at for as long as it waits, if there is one.
    pub fn predecessor(&self) -> Option<(Epoch, Ticket)> {
        let is_behind = self.spot == Spot::Behind && self.behind > 0;
        (is_behind && self.is_in_line()).then_some((self.epoch, self.behind))
    }

    /// Whether the caller will make this turn look as soon as its present predecessor's record changes: then it need not
    /// look before by itself, but for once in a while.
    pub fn hear_of_predecessor(&mut self, is_told: bool) {
        self.heard = if is_told { self.behind } else { 0 };
    }

    /// Somebody asked for this ticket's end: it looks whether that is so at its next step, not only when that is due.
    pub fn doubt(&mut self) {
        self.cancel_seen = Now::default();
    }

    /// What the request has come to by now: its record will tell so when it ends, however it ends.
    pub fn account(&mut self, figures: Figures) {
        self.figures = Some(figures);
    }

    /// How many are before this one at this moment, as a [`crate::Census`] found that remembers so much: how often it looks
    /// depends on it, and nothing else does.
    pub fn stand_behind(&mut self, now: Now, ahead: u32, ledger: &Ledger) {
        self.distance = Distance::told(ahead, now, ledger, self.settings.capacity());
    }

    /// The line was seen to move on by one in so many microseconds.
    pub fn saw_line_move(&mut self, between_starts_us: u64) {
        self.distance.moves_on_every(between_starts_us);
    }

    /// Nobody in the line has started for so many microseconds.
    pub fn saw_line_stand_still(&mut self, us: u64) {
        self.distance.stands_still_for(us);
    }

    /// Another ticket has started: if it was before this one, only those between the two can still be.
    pub fn saw_start_of(&mut self, now: Now, epoch: Epoch, ticket: Ticket) {
        if epoch == self.epoch && ticket < self.ticket {
            let between = u32::try_from(self.ticket - ticket - 1).unwrap_or(u32::MAX);
            self.distance.shorten(between, now);
        }
    }

    /// What the line remembered when this ticket started.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When this turn drew its present ticket.
    pub fn drawn(&self) -> Now {
        self.drawn
    }
}
