//! A session: one instance's membership, its outbox, and what it may conclude from a board.
//!
//! # States
//!
//! *Fresh* from the issue of its first put, and again from the issue of each good renewal. *Over* for good when `own_limit`
//! has passed since then, when a board judges it (rule 12), when the epoch is another one, or when it has nothing to do. Over
//! is found out by `Session::is_fresh`, which every relay asks and which a timer beside it asks too: it does not depend on
//! any operation being answered.
//!
//! # What it does not do
//!
//! Decide when to look or renew: that is [`crate::instance`]. Hold requests: `requests`.

mod heir;
pub mod outbox;
pub(crate) mod requests;
pub(crate) mod verdict;
mod view;

use crate::board::AskId;
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::policy::Cancel;
use crate::store::{Epoch, SessionNo, TermNo};
use crate::times::Times;
pub(crate) use heir::Right;
use outbox::{Outbox, Work};
use requests::{Entry, Requests};
pub(crate) use view::{Seen, View};

/// The most wishes to cancel that an outbox carries.
pub const CANCELS_MAX: usize = 16;

/// One instance's membership.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub epoch: Epoch,
    pub no: SessionNo,
    pub name: u64,
    /// The highest beat that was issued.
    pub beat: u64,
    /// The issue of the put that began the last good renewal.
    pub fresh_since: Now,
    /// It was renewed at least once.
    pub was_renewed: bool,
    /// The issue of the put of a renewal that is good when the next board of its own term has passed.
    pub renewing: Option<Now>,
    /// It is over, and will not be anything else.
    pub over: bool,
    /// The outbox says something that no board has shown yet.
    pub dirty: bool,
    /// The newest term it knows; 0 for none.
    pub known: TermNo,
    /// The newest board it has read.
    pub view: Option<View>,
    /// What its own may do as heirs of slots.
    pub rights: Vec<Right>,
    /// When it last saw a new board or a new term.
    pub changed_at: u64,
    /// When it last read the term.
    pub checked_at: u64,
    /// When it looks next.
    pub look_at: u64,
    /// When it put its outbox last, or a board.
    pub said_at: Now,
    /// The issue of the newest outbox that was acknowledged, or of the newest board that passed.
    pub heard_since: Now,
    /// No operation before this time, after one that failed.
    pub retry_at: u64,
    /// What has ended and may still stand on a board.
    pub ended: Vec<Ended>,
    /// What it wants to be cancelled.
    pub cancels: Vec<Wish>,
    /// Since when the newest board is one that it cannot read.
    pub unreadable_since: Option<u64>,
    /// Tells that board from others.
    pub unreadable: u64,
}

/// An ask that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ended {
    pub k: u64,
    pub work: Option<Work>,
    /// When it ended, of the monotonic clock, where it came to something.
    pub ended_at: u64,
    /// The first beat that was issued with it.
    pub tag: Option<u64>,
    /// The board that is being put has taken it in.
    pub on_board: bool,
}

impl Ended {
    pub fn new(k: u64, work: Option<Work>, ended_at: u64) -> Ended {
        Ended {
            k,
            work,
            ended_at,
            tag: None,
            on_board: false,
        }
    }

    /// What the outbox says of it.
    fn said(&self, now: Now) -> outbox::Ended {
        let ago_ms = now.mono_ms.saturating_sub(self.ended_at);
        outbox::Ended {
            k: self.k,
            work: self.work.map(|work| Work { ago_ms, ..work }),
        }
    }
}

/// A wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wish {
    pub cancel: Cancel,
    pub tag: Option<u64>,
    pub on_board: bool,
}

impl Session {
    /// A session whose first put was issued at `issued`.
    pub fn new(epoch: Epoch, no: SessionNo, name: u64, issued: Now) -> Session {
        Session {
            epoch,
            no,
            name,
            beat: 1,
            fresh_since: issued,
            was_renewed: false,
            renewing: None,
            over: false,
            dirty: false,
            known: 0,
            view: None,
            rights: Vec::new(),
            changed_at: issued.mono_ms,
            checked_at: 0,
            look_at: 0,
            said_at: issued,
            heard_since: issued,
            retry_at: 0,
            ended: Vec::new(),
            cancels: Vec::new(),
            unreadable_since: None,
            unreadable: 0,
        }
    }

    /// Rule 4: whether it may relay, by its own clock.
    pub fn is_fresh(&self, now: Now, times: &Times) -> bool {
        let in_time = now.since(self.fresh_since) < times.own_limit_ms;
        !self.over && (in_time || times.lacks(Mutant::NoOwnLimit))
    }

    /// Whether it may relay by a provisional grant: nobody else takes it for silent yet.
    pub fn is_heard(&self, now: Now, times: &Times) -> bool {
        let in_time = now.since(self.heard_since) < times.heard_ms;
        in_time || times.lacks(Mutant::NoHeardLimit)
    }

    /// Whether it may start by a provisional grant: it is heard of, and long enough to be heard of once more before that is over.
    pub fn is_heard_to_start(&self, now: Now, times: &Times) -> bool {
        let in_time = now.since(self.heard_since) < times.heard_to_start_ms();
        in_time || times.lacks(Mutant::NoHeardLimit)
    }

    /// For how long a request may relay, in milliseconds; 0 if it may not.
    pub fn relays_for_ms(&self, entry: &Entry, now: Now, times: &Times) -> u64 {
        if self.over || !entry.relays() {
            return 0;
        }
        let left_ms = |limit_ms: u64, since: Now| limit_ms.saturating_sub(now.since(since));
        let own_ms = left_ms(times.own_limit_ms, self.fresh_since);
        match entry.provisional {
            true => own_ms.min(left_ms(times.heard_ms, self.heard_since)),
            false => own_ms,
        }
    }

    /// Whether a request may relay at this moment.
    pub fn may_relay(&self, entry: &Entry, now: Now, times: &Times) -> bool {
        let is_heard = !entry.provisional || self.is_heard(now, times);
        entry.relays() && self.is_fresh(now, times) && is_heard
    }

    /// Whether the next renewal is to begin.
    pub fn renewal_is_due(&self, now: Now, times: &Times) -> bool {
        self.renewing.is_none() && now.since(self.fresh_since) >= times.renewal_ms
    }

    /// Rule 10: the renewal whose put was issued at `issued` was found good.
    pub fn renewed(&mut self, issued: Now, now: Now, times: &Times) {
        self.was_renewed = true;
        self.fresh_since = match times.lacks(Mutant::FreshFromAnswer) {
            true => now,
            false => issued,
        };
    }

    /// Its ask of request `k`.
    pub fn ask(&self, k: u64) -> AskId {
        AskId {
            session: self.no,
            k,
        }
    }

    /// The next outbox, and what is first issued with it is tagged so (rules 6, 7).
    pub fn next_outbox(&mut self, requests: &mut Requests, now: Now) -> Outbox {
        self.beat = self.beat.saturating_add(1);
        self.said_at = now;
        for tag in self.ended.iter_mut().map(|ended| &mut ended.tag) {
            tag.get_or_insert(self.beat);
        }
        for tag in self.cancels.iter_mut().map(|wish| &mut wish.tag) {
            tag.get_or_insert(self.beat);
        }
        self.outbox(requests, now)
    }

    /// What it has to say at this moment, under its highest beat.
    pub fn outbox(&self, requests: &mut Requests, now: Now) -> Outbox {
        Outbox {
            name: self.name,
            beat: self.beat,
            over: false,
            asks: requests.publish(now),
            ended: self.ended.iter().map(|ended| ended.said(now)).collect(),
            cancels: self.cancels.iter().map(|wish| wish.cancel).collect(),
        }
    }

    /// Takes over wishes to cancel.
    pub fn wish(&mut self, wishes: &mut Vec<Cancel>) {
        self.dirty |= !wishes.is_empty();
        self.cancels.extend(wishes.drain(..).map(|cancel| Wish {
            cancel,
            tag: None,
            on_board: false,
        }));
    }

    /// Whether it wants something that a scheduler alone can do.
    pub fn wants_scheduler(&self, requests: &Requests) -> bool {
        requests.any_waits()
            || requests.any_moves()
            || requests.any_provisional()
            || !self.cancels.is_empty()
    }

    /// Notes that an ask has ended, once.
    pub fn note_ended(&mut self, k: u64) {
        self.note_past(Ended::new(k, None, 0));
    }

    /// The same of one that may have come to something.
    pub fn note_past(&mut self, ended: Ended) {
        if !self.has_ended(ended.k) {
            self.dirty = true;
            self.ended.push(ended);
        }
    }

    /// Whether it says that this ask has ended.
    pub fn has_ended(&self, k: u64) -> bool {
        self.ended.iter().any(|ended| ended.k == k)
    }

    /// Marks what the board that is now put has taken in from its own session.
    pub fn mark_on_board(&mut self) {
        self.ended
            .iter_mut()
            .for_each(|ended| ended.on_board = true);
        self.cancels
            .iter_mut()
            .for_each(|wish| wish.on_board = true);
    }

    /// That board passed: what it has taken in need not be said any more.
    pub fn drop_on_board(&mut self) {
        self.ended.retain(|ended| !ended.on_board);
        self.cancels.retain(|wish| !wish.on_board);
    }

    /// That board did not pass, or nobody knows: everything is to be said again (rule 11).
    pub fn unmark_on_board(&mut self) {
        self.ended
            .iter_mut()
            .for_each(|ended| ended.on_board = false);
        self.cancels
            .iter_mut()
            .for_each(|wish| wish.on_board = false);
    }
}
