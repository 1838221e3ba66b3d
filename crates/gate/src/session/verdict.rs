//! What a session concludes from a board that was read under the fence (rules 8, 9, 10 and 12).

use super::Session;
use super::requests::{Entry, Phase, Requests, Why};
use crate::board::{Board, Mark};
use crate::clock::Now;
use crate::mutant::Mutant;
use crate::store::TermNo;
use crate::times::Times;

/// What is to be done after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Fine,
    /// The session is over.
    Over,
}

impl Session {
    /// Rule 12 (a, b): whether this board, found under the fence, ends the session.
    pub fn is_judged_over(&self, board: &Board, times: &Times) -> bool {
        let knows_me = board.top >= self.no || times.lacks(Mutant::NoTop);
        let is_other = |name: u64| name != 0 && name != self.name;
        let is_member = board
            .member(self.no)
            .is_some_and(|member| !member.condemned && !is_other(member.name));
        knows_me && !is_member && !times.lacks(Mutant::NoVerdict)
    }

    /// Whether this board, if it counts, has something for the session that is worth the rest of the fence.
    pub fn has_need_of(&self, board: &Board, requests: &Requests, times: &Times) -> bool {
        let seen = board.member(self.no).map_or(0, |member| member.seen);
        let is_seen = |tag: Option<u64>| tag.is_some_and(|tag| seen >= tag);
        let is_own = |session| session == self.no;
        let granted = board
            .grants
            .iter()
            .filter(|grant| is_own(grant.ask.session));
        let lined = board
            .line
            .iter()
            .filter(|waiting| is_own(waiting.ask.session));
        self.is_judged_over(board, times)
            || board.idle && self.wants_scheduler(requests)
            || self.ended.iter().any(|ended| is_seen(ended.tag))
            || self.cancels.iter().any(|wish| is_seen(wish.tag))
            || granted
                .into_iter()
                .any(|grant| match requests.find(grant.ask.k) {
                    Some(entry) if entry.lives() => {
                        entry.waits()
                            || entry.after.is_some()
                            || entry.is_heir
                            || entry.provisional && !grant.provisional
                            || grant.recall
                            || grant.moves != entry.moved
                    }
                    _ => !self.has_ended(grant.ask.k) && !requests.succeeds(grant.ask.k),
                })
            || lined
                .into_iter()
                .any(|waiting| match requests.find(waiting.ask.k) {
                    Some(entry) if entry.lives() => waiting.mark.is_some(),
                    _ => !self.has_ended(waiting.ask.k),
                })
            || self.rights_differ(board, requests)
            || board.top >= self.no
                && requests
                    .list
                    .iter()
                    .any(|entry| entry.relays() && !self.has_slot(board, entry))
    }

    /// Whether the board grants a slot to one that relays: its own, or that of the one whose successor it is, or the next that is free.
    fn has_slot(&self, board: &Board, entry: &Entry) -> bool {
        let ask = self.ask(entry.k);
        if entry.is_heir && board.is_heir(ask) {
            return true;
        }
        let after = entry.after.map(|ended| ended.k);
        let mut slots = [Some(entry.k), after].into_iter().flatten();
        slots.any(|k| board.grant(self.ask(k)).is_some())
    }

    /// Draws the conclusions. `board` is the newest that exists, of term `term`; it is `exact` if that is the newest term.
    pub fn conclude(
        &mut self,
        board: &Board,
        term: TermNo,
        requests: &mut Requests,
        now: Now,
        times: &Times,
    ) -> Verdict {
        self.rights.clear();
        if self.is_judged_over(board, times) {
            return Verdict::Over;
        }
        self.level(board, requests, times);
        if term == self.known {
            self.drop_what_was_seen(board, times);
            if self.is_fresh(now, times) {
                self.take_up(board, requests, now, times);
            }
        }
        Verdict::Fine
    }

    /// Rule 12 (c, d): what relays here and what is granted to it on a board that judges are brought to be the same.
    pub fn level(&mut self, board: &Board, requests: &mut Requests, times: &Times) {
        self.cut_what_is_not_granted(board, requests, times);
        self.give_back_what_nobody_has(board, requests, times);
    }

    /// Rule 12 (c).
    fn cut_what_is_not_granted(&self, board: &Board, requests: &mut Requests, times: &Times) {
        if board.top < self.no || times.lacks(Mutant::NoCut) {
            return;
        }
        for entry in requests.list.iter_mut().filter(|entry| entry.relays()) {
            if !self.has_slot(board, entry) {
                entry.phase = Phase::Over(Why::Lapsed);
            }
        }
    }

    /// Rule 12 (d).
    fn give_back_what_nobody_has(&mut self, board: &Board, requests: &Requests, times: &Times) {
        if times.lacks(Mutant::NoLevel) {
            return;
        }
        let no = self.no;
        let granted = board.grants.iter().map(|grant| grant.ask);
        let lined = board.line.iter().map(|waiting| waiting.ask);
        for ask in granted.chain(lined).filter(|ask| ask.session == no) {
            let lives = requests.find(ask.k).is_some_and(|entry| entry.lives());
            let goes_on = requests.succeeds(ask.k) && !times.lacks(Mutant::NoSuccessor);
            if !lives && !goes_on {
                self.note_ended(ask.k);
            }
        }
    }

    /// Rule 8.
    fn drop_what_was_seen(&mut self, board: &Board, times: &Times) {
        let Some(seen) = board.member(self.no).map(|member| member.seen) else {
            return;
        };
        let is_seen = |tag: Option<u64>| tag.is_some_and(|tag| seen >= tag);
        let no = self.no;
        self.ended.retain(|ended| {
            let is_listed = board.knows(crate::board::AskId {
                session: no,
                k: ended.k,
            });
            match times.lacks(Mutant::DropUnseen) {
                true => is_listed,
                false => !is_seen(ended.tag),
            }
        });
        self.cancels.retain(|wish| !is_seen(wish.tag));
    }

    /// Rule 9, and what the board says to its own: starts, moves, recalls, marks.
    ///
    /// Rule 32: by a provisional grant it starts only while it is heard of, and not while the board doubts that. Else it says first
    /// that it would start.
    pub fn take_up(&mut self, board: &Board, requests: &mut Requests, now: Now, times: &Times) {
        self.rights.clear();
        if !board.counts(self.no) && !times.lacks(Mutant::StartCondemned) {
            return;
        }
        let is_doubted = board.member(self.no).is_some_and(|member| member.doubted);
        let is_heard = self.is_heard_to_start(now, times)
            && (!is_doubted || times.lacks(Mutant::StartDoubted));
        self.take_rights(board, is_heard || times.lacks(Mutant::HeirUnheard));
        for entry in requests.list.iter_mut().filter(|entry| entry.lives()) {
            let ask = self.ask(entry.k);
            let before = entry.after.and_then(|ended| board.grant(self.ask(ended.k)));
            if let Some(grant) = board.grant(ask) {
                if grant.recall {
                    entry.phase = Phase::Over(Why::Cancelled);
                } else if grant.provisional && entry.relays() && entry.after.is_some() {
                    // It stays in its predecessor's slot until this one is its own for good.
                } else if grant.provisional && entry.waits() && !is_heard {
                    self.dirty |= !entry.confirms;
                    entry.confirms = true;
                } else if before.is_none_or(|before| before.upstream == grant.upstream) {
                    (entry.provisional, entry.confirms) = (grant.provisional, false);
                    entry.is_heir = false;
                    entry.phase = Phase::Relaying {
                        upstream: grant.upstream,
                    };
                    entry.moved = grant.moves;
                    // Its slot is its own. If it has that of its predecessor besides, that one is free.
                    let ended = entry.after.take().filter(|_| before.is_some());
                    if let Some(ended) = ended {
                        self.note_past(ended);
                    }
                }
                // Else it started elsewhere than it is granted: the scheduler has still to hear of it.
            } else if let Some(mark) = board
                .line
                .iter()
                .find(|waiting| waiting.ask == ask)
                .and_then(|waiting| waiting.mark)
            {
                entry.phase = match mark {
                    Mark::Cancelled => Phase::Over(Why::Cancelled),
                    // It had started in another's slot before it was refused.
                    Mark::Refused(_) if entry.relays() => entry.phase,
                    Mark::Refused(refusal) => Phase::Over(Why::Refused(refusal)),
                };
            }
        }
        for entry in requests.list.iter_mut().filter(|entry| !entry.lives()) {
            if let Some(ended) = entry.after.take() {
                self.note_past(ended);
            }
            if board.knows(self.ask(entry.k)) {
                self.note_ended(entry.k);
            }
        }
    }
}
