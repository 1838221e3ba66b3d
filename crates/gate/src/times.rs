//! The times that the board's protocol keeps, all made from a record's time to live.
//!
//! # What must hold
//!
//! - `own_limit` + what two clocks may drift apart in `ttl` + the longest delay between a check of freshness and the bytes
//!   that it lets out < `ttl`: who lapsed has stopped before anybody takes its slot.
//! - `heard` + the same drift and delay < `doubt` < `ttl`: likewise for what was granted provisionally (rule 32).
//! - `renewal` + two operations + 6 reads ≤ `own_limit`: a renewal in whose middle a term begins cuts nobody; where a second
//!   `renewal` fits in besides, neither does one that is lost.
//! - `beat` + one write ≤ `takeover` / 2: a living scheduler is not replaced. Safety asks nothing of `takeover`.

use crate::mutant::Mutant;

/// How long things live and rest, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Times {
    /// A session that went unrenewed for so long has lapsed.
    pub ttl_ms: u64,
    /// A session takes itself for over so long after the issue of its last good renewal.
    pub own_limit_ms: u64,
    /// The time between two renewals.
    pub renewal_ms: u64,
    /// Whoever waits and sees nothing new for so long takes the term.
    pub takeover_ms: u64,
    /// A scheduler that has something to do puts its board at least so often.
    pub beat_ms: u64,
    /// The shortest rest between two looks of one who is next, and between two rounds of a scheduler.
    pub look_ms: u64,
    /// The longest, where answers take long.
    pub slow_look_ms: u64,
    /// The longest rest between two looks of a session that waits.
    pub far_look_ms: u64,
    /// A board that has not changed for so long is checked against the term.
    pub term_check_ms: u64,
    /// The rest between two readings of the outbox of one who only waits.
    pub waiter_read_ms: u64,
    /// The rest after an operation that failed.
    pub pause_ms: u64,
    /// So long after its last renewal a session that is over ceases to say so, where nobody acknowledges it.
    pub says_over_ms: u64,
    /// How long a session without requests is kept for the next one.
    pub linger_ms: u64,
    /// How long an operation may take before it counts as unresolved.
    pub patience_ms: u64,
    /// The same for the put of a renewal.
    pub renewal_patience_ms: u64,
    /// The rest between two signs of life of one who is next; 0: none is asked for.
    pub sign_ms: u64,
    /// Whoever is next and gives none for so long is passed over.
    pub away_ms: u64,
    /// By a provisional grant a session starts and relays for so long after the issue of its last acknowledged outbox, or of its
    /// last board that passed.
    pub heard_ms: u64,
    /// After so long without another beat what was granted provisionally goes to others; 0: every grant is for good.
    pub doubt_ms: u64,
    /// How much longer each one behind the first waits before it takes the term.
    pub takeover_rank_ms: u64,
    /// How often that wait is doubled at most, by one who took the term in vain.
    pub doublings_max: u32,
    /// How long the keys that a take-over leaves are kept: their removal must not hold up the first token.
    pub tidy_ms: u64,
    #[cfg(test)]
    pub(crate) mutants: &'static [Mutant],
}

impl Times {
    /// Below this a session would spend its time on renewals, and a slow commit would end it.
    pub const TTL_MIN_MS: u64 = 1_000;
    /// Above this a dead holder's slot would be free later than anybody wants.
    pub const TTL_MAX_MS: u64 = 30_000;

    /// Where an operation takes no longer than this, in milliseconds, a living scheduler puts a board within [`Times::takeover_ms`].
    /// Where it takes longer, so does the wait for a take-over, in proportion.
    pub const QUICK_OP_MS: u64 = 30;
    /// The most that is made allowance for: a store that takes longer is as good as away.
    pub const SLOW_OP_MS: u64 = 300;

    /// The times for a record's time to live, which is brought into [`Self::TTL_MIN_MS`] to [`Self::TTL_MAX_MS`].
    pub fn new(ttl_ms: u64) -> Times {
        let ttl_ms = ttl_ms.clamp(Self::TTL_MIN_MS, Self::TTL_MAX_MS);
        Times {
            ttl_ms,
            own_limit_ms: ttl_ms / 8 * 7,
            renewal_ms: ttl_ms / 5 * 2,
            takeover_ms: 400,
            beat_ms: 150,
            look_ms: 1,
            slow_look_ms: 8,
            far_look_ms: 500,
            term_check_ms: 50,
            waiter_read_ms: 50,
            pause_ms: 100,
            says_over_ms: ttl_ms,
            linger_ms: 1_000,
            patience_ms: 5_000,
            renewal_patience_ms: ttl_ms / 10,
            sign_ms: 250,
            away_ms: 1_000,
            heard_ms: 1_400,
            doubt_ms: 2_300,
            takeover_rank_ms: 60,
            doublings_max: 6,
            tidy_ms: 20,
            #[cfg(test)]
            mutants: &[],
        }
    }

    /// A wait that is longer where operations take long, in proportion.
    pub(crate) fn slowed(wait_ms: u64, op_ms: u64) -> u64 {
        let op_ms = op_ms.clamp(Self::QUICK_OP_MS, Self::SLOW_OP_MS);
        wait_ms.saturating_mul(op_ms) / Self::QUICK_OP_MS
    }

    /// The rest between two looks of one who is next, and between two rounds of a scheduler, where a slot is free every `gap_ms`:
    /// what a hand-off takes longer for it is nothing beside an answer, and a store that is asked a thousand times a second is.
    pub(crate) fn look_rest_ms(&self, gap_ms: u64) -> u64 {
        (gap_ms / 128).min(self.slow_look_ms).max(self.look_ms)
    }

    /// The same of the second heir, until it knows that the slot of the first is free.
    pub(crate) fn second_look_rest_ms(&self, gap_ms: u64) -> u64 {
        (gap_ms / 4).min(self.slow_look_ms).max(self.look_ms)
    }

    /// The same of one that has so many before it, where the first of those are heirs: half of the time until it is one. Where several
    /// slots become free at once it may be granted one all the same, unless it is `far`.
    pub(crate) fn behind_look_rest_ms(&self, gap_ms: u64, ahead: u64, far: bool) -> u64 {
        let rest_ms = (gap_ms / 2).saturating_mul(ahead);
        let most_ms = match far {
            true => self.far_look_ms,
            false => 4 * self.slow_look_ms,
        };
        rest_ms.max(self.close_look_rest_ms(ahead)).min(most_ms)
    }

    /// The shortest rest of one that has so many before it, whatever was measured.
    fn close_look_rest_ms(&self, before: u64) -> u64 {
        self.look_ms.saturating_mul(before.saturating_add(1))
    }

    /// The same of a scheduler whose board names heirs of other sessions: they need no other board.
    pub(crate) fn heirs_look_rest_ms(&self, gap_ms: u64) -> u64 {
        (gap_ms / 16).min(self.slow_look_ms).max(self.look_ms)
    }

    /// The same of one that has so many before it who are not next: a quarter of the time until it is.
    pub(crate) fn far_look_rest_ms(&self, gap_ms: u64, distance: u64) -> u64 {
        let rest_ms = (gap_ms / 4).saturating_mul(distance);
        let rest_ms = rest_ms.max(self.close_look_rest_ms(distance));
        rest_ms.min(self.far_look_ms)
    }

    /// The rest between two signs of life, where operations take so long. The scheduler has its own opinion of that, so one that is
    /// slow here alone must not be taken for away.
    pub(crate) fn sign_rest_ms(&self, op_ms: u64) -> u64 {
        self.sign_ms.max(2 * op_ms.min(Self::SLOW_OP_MS))
    }

    /// Whether a session whose operations take so long is heard of between two of its outboxes and a look, with some to spare.
    pub(crate) fn is_quick(&self, op_ms: u64) -> bool {
        op_ms <= self.heard_ms / 8
    }

    /// How long after a word that was acknowledged a session starts by a provisional grant: two operations of a quick store are left
    /// to be heard of once more.
    pub(crate) fn heard_to_start_ms(&self) -> u64 {
        self.heard_ms - self.heard_ms / 4
    }

    /// The rest between two outboxes of one that relays by a provisional grant: several may fail before it is heard of no more.
    pub(crate) fn confirm_rest_ms(&self, op_ms: u64) -> u64 {
        self.sign_rest_ms(op_ms).max(1)
    }

    /// For how long a sign of life counts, where operations take so long: one may be missed.
    pub(crate) fn sign_counts_ms(&self, op_ms: u64) -> u64 {
        2 * Self::slowed(self.sign_ms, op_ms) + self.waiter_read_ms
    }

    /// Whether a test has taken this rule away.
    #[cfg(test)]
    pub(crate) fn lacks(&self, rule: Mutant) -> bool {
        self.mutants.contains(&rule)
    }

    /// Every rule is kept.
    #[cfg(not(test))]
    pub(crate) const fn lacks(&self, _: Mutant) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_far_behind_looks_seldom_although_nothing_was_measured() {
        let times = Times::new(16_000);
        let rests = [0, 1, 34, 5_000].map(|gap_ms| times.behind_look_rest_ms(gap_ms, 100, true));
        assert_eq!(rests, [101, 101, 500, 500]);
        let near = [0, 34, 5_000].map(|gap_ms| times.behind_look_rest_ms(gap_ms, 1, false));
        assert_eq!(near, [2, 17, 32]);
    }
}
