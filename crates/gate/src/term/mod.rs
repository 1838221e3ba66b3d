//! A term: what its scheduler holds and does to the board.
//!
//! # Rounds
//!
//! A round takes in what the outboxes say (`members`), lets the policy decide, and puts the board (`put`). Each part is
//! safe by itself, in any order and at any pace: the safety lies in the fence that follows every put, and in what each reading
//! may conclude.
//!
//! # What it does not do
//!
//! Store operations: [`crate::instance`] performs them one after another.

pub(crate) mod members;
pub(crate) mod put;

use crate::board::Board;
use crate::mutant::Mutant;
use crate::policy::{Asks, Field, Service, Spans};
use crate::store::{SessionNo, TermNo};
use crate::times::Times;
use members::Watch;

/// What the scheduler of a term has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Term {
    pub no: TermNo,
    /// The board as it will be put next.
    pub board: Board,
    /// A board of this term has passed.
    pub passed: bool,
    /// The board that was put last has not passed yet.
    pub unfenced: bool,
    /// The board has changed since it was put.
    pub changed: bool,
    /// The board that is put gives the term up (rule 22).
    pub resigns: bool,
    /// Since when a board that is not open waits (rule 16).
    pub closed_since: u64,
    /// When it was put last.
    pub put_at: u64,
    /// When the ages on the board were brought up to date.
    pub aged_at: u64,
    /// What this term adds to the sums of its instance.
    pub tally: Tally,
    /// When the last reading of outboxes in this term was answered.
    pub read_at: Option<u64>,
    /// What was read of each other member.
    pub watches: Vec<Watch>,
    /// What was asked and is not decided.
    pub asks: Asks,
    /// When the last answers were worked on.
    pub spans: Spans,
    /// Removed sessions whose outbox may be deleted once a board without them has passed, and those that may be now.
    pub removed: Vec<SessionNo>,
    pub deletable: Vec<SessionNo>,
}

/// What a term counts until its instance takes it over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tally {
    /// Sessions that had lapsed, and the grants that they and those lost of whom nothing was heard.
    pub lapsed: u64,
    pub lost: u64,
    /// Slots times milliseconds: free, while somebody waited and the board was not open.
    pub settling_ms: u64,
    /// The same, while the board with the grant was on its way.
    pub handoff_ms: u64,
    /// How many grants that board has in addition.
    new_grants: u64,
}

/// Why a term that was drawn is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removed;

impl Term {
    /// Rule 14: takes the state over from the newest board that exists, or begins with none. `me` is listed if it is new;
    /// `may_open`: the store is known to be new (rule 31).
    pub fn take(
        no: TermNo,
        found: Option<(TermNo, Board)>,
        me: SessionNo,
        may_open: bool,
        now_ms: u64,
        times: &Times,
    ) -> Result<Term, Removed> {
        let oldest = found.as_ref().map_or(no, |(_, board)| board.oldest);
        let silent_takers = no - found.as_ref().map_or(0, |(term, _)| *term).min(no);
        let is_new = found.is_none();
        let mut board = match found {
            Some((_, board)) => board,
            None => Board {
                open: may_open || times.lacks(Mutant::NoWait),
                ..Board::default()
            },
        };
        if !is_new && times.lacks(Mutant::OpenOnTake) {
            board.open = true;
        }
        let is_removed = board.top >= me && !board.counts(me);
        if is_removed && !times.lacks(Mutant::NoTop) {
            return Err(Removed);
        }
        board.list_up_to(me);
        if let Some(own) = board.member_mut(me) {
            own.away = false;
        }
        board.idle = false;
        board.oldest = oldest;
        // Rule 30: two takers before this one left no board.
        board.degraded = silent_takers > 2;
        if board.degraded {
            board.policy = Field::default();
        }
        if times.lacks(Mutant::ForgetQuiet) {
            board
                .members
                .iter_mut()
                .for_each(|member| member.quiet_ms = 0);
        }
        Ok(Term {
            no,
            board,
            passed: false,
            unfenced: false,
            changed: true,
            resigns: false,
            closed_since: now_ms,
            put_at: now_ms,
            aged_at: now_ms,
            tally: Tally::default(),
            read_at: None,
            watches: Vec::new(),
            asks: Asks::default(),
            spans: Spans::default(),
            removed: Vec::new(),
            deletable: Vec::new(),
        })
    }

    /// Whether it has duties: an idle board that passed ends them (rule 21).
    pub fn is_active(&self) -> bool {
        !self.board.idle || !self.passed
    }

    /// The rest between two rounds of this session, where so many may relay. Its own heir starts by such a round.
    pub fn look_rest_ms(&self, me: SessionNo, capacity: u32, times: &Times) -> u64 {
        match self.board.open {
            true => {
                let gap_ms = Service::of(&self.board).gap_ms(capacity);
                match self.board.heirs.is_empty() || self.board.has_heir_of(me) {
                    true => times.look_rest_ms(gap_ms),
                    false => times.heirs_look_rest_ms(gap_ms),
                }
            }
            // Nothing can be granted.
            false => times.waiter_read_ms,
        }
    }

    /// Brings the ages on the board up to date.
    pub fn age(&mut self, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.aged_at);
        self.aged_at = now_ms;
        if !self.board.open {
            let waiting = u64::try_from(self.board.waiting().count()).unwrap_or(u64::MAX);
            let slots = waiting.min(u64::from(self.board.capacity));
            let idle_ms = slots.saturating_mul(passed_ms);
            self.tally.settling_ms = self.tally.settling_ms.saturating_add(idle_ms);
        }
        self.board.age(passed_ms);
    }

    /// Rule 16: a board that is not open is opened a whole time to live after this term's own walk ended.
    pub fn open_when_settled(&mut self, now_ms: u64, times: &Times) {
        if !self.board.open && now_ms.saturating_sub(self.closed_since) >= times.ttl_ms {
            self.board.open = true;
            self.changed = true;
        }
    }
}
